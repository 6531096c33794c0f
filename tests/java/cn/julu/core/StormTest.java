package cn.julu.core;

import static org.junit.Assert.assertEquals;

import java.io.File;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.ClassRule;
import org.junit.Test;

public final class StormTest extends FaceCase {
  @ClassRule public static final County county = new County();

  // `./run test --deep` asks for 10,000.
  private static final int OPENS = Integer.parseInt(System.getenv().getOrDefault("JULU_STORM_OPENS", "1000"));

  @Test
  public void opens_and_closes_under_a_storm_of_garbage() throws Exception {
    File directory = Phone.enrol(county, root());
    AtomicBoolean over = new AtomicBoolean();
    Thread storm = new Thread(() -> {
      while (!over.get()) {
        byte[][] garbage = new byte[64][];
        Arrays.setAll(garbage, i -> new byte[16 * 1024]);
        System.gc();
      }
    });
    storm.start();
    try {
      KeySource source = () -> Phone.KEY.clone();
      for (int i = 0; i < OPENS; ++i) {
        StoreOptions.Builder options = StoreOptions.builder().directory(directory).keySource(source);
        JuluStore store = JuluStore.open((Phone.ENCRYPTED ? options : options.unencrypted()).build());
        store.observe(() -> { });
        store.close();
      }
    } finally {
      over.set(true);
      storm.join();
    }
    assertEquals(0, Julu.liveHandles());
  }
}
