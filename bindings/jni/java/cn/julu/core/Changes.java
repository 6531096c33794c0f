package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Collections;
import java.util.List;

/** Which records to ask for again. */
public final class Changes {
  private final List<String> records;
  private final long token;
  private final boolean more;

  Changes(String ids, long[] next) {
    records = Collections.unmodifiableList(Json.strings(Json.parse(ids)));
    token = next[0];
    more = next[1] != 0;
  }

  /** Ids, oldest change first. */
  @NonNull
  public List<String> records() {
    return records;
  }

  /** For the next call. */
  public long token() {
    return token;
  }

  /** There is more to ask for now. */
  public boolean hasMore() {
    return more;
  }
}
