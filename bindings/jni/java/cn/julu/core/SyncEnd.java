package cn.julu.core;

/**
 * How a run ended. ALL_DELIVERED: nothing is left that goes by itself; what the platform refused
 * (SyncOutcome.opsParked) was not delivered and waits for a person. It is WorkManager's success; LEFT and DEADLINE are
 * its retry; CANCELLED: as the host wishes; SIGN_IN and DEVICE_REFUSED: tell the person, try again no sooner than the
 * next day's work; APP_TOO_OLD: update.
 */
public enum SyncEnd {
  // The order is julu.h's.
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
