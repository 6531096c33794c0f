package cn.julu.core;

import java.io.File;
import java.nio.charset.StandardCharsets;

/** What the tests have in common of a phone: its key, and how it enrols and opens. */
final class Phone {
  /** False where the library was built on plain SQLite, which has no cipher. */
  static final boolean ENCRYPTED = Boolean.getBoolean("julu.encrypted");
  static final byte[] KEY = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  static final Incident INCIDENT = Incident.builder().category("drainage").text("村东头排水沟堵了").build();

  private Phone() {}

  static File enrol(County county, File root) throws Exception {
    return enrol(county.url(), county.code(), root, null);
  }

  static File enrol(String url, String code, File root, Transport transport) {
    EnrolOptions.Builder options = EnrolOptions.builder().platform(url).code(code).root(root)
        .consent(Consent.givenAt(System.currentTimeMillis())).transport(transport);
    return Julu.enrol((ENCRYPTED ? options.key(KEY) : options.unencrypted()).build()).directory();
  }

  static JuluStore open(File directory) {
    StoreOptions.Builder options = StoreOptions.builder().directory(directory);
    return JuluStore.open((ENCRYPTED ? options.key(KEY) : options.unencrypted()).build());
  }

  static JuluStore enrolled(County county, File root) throws Exception {
    return open(enrol(county, root));
  }
}
