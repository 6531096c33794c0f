package cn.julu.core;

import java.io.File;
import java.util.Arrays;
import org.junit.rules.TemporaryFolder;

/**
 * What a text capture costs through Java beside one in C++ itself: one store, in turns, medians. The same again under
 * one id, which writes nothing, shows the crossing without the disk. Not a timed test.
 */
final class CaptureBench {
  private static final int ROUNDS = 101;
  private static final Incident INCIDENT =
      Incident.builder().category("drainage").text("村东头排水沟堵了，".repeat(20)).build();

  private CaptureBench() {}

  private interface Captures {
    void run(int count, String id);
  }

  /** Microseconds a capture, sorted; one row each way. */
  private static double[][] race(Captures[] ways, Runnable settle, int count, String id) {
    double[][] all = new double[ways.length][ROUNDS];
    for (int round = -1; round < ROUNDS; ++round) {
      for (int turn = 0; turn < ways.length; ++turn) {
        int way = (turn + round + 1) % ways.length; // nobody is always last
        long from = System.nanoTime();
        ways[way].run(count, id);
        if (round >= 0) {
          all[way][round] = (System.nanoTime() - from) / 1e3 / count;
        }
        settle.run();
      }
    }
    for (double[] one : all) {
      Arrays.sort(one);
    }
    return all;
  }

  private static void print(String what, double[][] all) {
    double plain = all[0][ROUNDS / 2];
    System.out.println(what);
    System.out.printf("  in C++ %.1f us · JSON text through Java %.1f us (%+.1f) · record through Java %.1f us (%+.1f, wanted +30)%n",
        plain, all[1][ROUNDS / 2], all[1][ROUNDS / 2] - plain, all[2][ROUNDS / 2], all[2][ROUNDS / 2] - plain);
  }

  private static void require(boolean ok) {
    if (!ok) {
      throw new IllegalStateException("C++ failed");
    }
  }

  public static void main(String[] words) throws Exception {
    County county = new County();
    county.before();
    // In memory where that goes: a disk's pauses are larger than what is measured.
    File memory = new File("/dev/shm");
    TemporaryFolder folder = new TemporaryFolder(memory.canWrite() ? memory : null);
    folder.create();
    File directory = Phone.enrol(county, folder.getRoot());
    long plain = Foreign.plainOpen(directory.getPath(), Phone.ENCRYPTED ? Phone.KEY : null);
    require(plain != 0);
    try (JuluStore store = Phone.open(directory)) {
      String body = INCIDENT.toJson();
      Captures[] ways = {
        (count, id) -> require(Foreign.plainCaptures(plain, "incident", body, id == null ? "" : id, count) >= 0),
        (count, id) -> {
          for (int i = 0; i < count; ++i) {
            store.captureAs(id, "incident", body);
          }
        },
        (count, id) -> {
          for (int i = 0; i < count; ++i) {
            store.captureAs(id, INCIDENT);
          }
        }
      };
      print("a text capture of " + Text.bytes(body, "").length + " bytes",
          race(ways, () -> store.maintain(0), 60, null));
      print("the same again under one id", race(ways, () -> { }, 600, "01980000-0000-7000-8000-000000000001"));
    } finally {
      Foreign.plainClose(plain);
      county.after();
      folder.delete();
    }
  }
}
