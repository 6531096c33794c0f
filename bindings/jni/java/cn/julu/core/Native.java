package cn.julu.core;

/**
 * What crosses to native code, and all of it: bindings/generate makes the table of registrations from this file. Text
 * is UTF-8, null is "not given", handles are the library's numbers. What fails throws JuluException.
 */
final class Native {
  /** The lowest julu_abi_version that these classes work with; looked at when the library is loaded. */
  static final int ABI = 2;

  static {
    Loader.load();
  }

  private Native() {}

  static native byte[] version();

  static native boolean isRetryable(int code);

  static native byte[] errorMessage(int code, byte[] field, int lang);

  static native int liveHandles();

  static native void setLog(Callbacks.Log log);

  static native byte[] enrol(byte[] platform, byte[] code, byte[] root, byte[] key, int flags, long consentAtMs,
      long atMostMs, long transport, byte[] caFile, byte[] pinnedKey);

  static native byte[] enrolments(byte[] root);

  static native long storeOpen(byte[] directory, byte[] key, Callbacks.Key source, int flags, int longEdgePx,
      int quality);

  static native void storeClose(long store);

  static native void storeSuspend(long store);

  static native void storeResume(long store, byte[] key);

  static native Saved storeCapture(long store, byte[] kind, byte[] body, Callbacks.PhotoIn[] photos, byte[] id);

  static native Saved storePatch(long store, byte[] id, byte[] body, Callbacks.PhotoIn[] photos);

  static native Saved storeAct(long store, byte[] id, byte[] action, byte[] body, Callbacks.PhotoIn[] photos);

  static native Saved storeAttach(long store, byte[] id, Callbacks.PhotoIn[] photos);

  static native Saved storeRemove(long store, byte[] id);

  static native void storeResend(long store, byte[] id);

  static native void storeGiveUp(long store, byte[] id);

  static native void storeResolve(long store, byte[] id, byte[] field, byte[] value);

  static native byte[] storeGet(long store, byte[] id);

  static native byte[] storeList(long store, byte[] filter);

  static native byte[] storeFindId(long store, byte[] shortId);

  static native byte[] storeShortId(long store, byte[] id);

  static native byte[] storeNewId(long store);

  static native byte[] storeHistory(long store, byte[] id);

  static native byte[] storeConflicts(long store);

  static native void storeReadPhoto(long store, byte[] sha256, byte[] path, Callbacks.PhotoOut out);

  static native byte[] storeThumbnail(long store, byte[] sha256);

  static native long[] storeStatus(long store);

  /** Fills in {next, more}. */
  static native byte[] storeChangesSince(long store, long token, int limit, long[] next);

  static native void storeObserve(long store, Callbacks.Wake wake);

  static native byte[] storeKinds(long store);

  static native byte[] storeSchema(long store, byte[] kind);

  static native byte[] storeCodes(long store, byte[] list);

  static native byte[] storeIdentity(long store);

  static native void storeMaintain(long store, long budgetMs);

  static native long syncOpen(long store, long transport, byte[] platform, byte[] caFile, byte[] pinnedKey);

  static native void syncClose(long sync);

  static native long[] syncRun(long sync, long atMostMs, Callbacks.Progress progress);

  static native void syncCancel(long sync);

  static native void syncHint(long sync);

  static native long transportOpen(Callbacks.Host host);

  /** `headers`: name, value, name, value …. */
  static native void transportComplete(long transport, long request, int status, int failure, byte[][] headers,
      byte[] body, long bodyBytesSent);

  static native void transportClose(long transport);
}
