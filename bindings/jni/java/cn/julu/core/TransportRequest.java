package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** One HTTP request that the library wants made. */
public final class TransportRequest {
  private final String method;
  private final String url;
  private final List<Map.Entry<String, String>> headers;
  private final byte[] body;
  private final long replyBytesMax;
  private final long timeoutMs;

  TransportRequest(String method, String url, String[] headers, byte[] body, long replyBytesMax, long timeoutMs) {
    List<Map.Entry<String, String>> pairs = new ArrayList<>();
    for (int i = 0; i + 1 < headers.length; i += 2) {
      pairs.add(new AbstractMap.SimpleImmutableEntry<>(headers[i], headers[i + 1]));
    }
    this.method = method;
    this.url = url;
    this.headers = Collections.unmodifiableList(pairs);
    this.body = body;
    this.replyBytesMax = replyBytesMax;
    this.timeoutMs = timeoutMs;
  }

  @NonNull
  public String method() {
    return method;
  }

  /** Absolute. */
  @NonNull
  public String url() {
    return url;
  }

  @NonNull
  public List<Map.Entry<String, String>> headers() {
    return headers;
  }

  /** The request's own bytes, not a copy; empty when it has none. */
  @NonNull
  public byte[] body() {
    return body;
  }

  /** After decompression. The host may stop there and fail as too_large; the library refuses what is more. */
  public long replyBytesMax() {
    return replyBytesMax;
  }

  /** Without a byte moving in either direction. */
  public long timeoutMs() {
    return timeoutMs;
  }
}
