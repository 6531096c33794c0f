package cn.julu.core;

import androidx.annotation.NonNull;
import java.io.File;
import java.util.Map;

/** This phone, made known to the platform. */
public final class Device {
  private final File directory;
  private final Identity identity;

  Device(Map<String, Object> from) {
    directory = new File(Json.string(from, "directory"));
    identity = new Identity(Json.asMap(from.get("identity")));
  }

  /** What JuluStore.open takes. */
  @NonNull
  public File directory() {
    return directory;
  }

  @NonNull
  public Identity identity() {
    return identity;
  }
}
