package cn.julu.core;

import androidx.annotation.NonNull;
import java.io.File;
import java.util.Map;

/** A worker who has a store on this phone. */
public final class Enrolled {
  private final String worker;
  private final File directory;

  Enrolled(Map<String, Object> from) {
    worker = Json.string(from, "worker");
    directory = new File(Json.string(from, "directory"));
  }

  /**
   * The name of the folder: the worker's id with what a file system minds replaced, and the device's end where another
   * platform's worker had that name first.
   */
  @NonNull
  public String worker() {
    return worker;
  }

  /** What JuluStore.open takes. */
  @NonNull
  public File directory() {
    return directory;
  }
}
