package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.File;
import java.nio.charset.StandardCharsets;

/** Between Java's text and UTF-8. */
final class Text {
  private Text() {}

  /** Errors: text_encoding for half a surrogate pair, which UTF-8 cannot say and would silently become "?". */
  @Nullable
  static byte[] bytes(@Nullable String text, @NonNull String field) {
    if (text == null) {
      return null;
    }
    for (int i = 0; i < text.length(); ++i) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (i + 1 == text.length() || !Character.isSurrogatePair(c, text.charAt(i + 1))) {
        throw new JuluException(ErrorCode.TEXT_ENCODING, field, "surrogate at " + i, null);
      }
      ++i;
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Nullable
  static byte[] bytes(@Nullable File file, @NonNull String field) {
    return file == null ? null : bytes(file.getPath(), field);
  }

  @NonNull
  static String string(@Nullable byte[] bytes) {
    return bytes == null ? "" : new String(bytes, StandardCharsets.UTF_8);
  }
}
