package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.File;

/** How to make this phone known to a platform. */
public final class EnrolOptions {
  final String platform;
  final String code;
  final File root;
  final byte[] key;
  final boolean unencrypted;
  final Consent consent;
  final long atMostMs;
  final File caFile;
  final String pinnedKey;
  final Transport transport;

  private EnrolOptions(Builder from) {
    platform = from.platform;
    code = from.code;
    root = from.root;
    key = from.key;
    unencrypted = from.unencrypted;
    consent = from.consent;
    atMostMs = from.atMostMs;
    caFile = from.caFile;
    pinnedKey = from.pinnedKey;
    transport = from.transport;
  }

  @NonNull
  public static Builder builder() {
    return new Builder();
  }

  /** Of EnrolOptions. */
  public static final class Builder {
    private String platform;
    private String code;
    private File root;
    private byte[] key;
    private boolean unencrypted;
    private Consent consent;
    private long atMostMs;
    private File caFile;
    private String pinnedKey;
    private Transport transport;

    private Builder() {}

    /** scheme://host[:port]; http on loopback only. */
    @NonNull
    public Builder platform(@NonNull String platform) {
      this.platform = platform;
      return this;
    }

    /** The activation code as it was handed out. */
    @NonNull
    public Builder code(@NonNull String code) {
      this.code = code;
      return this;
    }

    /** The folder under which each worker's store gets its own. */
    @NonNull
    public Builder root(@NonNull File root) {
      this.root = root;
      return this;
    }

    /** 32 bytes. */
    @NonNull
    public Builder key(@NonNull byte[] key) {
      this.key = key;
      return this;
    }

    /** For tests and builds without a cipher. */
    @NonNull
    public Builder unencrypted() {
      unencrypted = true;
      return this;
    }

    @NonNull
    public Builder consent(@NonNull Consent consent) {
      this.consent = consent;
      return this;
    }

    /** A minute when not said. */
    @NonNull
    public Builder atMostMs(long atMostMs) {
      this.atMostMs = atMostMs;
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
    public EnrolOptions build() {
      return new EnrolOptions(this);
    }
  }
}
