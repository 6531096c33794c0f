package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Where the reply to one request goes. From any thread; what comes after the first, or too late, nobody hears. */
public final class TransportReply {
  private final Callbacks.Host host;
  private final long request;
  private Runnable onCancel;
  private boolean cancelled;

  TransportReply(Callbacks.Host host, long request) {
    this.host = host;
    this.request = request;
  }

  /** A complete reply, with any status. Headers of more than 64 KB make it BAD_REPLY. */
  public void complete(int status, @Nullable Map<String, List<String>> headers, @Nullable byte[] body) {
    complete(status, headers, body, 0);
  }

  /** `bodyBytesSent`: of the request's body, as far as known. */
  public void complete(int status, @Nullable Map<String, List<String>> headers, @Nullable byte[] body,
      long bodyBytesSent) {
    host.complete(request, status, 0, flat(headers), body, bodyBytesSent);
  }

  /** No complete reply: OFFLINE, TLS, TOO_LARGE, CANCELLED or BAD_REPLY. */
  public void fail(@NonNull ErrorCode code) {
    fail(code, null);
  }

  /** The same; `cause` is told with the outcome, if it is this failure that ended the run. */
  public void fail(@NonNull ErrorCode code, @Nullable Throwable cause) {
    host.fail(request, code == null ? ErrorCode.OFFLINE : code, cause);
  }

  /** Called, on any thread, when nobody waits for the reply any more; at once when that is so already. */
  public void onCancel(@NonNull Runnable action) {
    if (action == null) {
      throw JuluException.badArgument("action", null);
    }
    synchronized (this) {
      if (!cancelled) {
        onCancel = action;
        return;
      }
    }
    action.run();
  }

  void cancelled() {
    Runnable action;
    synchronized (this) {
      cancelled = true;
      action = onCancel;
    }
    if (action != null) {
      action.run();
    }
  }

  private static byte[][] flat(Map<String, List<String>> headers) {
    int count = 0;
    byte[][] flat = new byte[0][];
    if (headers == null) {
      return flat;
    }
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      // HttpURLConnection tells the status line as a header without a name.
      if (header.getKey() == null || header.getValue() == null) {
        continue;
      }
      for (String value : header.getValue()) {
        if (value != null) {
          flat = Arrays.copyOf(flat, count + 2);
          flat[count++] = Text.bytes(header.getKey(), "headers");
          flat[count++] = Text.bytes(value, "headers");
        }
      }
    }
    return flat;
  }
}
