package cn.julu.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.ClassRule;
import org.junit.Test;

public final class DeliveryTest extends FaceCase {
  @ClassRule public static final County county = new County();

  @Test
  public void a_report_with_photos_from_everywhere_arrives_with_receipts() throws Exception {
    File root = root();
    try (JuluStore store = Phone.enrolled(county, root);
        FileInputStream file = new FileInputStream(County.photo("wall-04"))) {
      byte[] bytes = Files.readAllBytes(County.photo("lid-06").toPath());
      Saved saved = store.capture(Phone.INCIDENT, Photo.near(County.photo("ditch-01")),
          Photo.far(County.photo("ditch-08")), Photo.of("before", bytes), Photo.of("after", file.getFD()),
          Photo.of("reference", new ByteArrayInputStream(Files.readAllBytes(County.photo("road-02").toPath()))));
      assertEquals(5, saved.photos().size());
      assertEquals(Delivery.SAVED, store.get(saved.id()).delivery());
      assertEquals(5, store.status().unsentPhotos());
      List<SyncProgress> heard = new ArrayList<>();
      try (JuluSync sync = store.sync(county.url())) {
        SyncOutcome outcome = sync.run(Duration.ofMinutes(2), heard::add);
        assertEquals(SyncEnd.ALL_DELIVERED, outcome.end());
        assertNull(outcome.failure());
        assertEquals(5, outcome.photosSent());
        assertEquals(-1, outcome.nextAttemptMs());
      }
      assertFalse(heard.isEmpty());
      assertEquals(5, heard.get(heard.size() - 1).photosDone());
      Record record = store.get(saved.id());
      assertEquals(Delivery.DELIVERED, record.delivery());
      assertEquals("村东头排水沟堵了", Incident.fromJson(record.body()).text());
      assertEquals(0, store.status().unsentOps());
      for (String sha256 : saved.photos()) {
        assertTrue(county.dump("photo").stream().anyMatch(item -> sha256.equals(item.get("sha256"))));
      }
      assertEquals("delivered", store.history(saved.id()).get(0).standing());
    }
  }

