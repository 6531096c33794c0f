package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.Closeable;
import java.io.File;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * The store of one worker on this phone, in one encrypted file. Any method may be called on any thread. Whatever fails
 * throws JuluException, and nothing was written then. Close it: what is not closed stays open until the process ends.
 */
public final class JuluStore implements Closeable {
  private final long handle;

  private JuluStore(long handle) {
    this.handle = handle;
  }

  /** `key`: 32 bytes. */
  @NonNull
  public static JuluStore open(@NonNull File directory, @NonNull byte[] key) {
    return open(StoreOptions.builder().directory(directory).key(key).build());
  }

  /** Asks for the key now, and again at `resume`. */
  @NonNull
  public static JuluStore open(@NonNull File directory, @NonNull KeySource keySource) {
    return open(StoreOptions.builder().directory(directory).keySource(keySource).build());
  }

  /**
   * Brings an older file up to date first. Errors: STORE_MISSING, STORE_KEY, LOCKED, STORE_CORRUPT, STORE_NEWER,
   * ENCRYPTION_UNAVAILABLE, PERMISSION, BUSY, DISK_FULL, IO. STORE_CORRUPT from any call: close the store and open it,
   * which sets the file aside and saves what can be read (Status.salvagedAtMs); `resume` does not.
   */
  @NonNull
  public static JuluStore open(@NonNull StoreOptions options) {
    if (options == null) {
      throw JuluException.badArgument("options", null);
    }
    return new JuluStore(Native.storeOpen(Text.bytes(options.directory, "directory"), options.key,
        options.keySource == null ? null : new Callbacks.Key(options.keySource),
        options.unencrypted ? Julu.UNENCRYPTED : 0, options.photoLongEdgePx, options.photoQuality));
  }

  /** Safe at any time, also during a call on another thread, which ends as usual. Twice does nothing. */
  @Override
  public void close() {
    Native.storeClose(handle);
  }

  /**
   * For an app that goes to sleep: ends the syncs, waits for the calls under way, lets go of the file. Of `readPhoto`
   * and `maintain` it waits for the piece that they are at, and they end there as SUSPENDED. Until `resume`, what needs
   * the file throws SUSPENDED; `identity`, `kinds`, `schema`, `observe` and `sync` do not. Errors: BUSY from a callback
   * of a run of this store, and when such a callback does not return within 5 seconds; the run ends all the same.
   */
  public void suspend() {
    Native.storeSuspend(handle);
  }

  /** With the key source that the store was opened with. Errors: as `open`; it mends no damaged file. */
  public void resume() {
    Native.storeResume(handle, null);
  }

  public void resume(@NonNull byte[] key) {
    Native.storeResume(handle, key);
  }

  /** The first record of a report. When this returns, record and photos are durable, together. */
  @NonNull
  public Saved capture(@NonNull RecordBody record, @NonNull Photo... photos) {
    return captureAs(null, record, photos);
  }

  /** The same of any kind; `body` is a JSON object of its schema. */
  @NonNull
  public Saved capture(@NonNull String kind, @NonNull String body, @NonNull Photo... photos) {
    return captureAs(null, kind, body, photos);
  }

  /** A UUID of version 7 (RFC 9562) for `captureAs`, by the store's clock; nothing is written. */
  @NonNull
  public String newId() {
    return Text.string(Native.storeNewId(handle));
  }

  /**
   * Under an id of `newId`, or another UUID of version 7 of the caller's own, so that it may ask again after it died:
   * the same content gives the first answer, other content ID_CONFLICT. Lists and their pages go by the time in it.
   */
  @NonNull
  public Saved captureAs(@Nullable String id, @NonNull RecordBody record, @NonNull Photo... photos) {
    if (record == null) {
      throw JuluException.badArgument("record", null);
    }
    return captureAs(id, record.kind(), record.toJson(), photos);
  }

  @NonNull
  public Saved captureAs(@Nullable String id, @NonNull String kind, @NonNull String body, @NonNull Photo... photos) {
    return Native.storeCapture(handle, Text.bytes(kind, "kind"), Text.bytes(body, "body"), Photo.in(photos),
        Text.bytes(id, "id"));
  }

