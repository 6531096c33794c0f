package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.ClassRule;
import org.junit.Test;

/** Threads that C made, and what the JVM may forget. */
public final class ThreadTest extends FaceCase {
  @ClassRule public static final County county = new County();

  private static long handle_of(File directory, Callbacks.Key source) {
    return Native.storeOpen(Text.bytes(directory, "directory"), Phone.ENCRYPTED && source == null ? Phone.KEY : null,
        source, Phone.ENCRYPTED ? 0 : Julu.UNENCRYPTED, 0, 0);
  }

  @Test
  public void a_thread_of_cs_is_a_daemon_for_a_callback_and_gone_when_it_ends() throws Exception {
    long store = handle_of(Phone.enrol(county, root()), null);
    AtomicReference<Thread> where = new AtomicReference<>();
    AtomicReference<Boolean> daemon = new AtomicReference<>();
    Native.storeObserve(store, new Callbacks.Wake(() -> {
      where.set(Thread.currentThread());
      daemon.set(Thread.currentThread().isDaemon());
      Native.storeStatus(store);
    }));
    int before = Thread.getAllStackTraces().size();
    for (int i = 0; i < 100; ++i) {
      assertEquals(0, Foreign.captureOnThread(store, "incident", Phone.INCIDENT.toJson()));
      assertEquals(Boolean.TRUE, daemon.getAndSet(null));
      assertFalse(where.get().isAlive());
    }
    assertTrue(Thread.getAllStackTraces().size() <= before + 2);
    assertEquals(100, Native.storeStatus(store)[0]);
    Foreign.closeStoreOnThread(store);
  }

  @Test
  public void a_callback_that_throws_on_a_thread_of_cs_reaches_the_default_handler() throws Exception {
    long store = handle_of(Phone.enrol(county, root()), null);
    RuntimeException ours = new RuntimeException("an observer");
    Native.storeObserve(store, new Callbacks.Wake(() -> {
      throw ours;
    }));
    AtomicReference<Throwable> heard = new AtomicReference<>();
    Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> heard.set(thrown));
    try {
      assertEquals(0, Foreign.captureOnThread(store, "incident", Phone.INCIDENT.toJson()));
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(before);
    }
    assertSame(ours, heard.get());
    Native.storeClose(store);
  }

  /** Opens, uses and closes one of each callback. */
  private static void use_and_forget(File directory, ReferenceQueue<Object> gone, List<PhantomReference<?>> kept)
      throws Exception {
    Object[] marks = {new Object(), new Object(), new Object(), new Object()};
    for (Object mark : marks) {
      kept.add(new PhantomReference<>(mark, gone));
    }
    KeySource source = () -> {
      marks[0].hashCode();
      return Phone.KEY;
    };
    long store = handle_of(directory, Phone.ENCRYPTED ? new Callbacks.Key(source) : null);
    Native.storeObserve(store, new Callbacks.Wake(marks[1]::hashCode));
    Callbacks.Host host = Callbacks.Host.open((request, reply) -> {
      marks[2].hashCode();
      reply.fail(ErrorCode.OFFLINE);
    });
    Julu.setLog((level, line) -> marks[3].hashCode());
    long sync = Native.syncOpen(store, host.handle(), null, null, null);
    Foreign.captureOnThread(store, "incident", Phone.INCIDENT.toJson());
    Native.syncRun(sync, 0, null);
    Julu.setLog(null);
    host.close();
    Native.syncClose(sync);
    Foreign.closeStoreOnThread(store);
  }

  @Test
  public void what_a_callback_held_is_let_go_with_what_it_belonged_to() throws Exception {
    File directory = Phone.enrol(county, root());
    ReferenceQueue<Object> gone = new ReferenceQueue<>();
    List<PhantomReference<?>> kept = new ArrayList<>();
    use_and_forget(directory, gone, kept);
    for (int i = 0; i < kept.size(); ++i) {
      System.gc();
      assertNotNull(gone.remove(60_000));
    }
  }

  @Test
  public void one_that_failed_to_open_holds_nothing_either() throws Exception {
    ReferenceQueue<Object> gone = new ReferenceQueue<>();
    PhantomReference<Object> kept = fail_to_open(root(), gone);
    System.gc();
    assertSame(kept, gone.remove(60_000));
  }

  private static PhantomReference<Object> fail_to_open(File directory, ReferenceQueue<Object> gone) {
    Object mark = new Object();
    Callbacks.Key source = new Callbacks.Key(() -> {
      mark.hashCode();
      return Phone.KEY;
    });
    fails(ErrorCode.STORE_MISSING, () -> handle_of(directory, source));
    fails(ErrorCode.CLOSED, () -> Native.storeObserve(12345, new Callbacks.Wake(mark::hashCode)));
    return new PhantomReference<>(mark, gone);
  }
}
