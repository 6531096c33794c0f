package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.util.Map;

/** A field that two people wrote; JuluStore.resolve ends it, and a patch that changes it. Values are JSON. */
public final class ConflictField {
  private final String record;
  private final String field;
  private final String base;
  private final String local;
  private final String remote;
  private final long atMs;

  ConflictField(Map<String, Object> from) {
    record = Json.string(from, "record");
    field = Json.string(from, "field");
    base = json(from.get("base"));
    local = json(from.get("local"));
    remote = json(from.get("remote"));
    atMs = Json.number(from, "at_ms");
  }

  /** Id of the record. */
  @NonNull
  public String record() {
    return record;
  }

  /** A JSON pointer. */
  @NonNull
  public String field() {
    return field;
  }

  /** What both began with; null: absent. */
  @Nullable
  public String base() {
    return base;
  }

  /** Ours; null: absent. */
  @Nullable
  public String local() {
    return local;
  }

  /** The platform's, which is current until somebody chooses; null: absent. */
  @Nullable
  public String remote() {
    return remote;
  }

  /** UTC milliseconds since 1970. */
  public long atMs() {
    return atMs;
  }

  private static String json(Object value) {
    return value == null ? null : Json.write(value);
  }
}
