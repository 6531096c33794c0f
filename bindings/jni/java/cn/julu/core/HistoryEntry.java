package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Map;

/** One line of what happened to a record. */
public final class HistoryEntry {
  private final long atMs;
  private final String what;
  private final String actor;
  private final String action;
  private final String state;
  private final String detail;
  private final String opId;
  private final String hash;
  private final String receiptKey;
  private final String standing;

  HistoryEntry(Map<String, Object> from) {
    atMs = Json.number(from, "at_ms");
    what = Json.string(from, "what");
    actor = Json.string(from, "actor");
    action = Json.string(from, "action");
    state = Json.string(from, "state");
    detail = Json.write(from.get("detail"));
    opId = Json.string(from, "op_id");
    hash = Json.string(from, "hash");
    receiptKey = Json.string(from, "receipt_key");
    standing = Json.string(from, "standing");
  }

  /** UTC milliseconds since 1970. */
  public long atMs() {
    return atMs;
  }

  /** create, patch, append, attach, delete, or pulled, given_up, resolved, removed. */
  @NonNull
  public String what() {
    return what;
  }

  /** For actions of others. */
  @NonNull
  public String actor() {
    return actor;
  }

  /** Of a case's step. */
  @NonNull
  public String action() {
    return action;
  }

  /** After that step. */
  @NonNull
  public String state() {
    return state;
  }

  /** JSON. */
  @NonNull
  public String detail() {
    return detail;
  }

  @NonNull
  public String opId() {
    return opId;
  }

  /** Of ours: the operation's hash. */
  @NonNull
  public String hash() {
    return hash;
  }

  /** Of ours: the key that signed for it; empty: no receipt yet. */
  @NonNull
  public String receiptKey() {
    return receiptKey;
  }

  /** Of ours: waiting, delivered, refused, replaced or given_up. */
  @NonNull
  public String standing() {
    return standing;
  }
}
