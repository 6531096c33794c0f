package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.util.LinkedHashMap;
import java.util.Map;

/** Which records a list holds. What is not said does not narrow it. */
public final class Filter {
  private final String json;

  private Filter(Map<String, Object> members) {
    json = Json.write(members);
  }

  String json() {
    return json;
  }

  @NonNull
  public static Builder builder() {
    return new Builder();
  }

  /** Of a Filter. */
  public static final class Builder {
    private final Map<String, Object> members = new LinkedHashMap<>();

    private Builder() {}

    private Builder put(String name, @Nullable Object value) {
      if (value == null) {
        members.remove(name);
      } else {
        members.put(name, value);
      }
      return this;
    }

    @NonNull
    public Builder kind(@Nullable String kind) {
      return put("kind", kind);
    }

    /** Words or characters of the text. */
    @NonNull
    public Builder search(@Nullable String words) {
      return put("search", words);
    }

    @NonNull
    public Builder delivery(@Nullable Delivery delivery) {
      return put("delivery", delivery == null ? null : delivery.word());
    }

    /** The id of the last record seen: the next page. */
    @NonNull
    public Builder before(@Nullable String id) {
      return put("before", id);
    }

    /** 1 to 500; 50 when not said. */
    @NonNull
    public Builder limit(int limit) {
      return put("limit", (long) limit);
    }

    @NonNull
    public Builder deletedToo(boolean deletedToo) {
      return put("deleted_too", deletedToo);
    }

    @NonNull
    public Filter build() {
      return new Filter(members);
    }
  }
}
