package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.Rule;
import org.junit.Test;

/** What needs a JVM of its own. */
public final class ProcessTest extends FaceCase {
  @Rule public final County county = new County();

  /** `options` of the JVM, then "Child", then its words. */
  private static String child(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-cp",
        System.getProperty("java.class.path"), "-Dfile.encoding=UTF-8", "-Djulu.encrypted=" + Phone.ENCRYPTED,
        "-XX:+UseSerialGC"));
    for (String word : words) {
      command.add("Child".equals(word) ? Child.class.getName() : word);
    }
    return County.output(new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  private static String with_library() {
    return "-Djava.library.path=" + System.getProperty("java.library.path");
  }

  private File photos(int count, int bytes) throws Exception {
    File into = folder.newFolder();
    County.output(new ProcessBuilder(System.getProperty("julu.make_photos"), into.getPath(), Integer.toString(count),
        Integer.toString(bytes)).start());
    assertEquals(count, into.listFiles().length);
    return into;
  }

  @Test
  public void the_jar_carries_its_library_and_leaves_nothing_behind() throws Exception {
    File temporary = folder.newFolder();
    assertEquals(Julu.version(), child("-Xcheck:jni", "-Djava.library.path=" + temporary,
        "-Djava.io.tmpdir=" + temporary, "Child", "version"));
    assertEquals("[]", Arrays.toString(temporary.list((where, name) -> !name.startsWith("hsperfdata"))));
  }

  @Test
  public void the_smallest_shell_does_the_main_job() throws Exception {
    if (!Phone.ENCRYPTED) {
      return;
    }
    File root = folder.newFolder();
    List<String> command = List.of(System.getProperty("java.home") + "/bin/java", "-Xcheck:jni", "-Dfile.encoding=UTF-8",
        "-cp", System.getProperty("julu.jar") + ":" + System.getProperty("julu.shell"), "Shell", county.url(),
        county.code(), County.photo("ditch-01").getPath(), root.getPath());
    for (int reports = 1; reports <= 2; ++reports) {
      String said = County.output(new ProcessBuilder(command).start());
      assertTrue(said, said.contains("送达情况  DELIVERED  未上传 0 条"));
      assertFalse(said, said.contains("WARNING"));
      assertEquals(reports, county.dump("record").size());
    }
  }

  @Test
  public void a_process_ends_although_an_attached_thread_never_does() throws Exception {
    assertEquals("true",
        child("-Xcheck:jni", with_library(), "Child", "for-ever", Phone.enrol(county, root()).getPath()));
  }

  @Test
  public void sigpipe_at_its_default_ends_nothing_when_a_server_closes_in_the_middle_of_uploads() throws Exception {
    try (Wires.Cutting network = new Wires.Cutting(county.port())) {
      county.stop();
      county.start(network.url());
      File directory = Phone.enrol(network.url(), county.code(), root(), null);
      network.cutEvery(300_000);
      String[] said = child(with_library(), "Child", "sigpipe", directory.getPath(), photos(8, 300_000).getPath())
          .split(" ");
      assertTrue(said[0] + " cuts", Integer.parseInt(said[0]) >= 2);
      assertEquals("true", said[1]);
      // An upload that was cut before its address came back stays there, unfinished.
      assertEquals(8, county.dump("photo").stream().filter(one -> one.get("sha256").equals(one.get("sha256_actual")))
          .map(one -> one.get("sha256")).distinct().count());
    }
  }

  @Test
  public void two_hundred_photos_keep_native_memory_within_32_mb_of_idle() throws Exception {
    String[] said = child("-Xms48m", "-Xmx48m", "-XX:+AlwaysPreTouch", "-XX:TieredStopAtLevel=1", with_library(),
        "Child", "memory", Phone.enrol(county, root()).getPath(), photos(210, 300_000).getPath()).split(" ");
    System.out.println("200 photos of 300 KB: " + said[2] + " KB above idle");
    assertEquals("ALL_DELIVERED 200", said[0] + " " + said[1]);
    assertTrue(said[2], Long.parseLong(said[2]) <= 32 * 1024);
  }
}
