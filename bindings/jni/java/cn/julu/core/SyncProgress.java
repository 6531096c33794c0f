package cn.julu.core;

/** How far a run has come. */
public final class SyncProgress {
  private final long opsDone;
  private final long opsTotal;
  private final long thumbnailsDone;
  private final long thumbnailsTotal;
  private final long photosDone;
  private final long photosTotal;
  private final long bytesDone;
  private final long bytesTotal;

  /** In the order of bindings/jni/src/sync.cpp. */
  SyncProgress(long[] from) {
    opsDone = from[0];
    opsTotal = from[1];
    thumbnailsDone = from[2];
    thumbnailsTotal = from[3];
    photosDone = from[4];
    photosTotal = from[5];
    bytesDone = from[6];
    bytesTotal = from[7];
  }

  public long opsDone() {
    return opsDone;
  }

  public long opsTotal() {
    return opsTotal;
  }

  public long thumbnailsDone() {
    return thumbnailsDone;
  }

  public long thumbnailsTotal() {
    return thumbnailsTotal;
  }

  public long photosDone() {
    return photosDone;
  }

  public long photosTotal() {
    return photosTotal;
  }

  /** Of photos. */
  public long bytesDone() {
    return bytesDone;
  }

  public long bytesTotal() {
    return bytesTotal;
  }
}
