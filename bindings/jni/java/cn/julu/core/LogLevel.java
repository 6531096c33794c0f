package cn.julu.core;

/** How much a line of the log matters. */
public enum LogLevel {
  INFO,
  WARNING,
  ERROR
}
