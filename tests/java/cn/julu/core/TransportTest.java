package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.GZIPOutputStream;
import org.junit.ClassRule;
import org.junit.Test;

/** The first half asks what tests/unit/curl_transport_test.cpp asks of libcurl; the second is whole syncs. */
public final class TransportTest extends FaceCase {
  @ClassRule public static final County county = new County();
  @ClassRule public static final County behind = new County();

  private static final class Heard {
    int status;
    int failure;
    byte[][] headers;
    byte[] body;
    long sent;

    String header(String name) {
      for (int i = 0; i < headers.length; i += 2) {
        if (Text.string(headers[i]).equalsIgnoreCase(name)) {
          return Text.string(headers[i + 1]);
        }
      }
      return null;
    }
  }

  /** Where native code stands otherwise. */
  private static final class Asking extends Callbacks.Host {
    final BlockingQueue<Heard> replies = new ArrayBlockingQueue<>(4);

    Asking() {
      super(new HttpClientTransport());
    }

    @Override
    void complete(long request, int status, int failure, byte[][] headers, byte[] body, long sent) {
      Heard heard = new Heard();
      heard.status = status;
      heard.failure = failure;
      heard.headers = headers;
      heard.body = body;
      heard.sent = sent;
      replies.add(heard);
    }

    void send(String method, String url, String body, int bytesMax, long timeoutMs, String... headers) {
      byte[][] words = new byte[headers.length][];
      for (int i = 0; i < words.length; ++i) {
        words[i] = bytes(headers[i]);
      }
      assertEquals(0, submit(1, bytes(method), bytes(url), words, bytes(body), bytesMax, timeoutMs));
    }

    Heard reply() throws InterruptedException {
      Heard heard = replies.poll(60, TimeUnit.SECONDS);
      assertNotNull("a reply", heard);
      return heard;
    }

