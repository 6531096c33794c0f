package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Map;

/** Why the platform refused a part of a record. */
public final class Problem {
  private final ErrorCode code;
  private final String field;
  private final String detail;

  Problem(Map<String, Object> from) {
    ErrorCode known = ErrorCode.fromNumber((int) Json.number(from, "code"));
    code = known == null ? ErrorCode.INTERNAL : known;
    field = Json.string(from, "field");
    detail = Json.string(from, "detail");
  }

  @NonNull
  public ErrorCode code() {
    return code;
  }

  /** A JSON pointer into the body, as in every other error; empty when no one field is at fault. */
  @NonNull
  public String field() {
    return field;
  }

  /** The protocol's stable name of the refusal, such as "scope". */
  @NonNull
  public String detail() {
    return detail;
  }

  /** What happened and what to do, ready to show. */
  @NonNull
  public String message(@NonNull Lang lang) {
    return code.message(field, lang);
  }
}
