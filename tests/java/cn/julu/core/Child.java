package cn.julu.core;

import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** What ProcessTest runs in a process of its own. Each prints what the test looks at. */
final class Child {
  private Child() {}

  public static void main(String[] words) throws Exception {
    switch (words[0]) {
      case "version":
        System.out.print(Julu.version());
        break;
      case "for-ever":
        for_ever(new File(words[1]));
        break;
      case "sigpipe":
        sigpipe(new File(words[1]), new File(words[2]));
        break;
      case "memory":
        memory(new File(words[1]), new File(words[2]));
        break;
      default:
        throw new IllegalArgumentException(words[0]);
    }
  }

  /** Ends although a thread of C's, known to the JVM, never does. */
  private static void for_ever(File directory) {
    long store = Native.storeOpen(Text.bytes(directory, ""), Phone.ENCRYPTED ? Phone.KEY : null, null,
        Phone.ENCRYPTED ? 0 : Julu.UNENCRYPTED, 0, 0);
    Native.storeObserve(store, new Callbacks.Wake(() -> System.out.print(Thread.currentThread().isDaemon())));
    if (Foreign.captureOnThreadForEver(store, "incident", Phone.INCIDENT.toJson()) != 0) {
      throw new IllegalStateException("capture");
    }
    Native.storeClose(store);
  }

  private static void sigpipe(File directory, File photos) {
    Foreign.defaultSigpipe();
    try (JuluStore store = Phone.open(directory); JuluSync sync = store.sync()) {
      for (File photo : photos.listFiles()) {
        store.capture(Phone.INCIDENT, Photo.near(photo));
      }
      int cuts = 0;
      SyncOutcome outcome = sync.run();
      while (outcome.end() != SyncEnd.ALL_DELIVERED) {
        ++cuts;
        sync.hint();
        outcome = sync.run();
      }
      System.out.print(cuts + " " + Foreign.sigpipeIsDefault());
    }
  }

  private static long of_status(String name) throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(name + ":")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    throw new IllegalStateException(name);
  }

  private static void report(JuluStore store, File photo, boolean stream) throws Exception {
    if (!stream) {
      store.capture(Phone.INCIDENT, Photo.near(photo));
      return;
    }
    try (InputStream in = new FileInputStream(photo)) {
      store.capture(Phone.INCIDENT, Photo.of("near", in));
    }
  }

  /** The heap is whole from the start, so what grows is native: the library, its SQLite, its curl, and the JVM's own. */
  private static void memory(File directory, File photos) throws Exception {
    final int warm = 10;
    File[] files = photos.listFiles();
    Arrays.sort(files);
    try (JuluStore store = Phone.open(directory); JuluSync sync = store.sync()) {
      for (int i = 0; i < warm; ++i) {
        report(store, files[i], i % 2 == 0);
      }
      sync.run();
      store.list();
      System.gc();
      long idle = of_status("VmRSS");
      Files.write(Path.of("/proc/self/clear_refs"), new byte[] {'5'}, StandardOpenOption.WRITE);
      for (int i = warm; i < files.length; ++i) {
        report(store, files[i], i % 2 == 0);
      }
      SyncOutcome outcome = sync.run();
      System.out.print(outcome.end() + " " + outcome.photosSent() + " " + (of_status("VmHWM") - idle));
    }
  }
}
