package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What was saved: durable, with its photos. */
public final class Saved {
  private static final int NAME_CHARS = 64;

  private final String id;
  private final long capturedAtMs;
  private final long photoBytes;
  private final List<String> photos;

  /** Called by native code; `photos` holds one name after the other. */
  Saved(byte[] id, long capturedAtMs, long photoBytes, byte[] photos) {
    this.id = Text.string(id);
    this.capturedAtMs = capturedAtMs;
    this.photoBytes = photoBytes;
    List<String> names = new ArrayList<>();
    String all = Text.string(photos);
    for (int at = 0; at + NAME_CHARS <= all.length(); at += NAME_CHARS) {
      names.add(all.substring(at, at + NAME_CHARS));
    }
    this.photos = Collections.unmodifiableList(names);
  }

  /** Of the record. */
  @NonNull
  public String id() {
    return id;
  }

  /** UTC milliseconds since 1970. */
  public long capturedAtMs() {
    return capturedAtMs;
  }

  /** Of the copies that are sent. */
  public long photoBytes() {
    return photoBytes;
  }

  /** SHA-256 of the copies that are sent, in order. */
  @NonNull
  public List<String> photos() {
    return photos;
  }
}
