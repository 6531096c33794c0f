package cn.julu.core;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Finds the native library: on a phone, and where java.library.path has it, by name; else the copy in the jar. */
final class Loader {
  private Loader() {}

  static void load() {
    try {
      System.loadLibrary("julu_jni");
    } catch (UnsatisfiedLinkError absent) {
      // One that is there and cannot be used must be heard of, not replaced.
      String said = String.valueOf(absent.getMessage());
      if (!said.contains("no julu_jni in") || !loadFromJar()) {
        throw absent;
      }
    }
  }

  private static boolean loadFromJar() {
    String machine = System.getProperty("os.arch", "");
    String name = "linux-" + ("amd64".equals(machine) ? "x86_64" : machine);
    try (InputStream in = Loader.class.getResourceAsStream("/native/" + name + "/libjulu_jni.so")) {
      if (in == null) {
        return false;
      }
      // A folder that only this user can write: nobody puts another library there in between.
      Path folder = Files.createTempDirectory("julu", PosixFilePermissions.asFileAttribute(
          PosixFilePermissions.fromString("rwx------")));
      File file = folder.resolve("libjulu_jni.so").toFile();
      try {
        Files.copy(in, file.toPath());
        System.load(file.getAbsolutePath());
      } finally {
        // Once it is loaded, its name is not needed any more.
        Files.deleteIfExists(file.toPath());
        Files.deleteIfExists(folder);
      }
      return true;
    } catch (IOException failed) {
      UnsatisfiedLinkError error = new UnsatisfiedLinkError("libjulu_jni.so could not be taken out of the jar");
      error.initCause(failed);
      throw error;
    }
  }
}
