// What the clerk's terminal does with text: widths, cuts, columns.
#include <catch2/catch_test_macros.hpp>

#include <console.h>
#include <exit_status.h>

using namespace julu::desk;
using julu::ErrorCode;

TEST_CASE("a terminal's columns are counted as Unicode has them: two for Chinese and emoji, none for combining marks") {
  CHECK(width("julu 7c31") == 9);
  CHECK(width("排水沟，堵了") == 12);
  CHECK(width("𠮷𰻝") == 4);
  for (const char* wide : {"🚀", "🛵", "⚡", "✅", "❌", "⭐", "☔", "🩺", "🫶", "🈚", "🟢", "﹖", "︙", "Ａ"}) {
    INFO(wide);
    CHECK(width(wide) == 2);
  }
  for (const char* narrow : {"·", "…", "é", "e\u0301", "☎", "✓", "\uFEFFa", "a\u200B", "①"}) {
    INFO(narrow);
    CHECK(width(narrow) == 1);
  }
  CHECK(width("\U00031350\U0001FAE9") == 4);  // newer than the library that is asked
  CHECK(width("") == 0);
}

TEST_CASE("text is filled up or cut to its columns, never in the middle of a wide character") {
  CHECK(padded("⚡停电", 8) == "⚡停电  ");
  CHECK(padded("⚡停电", 6) == "⚡停电");
  CHECK(padded("⚡停电", 3) == "⚡停电");
  CHECK(fitted("⚡停电", 6) == "⚡停电");
  CHECK(fitted("⚡停电", 5) == "⚡停…");
  CHECK(fitted("⚡停电", 4) == "⚡…");
  CHECK(fitted("🚀🚀🚀", 5) == "🚀🚀…");
}

TEST_CASE("what could steer a terminal is shown as a blank, and is as wide") {
  for (const char* text : {"a\x1B[2Jb", "a\nb", "a\u202Eb", "a\u2066b",
                           "a\xC2\x9B"
                           "b",
                           "a\xFF"
                           "b"}) {
    const std::string shown = fitted(text, 40);
    CHECK(width(shown) == width(text));
    CHECK(shown.find(' ') == 1);
    CHECK(shown.back() == 'b');
  }
  CHECK(fitted("\xE6\x8E", 40) == "  ");
}

TEST_CASE("columns of a table stand one below the other whatever is in them") {
  Table table({"字段", "我的", "摘要"});
  table.add({"情况", "⚡停电", "一"});
  table.add({"note", "✅ ok", "二"});
  CHECK(table.text() ==
        "字段  我的    摘要\n"
        "情况  ⚡停电  一\n"
        "note  ✅ ok   二\n");
}

TEST_CASE("long text is wrapped whole: Chinese anywhere, other words between blanks") {
  using Lines = std::vector<std::string>;
  CHECK(wrapped("排水沟堵了", 6) == Lines{"排水沟", "堵了"});
  CHECK(wrapped("排水沟堵了", 5) == Lines{"排水", "沟堵", "了"});
  CHECK(wrapped("see julu list", 9) == Lines{"see julu ", "list"});
  CHECK(wrapped("see julu", 7) == Lines{"see ", "julu"});
  CHECK(wrapped("0123456789", 4) == Lines{"0123", "4567", "89"});
  CHECK(wrapped("a\nb", 9) == Lines{"a b"});
  CHECK(wrapped("", 9) == Lines{""});
}

TEST_CASE("a table that is whole cuts no text of its last column and stays in the terminal") {
  Table table({"事项", "说明"});
  table.add({"办结", "已清淤疏通，恢复排水，谢谢反映，欢迎监督"});
  CHECK(table.whole(0) == "事项  说明\n办结  已清淤疏通，恢复排水，谢谢反映，欢迎监督\n");
  CHECK(table.whole(36) ==
        "事项  说明\n"
        "办结  已清淤疏通，恢复排水，谢谢反映\n"
        "      ，欢迎监督\n");
  CHECK(table.whole(20) ==
        "事项\n"
        "    说明\n"
        "办结\n"
        "    已清淤疏通，恢复\n"
        "    排水，谢谢反映，\n"
        "    欢迎监督\n");
}

TEST_CASE("a time is read as it is shown, in the county's time, and what is none is not read") {
  const std::int64_t shown = 1'795'140'125'000;
  CHECK(time_of(time_text(shown, true)) == shown);
  CHECK(time_of("2026-11-20 10:02") == shown - 5000);
  CHECK(time_of("2026-11-20") == 1'795'104'000'000);
  CHECK(time_of("2028-02-29 00:00").has_value());
  for (const char* none : {"", "1795140125000", "2026-11-20 1:00", "2026-02-29", "2026-13-01", "2026-11-20 24:00",
                           "2026-11-20 10:60", "2026-11-20T10:00", "2026/11/20", "昨天上午十点"}) {
    INFO(none);
    CHECK_FALSE(time_of(none).has_value());
  }
}

