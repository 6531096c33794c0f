package cn.julu.core;

import androidx.annotation.NonNull;

/**
 * A host's own way to the platform, in place of the library's. One object may serve several syncs, one after the other
 * or at once.
 */
public interface Transport {
  /**
   * Begins a request; the reply is told, from any thread, also before this returns. Follow no redirect, add no cookie;
   * when gzip is asked for, inflate the reply. On the thread of the run. What is thrown counts as offline and is the
   * cause of the outcome or of the failure.
   */
  void submit(@NonNull TransportRequest request, @NonNull TransportReply reply) throws Exception;
}