    static Heard get(String url, int bytesMax) throws InterruptedException {
      Asking asking = new Asking();
      asking.send("GET", url, "", bytesMax, 20_000);
      return asking.reply();
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  public void a_request_arrives_as_it_was_given_and_its_reply_comes_back_whole() throws Exception {
    try (Wires.OneShot server =
        new Wires.OneShot("HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello")) {
      Asking asking = new Asking();
      asking.send("PATCH", server.url() + "/v1/photos/1", "a\0b", 1024, 20_000, "Upload-Offset", "7", "Content-Type",
          "application/offset+octet-stream");
      Heard heard = asking.reply();
      assertEquals(201, heard.status);
      assertEquals("hello", Text.string(heard.body));
      assertEquals("/x", heard.header("LOCATION"));
      assertEquals(3, heard.sent);
      assertTrue(server.asked.startsWith("PATCH /v1/photos/1 HTTP/1.1\r\n"));
      assertTrue(server.asked.contains("Upload-Offset: 7\r\n"));
      assertFalse(server.asked.contains("Expect:"));
      assertTrue(server.asked.endsWith("\r\n\r\na\0b"));
    }
  }

  @Test
  public void a_redirect_is_an_answer_not_a_way() throws Exception {
    try (Wires server = new Wires.OneShot(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) {
      assertEquals(302, Asking.get(server.url(), 1024).status);
    }
  }

  @Test
  public void a_cookie_is_not_kept() throws Exception {
    Asking asking = new Asking();
    try (Wires server = new Wires.OneShot("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
        Wires.OneShot second = new Wires.OneShot("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) {
      asking.send("GET", server.url(), "", 1024, 20_000);
      assertEquals(200, asking.reply().status);
      asking.send("GET", second.url(), "", 1024, 20_000);
      assertEquals(200, asking.reply().status);
      assertFalse(second.asked.toLowerCase().contains("cookie"));
    }
  }

  @Test
  public void a_reply_is_bounded_after_it_was_inflated() throws Exception {
    ByteArrayOutputStream bomb = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bomb)) {
      gzip.write(new byte[100_000]);
    }
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    answer.write(bytes("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + bomb.size() + "\r\n\r\n"));
    bomb.writeTo(answer);
    try (Wires server = new Wires.OneShot(answer.toByteArray())) {
      assertEquals(100_000, Asking.get(server.url(), 100_000).body.length);
      Heard refused = Asking.get(server.url(), 99_999);
      assertEquals(ErrorCode.TOO_LARGE.number(), refused.failure);
      assertEquals(0, refused.status);
    }
  }

  @Test
  public void a_reply_that_breaks_off_is_no_reply() throws Exception {
    try (Wires server = new Wires.OneShot("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")) {
      Heard heard = Asking.get(server.url(), 1024);
      assertEquals(ErrorCode.OFFLINE.number(), heard.failure);
      assertEquals(0, heard.status);
    }
  }

  @Test
  public void nobody_at_the_other_end_is_offline_and_clear_text_beyond_this_machine_is_not_sent() throws Exception {
    assertEquals(ErrorCode.OFFLINE.number(), Asking.get("http://127.0.0.1:1/", 1024).failure);
    assertEquals(ErrorCode.TLS.number(), Asking.get("http://county.example/", 1024).failure);
    assertEquals(ErrorCode.BAD_REPLY.number(), Asking.get("file:///etc/passwd", 1024).failure);
  }

  @Test
  public void a_server_that_speaks_no_tls_is_a_tls_failure() throws Exception {
    try (Wires server = new Wires.OneShot("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) {
      assertEquals(ErrorCode.TLS.number(), Asking.get("https" + server.url().substring(4), 1024).failure);
    }
  }

  @Test
  public void silence_ends_at_the_time_out_and_a_cancelled_request_as_cancelled() throws Exception {
    try (Wires server = new Wires.OneShot("")) {
      Asking asking = new Asking();
      asking.send("GET", server.url(), "", 1024, 50);
      assertEquals(ErrorCode.OFFLINE.number(), asking.reply().failure);
      Asking cancelled = new Asking();
      cancelled.send("GET", server.url(), "", 1024, 60_000);
      cancelled.cancel(1);
      assertEquals(ErrorCode.CANCELLED.number(), cancelled.reply().failure);
    }
  }

  private static JuluSync over(JuluStore store, Transport transport) {
    return store.sync(SyncOptions.builder().transport(transport).build());
  }

  @Test
  public void a_whole_delivery_goes_over_the_hosts_own_transport() throws Exception {
    Transport transport = new HttpClientTransport();
    File directory = Phone.enrol(county.url(), county.code(), root(), transport);
    try (JuluStore store = Phone.open(directory); JuluSync sync = over(store, transport)) {
      Saved saved =
          store.capture(Phone.INCIDENT, Photo.near(County.photo("wire-12")), Photo.far(County.photo("road-16")));
      SyncOutcome outcome = sync.run();
      assertEquals(SyncEnd.ALL_DELIVERED, outcome.end());
      assertNull(outcome.cause());
      assertEquals(Delivery.DELIVERED, store.get(saved.id()).delivery());
      for (String sha256 : saved.photos()) {
        assertTrue(county.dump("photo").stream().anyMatch(item -> sha256.equals(item.get("sha256"))));
      }
    }
  }

  @Test
  public void a_connection_cut_in_the_middle_of_an_upload_costs_a_part_and_no_more() throws Exception {
    Transport transport = new HttpClientTransport();
    try (Wires.Cutting network = new Wires.Cutting(behind.port())) {
      behind.stop();
      behind.start(network.url());
      File directory = Phone.enrol(network.url(), behind.code(), root(), transport);
      try (JuluStore store = Phone.open(directory); JuluSync sync = over(store, transport)) {
        Saved saved = store.capture(Phone.INCIDENT, Photo.near(County.photo("tree-14")));
        network.cutAfter(saved.photoBytes() / 2);
        SyncOutcome cut = sync.run();
        assertEquals(SyncEnd.LEFT, cut.end());
        assertEquals(ErrorCode.OFFLINE, cut.failure());
        assertTrue(String.valueOf(cut.cause()), cut.cause() instanceof IOException);
        sync.hint();
        assertEquals(SyncEnd.ALL_DELIVERED, sync.run().end());
        assertEquals(Delivery.DELIVERED, store.get(saved.id()).delivery());
      }
    }
  }

  @Test
  public void a_transport_that_throws_is_offline_and_the_cause() throws Exception {
    SecurityException forbidden = new SecurityException("no permission for the network");
    Transport throwing = (request, reply) -> {
      throw forbidden;
    };
    File root = root();
    String code = county.code();
    assertSame(forbidden,
        fails(ErrorCode.OFFLINE, () -> Phone.enrol(county.url(), code, root, throwing)).getCause());
    try (JuluStore store = Phone.open(Phone.enrol(county.url(), code, root, null));
        JuluSync sync = over(store, throwing)) {
      store.capture(Phone.INCIDENT);
      SyncOutcome outcome = sync.run();
      assertEquals(SyncEnd.LEFT, outcome.end());
      assertEquals(ErrorCode.OFFLINE, outcome.failure());
      assertSame(forbidden, outcome.cause());
    }
  }

  @Test
  public void the_cause_is_of_the_failure_that_was_waited_for_and_of_no_later_word() throws Exception {
    IOException broken = new IOException("reset");
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = over(store, (request, reply) -> {
      reply.fail(ErrorCode.OFFLINE, broken);
      reply.fail(ErrorCode.OFFLINE, new IOException("cancelled"));
      throw new IOException("closed");
    })) {
      store.capture(Phone.INCIDENT);
      SyncOutcome outcome = sync.run();
      assertEquals(ErrorCode.OFFLINE, outcome.failure());
      assertSame(broken, outcome.cause());
    }
    Transport real = new HttpClientTransport();
    AtomicBoolean broke = new AtomicBoolean();
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = over(store, (request, reply) -> {
      if (request.url().contains("/v1/push") && !broke.getAndSet(true)) {
        reply.fail(ErrorCode.OFFLINE, broken);
      } else if (request.url().contains("/v1/push")) {
        reply.complete(429, Map.of("Retry-After", List.of("60")), new byte[0]);
      } else {
        real.submit(request, reply);
      }
    })) {
      store.capture(Phone.INCIDENT);
      assertSame(broken, sync.run().cause());
      sync.hint();
      SyncOutcome limited = sync.run();
      assertEquals(ErrorCode.LIMITED, limited.failure());
      assertNull(limited.cause());
    }
  }

  @Test
  public void replies_at_once_twice_too_large_or_out_of_order_are_taken_for_what_they_are() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      store.capture(Phone.INCIDENT);
      AtomicInteger asked = new AtomicInteger();
      try (JuluSync sync = over(store, (request, reply) -> {
        asked.incrementAndGet();
        Map<String, List<String>> headers = new HashMap<>(Map.of("Content-Type", List.of("text/html")));
        headers.put("X-Empty", null);
        reply.complete(200, headers, bytes("<html>sign in</html>"));
        reply.complete(500, null, null);
        reply.fail(null);
      })) {
        SyncOutcome portal = sync.run();
        assertEquals(SyncEnd.LEFT, portal.end());
        assertNotNull(portal.failure());
        assertTrue(asked.get() >= 1);
      }
      Transport real = new HttpClientTransport();
      try (JuluSync sync = over(store, (request, reply) -> {
        if (request.url().contains("/v1/ping")) {
          real.submit(request, reply);
        } else {
          reply.complete(200, Map.of(), new byte[(int) request.replyBytesMax() + 1]);
        }
      })) {
        assertEquals(ErrorCode.BAD_REPLY, sync.run().failure());
      }
      assertEquals(Delivery.SAVED, store.list(Filter.builder().delivery(Delivery.SAVED).build()).get(0).delivery());
    }
  }

  @Test
  public void headers_without_end_are_refused() throws Exception {
    StringBuilder answer = new StringBuilder("HTTP/1.1 511 Network Authentication Required\r\n");
    for (int i = 0; i < 2_000; ++i) {
      answer.append("X-").append(i).append(": ").append("x".repeat(80)).append("\r\n");
    }
    try (JuluStore store = Phone.enrolled(county, root());
        Wires server = new Wires.OneShot(answer + "Content-Length: 0\r\n\r\n")) {
      HttpClientTransport real = new HttpClientTransport();
      try (JuluSync sync = over(store, (request, reply) -> real.submit(
          new TransportRequest("GET", server.url(), new String[0], new byte[0], 1024, 20_000), reply))) {
        assertEquals(ErrorCode.BAD_REPLY, sync.run().failure());
      }
    }
  }

  @Test
  public void a_run_for_no_time_ends_at_once_and_not_after_ten_minutes() throws Exception {
    ExecutorService threads = Executors.newSingleThreadExecutor();
    try (JuluStore store = Phone.enrolled(county, root());
        JuluSync sync = store.sync(SyncOptions.builder().transport((request, reply) -> { }).build())) {
      store.capture(Phone.INCIDENT);
      for (Duration none : List.of(Duration.ZERO, Duration.ofNanos(1), Duration.ofMillis(-1))) {
        assertEquals(SyncEnd.DEADLINE, sync.runAsync(none, threads, null).get(60, TimeUnit.SECONDS).end());
      }
    } finally {
      threads.shutdown();
    }
  }

  @Test
  public void cancelling_a_run_that_has_not_begun_ends_no_other() throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    CountDownLatch begun = new CountDownLatch(1);
    AtomicReference<TransportReply> asked = new AtomicReference<>();
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = over(store, (request, reply) -> {
      asked.set(reply);
      begun.countDown();
    })) {
      store.capture(Phone.INCIDENT);
      CompletableFuture<SyncOutcome> running = sync.runAsync(600_000, threads, null);
      begun.await();
      AtomicReference<Runnable> later = new AtomicReference<>();
      assertTrue(sync.runAsync(600_000, later::set, null).cancel(true));
      CompletableFuture<SyncOutcome> refused = sync.runAsync(1, Runnable::run, null);
      assertTrue(refused.isCompletedExceptionally());
      asked.get().fail(ErrorCode.OFFLINE);
      assertEquals(ErrorCode.OFFLINE, running.get().failure());
      assertEquals(SyncEnd.LEFT, running.get().end());
      asked.set(null);
      later.get().run();
      assertNull("a run that was cancelled before asks nothing", asked.get());
    } finally {
      threads.shutdown();
      assertTrue(threads.awaitTermination(60, TimeUnit.SECONDS));
    }
  }

  @Test
  public void cancelling_and_closing_end_a_run_that_waits_for_a_reply() throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    try (JuluStore store = Phone.enrolled(county, root())) {
      store.capture(Phone.INCIDENT);
      for (int way = 0; way < 3; ++way) {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch dropped = new CountDownLatch(1);
        AtomicReference<TransportReply> late = new AtomicReference<>();
        JuluSync sync = over(store, (request, reply) -> {
          late.set(reply);
          reply.onCancel(dropped::countDown);
          begun.countDown();
        });
        CompletableFuture<SyncOutcome> running = sync.runAsync(600_000, threads, null);
        begun.await();
        if (way == 0) {
          sync.cancel();
          assertEquals(SyncEnd.CANCELLED, running.get().end());
        } else if (way == 1) {
          sync.close();
          assertEquals(SyncEnd.CANCELLED, running.get().end());
        } else {
          assertTrue(running.cancel(true));
        }
        dropped.await();
        late.get().complete(200, null, null);
        sync.close();
        late.get().fail(ErrorCode.OFFLINE);
      }
    } finally {
      threads.shutdown();
      assertTrue(threads.awaitTermination(60, TimeUnit.SECONDS));
    }
  }
}
