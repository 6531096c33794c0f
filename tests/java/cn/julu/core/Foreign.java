package cn.julu.core;

/** Threads, descriptors and signals as C makes them, of which the JVM knows nothing, and captures in C++. */
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

  /** The store in C++ itself, without julu.h between; 0 on an error. `key` may be null. */
  static native long plainOpen(String directory, byte[] key);

  /** So many captures in a loop of C++'s, all under `id` unless it is empty; nanoseconds in all, or -1. */
  static native long plainCaptures(long store, String kind, String body, String id, int count);

  static native void plainClose(long store);
}
