package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Who this phone is, as the platform said when it enrolled. */
public final class Identity {
  private final String platform;
  private final String device;
  private final String worker;
  private final String name;
  private final String role;
  private final List<String> grids;
  private final List<String> gridNames;

  Identity(Map<String, Object> from) {
    platform = Json.string(from, "platform");
    device = Json.string(from, "device");
    worker = Json.string(from, "worker");
    name = Json.string(from, "name");
    role = Json.string(from, "role");
    grids = Collections.unmodifiableList(Json.strings(from.get("grids")));
    gridNames = Collections.unmodifiableList(Json.strings(from.get("grid_names")));
  }

  @NonNull
  public String platform() {
    return platform;
  }

  /** Id of the device. */
  @NonNull
  public String device() {
    return device;
  }

  /** Id of the worker. */
  @NonNull
  public String worker() {
    return worker;
  }

  /** Personal: for the screen, not for a log. */
  @NonNull
  public String name() {
    return name;
  }

  @NonNull
  public String role() {
    return role;
  }

  /** Codes of the grids that the worker looks after. */
  @NonNull
  public List<String> grids() {
    return grids;
  }

  /** Their names, in the same order. */
  @NonNull
  public List<String> gridNames() {
    return gridNames;
  }
}
