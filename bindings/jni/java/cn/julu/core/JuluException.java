package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;

/**
 * A call that failed. Nothing was written. `getMessage` holds codes, ids and numbers only and may be logged; `message`
 * is the sentence to show to a person. The cause is what a callback of the host's own threw, when that is why.
 */
public final class JuluException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;
  private final String field;
  private final String detail;

  JuluException(@NonNull ErrorCode code, @NonNull String field, @NonNull String detail, @Nullable Throwable cause) {
    super(told(code, field, detail));
    if (cause != null) {
      initCause(cause);
    }
    this.code = code;
    this.field = field;
    this.detail = detail;
  }

  /** Called by native code, on the thread whose call fails. */
  static JuluException of(int number, byte[] field, byte[] detail) {
    ErrorCode code = ErrorCode.fromNumber(number);
    String said = Text.string(detail);
    if (code == null) {
      code = ErrorCode.INTERNAL;
      said = (number + " " + said).trim();
    }
    return new JuluException(code, Text.string(field), said, Callbacks.takeFailure());
  }

  static JuluException badArgument(String field, @Nullable Throwable cause) {
    return new JuluException(ErrorCode.BAD_ARGUMENT, field, "", cause);
  }

  @NonNull
  public ErrorCode code() {
    return code;
  }

  /** A JSON pointer into what was given ("/text", "/photos/0") or an option's name; empty when none is at fault. */
  @NonNull
  public String field() {
    return field;
  }

  @NonNull
  public String detail() {
    return detail;
  }

  /**
   * True: the same call may succeed by just being made again later (the network is back, there is room, the phone is
   * unlocked). False: something else comes first (another input, a sync, a sign-in, a newer app), as the sentence says.
   */
  public boolean isRetryable() {
    return code.isRetryable();
  }

  /** What happened and what to do, ready to show. */
  @NonNull
  public String message(@NonNull Lang lang) {
    return code.message(field, lang);
  }

  private static String told(ErrorCode code, String field, String detail) {
    StringBuilder text = new StringBuilder(code.id());
    if (!field.isEmpty()) {
      text.append(' ').append(field);
    }
    if (!detail.isEmpty()) {
      text.append(" (").append(detail).append(')');
    }
    return text.toString();
  }
}
