package cn.julu.core;

/** How a run ended. The order is julu.h's. */
public enum SyncEnd {
  ALL_DELIVERED,
  LEFT,
  DEADLINE,
  CANCELLED,
  SIGN_IN,
  DEVICE_REFUSED,
  APP_TOO_OLD
}