TEST_CASE("each class of error has the exit status that the desk's README says") {
  CHECK(exit_status(ErrorCode::ok) == 0);
  for (const auto code : {ErrorCode::offline, ErrorCode::bad_reply, ErrorCode::captive_portal, ErrorCode::app_too_old})
    CHECK(exit_status(code) == 69);
  CHECK(exit_status(ErrorCode::internal) == 70);
  CHECK(exit_status(ErrorCode::disk_full) == 73);
  for (const auto code : {ErrorCode::io, ErrorCode::store_corrupt}) CHECK(exit_status(code) == 74);
  for (const auto code : {ErrorCode::busy, ErrorCode::sync_in_progress}) CHECK(exit_status(code) == 75);
  for (const auto code : {ErrorCode::permission, ErrorCode::store_key, ErrorCode::consent_missing,
                          ErrorCode::unauthorized, ErrorCode::device_refused})
    CHECK(exit_status(code) == 77);
  for (const auto code : {ErrorCode::store_newer, ErrorCode::store_exists, ErrorCode::encryption_unavailable})
    CHECK(exit_status(code) == 78);
}

TEST_CASE("a sync that something was left of ends as it may be tried later, but for a full disk as that") {
  julu::SyncOutcome outcome;
  for (const auto end : {julu::SyncEnd::left, julu::SyncEnd::deadline}) {
    outcome.end = end;
    outcome.failure.reset();
    CHECK(exit_status(outcome) == 75);
    outcome.failure = julu::Error{ErrorCode::offline, {}, {}};
    CHECK(exit_status(outcome) == 75);
    outcome.failure = julu::Error{ErrorCode::disk_full, {}, {}};
    CHECK(exit_status(outcome) == 73);
  }
}

TEST_CASE("a table in a terminal too narrow for its columns goes on in further lines, none of them too long") {
  Table table({"编号", "种类", "时间", "状态", "摘要"});
  table.add({"7c31", "事件", "11-23 09:12", "已保存 · 未上传", "村东头排水沟堵了"});
  CHECK(table.text(60) ==
        "编号  种类  时间         状态             摘要\n"
        "7c31  事件  11-23 09:12  已保存 · 未上传  村东头排水沟堵了\n");
  CHECK(table.text(54) ==
        "编号  种类  时间         状态             摘要\n"
        "7c31  事件  11-23 09:12  已保存 · 未上传  村东头排水…\n");
  CHECK(table.text(40) ==
        "编号  种类  时间         状态\n"
        "    摘要\n"
        "7c31  事件  11-23 09:12  已保存 · 未上传\n"
        "    村东头排水沟堵了\n");
  CHECK(table.text(30) ==
        "编号  种类  时间\n"
        "    状态\n"
        "    摘要\n"
        "7c31  事件  11-23 09:12\n"
        "    已保存 · 未上传\n"
        "    村东头排水沟堵了\n");
  CHECK(table.text(12) ==
        "编号  种类\n"
        "    时间\n"
        "    状态\n"
        "    摘要\n"
        "7c31  事件\n"
        "    11-23 0…\n"
        "    已保存 …\n"
        "    村东头…\n");
  CHECK(table.whole(30).starts_with("编号  种类  时间\n    状态\n    摘要\n"));
}

TEST_CASE("cells that are empty take no line of their own in a terminal too narrow for the columns") {
  Table table({"时间", "事项", "经手", "之后状态", "说明"});
  table.add({"2026-11-23 09:12:05", "修改", "", "", "院里有狗"});
  table.add({"2026-11-23 09:12:05", "受理", "王", "已受理", ""});
  CHECK(table.whole(20) ==
        "时间\n"
        "    事项  经手\n"
        "    之后状态\n"
        "    说明\n"
        "2026-11-23 09:12:05\n"
        "    修改\n"
        "    院里有狗\n"
        "2026-11-23 09:12:05\n"
        "    受理  王\n"
        "    已受理\n");
  Table wide({"时间", "经手", "说明"});
  wide.add({"", "", ""});
  CHECK(wide.text() == "时间  经手  说明\n\n");
}

TEST_CASE("a last column that is short needs no line of its own") {
  Table table({"id", "n"});
  table.add({"0123456789", "5"});
  CHECK(table.text(14) == "id          n\n0123456789  5\n");
  CHECK(table.text(13) == table.text(14));
  CHECK(table.text(12) == "id\n    n\n0123456789\n    5\n");
  CHECK(table.whole(13) == table.text(13));
}
