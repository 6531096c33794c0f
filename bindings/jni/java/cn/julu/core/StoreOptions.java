package cn.julu.core;

import androidx.annotation.NonNull;
import java.io.File;

/** How to open a store. */
public final class StoreOptions {
  final File directory;
  final byte[] key;
  final KeySource keySource;
  final boolean unencrypted;
  final int photoLongEdgePx;
  final int photoQuality;

  private StoreOptions(Builder from) {
    directory = from.directory;
    key = from.key;
    keySource = from.keySource;
    unencrypted = from.unencrypted;
    photoLongEdgePx = from.photoLongEdgePx;
    photoQuality = from.photoQuality;
  }

  @NonNull
  public static Builder builder() {
    return new Builder();
  }

  /** Of StoreOptions. */
  public static final class Builder {
    private File directory;
    private byte[] key;
    private KeySource keySource;
    private boolean unencrypted;
    private int photoLongEdgePx;
    private int photoQuality;

    private Builder() {}

    /** As Device.directory has it. */
    @NonNull
    public Builder directory(@NonNull File directory) {
      this.directory = directory;
      return this;
    }

    /** 32 bytes. */
    @NonNull
    public Builder key(@NonNull byte[] key) {
      this.key = key;
      return this;
    }

    /** Asked when the store opens and when it resumes, in place of a key that lies in memory. */
    @NonNull
    public Builder keySource(@NonNull KeySource keySource) {
      this.keySource = keySource;
      return this;
    }

    /** For tests and builds without a cipher. */
    @NonNull
    public Builder unencrypted() {
      unencrypted = true;
      return this;
    }

    /** 320 to 16384, else BAD_ARGUMENT; 1920 when not said. */
    @NonNull
    public Builder photoLongEdgePx(int pixels) {
      photoLongEdgePx = pixels;
      return this;
    }

    /** Of the JPEG, 1 to 100, else BAD_ARGUMENT; 82 when not said. */
    @NonNull
    public Builder photoQuality(int quality) {
      photoQuality = quality;
      return this;
    }

    @NonNull
    public StoreOptions build() {
      return new StoreOptions(this);
    }
  }
}
