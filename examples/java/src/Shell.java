import cn.julu.core.Consent;
import cn.julu.core.Device;
import cn.julu.core.Incident;
import cn.julu.core.Julu;
import cn.julu.core.JuluException;
import cn.julu.core.JuluStore;
import cn.julu.core.JuluSync;
import cn.julu.core.Lang;
import cn.julu.core.Photo;
import cn.julu.core.Record;
import cn.julu.core.Saved;
import cn.julu.core.SyncOutcome;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;

/**
 * The smallest shell in Java: enrols, saves one report with a photo, and carries it to the platform.
 *
 * <p>java -cp julu-core.jar:shell.jar Shell ADDRESS CODE PHOTO.jpg [FOLDER]
 */
public final class Shell {
  private Shell() {}

  public static void main(String[] words) throws IOException {
    if (words.length < 3) {
      System.err.println("用法：Shell 平台地址 激活码 照片.jpg [数据目录]");
      System.exit(64);
    }
    File root = new File(words.length > 3 ? words[3] : "julu-data");
    try {
      System.exit(report(words[0], words[1], new File(words[2]), root) ? 0 : 75);
    } catch (JuluException failed) {
      System.err.println(failed.message(Lang.ZH));
      System.exit(1);
    }
  }

  /** True when the platform has signed for the report and its photo. */
  private static boolean report(String platform, String code, File photo, File root) throws IOException {
    byte[] key = key(root);
    // Consent is asked for before anything goes out; here the user gave it by starting the program.
    File directory = Julu.enrolments(root).isEmpty()
        ? enrol(platform, code, root, key) : Julu.enrolments(root).get(0).directory();
    try (JuluStore store = JuluStore.open(directory, key)) {
      Saved saved = store.capture(
          Incident.builder().category("drainage").text("村东头排水沟堵了").build(), Photo.near(photo));
      System.out.println("已保存  事件 " + store.shortId(saved.id()) + "  照片 " + saved.photos().size() + " 张");
      try (JuluSync sync = store.sync(platform)) {
        SyncOutcome outcome = sync.run(Duration.ofSeconds(30), now ->
            System.err.println("  照片 " + now.photosDone() + "/" + now.photosTotal()));
        if (outcome.failure() != null) {
          System.out.println(outcome.failure().message(null, Lang.ZH));
        }
      }
      Record record = store.get(saved.id());
      System.out.println("送达情况  " + record.delivery() + "  未上传 " + store.status().unsentRecords() + " 条");
      return record.deliveredAtMs() != 0;
    }
  }

  private static File enrol(String platform, String code, File root, byte[] key) {
    Device device = Julu.enrol(platform, code, root, key, Consent.givenAt(Instant.now()));
    System.out.println("已登记：" + device.identity().worker());
    return device.directory();
  }

  /** A phone keeps the key in its keystore; this is a file, for an example only. */
  private static byte[] key(File root) throws IOException {
    Path path = Paths.get(root.getPath(), "key");
    if (!Files.exists(path)) {
      Files.createDirectories(path.getParent());
      byte[] key = new byte[32];
      new SecureRandom().nextBytes(key);
      Files.write(path, key);
    }
    return Files.readAllBytes(path);
  }
}
