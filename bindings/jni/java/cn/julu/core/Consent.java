package cn.julu.core;

import androidx.annotation.NonNull;
import java.time.Instant;

/** That the worker has consented, and when. Nothing goes to the network before. */
public final class Consent {
  private final long atMs;

  private Consent(long atMs) {
    this.atMs = atMs;
  }

  /** In milliseconds since 1970, as System.currentTimeMillis() has them. */
  @NonNull
  public static Consent givenAt(long atMs) {
    return new Consent(atMs);
  }

  @NonNull
  public static Consent givenAt(@NonNull Instant at) {
    if (at == null) {
      throw JuluException.badArgument("consent", null);
    }
    try {
      return new Consent(at.toEpochMilli());
    } catch (ArithmeticException beyond) {
      throw JuluException.badArgument("consent", null);
    }
  }

  public long atMs() {
    return atMs;
  }
}
