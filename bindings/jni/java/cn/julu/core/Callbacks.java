package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What native code calls. Nothing is thrown into it: where the call that is under way can fail, it does, and what was
 * thrown is its cause; where nothing can fail (progress, wake, log) the thread's uncaught-exception handler is told.
 */
final class Callbacks {
  private static final int DONE = 0;
  private static final int NOT_NOW = 1;
  private static final int FAILED = 2;

  /** What a callback of the call under way on this thread threw; that call fails next, on this thread, and takes it. */
  private static final ThreadLocal<Throwable> failure = new ThreadLocal<>();

  private Callbacks() {}

  @Nullable
  static Throwable takeFailure() {
    Throwable thrown = failure.get();
    failure.remove();
    return thrown;
  }

  private static void tellHandler(Throwable thrown) {
    try {
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
    } catch (Throwable ofTheHandler) {
      // As the JVM does with it.
    }
  }

  static final class Key {
    private final KeySource source;

    Key(@NonNull KeySource source) {
      this.source = source;
    }

    int ask(byte[] into) {
      byte[] key = null;
      try {
        key = source.key();
        if (key == null) {
          return NOT_NOW;
        }
        if (key.length != into.length) {
          throw new IllegalArgumentException("a key has " + into.length + " bytes, not " + key.length);
        }
        System.arraycopy(key, 0, into, 0, key.length);
        return DONE;
      } catch (Throwable thrown) {
        failure.set(thrown);
        return FAILED;
      }
    }
  }

  /** A photo on its way in. Native code reads the fields. */
  static final class PhotoIn {
    static final int PATH = 0;
    static final int DESCRIPTOR = 1;
    static final int STREAM = 2;

    final int source;
    final byte[] role;
    final byte[] path;
    final int descriptor;
    private final InputStream stream;

    PhotoIn(int source, byte[] role, byte[] path, int descriptor, InputStream stream) {
      this.source = source;
      this.role = role;
      this.path = path;
      this.descriptor = descriptor;
      this.stream = stream;
    }

    /** How many bytes; 0 at the end, -1 on failure. */
    int read(byte[] into) {
      try {
        int got = stream.read(into);
        if (got == 0) {
          // Some streams give nothing when they have nothing yet; one byte they have to wait for.
          int one = stream.read();
          into[0] = (byte) one;
          return one < 0 ? 0 : 1;
        }
        if (got > into.length) {
          throw new IOException("a stream that read more than it was asked to");
        }
        return Math.max(got, 0);
      } catch (Throwable thrown) {
        failure.set(thrown);
        return -1;
      }
    }
  }

  static final class PhotoOut {
    private final OutputStream stream;

    PhotoOut(@NonNull OutputStream stream) {
      this.stream = stream;
    }

    int write(byte[] part) {
      try {
        stream.write(part);
        return DONE;
      } catch (Throwable thrown) {
        failure.set(thrown);
        return FAILED;
      }
    }
  }

  static final class Progress {
    private final ProgressListener listener;

    Progress(@NonNull ProgressListener listener) {
      this.listener = listener;
    }

    void progress(long[] now) {
      try {
        listener.onProgress(new SyncProgress(now));
      } catch (Throwable thrown) {
        tellHandler(thrown);
      }
    }
  }

  static final class Wake {
    private final Runnable observer;

    Wake(@NonNull Runnable observer) {
      this.observer = observer;
    }

    void wake() {
      try {
        observer.run();
      } catch (Throwable thrown) {
        tellHandler(thrown);
      }
    }
  }

  static final class Log {
    private final LogListener listener;

    Log(@NonNull LogListener listener) {
      this.listener = listener;
    }

    void log(int level, byte[] line) {
      try {
        LogLevel[] levels = LogLevel.values();
        listener.onLine(levels[Math.min(Math.max(level, 0), levels.length - 1)], Text.string(line));
      } catch (Throwable thrown) {
        tellHandler(thrown);
      }
    }
  }

  private static final class Failure {
    final ErrorCode code;
    final Throwable cause;

    Failure(ErrorCode code, Throwable cause) {
      this.code = code;
      this.cause = cause;
    }
  }

  /** A transport of the host's, for one sync or one enrolment. */
  static class Host {
    private final Transport transport;
    private final Map<Long, TransportReply> waiting = new ConcurrentHashMap<>();
    private volatile Failure lastFailure;
    private volatile long handle;

    Host(@NonNull Transport transport) {
      this.transport = transport;
    }

    static Host open(@NonNull Transport transport) {
      Host host = new Host(transport);
      host.handle = Native.transportOpen(host);
      return host;
    }

    long handle() {
      return handle;
    }

    void close() {
      Native.transportClose(handle);
      for (Long request : waiting.keySet()) {
        cancel(request);
      }
    }

    /** What the transport threw, or said, when a request that was still waited for last failed so. */
    @Nullable
    Throwable takeFailure(@Nullable ErrorCode code) {
      Failure last = lastFailure;
      lastFailure = null;
      return last == null || last.code != code ? null : last.cause;
    }

    void fail(long request, @NonNull ErrorCode code, @Nullable Throwable cause) {
      if (waiting.remove(request) != null && cause != null) {
        lastFailure = new Failure(code, cause);
      }
      complete(request, 0, code.number(), null, null, 0);
    }

    void complete(long request, int status, int failure, byte[][] headers, byte[] body, long bodyBytesSent) {
      waiting.remove(request);
      try {
        Native.transportComplete(handle, request, status, failure, headers, body, bodyBytesSent);
      } catch (JuluException late) {
        if (late.code() != ErrorCode.CLOSED) {
          throw late;
        }
      }
    }

    int submit(long id, byte[] method, byte[] url, byte[][] headers, byte[] body, long replyBytesMax, long timeoutMs) {
      TransportReply reply = new TransportReply(this, id);
      waiting.put(id, reply);
      try {
        String[] words = new String[headers.length];
        for (int i = 0; i < words.length; ++i) {
          words[i] = Text.string(headers[i]);
        }
        transport.submit(
            new TransportRequest(Text.string(method), Text.string(url), words, body, replyBytesMax, timeoutMs), reply);
        return DONE;
      } catch (Throwable thrown) {
        if (waiting.remove(id) != null) {
          lastFailure = new Failure(ErrorCode.OFFLINE, thrown);
        }
        return ErrorCode.OFFLINE.number();
      }
    }

    void cancel(long id) {
      TransportReply reply = waiting.remove(id);
      try {
        if (reply != null) {
          reply.cancelled();
        }
      } catch (Throwable thrown) {
        tellHandler(thrown);
      }
    }
  }
}
