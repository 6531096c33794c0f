package cn.julu.core;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.rules.ExternalResource;
import org.junit.rules.TemporaryFolder;

/** A real platform process on loopback, for a test or for a class of them. */
final class County extends ExternalResource {
  private final TemporaryFolder folder = new TemporaryFolder();
  private Process process;
  private int port;
  private int workers = 412;

  @Override
  protected void before() throws IOException {
    folder.create();
    start();
  }

  @Override
  protected void after() {
    stop();
    folder.delete();
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  int port() {
    return port;
  }

  /** On the port that it had, when it had one. */
  void start() throws IOException {
    start(port == 0 ? "" : url());
  }

  /** `address`: what phones enrol at, when something stands before it. */
  void start(String address) throws IOException {
    process = command("serve", "--port", Integer.toString(port), "--address", address)
        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    InputStream out = process.getInputStream();
    String line = new BufferedReader(new InputStreamReader(out, StandardCharsets.UTF_8)).readLine();
    port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  void stop() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** An activation code of a worker whom nobody else has. */
  String code() throws Exception {
    String worker = "W-0" + workers++;
    give(worker, "130529104003");
    return run("add-code", "--worker", worker).trim();
  }

  /** The worker has this grid from now on, and every one whose code begins so. */
  void give(String worker, String grid) throws Exception {
    run("add-worker", "--worker", worker, "--name", "张三", "--role", "worker", "--grid", grid);
  }

  /** As from a backup of just now. */
  void restore() throws Exception {
    stop();
    run("new-epoch");
    start();
  }

  /** What it holds: ops, records, photos. */
  List<Map<String, Object>> dump(String type) throws Exception {
    List<Map<String, Object>> items = new ArrayList<>();
    for (String line : run("dump", "--json").split("\n")) {
      Map<String, Object> item = line.isEmpty() ? Map.of() : Json.object(line);
      if (type.equals(item.get("type"))) {
        items.add(item);
      }
    }
    return items;
  }

  private ProcessBuilder command(String... words) throws IOException {
    Path data = folder.getRoot().toPath().resolve("platform");
    Files.createDirectories(data);
    List<String> all = new ArrayList<>(
        Arrays.asList(System.getProperty("julu.juhaoban"), words[0], "--data", data.toString()));
    all.addAll(Arrays.asList(words).subList(1, words.length));
    return new ProcessBuilder(all);
  }

  private String run(String... words) throws Exception {
    return output(command(words).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  /** What a process prints until its end, which has to be a good one. */
  static String output(Process process) throws Exception {
    try (InputStream out = process.getInputStream()) {
      String text = new String(out.readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new AssertionError("ended with " + process.exitValue() + ": " + text);
      }
      return text;
    }
  }

  /** One of the photos of the demo. */
  static File photo(String name) {
    return new File(System.getProperty("julu.photos"), name + ".jpg");
  }
}
