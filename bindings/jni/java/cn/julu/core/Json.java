package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * JSON as records have it: objects, arrays, text, integers, true, false, null. Numbers that are no long are kept as they
 * are, because a platform may have sent some. Bounded, because a body may come from anywhere; the core judges it again.
 */
final class Json {
  private static final int DEPTH_MAX = 32;
  private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?");

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** LinkedHashMap, ArrayList, String, Long, BigDecimal, Boolean or null. Errors: json_syntax, too_deep, number_range. */
  @Nullable
  static Object parse(@NonNull String text) {
    if (text == null) {
      throw JuluException.badArgument("json", null);
    }
    Json parser = new Json(text);
    Object value = parser.value(0);
    parser.space();
    if (parser.at != text.length()) {
      throw parser.wrong(ErrorCode.JSON_SYNTAX);
    }
    return value;
  }

  /** Errors: as `parse`, and json_syntax when it is none. */
  @NonNull
  static Map<String, Object> object(@NonNull String text) {
    Object value = parse(text);
    if (!(value instanceof Map)) {
      throw new JuluException(ErrorCode.JSON_SYNTAX, "", "not an object", null);
    }
    return asMap(value);
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> asMap(Object value) {
    return (Map<String, Object>) value;
  }

  @NonNull
  static List<Map<String, Object>> objects(@NonNull String text) {
    List<Map<String, Object>> list = new ArrayList<>();
    if (!text.isEmpty()) {
      for (Object one : (List<?>) parse(text)) {
        list.add(asMap(one));
      }
    }
    return list;
  }

  @NonNull
  static List<String> strings(@Nullable Object value) {
    List<String> list = new ArrayList<>();
    if (value instanceof List) {
      for (Object one : (List<?>) value) {
        list.add(String.valueOf(one));
      }
    }
    return list;
  }

  static long number(@NonNull Map<String, Object> from, @NonNull String name) {
    Long value = integer(from, name);
    return value == null ? 0 : value;
  }

  /** Null when it is no number. Errors: number_range when it is no long. */
  @Nullable
  static Long integer(@NonNull Map<String, Object> from, @NonNull String name) {
    Object value = from.get(name);
    if (value instanceof BigDecimal) {
      throw new JuluException(ErrorCode.NUMBER_RANGE, "/" + name, "", null);
    }
    return value instanceof Long ? (Long) value : null;
  }

  @NonNull
  static String string(@NonNull Map<String, Object> from, @NonNull String name) {
    Object value = from.get(name);
    return value instanceof String ? (String) value : "";
  }

  static boolean flag(@NonNull Map<String, Object> from, @NonNull String name) {
    return Boolean.TRUE.equals(from.get(name));
  }

  private JuluException wrong(ErrorCode code) {
    return new JuluException(code, "", "at " + at, null);
  }

  private void space() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      ++at;
    }
  }

  private char next() {
    if (at == text.length()) {
      throw wrong(ErrorCode.JSON_SYNTAX);
    }
    return text.charAt(at++);
  }

  private Object value(int depth) {
    if (depth > DEPTH_MAX) {
      throw wrong(ErrorCode.TOO_DEEP);
    }
    space();
    char c = next();
    switch (c) {
      case '{':
        return members(depth);
      case '[':
        return items(depth);
      case '"':
        return quoted();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        --at;
        return number();
    }
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at - 1)) {
      throw wrong(ErrorCode.JSON_SYNTAX);
    }
    at += word.length() - 1;
    return value;
  }

  /** True when the list goes on after a comma. */
  private boolean more(char end) {
    space();
    char c = next();
    if (c != end && c != ',') {
      throw wrong(ErrorCode.JSON_SYNTAX);
    }
    return c == ',';
  }

  private boolean ends(char end) {
    space();
    boolean over = at < text.length() && text.charAt(at) == end;
    at += over ? 1 : 0;
    return over;
  }

  private Map<String, Object> members(int depth) {
    Map<String, Object> members = new LinkedHashMap<>();
    if (ends('}')) {
      return members;
    }
    do {
      space();
      if (next() != '"') {
        throw wrong(ErrorCode.JSON_SYNTAX);
      }
      String name = quoted();
      space();
      if (next() != ':') {
        throw wrong(ErrorCode.JSON_SYNTAX);
      }
      members.put(name, value(depth + 1));
    } while (more('}'));
    return members;
  }

  private List<Object> items(int depth) {
    List<Object> items = new ArrayList<>();
    if (ends(']')) {
      return items;
    }
    do {
      items.add(value(depth + 1));
    } while (more(']'));
    return items;
  }

  private String quoted() {
    StringBuilder read = new StringBuilder();
    for (char c = next(); c != '"'; c = next()) {
      if (c < ' ') {
        throw wrong(ErrorCode.JSON_SYNTAX);
      }
      read.append(c == '\\' ? escaped() : c);
    }
    return read.toString();
  }

  private char escaped() {
    char c = next();
    int known = "\"\\/bfnrt".indexOf(c);
    if (known >= 0) {
      return "\"\\/\b\f\n\r\t".charAt(known);
    }
    if (c != 'u' || at + 4 > text.length()) {
      throw wrong(ErrorCode.JSON_SYNTAX);
    }
    int unit = 0;
    for (int i = 0; i < 4; ++i) {
      char digit = next();
      if (digit >= 128 || Character.digit(digit, 16) < 0) {
        throw wrong(ErrorCode.JSON_SYNTAX);
      }
      unit = unit * 16 + Character.digit(digit, 16);
    }
    return (char) unit;
  }

  private Number number() {
    int from = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
      ++at;
    }
    String digits = text.substring(from, at);
    if (!NUMBER.matcher(digits).matches()) {
      throw wrong(ErrorCode.JSON_SYNTAX);
    }
    try {
      return Long.valueOf(digits);
    } catch (NumberFormatException tooLargeOrNoInteger) {
      return decimal(digits);
    }
  }

  private BigDecimal decimal(String digits) {
    try {
      return new BigDecimal(digits);
    } catch (NumberFormatException exponentTooLarge) {
      throw wrong(ErrorCode.NUMBER_RANGE);
    }
  }

  @NonNull
  static String write(@Nullable Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out, 0);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out, int depth) {
    if (depth > DEPTH_MAX) {
      throw new JuluException(ErrorCode.TOO_DEEP, "", "", null);
    }
    if (value instanceof Map) {
      char before = '{';
      for (Map.Entry<?, ?> member : ((Map<?, ?>) value).entrySet()) {
        out.append(before);
        quote((String) member.getKey(), out);
        write(member.getValue(), out.append(':'), depth + 1);
        before = ',';
      }
      out.append(before == '{' ? "{}" : "}");
    } else if (value instanceof List) {
      char before = '[';
      for (Object item : (List<?>) value) {
        write(item, out.append(before), depth + 1);
        before = ',';
      }
      out.append(before == '[' ? "[]" : "]");
    } else if (value instanceof String) {
      quote((String) value, out);
    } else {
      out.append(value);
    }
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); ++i) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append("\\u00").append(Character.forDigit(c >> 4, 16)).append(Character.forDigit(c & 15, 16));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
