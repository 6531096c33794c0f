package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;

/** How a run ended. Offline is an outcome, not an error. */
public final class SyncOutcome {
  private final SyncEnd end;
  private final ErrorCode failure;
  private final long opsDelivered;
  private final long opsLeft;
  private final long opsParked;
  private final long photosSent;
  private final long photosLeft;
  private final long photoBytesSent;
  private final long recordsChanged;
  private final long requests;
  private final long nextAttemptMs;
  private final Throwable cause;

  /** In the order of bindings/jni/src/sync.cpp. */
  SyncOutcome(long[] from, Throwable cause) {
    end = SyncEnd.of(from[0]);
    failure = from[1] == 0 ? null : ErrorCode.fromNumber((int) from[1]);
    opsDelivered = from[2];
    opsLeft = from[3];
    opsParked = from[4];
    photosSent = from[5];
    photosLeft = from[6];
    photoBytesSent = from[7];
    recordsChanged = from[8];
    requests = from[9];
    nextAttemptMs = from[10];
    this.cause = cause;
  }

  @NonNull
  public SyncEnd end() {
    return end;
  }

  /** Why something is left, when one cause is known. */
  @Nullable
  public ErrorCode failure() {
    return failure;
  }

  /** Receipted in this run. */
  public long opsDelivered() {
    return opsDelivered;
  }

  public long opsLeft() {
    return opsLeft;
  }

  /** In all, waiting for a person. */
  public long opsParked() {
    return opsParked;
  }

  public long photosSent() {
    return photosSent;
  }

  public long photosLeft() {
    return photosLeft;
  }

  /** Those sent again included. */
  public long photoBytesSent() {
    return photoBytesSent;
  }

  /** By the platform. */
  public long recordsChanged() {
    return recordsChanged;
  }

  public long requests() {
    return requests;
  }

  /** UTC milliseconds since 1970; in the past: due now; -1: nothing waits. */
  public long nextAttemptMs() {
    return nextAttemptMs;
  }

  /** What a transport of the host's own threw last, when something is left. */
  @Nullable
  public Throwable cause() {
    return cause;
  }
}
