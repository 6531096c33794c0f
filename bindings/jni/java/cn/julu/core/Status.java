package cn.julu.core;

/** What waits, and how the store is. */
public final class Status {
  private final long records;
  private final long unsentRecords;
  private final long unsentOps;
  private final long parkedOps;
  private final long unsentPhotos;
  private final long unsentPhotoBytes;
  private final long conflicts;
  private final long nextAttemptMs;
  private final long lastSyncMs;
  private final long salvagedAtMs;
  private final long salvagedOps;
  private final long unreadableOps;
  private final long lostPhotos;
  private final boolean isConfirming;
  private final boolean isLowOnDisk;

  /** In the order of bindings/jni/src/store.cpp. */
  Status(long[] from) {
    records = from[0];
    unsentRecords = from[1];
    unsentOps = from[2];
    parkedOps = from[3];
    unsentPhotos = from[4];
    unsentPhotoBytes = from[5];
    conflicts = from[6];
    nextAttemptMs = from[7];
    lastSyncMs = from[8];
    salvagedAtMs = from[9];
    salvagedOps = from[10];
    unreadableOps = from[11];
    lostPhotos = from[12];
    isConfirming = from[13] != 0;
    isLowOnDisk = from[14] != 0;
  }

  /** Deleted ones are not counted. */
  public long records() {
    return records;
  }

  public long unsentRecords() {
    return unsentRecords;
  }

  /** They go by themselves. */
  public long unsentOps() {
    return unsentOps;
  }

  /** They wait for a person. */
  public long parkedOps() {
    return parkedOps;
  }

  public long unsentPhotos() {
    return unsentPhotos;
  }

  public long unsentPhotoBytes() {
    return unsentPhotoBytes;
  }

  public long conflicts() {
    return conflicts;
  }

  /** UTC milliseconds since 1970; in the past: due now; -1: nothing waits. */
  public long nextAttemptMs() {
    return nextAttemptMs;
  }

  /** 0: never. */
  public long lastSyncMs() {
    return lastSyncMs;
  }

  /** When the file was found damaged and mended; 0: never. The next three belong to it. */
  public long salvagedAtMs() {
    return salvagedAtMs;
  }

  public long salvagedOps() {
    return salvagedOps;
  }

  public long unreadableOps() {
    return unreadableOps;
  }

  public long lostPhotos() {
    return lostPhotos;
  }

  /** The platform was restored: it is asked what it still holds. */
  public boolean isConfirming() {
    return isConfirming;
  }

  /** Free some space. */
  public boolean isLowOnDisk() {
    return isLowOnDisk;
  }
}
