package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.File;

/** How a sync reaches the platform. */
public final class SyncOptions {
  final String platform;
  final File caFile;
  final String pinnedKey;
  final Transport transport;

  private SyncOptions(Builder from) {
    platform = from.platform;
    caFile = from.caFile;
    pinnedKey = from.pinnedKey;
    transport = from.transport;
  }

  @NonNull
  public static Builder builder() {
    return new Builder();
  }

  /** Of SyncOptions. */
  public static final class Builder {
    private String platform;
    private File caFile;
    private String pinnedKey;
    private Transport transport;

    private Builder() {}

    /**
     * Where the device was enrolled, however it is spelled, or nothing; another is BAD_ARGUMENT; not looked at with a
     * transport.
     */
    @NonNull
    public Builder platform(@Nullable String platform) {
      this.platform = platform;
      return this;
    }

    /** A PEM bundle. When not said, the system's, but on Android libcurl finds none and an https platform is TLS. */
    @NonNull
    public Builder caFile(@Nullable File caFile) {
      this.caFile = caFile;
      return this;
    }

    /** "sha256//base64…"; none when not said. */
    @NonNull
    public Builder pinnedKey(@Nullable String pinnedKey) {
      this.pinnedKey = pinnedKey;
      return this;
    }

    /** A way of the host's own, which then answers for TLS itself; the library's when not said. */
    @NonNull
    public Builder transport(@Nullable Transport transport) {
      this.transport = transport;
      return this;
    }

    @NonNull
    public SyncOptions build() {
      return new SyncOptions(this);
    }
  }
}
