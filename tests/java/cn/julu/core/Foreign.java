package cn.julu.core;

/** Threads, descriptors and signals as C makes them: the JVM knows nothing of them. */
final class Foreign {
  static {
    Native.liveHandles(); // first, so that both find one libjulu_jni
    System.loadLibrary("julu_java_test");
  }

  private Foreign() {}

  static native int openFile(String path);

  static native void closeFile(int descriptor);

  /** Captures on a new thread of C's, which ends; the code that the library gave. */
  static native int captureOnThread(long store, String kind, String body);

  /** The same, by a thread that then sleeps until the process ends. */
  static native int captureOnThreadForEver(long store, String kind, String body);

  static native void closeStoreOnThread(long store);

  /** As a C program has it, without the JVM's handler. */
  static native void defaultSigpipe();

  static native boolean sigpipeIsDefault();

  /** So many captures in a loop of C's, all under `id` unless it is empty; nanoseconds in all, or -1. */
  static native long timeCaptures(long store, String kind, String body, String id, int count);
}
