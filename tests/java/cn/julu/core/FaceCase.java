package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import java.io.File;
import java.io.IOException;
import org.junit.After;
import org.junit.Rule;
import org.junit.function.ThrowingRunnable;
import org.junit.rules.TemporaryFolder;

/** Each test ends with nothing open. */
public abstract class FaceCase {
  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @After
  public void nothing_is_left_open() {
    assertEquals(0, Julu.liveHandles());
  }

  final File root() throws IOException {
    return folder.newFolder();
  }

  static JuluException fails(ErrorCode code, ThrowingRunnable call) {
    JuluException failed = assertThrows(JuluException.class, call);
    assertEquals(failed.toString(), code, failed.code());
    return failed;
  }
}