  /**
   * Changes fields of a document by a JSON merge patch (RFC 7396: a member that is left out stays, null takes one away),
   * and adds photos; durable. Errors: RECORD_UNKNOWN, RECORD_DELETED (these two in `act`, `attach` and `remove` too),
   * SHAPE_MISMATCH for another kind.
   */
  @NonNull
  public Saved patch(@NonNull String id, @NonNull String mergePatch, @NonNull Photo... photos) {
    return Native.storePatch(handle, Text.bytes(id, "id"), Text.bytes(mergePatch, "body"), Photo.in(photos));
  }

  /**
   * A step of a case; `body` is JSON with the note and what the flow asks; durable. Errors: STEP_NOT_ALLOWED,
   * SHAPE_MISMATCH.
   */
  @NonNull
  public Saved act(@NonNull String id, @NonNull String action, @Nullable String body, @NonNull Photo... photos) {
    return Native.storeAct(handle, Text.bytes(id, "id"), Text.bytes(action, "action"), Text.bytes(body, "body"),
        Photo.in(photos));
  }

  /** Adds photos to any record; durable. Errors: BAD_ARGUMENT ("/photos") without one. */
  @NonNull
  public Saved attach(@NonNull String id, @NonNull Photo... photos) {
    return Native.storeAttach(handle, Text.bytes(id, "id"), Photo.in(photos));
  }

  /** Deletes a document; durable. Errors: SHAPE_MISMATCH for another kind. */
  @NonNull
  public Saved remove(@NonNull String id) {
    return Native.storeRemove(handle, Text.bytes(id, "id"));
  }

  /** Sends again what the platform refused, as it stands now; durable. Errors: RECORD_UNKNOWN. */
  public void resend(@NonNull String id) {
    Native.storeResend(handle, Text.bytes(id, "id"));
  }

  /**
   * Gives up for good what the platform refused of a record, the photos that came with it, and the later steps of a
   * case; the history keeps it. Later edits go on without it; a record that the county never took or has deleted is
   * shown as deleted. Durable. Errors: RECORD_UNKNOWN.
   */
  public void giveUp(@NonNull String id) {
    Native.storeGiveUp(handle, Text.bytes(id, "id"));
  }

  /** Null when there is none. */
  @Nullable
  public Record get(@NonNull String id) {
    byte[] found = Native.storeGet(handle, Text.bytes(id, "id"));
    return found.length == 0 ? null : new Record(Json.object(Text.string(found)));
  }

  /** The newest 50. */
  @NonNull
  public List<Record> list() {
    return list(null);
  }

  /** Newest first, by the time in the ids (UUIDs of version 7). */
  @NonNull
  public List<Record> list(@Nullable Filter filter) {
    List<Record> records = new ArrayList<>();
    byte[] found = Native.storeList(handle, filter == null ? null : Text.bytes(filter.json(), "filter"));
    for (Map<String, Object> one : Json.objects(Text.string(found))) {
      records.add(new Record(one));
    }
    return records;
  }

  /** The one record whose id ends with `shortId`, 4 characters or more. Errors: RECORD_UNKNOWN, BAD_ARGUMENT. */
  @NonNull
  public String findId(@NonNull String shortId) {
    return Text.string(Native.storeFindId(handle, Text.bytes(shortId, "short_id")));
  }

  @NonNull
  public String shortId(@NonNull String id) {
    return Text.string(Native.storeShortId(handle, Text.bytes(id, "id")));
  }

  /** Oldest first. */
  @NonNull
  public List<HistoryEntry> history(@NonNull String id) {
    List<HistoryEntry> entries = new ArrayList<>();
    for (Map<String, Object> one : Json.objects(Text.string(Native.storeHistory(handle, Text.bytes(id, "id"))))) {
      entries.add(new HistoryEntry(one));
    }
    return entries;
  }

  @NonNull
  public List<ConflictField> conflicts() {
    List<ConflictField> fields = new ArrayList<>();
    for (Map<String, Object> one : Json.objects(Text.string(Native.storeConflicts(handle)))) {
      fields.add(new ConflictField(one));
    }
    return fields;
  }

  /**
   * A person's choice: `value` (JSON; null: absent) becomes the field's value, by a patch; durable. Errors:
   * RECORD_UNKNOWN ("/field" when it is in no conflict), and those of `patch`.
   */
  public void resolve(@NonNull String id, @NonNull String field, @Nullable String value) {
    Native.storeResolve(handle, Text.bytes(id, "id"), Text.bytes(field, "field"), Text.bytes(value, "value"));
  }

  /** Into a new file of this user's alone, which is removed again on failure. Errors: as below. */
  public void readPhoto(@NonNull String sha256, @NonNull File file) {
    Native.storeReadPhoto(handle, Text.bytes(sha256, "sha256"), Text.bytes(file, "path"), null);
  }

