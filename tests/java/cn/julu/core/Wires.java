package cn.julu.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** Servers on loopback that behave as a test says. */
abstract class Wires implements AutoCloseable {
  private final ServerSocket listener;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();

  Wires() throws IOException {
    listener = new ServerSocket(0, 16, InetAddress.getByName("127.0.0.1"));
    spawn(() -> {
      for (;;) {
        Socket socket = listener.accept();
        sockets.add(socket);
        spawn(() -> serve(socket));
      }
    });
  }

  abstract void serve(Socket socket) throws IOException;

  final String url() {
    return "http://127.0.0.1:" + listener.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  final Socket keep(Socket socket) {
    sockets.add(socket);
    return socket;
  }

  interface Work {
    void run() throws IOException;
  }

  final void spawn(Work work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (IOException closed) {
        // The test is over, or the other side is.
      }
    });
    thread.setDaemon(true);
    thread.start();
  }

  /** Answers each connection's first request with what it was told to, or with silence. */
  static final class OneShot extends Wires {
    private final byte[] answer;
    volatile String asked;

    OneShot(byte[] answer) throws IOException {
      this.answer = answer;
    }

    OneShot(String answer) throws IOException {
      this(answer.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Override
    void serve(Socket socket) throws IOException {
      asked = request(socket.getInputStream());
      if (answer.length > 0) {
        socket.getOutputStream().write(answer);
        socket.close();
      }
    }

    private static String request(InputStream in) throws IOException {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      int wanted = Integer.MAX_VALUE;
      for (int one = in.read(); one >= 0; one = in.read()) {
        all.write(one);
        String text = all.toString(StandardCharsets.ISO_8859_1);
        if (one == 0x16 && all.size() == 1) {
          return text; // a TLS greeting has no end that is known here
        }
        if (wanted == Integer.MAX_VALUE && text.endsWith("\r\n\r\n")) {
          int at = text.toLowerCase().indexOf("content-length: ");
          wanted = all.size() + (at < 0 ? 0 : Integer.parseInt(text.substring(at + 16, text.indexOf('\r', at))));
        }
        if (all.size() >= wanted) {
          return text;
        }
      }
      return all.toString(StandardCharsets.ISO_8859_1);
    }
  }

  /** Stands before the platform, and cuts the connection that carries the n-th byte up from now on. */
  static final class Cutting extends Wires {
    private final int port;
    private final AtomicLong left = new AtomicLong(Long.MAX_VALUE);
    private volatile long next = Long.MAX_VALUE;

    Cutting(int port) throws IOException {
      this.port = port;
    }

    void cutAfter(long bytes) {
      left.set(bytes);
    }

    /** The same again and again. */
    void cutEvery(long bytes) {
      next = bytes;
      left.set(bytes);
    }

    @Override
    void serve(Socket phone) throws IOException {
      Socket platform = keep(new Socket("127.0.0.1", port));
      spawn(() -> pass(platform, phone, false));
      pass(phone, platform, true);
    }

    private void pass(Socket from, Socket to, boolean up) throws IOException {
      byte[] part = new byte[4096];
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      try {
        for (int got = in.read(part); got >= 0; got = in.read(part)) {
          if (up && left.addAndGet(-got) < 0) {
            left.set(next);
            break;
          }
          out.write(part, 0, got);
        }
      } finally {
        from.close();
        to.close();
      }
    }
  }
}
