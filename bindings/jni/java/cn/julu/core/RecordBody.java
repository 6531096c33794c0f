package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Map;

/** What a record of some kind holds, typed by its schema. A kind that has no class goes as JSON text. */
public abstract class RecordBody extends Fields {
  RecordBody(@NonNull Map<String, Object> members) {
    super(members);
  }

  /** incident, household … */
  @NonNull
  public abstract String kind();
}
