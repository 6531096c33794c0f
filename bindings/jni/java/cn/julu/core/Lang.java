package cn.julu.core;

/** The language of a sentence for a person. */
public enum Lang {
  ZH,
  EN
}
