package cn.julu.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLException;

/** A host's own transport, over the JDK's HttpClient. */
final class HttpClientTransport implements Transport {
  /** Which it sets by itself and lets nobody else set. */
  private static final Set<String> ITS_OWN = Set.of("connection", "content-length", "expect", "host", "upgrade");

  private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
      .followRedirects(HttpClient.Redirect.NEVER).connectTimeout(Duration.ofSeconds(20)).build();

  @Override
  public void submit(TransportRequest request, TransportReply reply) throws Exception {
    URI url = URI.create(request.url());
    boolean secure = "https".equals(url.getScheme());
    if (!secure && !"http".equals(url.getScheme())) {
      reply.fail(ErrorCode.BAD_REPLY);
      return;
    }
    if (!secure && !(url.getHost().startsWith("127.") && InetAddress.getByName(url.getHost()).isLoopbackAddress())) {
      reply.fail(ErrorCode.TLS);
      return;
    }
    HttpRequest.Builder wanted = HttpRequest.newBuilder(url).timeout(Duration.ofMillis(request.timeoutMs()))
        .header("Accept-Encoding", "gzip")
        .method(request.method(), request.body().length == 0 ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofByteArray(request.body()));
    for (Map.Entry<String, String> header : request.headers()) {
      if (!ITS_OWN.contains(header.getKey().toLowerCase(Locale.ROOT))) {
        wanted.header(header.getKey(), header.getValue());
      }
    }
    CompletableFuture<HttpResponse<InputStream>> coming =
        client.sendAsync(wanted.build(), HttpResponse.BodyHandlers.ofInputStream());
    reply.onCancel(() -> coming.cancel(true));
    coming.whenComplete((response, failed) -> finish(request, reply, response, failed));
  }

  private static void finish(TransportRequest request, TransportReply reply, HttpResponse<InputStream> response,
      Throwable failed) {
    if (failed != null) {
      Throwable why = failed instanceof CompletionException ? failed.getCause() : failed;
      reply.fail(why instanceof CancellationException ? ErrorCode.CANCELLED
          : why instanceof SSLException ? ErrorCode.TLS : ErrorCode.OFFLINE, why);
      return;
    }
    boolean gzip = response.headers().firstValue("Content-Encoding").orElse("").equalsIgnoreCase("gzip");
    try (InputStream raw = response.body()) {
      reply.onCancel(() -> close(raw));
      byte[] body = read(gzip ? new GZIPInputStream(raw) : raw, request.replyBytesMax());
      if (body == null) {
        reply.fail(ErrorCode.TOO_LARGE);
      } else {
        reply.complete(response.statusCode(), response.headers().map(), body, request.body().length);
      }
    } catch (IOException brokeOff) {
      reply.fail(ErrorCode.OFFLINE, brokeOff);
    }
  }

  private static void close(InputStream stream) {
    try {
      stream.close();
    } catch (IOException alreadyGone) {
      // Nobody waits for it.
    }
  }

  /** Null when it is more than so many bytes. */
  private static byte[] read(InputStream from, long bytesMax) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] part = new byte[16 * 1024];
    for (int got = from.read(part); got >= 0; got = from.read(part)) {
      all.write(part, 0, got);
      if (all.size() > bytesMax) {
        return null;
      }
    }
    return all.toByteArray();
  }
}
