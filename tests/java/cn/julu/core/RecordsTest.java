package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.ClassRule;
import org.junit.Test;

public final class RecordsTest extends FaceCase {
  private static final String HARD = "村𠮷😀\u0000\u0001\"\\/\b\f\n\r\t\u007f\u2028\uffff é";

  @ClassRule public static final County county = new County();

  @Test
  public void text_comes_back_as_it_went() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      for (String text : List.of("𠮷", "😀", "a\u0000b", "é", "\uffff", "全角　空格")) {
        String id = store.capture(Incident.builder().category("drainage").text(text).build()).id();
        assertEquals(text, Incident.fromJson(store.get(id).body()).text());
      }
      String id = store.capture(Incident.builder().category("drainage").text(HARD).build()).id();
      assertEquals(HARD, Incident.fromJson(store.get(id).body()).text());
    }
  }

  @Test
  public void half_a_pair_of_surrogates_is_refused_and_not_replaced() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root())) {
      for (String half : List.of("\ud83d", "a\ude00", "\ud83dx", "\ude00\ud83d")) {
        fails(ErrorCode.TEXT_ENCODING, () -> store.capture("incident", half));
      }
      fails(ErrorCode.KIND_UNKNOWN, () -> store.capture("😀", "{}"));
    }
  }

  @Test
  public void what_a_schema_does_not_name_survives() {
    String json = "{\"category\":\"drainage\",\"text\":\"x\",\"place\":{\"text\":\"y\",\"floor\":3},"
        + "\"from_2027\":{\"a\":[1,true,null,\"z\"]}}";
    assertEquals(json, Incident.fromJson(json).toJson());
    Incident edited = Incident.fromJson(json).toBuilder().text("新").without("category").build();
    assertTrue(edited.toJson().contains("\"from_2027\":{\"a\":[1,true,null,\"z\"]}"));
    assertNull(edited.category());
    assertEquals(Long.valueOf(3), edited.place().number("floor"));
    assertEquals(Incident.fromJson(json), Incident.fromJson(json));
    assertNotEquals(Incident.fromJson(json), edited);
    assertFalse(edited.toString().contains("新"));
  }

  @Test
  public void each_type_of_field_is_written_and_read() {
    List<String> tags = new ArrayList<>(List.of("独居", "低保"));
    Household household = Household.builder().address("堤村乡").residentCount(3).povertyRelieved(true).tags(tags)
        .location(Location.builder().latE7(372_200_000).build()).build();
    tags.clear();
    Household again = Household.fromJson(household.toJson());
    assertEquals(household, again);
    assertEquals(List.of("独居", "低保"), again.tags());
    assertEquals(Long.valueOf(3), again.residentCount());
    assertEquals(Boolean.TRUE, again.povertyRelieved());
    assertEquals(Long.valueOf(372_200_000), again.location().latE7());
    assertNull(again.phone());
    assertEquals("household", again.kind());
    assertEquals("[]", Json.write(Visit.builder().build().personsMet()));
    assertEquals("person", Person.fromJson("{\"name\":\"张三\"}").kind());
  }

  @Test
  public void json_is_bounded_and_exact() {
    assertEquals(Long.valueOf(Long.MIN_VALUE), Json.parse(" -9223372036854775808 "));
    assertEquals("é𠮷/", Json.parse("\"\\u00e9\\ud842\\udfb7\\/\""));
    for (String wrong : List.of("", "{", "{\"a\"}", "[1,]", "[1 2]", "tru", "\"\n\"", "\"\\x\"", "\"\\u12g4\"", "01",
        "-", "+1", "1 1", "{\"a\":1,}", "\"", "\"\\u12\"", "1e", "{a:1}", "\"\\u\uff11234\"")) {
      fails(ErrorCode.JSON_SYNTAX, () -> Json.parse(wrong));
    }
    fails(ErrorCode.JSON_SYNTAX, () -> Json.object("[]"));
    fails(ErrorCode.NUMBER_RANGE, () -> Json.parse("1e99999999999"));
    assertEquals("[".repeat(33) + "]".repeat(33), Json.write(Json.parse("[".repeat(33) + "]".repeat(33))));
    fails(ErrorCode.TOO_DEEP, () -> Json.parse("[".repeat(34) + "]".repeat(34)));
    fails(ErrorCode.TOO_DEEP, () -> Json.parse("[".repeat(1_000_000)));
  }

  @Test
  public void a_number_that_is_no_long_spoils_no_page_and_is_written_back_as_it_came() {
    String body = "{\"address\":\"堤村\",\"resident_count\":37.5,\"measured\":[18446744073709551615,-0.25,1E+300]}";
    Record record = new Record(Json.objects("[{\"id\":\"a\",\"photos\":[],\"body\":" + body + ",\"version\":3}]").get(0));
    assertEquals(body, record.body());
    assertEquals(3, record.version());
    Household household = Household.fromJson(record.body());
    assertEquals("堤村", household.address());
    JuluException refused = fails(ErrorCode.NUMBER_RANGE, household::residentCount);
    assertEquals("/resident_count", refused.field());
    assertEquals(body.replace("堤村", "新"), household.toBuilder().address("新").build().toJson());
    fails(ErrorCode.NUMBER_RANGE, () -> Json.number(Json.object("{\"at_ms\":9223372036854775808}"), "at_ms"));
  }

  @Test
  public void each_code_has_its_number_and_its_sentences() {
    for (ErrorCode code : ErrorCode.values()) {
      assertEquals(code, ErrorCode.fromNumber(code.number()));
      assertFalse(code.message("/text", Lang.ZH).isEmpty());
      assertTrue(code.message("/text", Lang.EN).contains("/text"));
    }
    assertNull(ErrorCode.fromNumber(0));
    assertTrue(ErrorCode.OFFLINE.isRetryable());
    assertEquals("photo_format", ErrorCode.PHOTO_FORMAT.id());
    JuluException newer = JuluException.of(12345, new byte[0], "x".getBytes());
    assertEquals(ErrorCode.INTERNAL, newer.code());
    assertEquals("12345 x", newer.detail());
  }
}
