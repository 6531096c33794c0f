package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.InputStream;

/**
 * A photo to take in: a JPEG, read during the call and not needed afterwards. At most 32 MB; what one call reads from
 * streams, FileDescriptors and bytes at most 128 MB together, a photo more is PHOTO_TOO_LARGE.
 */
public final class Photo {
  private final int source;
  private final String role;
  private final File file;
  private final int descriptor;
  private final InputStream stream;
  private final byte[] bytes;
  private boolean streamed;

  private Photo(int source, String role, File file, int descriptor, InputStream stream, byte[] bytes) {
    this.source = source;
    this.role = role;
    this.file = file;
    this.descriptor = descriptor;
    this.stream = stream;
    this.bytes = bytes;
  }

  /** The thing itself. */
  @NonNull
  public static Photo near(@NonNull File file) {
    return of("near", file);
  }

  /** Where it is. */
  @NonNull
  public static Photo far(@NonNull File file) {
    return of("far", file);
  }

  /** `role`: near, far, reference, handle_before, handle_after */
  @NonNull
  public static Photo of(@Nullable String role, @NonNull File file) {
    return new Photo(Callbacks.PhotoIn.PATH, role, file, -1, null, null);
  }

  /**
   * A regular file's number, as ParcelFileDescriptor.getFd() gives it: read from its start, stays open, its position
   * moves.
   */
  @NonNull
  public static Photo of(@Nullable String role, int descriptor) {
    return new Photo(Callbacks.PhotoIn.DESCRIPTOR, role, null, descriptor, null, null);
  }

  /** Read from where it stands; stays open. */
  @NonNull
  public static Photo of(@Nullable String role, @NonNull FileDescriptor descriptor) {
    return of(role, descriptor == null ? (InputStream) null : new FileInputStream(descriptor));
  }

  /**
   * Read to its end, once, on the thread of the call; stays open. What it throws is the cause of the failure. For a second
   * try, after whatever error, it takes a stream that stands at the start again: BAD_ARGUMENT otherwise.
   */
  @NonNull
  public static Photo of(@Nullable String role, @NonNull InputStream stream) {
    return new Photo(Callbacks.PhotoIn.STREAM, role, null, -1, stream, null);
  }

  @NonNull
  public static Photo of(@Nullable String role, @NonNull byte[] bytes) {
    return new Photo(Callbacks.PhotoIn.STREAM, role, null, -1, null, bytes);
  }

  /** Null in, null out: native code says which one it was. */
  @Nullable
  static Callbacks.PhotoIn[] in(@Nullable Photo[] photos) {
    if (photos == null) {
      return null;
    }
    Callbacks.PhotoIn[] in = new Callbacks.PhotoIn[photos.length];
    for (int i = 0; i < photos.length; ++i) {
      in[i] = photos[i] == null ? null : photos[i].in("/photos/" + i);
    }
    return in;
  }

  private Callbacks.PhotoIn in(String field) {
    InputStream from = bytes == null ? stream : new ByteArrayInputStream(bytes);
    if (source == Callbacks.PhotoIn.STREAM && from == null) {
      throw JuluException.badArgument(field, null);
    }
    if (stream != null && streamed) {
      throw JuluException.badArgument(field, new IllegalStateException("the stream was read before"));
    }
    streamed = true;
    return new Callbacks.PhotoIn(source, Text.bytes(role, field + "/role"), Text.bytes(file, field + "/path"),
        descriptor, from);
  }
}