  /**
   * Errors: PHOTO_UNKNOWN; SUSPENDED, in the middle too; CANCELLED when the stream threw, which is the cause. The stream
   * stays open.
   */
  public void readPhoto(@NonNull String sha256, @NonNull OutputStream stream) {
    if (stream == null) {
      throw JuluException.badArgument("stream", null);
    }
    Native.storeReadPhoto(handle, Text.bytes(sha256, "sha256"), null, new Callbacks.PhotoOut(stream));
  }

  /**
   * A JPEG of at most 8 KB, derived when first asked for; empty for a photo that decodes no further than its header.
   * Errors: PHOTO_UNKNOWN.
   */
  @NonNull
  public byte[] thumbnail(@NonNull String sha256) {
    return Native.storeThumbnail(handle, Text.bytes(sha256, "sha256"));
  }

  @NonNull
  public Status status() {
    return new Status(Native.storeStatus(handle));
  }

  /**
   * Records to ask for again; one that `get` does not find any more has left the worker's scope. Begin with 0 and go on
   * with Changes.token, which stays good for as long as the store is there: keep it with identity().device(), and begin
   * anew when that is another one.
   */
  @NonNull
  public Changes changesSince(long token) {
    return changesSince(token, 0);
  }

  /** `limit`: 1 to 500; 0: 200. */
  @NonNull
  public Changes changesSince(long token, int limit) {
    long[] next = new long[2];
    return new Changes(Text.string(Native.storeChangesSince(handle, token, limit, next)), next);
  }

  /**
   * After each commit, of a sync's own notes too, on the thread that committed; then ask `changesSince`. Null ends it.
   * What the observer throws goes to that thread's uncaught-exception handler.
   */
  public void observe(@Nullable Runnable observer) {
    Native.storeObserve(handle, observer == null ? null : new Callbacks.Wake(observer));
  }

  /** Those built in and those that the platform sent. */
  @NonNull
  public List<String> kinds() {
    return Collections.unmodifiableList(Json.strings(Json.parse(Text.string(Native.storeKinds(handle)))));
  }

  /** The kind's JSON Schema. Errors: KIND_UNKNOWN. */
  @NonNull
  public String schema(@NonNull String kind) {
    return Text.string(Native.storeSchema(handle, Text.bytes(kind, "kind")));
  }

  /**
   * A code list that a schema names with x-codes, as the platform sent it or built in: JSON, {"id", "version",
   * "source", "title_zh", "items": [{"code", "zh", "en"}, …]}, of which a platform's may lack all but id and each item's
   * code. Lists are open: a record may hold a code that is in none. Errors: CODES_UNKNOWN.
   */
  @NonNull
  public String codes(@NonNull String list) {
    return Text.string(Native.storeCodes(handle, Text.bytes(list, "list")));
  }

  @NonNull
  public Identity identity() {
    return new Identity(Json.object(Text.string(Native.storeIdentity(handle))));
  }

  /**
   * Upkeep while the host is idle; stops within the budget; but the first of a boot reads every row first (a quarter of
   * a second for 10,000 records). Errors: STORE_CORRUPT (then close and open), SUSPENDED, those of the disk.
   */
  public void maintain(long budgetMs) {
    Native.storeMaintain(handle, budgetMs);
  }

  /** To where the device was enrolled. */
  @NonNull
  public JuluSync sync() {
    return sync(SyncOptions.builder().build());
  }

  /** `platform`: where the device was enrolled; see SyncOptions. */
  @NonNull
  public JuluSync sync(@Nullable String platform) {
    return sync(SyncOptions.builder().platform(platform).build());
  }

  /** The store goes on living as long as a sync of it is open. */
  @NonNull
  public JuluSync sync(@NonNull SyncOptions options) {
    if (options == null) {
      throw JuluException.badArgument("options", null);
    }
    Callbacks.Host host = options.transport == null ? null : Callbacks.Host.open(options.transport);
    try {
      long sync = Native.syncOpen(handle, host == null ? 0 : host.handle(), Text.bytes(options.platform, "platform"),
          Text.bytes(options.caFile, "ca_file"), Text.bytes(options.pinnedKey, "pinned_key"));
      return new JuluSync(sync, host);
    } catch (JuluException failed) {
      if (host != null) {
        host.close();
      }
      throw failed;
    }
  }
}
