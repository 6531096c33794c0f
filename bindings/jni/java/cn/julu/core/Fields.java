package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A JSON object whose members a schema names. Members that it does not name are kept. A getter of a number that is no
 * long throws NUMBER_RANGE. Immutable.
 */
public abstract class Fields {
  private final Map<String, Object> members;

  Fields(@NonNull Map<String, Object> members) {
    this.members = members;
  }

  /** As the library takes it. */
  @NonNull
  public final String toJson() {
    return Json.write(members);
  }

  @Override
  public final boolean equals(Object other) {
    return other != null && other.getClass() == getClass() && members.equals(((Fields) other).members);
  }

  @Override
  public final int hashCode() {
    return members.hashCode();
  }

  /** Names of the members and no values: they are personal. */
  @Override
  public final String toString() {
    return getClass().getSimpleName() + members.keySet();
  }

  final Map<String, Object> members() {
    return members;
  }

  final String text(String name) {
    Object value = members.get(name);
    return value instanceof String ? (String) value : null;
  }

  final Long number(String name) {
    return Json.integer(members, name);
  }

  final Boolean flag(String name) {
    Object value = members.get(name);
    return value instanceof Boolean ? (Boolean) value : null;
  }

  final List<String> texts(String name) {
    return Collections.unmodifiableList(Json.strings(members.get(name)));
  }

  final Map<String, Object> object(String name) {
    Object value = members.get(name);
    return value instanceof Map ? Json.asMap(value) : null;
  }

  /** Collects members; null takes one away. */
  public abstract static class Builder<B extends Builder<B>> {
    private final Map<String, Object> members = new LinkedHashMap<>();

    Builder() {}

    Builder(Fields from) {
      members.putAll(from.members);
    }

    abstract B self();

    final B put(String name, @Nullable Object value) {
      if (value == null) {
        members.remove(name);
      } else {
        members.put(name, value instanceof List ? new ArrayList<>((List<?>) value) : value);
      }
      return self();
    }

    final B put(String name, @Nullable Fields value) {
      return put(name, value == null ? null : (Object) value.members);
    }

    /** Takes a member away; of a stored record only a patch that says null does. */
    @NonNull
    public final B without(@NonNull String name) {
      return put(name, (Object) null);
    }

    final Map<String, Object> copy() {
      return new LinkedHashMap<>(members);
    }
  }
}
