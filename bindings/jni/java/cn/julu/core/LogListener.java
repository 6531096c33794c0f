package cn.julu.core;

import androidx.annotation.NonNull;

/** Hears the few lines for whoever looks after a phone: codes, counts, ids. */
public interface LogListener {
  /** On the thread that tells, which may be any. What it throws goes to that thread's handler. */
  void onLine(@NonNull LogLevel level, @NonNull String line);
}
