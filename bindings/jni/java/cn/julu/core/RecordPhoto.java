package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Map;

/** A photo of a record. */
public final class RecordPhoto {
  private final String sha256;
  private final String role;
  private final String action;
  private final long lengthBytes;
  private final boolean here;
  private final boolean delivered;

  RecordPhoto(Map<String, Object> from) {
    sha256 = Json.string(from, "sha256");
    role = Json.string(from, "role");
    action = Json.string(from, "action");
    lengthBytes = Json.number(from, "length_bytes");
    here = Json.flag(from, "here");
    delivered = Json.flag(from, "delivered");
  }

  /** Its name: of the copy that is sent, 64 hexadecimal digits. */
  @NonNull
  public String sha256() {
    return sha256;
  }

  /** near, far, reference, handle_before, handle_after. */
  @NonNull
  public String role() {
    return role;
  }

  /** Id of the step that it belongs to; empty: the record itself. */
  @NonNull
  public String action() {
    return action;
  }

  public long lengthBytes() {
    return lengthBytes;
  }

  /** Its bytes are in this store. */
  public boolean here() {
    return here;
  }

  /** Ours and receipted, or the platform's own. */
  public boolean delivered() {
    return delivered;
  }
}
