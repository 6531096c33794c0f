package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.ClassRule;
import org.junit.Test;

public final class MisuseTest extends FaceCase {
  @ClassRule public static final County county = new County();

  private static Throwable heard(Work call) throws Exception {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread thread = Thread.currentThread();
    Thread.UncaughtExceptionHandler before = thread.getUncaughtExceptionHandler();
    thread.setUncaughtExceptionHandler((where, what) -> {
      thrown.set(what);
      throw new IllegalStateException("a handler that fails too");
    });
    try {
      call.run();
    } finally {
      thread.setUncaughtExceptionHandler(before);
    }
    return thrown.get();
  }

  private interface Work {
    void run() throws Exception;
  }

  @Test
  public void after_close_every_call_says_closed_and_closing_again_does_nothing() throws Exception {
    JuluStore store = Phone.enrolled(county, root());
    JuluSync sync = store.sync();
    store.close();
    store.close();
    fails(ErrorCode.CLOSED, store::status);
    fails(ErrorCode.CLOSED, () -> store.capture(Phone.INCIDENT, Photo.near(County.photo("wall-04"))));
    fails(ErrorCode.CLOSED, () -> store.observe(() -> { }));
    fails(ErrorCode.CLOSED, store::sync);
    fails(ErrorCode.CLOSED, () -> store.sync(SyncOptions.builder().transport((request, reply) -> { }).build()));
    assertEquals("a sync keeps its store alive", SyncEnd.ALL_DELIVERED, sync.run().end());
    sync.close();
    sync.close();
    fails(ErrorCode.CLOSED, sync::run);
    fails(ErrorCode.CLOSED, () -> sync.run(Duration.ofSeconds(Long.MAX_VALUE)));
    fails(ErrorCode.CLOSED, sync::cancel);
    fails(ErrorCode.CLOSED, sync::hint);
  }

  @Test
  public void stale_foreign_and_invented_handles_are_closed() throws Exception {
    File directory = Phone.enrol(county, root());
    long real = Native.storeOpen(Text.bytes(directory, ""), Phone.ENCRYPTED ? Phone.KEY : null, null,
        Phone.ENCRYPTED ? 0 : Julu.UNENCRYPTED, 0, 0);
    long sync = Native.syncOpen(real, 0, null, null, null);
    for (long handle : new long[] {0, -1, 1, real + 1, real ^ (1L << 40), sync, Long.MIN_VALUE, Long.MAX_VALUE}) {
      fails(ErrorCode.CLOSED, () -> Native.storeStatus(handle));
      fails(ErrorCode.CLOSED, () -> Native.transportComplete(handle, 1, 200, 0, null, null, 0));
      Native.transportClose(handle);
    }
    fails(ErrorCode.CLOSED, () -> Native.syncRun(real, 0, null));
    Native.syncClose(real);
    Native.storeClose(sync);
    assertEquals(15, Native.storeStatus(real).length);
    Native.syncClose(sync);
    Native.storeClose(real);
    fails(ErrorCode.CLOSED, () -> Native.storeStatus(real));
  }

  /** Calls each public method with nothing but nulls and zeros; only typed errors may come out. */
  private static void call_all(Class<?> type, Object target) throws Exception {
    for (Method method : type.getDeclaredMethods()) {
      boolean isOurs = Modifier.isPublic(method.getModifiers()) && !method.isSynthetic();
      if (!isOurs || (target == null && !Modifier.isStatic(method.getModifiers())) || "close".equals(method.getName())
          || "valueOf".equals(method.getName())) {
        continue;
      }
      call_with_nulls(method, target);
    }
  }

