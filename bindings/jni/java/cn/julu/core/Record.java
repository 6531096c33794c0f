package cn.julu.core;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A record as it stands here: the platform's version with our pending edits on top. */
public final class Record {
  private final String id;
  private final String kind;
  private final String body;
  private final String title;
  private final String state;
  private final String stateTitleZh;
  private final String stateTitleEn;
  private final Delivery delivery;
  private final Problem problem;
  private final String problemText;
  private final boolean isDeleted;
  private final boolean isInConflict;
  private final long version;
  private final long capturedAtMs;
  private final long deliveredAtMs;
  private final List<RecordPhoto> photos;

  Record(Map<String, Object> from) {
    id = Json.string(from, "id");
    kind = Json.string(from, "kind");
    body = Json.write(from.get("body"));
    title = Json.string(from, "title");
    state = Json.string(from, "state");
    stateTitleZh = Json.string(from, "state_title_zh");
    stateTitleEn = Json.string(from, "state_title_en");
    delivery = Delivery.named(Json.string(from, "delivery"));
    problem = from.get("problem") == null ? null : new Problem(Json.asMap(from.get("problem")));
    problemText = Json.string(from, "problem_text");
    isDeleted = Json.flag(from, "deleted");
    isInConflict = Json.flag(from, "in_conflict");
    version = Json.number(from, "version");
    capturedAtMs = Json.number(from, "captured_at_ms");
    deliveredAtMs = Json.number(from, "delivered_at_ms");
    photos = photos(from.get("photos"));
  }

  @NonNull
  public String id() {
    return id;
  }

  /** incident, household … */
  @NonNull
  public String kind() {
    return kind;
  }

  /** A JSON object; Incident.fromJson and its like read it. Unmasked: mask fields with x-sensitive before showing. */
  @NonNull
  public String body() {
    return body;
  }

  /** One line for a list; what is sensitive is masked. */
  @NonNull
  public String title() {
    return title;
  }

  /** Of a case, with our own pending steps; else empty. */
  @NonNull
  public String state() {
    return state;
  }

  @NonNull
  public String stateTitleZh() {
    return stateTitleZh;
  }

  @NonNull
  public String stateTitleEn() {
    return stateTitleEn;
  }

  @NonNull
  public Delivery delivery() {
    return delivery;
  }

  /** Why a part was refused, when it was parked. */
  @Nullable
  public Problem problem() {
    return problem;
  }

  /** The platform's own words, when it gave some. */
  @NonNull
  public String problemText() {
    return problemText;
  }

  public boolean isDeleted() {
    return isDeleted;
  }

  public boolean isInConflict() {
    return isInConflict;
  }

  /** The platform's; 0: not seen. */
  public long version() {
    return version;
  }

  /** UTC milliseconds since 1970. */
  public long capturedAtMs() {
    return capturedAtMs;
  }

  /** The platform's time of the last receipt; 0: not delivered. */
  public long deliveredAtMs() {
    return deliveredAtMs;
  }

  @NonNull
  public List<RecordPhoto> photos() {
    return photos;
  }

  private static List<RecordPhoto> photos(Object value) {
    List<RecordPhoto> photos = new ArrayList<>();
    for (Object one : (List<?>) value) {
      photos.add(new RecordPhoto(Json.asMap(one)));
    }
    return Collections.unmodifiableList(photos);
  }
}
