package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * The library itself: enrolment, and what concerns the whole process. Any method may be called on any thread. Whatever
 * fails throws JuluException.
 */
public final class Julu {
  static final int UNENCRYPTED = 1;

  private Julu() {}

  /**
   * Makes this phone known to the platform, once; waits for the network, a minute at most. A lost reply costs nothing:
   * ask again with the same code and the same key; what was begun under another key is thrown away. A worker of this
   * platform who is here already goes on with the same store: it becomes the new device, also while it is open, and
   * what is unsent goes under that one. So a device that was revoked, or that a restore made unknown, asks with a new
   * code. Errors: CONSENT_MISSING, ENROLMENT_REFUSED, OFFLINE, CAPTIVE_PORTAL, TLS, LIMITED, SERVER, BAD_REPLY,
   * TOO_LARGE, APP_TOO_OLD, ENCRYPTION_UNAVAILABLE, BUSY (another enrolment is on its way in this root),
   * SYNC_IN_PROGRESS (that store is being synced: ask again), STORE_KEY (that store has another key; nothing was
   * touched, and under the right key it takes another code; where that key is gone for good, move the store's directory
   * out of the root and ask again), STORE_NEWER, BAD_ARGUMENT, those of the disk.
   */
  @NonNull
  public static Device enrol(@NonNull String platform, @NonNull String code, @NonNull File root, @NonNull byte[] key,
      @NonNull Consent consent) {
    return enrol(EnrolOptions.builder().platform(platform).code(code).root(root).key(key).consent(consent).build());
  }

  /** The same with more to choose. */
  @NonNull
  public static Device enrol(@NonNull EnrolOptions options) {
    if (options == null) {
      throw JuluException.badArgument("options", null);
    }
    Callbacks.Host host = options.transport == null ? null : Callbacks.Host.open(options.transport);
    try {
      return new Device(Json.object(Text.string(Native.enrol(Text.bytes(options.platform, "platform"),
          Text.bytes(options.code, "code"), Text.bytes(options.root, "root"), options.key,
          options.unencrypted ? UNENCRYPTED : 0, options.consent == null ? 0 : options.consent.atMs(),
          options.atMostMs, host == null ? 0 : host.handle(), Text.bytes(options.caFile, "ca_file"),
          Text.bytes(options.pinnedKey, "pinned_key")))));
    } catch (JuluException failed) {
      Throwable cause = host == null ? null : host.takeFailure(failed.code());
      if (cause != null && failed.getCause() == null) {
        failed.initCause(cause);
      }
      throw failed;
    } finally {
      if (host != null) {
        host.close();
      }
    }
  }

  /** The same on a thread of the executor's. */
  @NonNull
  public static CompletableFuture<Device> enrolAsync(@NonNull EnrolOptions options, @NonNull Executor executor) {
    if (executor == null) {
      throw JuluException.badArgument("executor", null);
    }
    return CompletableFuture.supplyAsync(() -> enrol(options), executor);
  }

  /** Who is on this phone, without opening a store. */
  @NonNull
  public static List<Enrolled> enrolments(@NonNull File root) {
    List<Enrolled> enrolled = new ArrayList<>();
    for (Map<String, Object> one : Json.objects(Text.string(Native.enrolments(Text.bytes(root, "root"))))) {
      enrolled.add(new Enrolled(one));
    }
    return enrolled;
  }

  /** "0.1.0". */
  @NonNull
  public static String version() {
    return Text.string(Native.version());
  }

  /** Null ends it. */
  public static void setLog(@Nullable LogListener listener) {
    Native.setLog(listener == null ? null : new Callbacks.Log(listener));
  }

  /** How many stores, syncs and transports are open. */
  static int liveHandles() {
    return Native.liveHandles();
  }
}
