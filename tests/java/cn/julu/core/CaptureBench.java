package cn.julu.core;

import java.io.File;
import java.nio.file.Files;
import java.util.Arrays;

/** What a text capture costs through Java beside one through C, on one store, in turns. Not a timed test. */
final class CaptureBench {
  private static final int ROUNDS = 15;
  private static final int CAPTURES = 400;

  private CaptureBench() {}

  public static void main(String[] words) throws Exception {
    County county = new County();
    county.before();
    File root = Files.createTempDirectory("julu-bench").toFile();
    File directory = Phone.enrol(county, root);
    long store = Native.storeOpen(Text.bytes(directory, ""), Phone.ENCRYPTED ? Phone.KEY : null, null,
        Phone.ENCRYPTED ? 0 : Julu.UNENCRYPTED, 0, 0);
    Incident incident = Incident.builder().category("drainage").text("村东头排水沟堵了，".repeat(20)).build();
    String body = incident.toJson();
    double[] java = new double[ROUNDS];
    double[] typed = new double[ROUNDS];
    double[] c = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; ++round) {
      c[round] = Foreign.timeCaptures(store, "incident", body, CAPTURES) / 1e3 / CAPTURES;
      Native.storeMaintain(store, 0);
      long from = System.nanoTime();
      for (int i = 0; i < CAPTURES; ++i) {
        Native.storeCapture(store, Text.bytes("incident", ""), Text.bytes(body, ""), Photo.in(new Photo[0]), null);
      }
      java[round] = (System.nanoTime() - from) / 1e3 / CAPTURES;
      Native.storeMaintain(store, 0);
      from = System.nanoTime();
      for (int i = 0; i < CAPTURES; ++i) {
        Native.storeCapture(store, Text.bytes(incident.kind(), ""), Text.bytes(incident.toJson(), ""),
            Photo.in(new Photo[0]), null);
      }
      typed[round] = (System.nanoTime() - from) / 1e3 / CAPTURES;
      Native.storeMaintain(store, 0);
    }
    Native.storeClose(store);
    county.after();
    for (double[] all : new double[][] {c, java, typed}) {
      Arrays.sort(all);
    }
    System.out.printf("a text capture of %d bytes, medians of %d rounds of %d%n", Text.bytes(body, "").length, ROUNDS,
        CAPTURES);
    System.out.printf("  through C %.1f us · through JNI %.1f us (+%.1f) · typed record through JNI %.1f us (+%.1f)%n",
        c[ROUNDS / 2], java[ROUNDS / 2], java[ROUNDS / 2] - c[ROUNDS / 2], typed[ROUNDS / 2],
        typed[ROUNDS / 2] - c[ROUNDS / 2]);
  }
}
