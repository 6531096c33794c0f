package cn.julu.core;

/** How a run ended. The order is julu.h's. */
public enum SyncEnd {
  ALL_DELIVERED,
  LEFT,
  DEADLINE,
  CANCELLED,
  SIGN_IN,
  DEVICE_REFUSED,
  APP_TOO_OLD;

  static SyncEnd of(long number) {
    return number >= 0 && number < values().length ? values()[(int) number] : LEFT; // one of a newer library
  }
}
