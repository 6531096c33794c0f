package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.Closeable;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Carries a store's queue to the platform and its changes back. Any method may be called on any thread; one run at a
 * time. Close it: what is not closed stays open until the process ends.
 */
public final class JuluSync implements Closeable {
  private final long handle;
  private final Callbacks.Host host;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final AtomicInteger users = new AtomicInteger(1); // runs, and one until closed
  private final Object turn = new Object();
  private Object current; // whose run is under way; under `turn`

  JuluSync(long handle, @Nullable Callbacks.Host host) {
    this.handle = handle;
    this.host = host;
  }

  /** Waits until the run ends, ten minutes at most. */
  @NonNull
  public SyncOutcome run() {
    return run(0, null);
  }

  /** Zero or less ends at once. On Android below API 26 this needs desugaring; `run(long, …)` does not. */
  @NonNull
  public SyncOutcome run(@NonNull Duration atMost) {
    return run(millis(atMost), null);
  }

  @NonNull
  public SyncOutcome run(@NonNull Duration atMost, @Nullable ProgressListener listener) {
    return run(millis(atMost), listener);
  }

  /**
   * Waits until the run ends. Offline is an outcome. What was delivered before an error or the deadline stays
   * delivered. `atMostMs` 0: ten minutes. Errors: SYNC_IN_PROGRESS, CLOSED, SUSPENDED, STORE_CORRUPT (then close the
   * store and open it), those of the disk.
   */
  @NonNull
  public SyncOutcome run(long atMostMs, @Nullable ProgressListener listener) {
    return run(atMostMs, listener, new Object());
  }

  private SyncOutcome run(long atMostMs, @Nullable ProgressListener listener, Object who) {
    begin(who);
    users.incrementAndGet();
    try {
      if (host != null) {
        host.takeFailure(null);
      }
      long[] ended = Native.syncRun(handle, atMostMs, listener == null ? null : new Callbacks.Progress(listener));
      Throwable cause = host == null ? null : host.takeFailure(ErrorCode.fromNumber((int) ended[1]));
      return new SyncOutcome(ended, cause);
    } finally {
      end(who);
      letGo();
    }
  }

  /** A second run is refused here already, so that a cancel finds no other than its own. */
  private void begin(Object who) {
    synchronized (turn) {
      if (current == null) {
        current = who;
      } else if (!closed.get()) {
        throw new JuluException(ErrorCode.SYNC_IN_PROGRESS, "", "", null);
      }
    }
  }

  private void end(Object who) {
    synchronized (turn) {
      if (current == who) {
        current = null;
      }
    }
  }

  private void cancel(Object who) {
    synchronized (turn) {
      if (current == who) {
        cancel();
      }
    }
  }

  /** A run on a thread of the executor's. Cancelling the future ends the run. */
  @NonNull
  public CompletableFuture<SyncOutcome> runAsync(@NonNull Duration atMost, @NonNull Executor executor,
      @Nullable ProgressListener listener) {
    return runAsync(millis(atMost), executor, listener);
  }

  /** The same in milliseconds. */
  @NonNull
  public CompletableFuture<SyncOutcome> runAsync(long atMostMs, @NonNull Executor executor,
      @Nullable ProgressListener listener) {
    if (executor == null) {
      throw JuluException.badArgument("executor", null);
    }
    Running running = new Running();
    executor.execute(() -> running.go(atMostMs, listener));
    return running;
  }

  /** Ends a run under way within a second; none: does nothing. */
  public void cancel() {
    Native.syncCancel(handle);
  }

  /** The network came or changed: what waits for its next attempt goes at once. */
  public void hint() {
    Native.syncHint(handle);
  }

  /** Ends a run under way first. Twice does nothing. */
  @Override
  public void close() {
    Native.syncClose(handle);
    if (!closed.getAndSet(true)) {
      letGo();
    }
  }

  // A transport that closes first would make a run that is being cancelled look offline.
  private void letGo() {
    if (users.decrementAndGet() == 0 && host != null) {
      host.close();
    }
  }

  private static long millis(Duration atMost) {
    if (atMost == null) {
      throw JuluException.badArgument("at_most", null);
    }
    try {
      return Math.max(1, atMost.toMillis()); // 0 is ten minutes to C
    } catch (ArithmeticException tooLong) {
      return atMost.isNegative() ? 1 : Long.MAX_VALUE;
    }
  }

  private final class Running extends CompletableFuture<SyncOutcome> {
    void go(long atMostMs, ProgressListener listener) {
      if (isDone()) {
        return;
      }
      try {
        complete(run(atMostMs, progress -> {
          // A cancel that came before the run had begun ended nothing; this does.
          if (isCancelled()) {
            stop();
          } else if (listener != null) {
            listener.onProgress(progress);
          }
        }, this));
      } catch (Throwable failed) {
        completeExceptionally(failed);
      }
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      boolean cancelled = super.cancel(mayInterruptIfRunning);
      if (cancelled) {
        stop();
      }
      return cancelled;
    }

    private void stop() {
      try {
        JuluSync.this.cancel(this);
      } catch (JuluException closed) {
        // Which has ended the run.
      }
    }
  }
}
