package cn.julu.core;

import androidx.annotation.NonNull;

/** Hears how far a run has come. */
public interface ProgressListener {
  /** On the thread of the run, at most ten times a second. What it throws goes to that thread's handler. */
  void onProgress(@NonNull SyncProgress progress);
}