  @Test
  public void a_descriptor_by_number_is_read_and_stays_open() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      int descriptor = Foreign.openFile(County.photo("tree-07").getPath());
      Saved saved = store.capture(Phone.INCIDENT, Photo.of("near", descriptor));
      assertEquals(saved.photos(), store.capture(Phone.INCIDENT, Photo.of(null, descriptor)).photos());
      Foreign.closeFile(descriptor);
    }
  }

  @Test
  public void offline_is_an_outcome_and_a_future_carries_it() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      store.capture(Phone.INCIDENT);
      county.stop();
      try (JuluSync sync = store.sync()) {
        CompletableFuture<SyncOutcome> running = sync.runAsync(Duration.ofMinutes(1), ForkJoinPool.commonPool(), null);
        assertEquals(SyncEnd.LEFT, running.get().end());
        assertEquals(ErrorCode.OFFLINE, running.get().failure());
        assertTrue(running.get().nextAttemptMs() > 0);
      } finally {
        county.start();
      }
    }
  }

  @Test
  public void enrolment_says_who_is_on_the_phone_and_why_it_was_refused() throws Exception {
    File root = root();
    assertTrue(Julu.enrolments(root).isEmpty());
    File directory = Phone.enrol(county, root);
    assertEquals(directory, Julu.enrolments(root).get(0).directory());
    JuluException refused = fails(ErrorCode.ENROLMENT_REFUSED,
        () -> Phone.enrol(county.url(), "AAAA-BBBB-CCCC", root, null));
    assertFalse(refused.message(Lang.ZH).isEmpty());
    assertFalse(refused.message(Lang.ZH).equals(refused.message(Lang.EN)));
    EnrolOptions.Builder unasked = EnrolOptions.builder().platform(county.url()).code("AAAA-BBBB-CCCC").root(root);
    fails(ErrorCode.CONSENT_MISSING, () -> Julu.enrol(
        (Phone.ENCRYPTED ? unasked.key(Phone.KEY) : unasked.unencrypted()).build()));
    assertEquals(5, Consent.givenAt(Instant.ofEpochMilli(5)).atMs());
    assertEquals("consent", fails(ErrorCode.BAD_ARGUMENT, () -> Consent.givenAt(Instant.MAX)).field());
  }

  @Test
  public void an_enrolment_takes_a_ca_file_and_a_pinned_key() throws Exception {
    try (Wires server = new Wires.OneShot("")) {
      EnrolOptions.Builder options = EnrolOptions.builder().platform("https" + server.url().substring(4))
          .code("AAAA-BBBB-CCCC").root(root()).consent(Consent.givenAt(1)).atMostMs(300);
      (Phone.ENCRYPTED ? options.key(Phone.KEY) : options.unencrypted()).pinnedKey("sha256//AAAA=");
      fails(ErrorCode.OFFLINE, () -> Julu.enrol(options.build()));
      fails(ErrorCode.TLS, () -> Julu.enrol(options.caFile(new File("/none.pem")).build()));
      assertEquals("pinned_key",
          fails(ErrorCode.BAD_ARGUMENT, () -> Julu.enrol(options.pinnedKey("a\0b").build())).field());
    }
  }

  @Test
  public void a_case_a_document_and_a_log_go_their_ways() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      Household household = Household.builder().address("堤村乡 3 号").house(House.builder().rooms(4).build()).build();
      String id = store.capture(household).id();
      store.patch(id, "{\"phone\":\"13800000000\",\"house\":{\"rooms\":5}}");
      Household patched = Household.fromJson(store.get(id).body());
      assertEquals(Long.valueOf(5), patched.house().rooms());
      assertEquals("13800000000", patched.phone());
      fails(ErrorCode.SHAPE_MISMATCH, () -> store.act(id, "accept", null));

      String incident = store.capture(Phone.INCIDENT).id();
      store.act(incident, "resolve_on_spot", "{\"note\":\"已疏通\"}", Photo.of("after", County.photo("ditch-15")));
      assertEquals("resolved", store.get(incident).state());
      fails(ErrorCode.STEP_NOT_ALLOWED, () -> store.act(incident, "dispatch", "{}"));

      String visit = store.capture(Visit.builder().household(id).text("家中安好").metNobody(false).build()).id();
      store.attach(visit, Photo.near(County.photo("road-09")));
      assertEquals(1, store.get(visit).photos().size());
      fails(ErrorCode.SHAPE_MISMATCH, () -> store.remove(visit));
      assertEquals(incident, store.findId(store.shortId(incident)));
      assertEquals(2, store.history(id).size());
      store.remove(id);
      assertTrue(store.get(id).isDeleted());
      assertTrue(store.conflicts().isEmpty());
      fails(ErrorCode.RECORD_UNKNOWN, () -> store.resolve(UUID.randomUUID().toString(), "/phone", "\"1\""));
      store.giveUp(incident);
      fails(ErrorCode.RECORD_UNKNOWN, () -> store.giveUp(UUID.randomUUID().toString()));
    }
  }

  @Test
  public void lists_pages_changes_and_a_wake() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      AtomicInteger woken = new AtomicInteger();
      store.observe(woken::incrementAndGet);
      String first = store.capture(Phone.INCIDENT).id();
      String second = store.capture(Visit.builder().text("走访").build()).id();
      assertTrue(woken.get() >= 1);
      store.observe(null);
      int before = woken.get();
      assertEquals(2, store.list().size());
      assertEquals(second, store.list(Filter.builder().limit(1).build()).get(0).id());
      assertEquals(first, store.list(Filter.builder().before(second).build()).get(0).id());
      assertEquals(first, store.list(Filter.builder().kind("incident").search("排水沟")
          .delivery(Delivery.SAVED).deletedToo(false).build()).get(0).id());
      fails(ErrorCode.FIELD_INVALID, () -> store.list(Filter.builder().limit(-1).build()));
      Changes changes = store.changesSince(0, 1);
      assertTrue(changes.hasMore());
      assertEquals(List.of(second), store.changesSince(changes.token()).records());
      store.capture(Phone.INCIDENT);
      assertEquals(before, woken.get());
      assertTrue(store.kinds().contains("household"));
      assertTrue(store.schema("visit").contains("x-shape"));
      assertTrue(store.codes("visit-purpose").contains("\"zh\""));
      fails(ErrorCode.CODES_UNKNOWN, () -> store.codes("none"));
      assertEquals(county.url(), store.identity().platform());
      assertEquals(List.of("130529104003"), store.identity().grids());
      store.maintain(0);
    }
  }

  @Test
  public void a_photo_comes_out_again() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      String sha256 = store.capture(Phone.INCIDENT, Photo.near(County.photo("wire-05"))).photos().get(0);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      store.readPhoto(sha256, bytes);
      File file = new File(folder.getRoot(), "out.jpg");
      store.readPhoto(sha256, file);
      assertArrayEquals(Files.readAllBytes(file.toPath()), bytes.toByteArray());
      assertTrue(store.thumbnail(sha256).length <= 8 * 1024);
      fails(ErrorCode.BAD_ARGUMENT, () -> store.readPhoto(sha256, file));
      fails(ErrorCode.PHOTO_UNKNOWN, () -> store.thumbnail("00".repeat(32)));
    }
  }

  @Test
  public void the_same_id_again_is_the_same_report_and_other_content_is_not() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      String id = store.newId();
      Saved saved = store.captureAs(id, Phone.INCIDENT);
      assertEquals(id, saved.id());
      JuluException random = fails(ErrorCode.BAD_ARGUMENT,
          () -> store.captureAs("01980000-0000-4000-8000-000000000001", Phone.INCIDENT));
      assertEquals("/id", random.field());
      assertEquals(saved.capturedAtMs(), store.captureAs(id, Phone.INCIDENT).capturedAtMs());
      fails(ErrorCode.ID_CONFLICT,
          () -> store.captureAs(id, Phone.INCIDENT.toBuilder().text("另一件事").build()));
      JuluException bad = fails(ErrorCode.FIELD_MISSING, () -> store.capture("incident", "{\"category\":\"drainage\"}"));
      assertEquals("/text", bad.field());
      assertFalse(bad.isRetryable());
    }
  }

  @Test
  public void a_sleeping_app_lets_go_of_the_file_and_asks_for_the_key_again() throws Exception {
    File directory = Phone.enrol(county, root());
    AtomicInteger asked = new AtomicInteger();
    byte[][] key = {Phone.KEY};
    KeySource source = () -> {
      asked.incrementAndGet();
      return key[0];
    };
    StoreOptions.Builder options = StoreOptions.builder().directory(directory).keySource(source);
    try (JuluStore store = JuluStore.open((Phone.ENCRYPTED ? options : options.unencrypted()).build())) {
      store.suspend();
      fails(ErrorCode.SUSPENDED, store::status);
      key[0] = null;
      if (Phone.ENCRYPTED) {
        fails(ErrorCode.LOCKED, store::resume);
      }
      key[0] = Phone.KEY;
      store.resume();
      assertEquals(0, store.status().records());
      assertEquals(Phone.ENCRYPTED ? 3 : 0, asked.get());
    }
  }

  @Test
  public void an_offline_platform_that_returns_gets_all_of_it() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = store.sync()) {
      county.stop();
      String id = store.capture(Phone.INCIDENT, Photo.near(County.photo("lid-13"))).id();
      assertEquals(SyncEnd.LEFT, sync.run(60_000, null).end());
      county.start();
      sync.hint();
      assertEquals(SyncEnd.ALL_DELIVERED, sync.run().end());
      Map<String, Object> held = county.dump("record").stream().filter(item -> id.equals(item.get("id"))).findFirst()
          .orElse(null);
      assertNotNull(held);
    }
  }
}