  private static void call_with_nulls(Method method, Object target) throws Exception {
    Object[] nothing = new Object[method.getParameterCount()];
    for (int i = 0; i < nothing.length; ++i) {
      Class<?> type = method.getParameterTypes()[i];
      nothing[i] = type == int.class ? (Object) 0 : type == long.class ? (Object) 0L
          : type == boolean.class ? (Object) false : null;
    }
    try {
      method.setAccessible(true);
      Object given = method.invoke(target, nothing);
      if (given instanceof AutoCloseable) {
        ((AutoCloseable) given).close();
      }
    } catch (InvocationTargetException failed) {
      assertTrue(method + ": " + failed.getCause(), failed.getCause() instanceof JuluException);
    }
  }

  @Test
  public void null_for_everything_gives_typed_errors() throws Exception {
    List<Class<?>> types = List.of(Julu.class, Consent.class, Photo.class, Filter.class, EnrolOptions.class,
        StoreOptions.class, SyncOptions.class, Incident.class, Household.class, Person.class, Visit.class,
        JuluStore.class, ErrorCode.class);
    for (Class<?> type : types) {
      call_all(type, null);
    }
    for (Object builder : List.of(Filter.builder(), EnrolOptions.builder(), StoreOptions.builder(),
        SyncOptions.builder(), Incident.builder(), Household.builder(), Person.builder(), Visit.builder())) {
      call_all(builder.getClass(), builder);
    }
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = store.sync()) {
      call_all(JuluStore.class, store);
      store.resume(Phone.KEY);
      call_all(JuluSync.class, sync);
      Photo.in(null);
      assertEquals("/photos/1", fails(ErrorCode.BAD_ARGUMENT,
          () -> store.capture(Phone.INCIDENT, Photo.near(County.photo("wall-04")), null)).field());
      assertEquals("/photos/0/path",
          fails(ErrorCode.BAD_ARGUMENT, () -> store.capture(Phone.INCIDENT, Photo.near(null))).field());
      fails(ErrorCode.BAD_ARGUMENT, () -> store.capture(Phone.INCIDENT, Photo.of("near", (byte[]) null)));
      store.capture(Phone.INCIDENT, (Photo[]) null);
      assertNotNull(store.list(null));
    }
    assertEquals("key", fails(ErrorCode.BAD_ARGUMENT, () -> JuluStore.open(root(), new byte[31])).field());
  }

  @Test
  public void more_photos_than_a_record_takes_are_refused() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      Photo[] photos = new Photo[10_000];
      Arrays.setAll(photos, i -> Photo.of("near", new byte[] {1}));
      JuluException refused = fails(ErrorCode.BAD_ARGUMENT, () -> store.capture(Phone.INCIDENT, photos));
      assertEquals("/photos", refused.field());
      assertEquals(0, store.status().records());
    }
  }

  @Test
  public void a_stream_that_throws_is_the_cause_and_nothing_is_written() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      IOException gone = new IOException("the card was taken out");
      JuluException failed = fails(ErrorCode.IO, () -> store.capture(Phone.INCIDENT, Photo.of("near", new InputStream() {
        @Override
        public int read() throws IOException {
          throw gone;
        }
      })));
      assertSame(gone, failed.getCause());
      assertEquals("/photos/0/read", failed.field());
      Error overflow = new StackOverflowError();
      JuluException again = fails(ErrorCode.IO, () -> store.capture(Phone.INCIDENT, Photo.of("near", new InputStream() {
        @Override
        public int read(byte[] into) {
          throw overflow;
        }

        @Override
        public int read() {
          return -1;
        }
      })));
      assertSame(overflow, again.getCause());
      assertEquals(0, store.status().records());
      String sha256 = store.capture(Phone.INCIDENT, Photo.near(County.photo("lid-20"))).photos().get(0);
      JuluException stopped = fails(ErrorCode.CANCELLED, () -> store.readPhoto(sha256, new OutputStream() {
        @Override
        public void write(int one) throws IOException {
          throw gone;
        }
      }));
      assertSame(gone, stopped.getCause());
      assertEquals(null, fails(ErrorCode.RECORD_UNKNOWN, () -> store.findId("ffff")).getCause());
    }
  }

  @Test
  public void a_key_source_that_throws_waits_or_is_wrong_says_so() throws Exception {
    if (!Phone.ENCRYPTED) {
      return;
    }
    File directory = Phone.enrol(county, root());
    IllegalStateException broken = new IllegalStateException("keystore");
    assertSame(broken, fails(ErrorCode.BAD_ARGUMENT, () -> JuluStore.open(directory, () -> {
      throw broken;
    })).getCause());
    JuluException locked = fails(ErrorCode.LOCKED, () -> JuluStore.open(directory, () -> null));
    assertTrue(locked.isRetryable());
    assertEquals(null, locked.getCause());
    fails(ErrorCode.BAD_ARGUMENT, () -> JuluStore.open(directory, () -> new byte[16]));
    fails(ErrorCode.STORE_KEY, () -> JuluStore.open(directory, () -> new byte[32]));
  }

  @Test
  public void listeners_that_throw_are_heard_of_and_the_work_goes_on() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = store.sync()) {
      RuntimeException ours = new RuntimeException("an observer");
      store.observe(() -> {
        throw ours;
      });
      assertSame(ours, heard(() -> store.capture(Phone.INCIDENT)));
      store.observe(null);
      assertSame(ours, heard(() -> assertEquals(SyncEnd.ALL_DELIVERED, sync.run(60_000, progress -> {
        throw ours;
      }).end())));
      assertEquals(0, store.status().unsentRecords());
    }
  }

  @Test
  public void callbacks_may_call_again() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = store.sync()) {
      AtomicBoolean once = new AtomicBoolean();
      store.observe(() -> {
        store.list();
        if (!once.getAndSet(true)) {
          store.capture(Phone.INCIDENT);
          store.observe(null);
        }
      });
      store.capture(Phone.INCIDENT, Photo.of("near", new InputStream() {
        private final InputStream photo = new FileInputStream(County.photo("rubbish-03"));

        @Override
        public int read() throws IOException {
          fails(ErrorCode.RECORD_UNKNOWN, () -> store.findId("ffff"));
          return photo.read();
        }

        @Override
        public int read(byte[] into, int at, int count) throws IOException {
          int one = read();
          return one < 0 ? -1 : photo.read(into, at + put(into, at, one), count - 1) + 1;
        }

        private int put(byte[] into, int at, int one) {
          into[at] = (byte) one;
          return 1;
        }
      }));
      assertEquals(2, store.status().records());
      AtomicBoolean done = new AtomicBoolean();
      SyncOutcome outcome = sync.run(60_000, progress -> {
        if (!done.get()) {
          fails(ErrorCode.SYNC_IN_PROGRESS, sync::run);
          fails(ErrorCode.BUSY, store::suspend);
          store.status();
          sync.close();
          done.set(true);
        }
      });
      assertTrue(done.get());
      assertEquals(SyncEnd.CANCELLED, outcome.end());
    }
  }

  @Test
  public void closing_while_others_are_inside_ends_their_calls_as_usual() throws Exception {
    File directory = Phone.enrol(county, root());
    for (int round = 0; round < 20; ++round) {
      JuluStore store = Phone.open(directory);
      CountDownLatch begun = new CountDownLatch(3);
      AtomicReference<Throwable> wrong = new AtomicReference<>();
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; ++i) {
        Thread thread = new Thread(() -> until_closed(store, begun, wrong));
        thread.start();
        threads.add(thread);
      }
      begun.await();
      store.close();
      for (Thread thread : threads) {
        thread.join();
      }
      assertEquals(null, wrong.get());
    }
  }

  private static void until_closed(JuluStore store, CountDownLatch begun, AtomicReference<Throwable> wrong) {
    try {
      for (;;) {
        store.capture(Phone.INCIDENT);
        store.list();
        begun.countDown();
      }
    } catch (JuluException ended) {
      if (ended.code() != ErrorCode.CLOSED) {
        wrong.set(ended);
      }
    } catch (Throwable other) {
      wrong.set(other);
    }
  }
}
