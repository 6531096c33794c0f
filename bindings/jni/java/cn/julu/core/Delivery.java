package cn.julu.core;

import androidx.annotation.NonNull;
import java.util.Locale;

/** How far a record has come. Derived from the platform's receipts and nothing else. */
public enum Delivery {
  /** Nothing of ours is on this record: it came from the platform. */
  NONE,
  /** Durable here, not yet receipted. */
  SAVED,
  /** Everything of ours, photos included, is covered by a receipt. */
  DELIVERED,
  /** The platform refused a part; Record.problem says why. `resend`, where need be after an edit, or `giveUp`. */
  PARKED,
  /** Receipted, but the platform was restored since: it is asked what it still holds. */
  CONFIRMING;

  static Delivery named(@NonNull String name) {
    for (Delivery one : values()) {
      if (one.word().equals(name)) {
        return one;
      }
    }
    return NONE; // a word of a newer library
  }

  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
