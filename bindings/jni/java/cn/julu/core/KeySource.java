package cn.julu.core;

import androidx.annotation.Nullable;

/** Where the host keeps the key of the store. */
public interface KeySource {
  /**
   * The raw key of 32 bytes. Null while the keystore is locked: the call that asks fails as locked and can be tried
   * again. What is thrown becomes the cause of that call's failure. On the thread of that call.
   */
  @Nullable
  byte[] key() throws Exception;
}
