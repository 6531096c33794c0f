package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Map;

/** Why the platform refused a part of a record. */
public final class Problem {
  private final ErrorCode code;
  private final String field;

  Problem(Map<String, Object> from) {
    ErrorCode known = ErrorCode.fromNumber((int) Json.number(from, "code"));
    code = known == null ? ErrorCode.INTERNAL : known;
    field = Json.string(from, "field");
  }

  @NonNull
  public ErrorCode code() {
    return code;
  }

  /** A JSON pointer, as the platform sent it; empty when no one field is at fault. */
  @NonNull
  public String field() {
    return field;
  }

  /** What happened and what to do, ready to show. */
  @NonNull
  public String message(@NonNull Lang lang) {
    return code.message(field, lang);
  }
}
