package cn.julu.core;

import java.io.File;
import java.util.Arrays;
import java.util.UUID;
import org.junit.rules.TemporaryFolder;

/**
 * What a text capture costs through Java beside one through C: one store, in turns, medians. The same again under one
 * id, which writes nothing, shows the crossing without the disk. Not a timed test.
 */
final class CaptureBench {
  private static final int ROUNDS = 15;
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
    double c = all[0][ROUNDS / 2];
    System.out.println(what);
    System.out.printf("  through C %.1f us · JSON text through Java %.1f us (%+.1f) · record through Java %.1f us (%+.1f)%n", c,
        all[1][ROUNDS / 2], all[1][ROUNDS / 2] - c, all[2][ROUNDS / 2], all[2][ROUNDS / 2] - c);
  }

  public static void main(String[] words) throws Exception {
    County county = new County();
    county.before();
    TemporaryFolder folder = new TemporaryFolder();
    folder.create();
    File directory = Phone.enrol(county, folder.getRoot());
    // C gets at the store by its number.
    long handle = Native.storeOpen(Text.bytes(directory, ""), Phone.ENCRYPTED ? Phone.KEY : null, null,
        Phone.ENCRYPTED ? 0 : Julu.UNENCRYPTED, 0, 0);
    try (JuluStore store = JuluStore.of(handle)) {
      String body = INCIDENT.toJson();
      Captures[] ways = {
        (count, id) -> Foreign.timeCaptures(handle, "incident", body, id == null ? "" : id, count),
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
          race(ways, () -> store.maintain(0), 400, null));
      print("the same again under one id", race(ways, () -> { }, 4_000, UUID.randomUUID().toString()));
    } finally {
      county.after();
      folder.delete();
    }
  }
}
