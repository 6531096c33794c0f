// init, sync, status, maintain: the way to the platform and the state of things.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>

#include <fmt/format.h>

#include <julu/enrol.h>
#include <julu/enrolment.h>
#include <julu/limits.h>
#include <julu/syncer.h>

#include "commands.h"
#include "console.h"
#include "exit_status.h"
#include "form.h"
#include "interrupt.h"

namespace julu::desk {
namespace {

struct InitOptions {
  std::string platform, code, ca_file;
};

struct SyncCommand {
  bool once = false;
  int seconds = 120;
  std::string ca_file;
};

std::string joined(const Session& session, const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : comma(session.lang)) + word;
  return text;
}

std::string names_of(const Session& session, const std::vector<Enrolled>& all) {
  std::vector<std::string> names;
  for (const Enrolled& one : all) names.push_back(one.worker);
  return joined(session, names);
}

bool is_plain_and_away(std::string_view platform) {
  constexpr std::string_view kHttp = "http://";
  if (!platform.starts_with(kHttp)) return false;
  const std::string_view host = platform.substr(kHttp.size());
  return !host.starts_with("127.") && !host.starts_with("localhost") && !host.starts_with("[::1]");
}

Result<void> ca_file_there(const Session& session, const std::string& path) {
  return path.empty() ? Result<void>() : file_there(session, "--ca-file", path);
}

int fail_to_enrol(const Session& session, const Error& error, const std::string& platform) {
  if (error.field == "/platform" && error.detail == "proof-refused") {
    return session.fail(error, "--platform",
                        session.pick("平台不认这个地址，请照通知上的写法填写。",
                                     "The platform goes by another address: give it as it was handed out."));
  }
  if (error.field == "/platform" && is_plain_and_away(platform)) {
    return session.fail(error, "--platform",
                        session.pick("平台地址要用 https://，http:// 只能用于这台电脑自己。",
                                     "It has to be https://; http:// is for this computer itself alone."));
  }
  if (error.field == "/platform") {
    return session.fail(error, "--platform",
                        session.pick("平台地址要写全，如 https://juhaoban.example；端口不超过 65535。",
                                     "A whole address, such as https://platform.example; no port above 65535."));
  }
  if (error.code == ErrorCode::bad_argument && error.field == "/code") {
    return session.fail(error, "--code",
                        session.pick("激活码像 7F3K-92QM-X4HT-6PWD 这样。", "A code looks like 7F3K-92QM-X4HT-6PWD."));
  }
  if (error.code == ErrorCode::store_key && error.field == "key") {
    return session.fail(
        error, "--key-file " + short_path(session.key_path()),
        session.pick("这位的数据已在这台电脑上，用的是另一个密钥：请用 --key-file 指定，并换一个激活码再登记。",
                     "This worker's data is here under another key: name it with --key-file, and enrol "
                     "with another code."));
  }
  if (error.code == ErrorCode::sync_in_progress) {
    return session.fail(
        error, "",
        session.pick("同步结束后，请用同一个激活码再登记。", "When it has ended, enrol with the same code."));
  }
  std::string workers;
  if (const auto all = enrolments(session.root()); all && error.code == ErrorCode::enrolment_refused)
    workers = names_of(session, *all);
  return session.fail(
      error, error.field == "/code" ? "--code" : "",
      workers.empty() ? std::string() : session.fill("这台电脑已登记过 {}。", "{} is enrolled here already.", workers));
}

int init(Session& session, const InitOptions& wanted) {
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto there = ca_file_there(session, wanted.ca_file); !there) return session.fail(there.error());
  const auto here = enrolments(session.root());
  if (!here) return session.fail(here.error());
  if (!here->empty()) {
    session.note(session.fill("这台电脑已登记过 {}。", "Enrolled here already: {}.", names_of(session, *here)));
  }
  std::map<std::string, std::size_t> set_aside;  // beside each store that was here
  for (const Enrolled& one : *here) set_aside[one.directory] = session.set_aside(one.directory).size();
  const auto key = session.key(true);
  if (!key) return session.fail(key.error());
  EnrolOptions options;
  options.platform = wanted.platform;
  options.code = wanted.code;
  options.root = session.root();
  options.key = *key;
  options.ca_file = wanted.ca_file;
  options.consent_at_ms = system_clock().now_ms();  // running init is the consent; --help says so
  const auto device = enrol(options);
  if (!device) return fail_to_enrol(session, device.error(), wanted.platform);
  const Identity& who = device->identity;
  const bool known = set_aside.contains(device->directory);
  const bool goes_on = known && set_aside[device->directory] == session.set_aside(device->directory).size();
  session.note_set_aside(device->directory);
  if (!here->empty() && !known) {
    session.note(
        session.fill("现在登记了不止一位，以后每条命令都要写 --worker（或设 JULU_WORKER）；这次登记的是 --worker {}",
                     "More than one is enrolled now: every command wants --worker (or JULU_WORKER); this one "
                     "is --worker {}",
                     std::filesystem::path(device->directory).filename().string()));
  }
  if (session.json) {
    session.print_json(Json{{"worker", who.worker},
                            {"name", who.name},
                            {"role", who.role},
                            {"device", who.device},
                            {"grids", who.grids},
                            {"grid_names", who.grid_names},
                            {"platform", who.platform},
                            {"directory", device->directory}});
    return 0;
  }
  const std::string name = clean_line(who.name.empty() ? who.worker : who.name);
  const std::string grids = clean_line(joined(session, who.grid_names));
  const std::string place = short_path(device->directory);
  if (session.lang == Lang::zh) {
    session.print(fmt::format("已登记：{}{}。{} {}", name, grids.empty() ? "" : "（" + grids + "）",
                              goes_on ? "原有数据接着用，在" : "数据保存在", place));
  } else {
    session.print(fmt::format("Enrolled: {}{}. {} {}", name, grids.empty() ? "" : " (" + grids + ")",
                              goes_on ? "It goes on with the data in" : "Data is kept in", place));
  }
  return 0;
}

std::string progress_text(const Session& session, const SyncProgress& now, std::int64_t elapsed_ms) {
  std::string text = session.lang == Lang::zh
                         ? fmt::format("  文字 {}/{} · 缩略图 {}/{} · 照片 {}/{}", now.ops_done, now.ops_total,
                                       now.thumbnails_done, now.thumbnails_total, now.photos_done, now.photos_total)
                         : fmt::format("  text {}/{} · thumbnails {}/{} · photos {}/{}", now.ops_done, now.ops_total,
                                       now.thumbnails_done, now.thumbnails_total, now.photos_done, now.photos_total);
  if (now.bytes_total == 0) return text;
  text += fmt::format("  {:.1f}/{:.1f} MB", static_cast<double>(now.bytes_done) / 1e6,
                      static_cast<double>(now.bytes_total) / 1e6);
  if (elapsed_ms >= 500) text += "  " + bytes_text(now.bytes_done * 1000 / elapsed_ms) + "/s";
  return text;
}

const char* end_name(SyncEnd end) {
  switch (end) {
    case SyncEnd::all_delivered: return "all_delivered";
    case SyncEnd::left: return "left";
    case SyncEnd::deadline: return "deadline";
    case SyncEnd::cancelled: return "cancelled";
    case SyncEnd::sign_in: return "sign_in";
    case SyncEnd::device_refused: return "device_refused";
    case SyncEnd::app_too_old: return "app_too_old";
  }
  return "unknown";
}

// Sums are of all runs of this command, the rest is the last run's.
void add(SyncOutcome& sum, const SyncOutcome& run) {
  SyncOutcome next = run;
  next.ops_delivered += sum.ops_delivered;
  next.photos_sent += sum.photos_sent;
  next.photo_bytes_sent += sum.photo_bytes_sent;
  next.records_changed += sum.records_changed;
  next.requests += sum.requests;
  next.push_requests += sum.push_requests;
  sum = next;
}

bool failed_for(const SyncOutcome& outcome, std::initializer_list<ErrorCode> codes) {
  return outcome.failure && std::find(codes.begin(), codes.end(), outcome.failure->code) != codes.end();
}

// "平台无应答，稍后自动重试（2 秒后）。已保存的内容不会丢失。" Without `wait_ms` nobody tries again by itself.
std::string failure_text(const Session& session, Store& store, const SyncOutcome& outcome,
                         std::optional<std::int64_t> wait_ms) {
  // The library's sentence speaks to who has just entered something.
  if (failed_for(outcome, {ErrorCode::disk_full})) {
    return session.pick(
        "存储空间不足，同步没有做完。已保存的内容不会丢失，不必重新登记；清理空间后请再运行 julu sync。",
        "The disk is full, and the sync is not done. What was saved is safe and need not be entered "
        "again: free some space, then run `julu sync` again.");
  }
  const auto status = store.status();
  std::string text =
      outcome.failure ? std::string(sentence(outcome.failure->code, session.lang))
      : outcome.ops_left + outcome.photos_left > 0
          ? session.pick("还有未上传的内容，稍后自动重试。", "Something is left; trying again later.")
      : status && status->confirming
          ? session.pick("平台恢复过备份，还要核对它有哪些内容，稍后自动重试。",
                         "The platform was restored and has yet to be asked what it still holds; trying again later.")
          : session.pick("同步没有做完，稍后自动重试。", "The sync is not done; trying again later.");
  if (outcome.failure && outcome.failure->code == ErrorCode::device_refused) {
    text +=
        session.pick("已保存的都在：管理员重新启用这台设备，或用新的激活码运行 julu init 之后，julu sync 就接着上传。",
                     " What was saved is safe: once the administrator admits the device again, or after `julu init` "
                     "with a new code, `julu sync` goes on with it.");
  }
  if (outcome.end == SyncEnd::sign_in) {
    text += session.pick("拿到新的激活码，运行 julu init，再 julu sync 就接着上传。",
                         " With a new activation code, run `julu init`; `julu sync` goes on then.");
  }
  const std::string later = session.pick("稍后自动重试", "trying again later");
  const std::size_t at = text.find(later);
  const std::int64_t seconds = wait_ms ? (*wait_ms + 999) / 1000 : 0;
  if (at == std::string::npos) return text;
  std::string instead = session.pick("请稍后再运行 julu sync", "run `julu sync` again later");
  if (wait_ms) {
    instead = session.lang == Lang::zh ? fmt::format("{}（{} 秒后）", later, seconds)
                                       : fmt::format("trying again in {} s", seconds);
  }
  return text.replace(at, later.size(), instead);
}

// Empty: nothing was. Where no record is complete yet, or only what was saved during the sync, operations are counted.
std::string delivered_text(const Session& session, const SyncOutcome& outcome, std::int64_t records) {
  if (records == 0 && outcome.ops_delivered == 0) return {};
  std::string text;
  if (records == 0)
    text = session.fill("已送达 {} 项内容", outcome.ops_delivered == 1 ? "Delivered {} item" : "Delivered {} items",
                        outcome.ops_delivered);
  if (records > 0)
    text = session.fill("已送达 {} 条", records == 1 ? "Delivered {} record" : "Delivered {} records", records);
  text += session.pick("，均有平台回执", ", each with the platform's receipt");
  // A photo may belong to a record that has no receipt yet.
  if (records > 0 && outcome.photos_sent > 0)
    text += session.fill("；上传照片 {} 张", outcome.photos_sent == 1 ? "; {} photo sent" : "; {} photos sent",
                         outcome.photos_sent);
  return text;
}

int say_outcome(const Session& session, Store& store, const SyncOutcome& outcome, std::int64_t records_delivered) {
  const auto status = store.status();
  const std::int64_t unsent = status ? status->unsent_records : 0;
  const std::int64_t conflicts = status ? status->conflicts : 0;
  if (session.json) {
    Json line{{"end", end_name(outcome.end)},
              {"records_delivered", records_delivered},
              {"ops_delivered", outcome.ops_delivered},
              {"ops_left", outcome.ops_left},
              {"ops_parked", outcome.ops_parked},
              {"photos_sent", outcome.photos_sent},
              {"photos_left", outcome.photos_left},
              {"photo_bytes_sent", outcome.photo_bytes_sent},
              {"records_changed", outcome.records_changed},
              {"requests", outcome.requests},
              {"unsent", unsent},
              {"conflicts", conflicts},
              {"failure", outcome.failure ? Json(std::string(name(outcome.failure->code))) : Json(nullptr)}};
    if (outcome.next_attempt_ms) line["next_attempt_ms"] = *outcome.next_attempt_ms;
    session.print_json(line);
    return exit_status(outcome);
  }
  std::string text = delivered_text(session, outcome, records_delivered);
  if (text.empty())
    text = unsent > 0 ? session.pick("还没有送达", "Nothing delivered yet")
                      : session.pick("没有要上传的内容", "Nothing to upload");
  session.print(text + session.fill("      未上传 {} 条", "      {} not uploaded", unsent));
  if (outcome.records_changed > 0)
    session.print(session.pick("记录有变化，见 julu list", "Records have changed: julu list"));
  if (outcome.ops_parked > 0) {
    session.note(session.fill("有 {} 项未被平台接受，见 julu list --unsent",
                              "{} refused by the platform: julu list --unsent", outcome.ops_parked));
  }
  if (conflicts > 0) {
    session.note(session.fill("有 {} 个字段两边都改过，见 julu conflicts",
                              "fields changed on both sides: {}, see julu conflicts", conflicts));
  }
  return exit_status(outcome);
}

bool nobody_answered(const SyncOutcome& outcome) {
  return failed_for(outcome, {ErrorCode::offline, ErrorCode::captive_portal, ErrorCode::tls});
}

// How long to wait after so many runs in a row that nobody answered. The library waits ever longer then, from one
// command to the next too; a person who looks on does not, and is told of it less and less often.
std::int64_t wait_after(const SyncOutcome& outcome, std::int64_t now_ms, int unanswered) {
  const std::int64_t next = outcome.next_attempt_ms.value_or(now_ms + limits::backoff_base_ms);
  const std::int64_t wait = std::max<std::int64_t>(next - now_ms, 0);
  if (unanswered == 0) return wait;
  return limits::backoff_base_ms << std::min(unanswered - 1, 3);
}

// One run after another until nothing is left, the time is up, or only a person can help.
Result<SyncOutcome> run_all(const Session& session, Store& store, Syncer& syncer, const Stopping& stopping,
                            const SyncCommand& wanted) {
  using std::chrono::milliseconds;
  ProgressLine line(!session.json);
  SyncOutcome sum;
  bool was_full = false;
  int unanswered = 0;
  const std::int64_t until = store.clock().monotonic_ms() + std::int64_t{wanted.seconds} * 1000;
  for (;;) {
    const std::int64_t begun = store.clock().monotonic_ms();
    SyncOptions options;
    options.at_most = milliseconds(std::max<std::int64_t>(until - begun, 1));
    options.progress = [&](const SyncProgress& now) {
      line.show(progress_text(session, now, store.clock().monotonic_ms() - begun));
    };
    JULU_TRY(const SyncOutcome outcome, syncer.run(options));
    add(sum, outcome);
    line.clear();
    if (stopping.asked() && outcome.end == SyncEnd::left) sum.end = SyncEnd::cancelled;
    if (sum.end != SyncEnd::left) return sum;
    // The upkeep that a run ends with may have made room; a disk that is full again is a person's.
    const bool full = failed_for(outcome, {ErrorCode::disk_full});
    unanswered = nobody_answered(outcome) ? unanswered + 1 : 0;
    const std::int64_t wait = wait_after(outcome, store.clock().now_ms(), unanswered);
    const bool again = !wanted.once && !(full && was_full) && store.clock().monotonic_ms() + wait < until;
    if (!full || !again)
      session.note(failure_text(session, store, outcome, again ? std::optional(wait) : std::nullopt));
    if (!again) return sum;
    was_full = full;
    if (!stopping.wait_ms(wait)) {
      sum.end = SyncEnd::cancelled;
      return sum;
    }
    if (unanswered > 0) JULU_CHECK(syncer.hint());
  }
}

// What has yet to go, by its ids: what another process saves or gives up meanwhile is neither delivered nor a failure.
Result<std::vector<std::string>> unsent_ids(Store& store) {
  std::vector<std::string> ids;
  JULU_TRY(const Status status, store.status());
  if (status.unsent_records == 0) return ids;
  Filter filter;
  filter.limit = limits::page_rows_max;
  filter.deleted_too = true;
  JULU_CHECK(each_record(store, filter, [&](const Record& record) {
    if (record.delivery == Delivery::saved || record.delivery == Delivery::parked) ids.push_back(record.id);
    return static_cast<std::int64_t>(ids.size()) < status.unsent_records;
  }));
  return ids;
}

std::int64_t count_delivered(Store& store, const std::vector<std::string>& ids) {
  return std::count_if(ids.begin(), ids.end(), [&](const std::string& id) {
    const auto record = store.get(id);
    return record && *record &&
           ((*record)->delivery == Delivery::delivered || (*record)->delivery == Delivery::confirming);
  });
}

// A sync that broke off: first what has arrived all the same, so that nobody enters it again.
int fail_broken_off(const Session& session, Store& store, const Error& error,
                    const std::vector<std::string>& unsent_before) {
  if (const auto status = store.status()) {
    const std::int64_t delivered = count_delivered(store, unsent_before);
    if (session.json) {
      session.print_json(Json{{"end", "failed"}, {"records_delivered", delivered}, {"unsent", status->unsent_records}});
    } else {
      session.print(session.fill("同步中断：已送达 {} 条，未上传 {} 条。未上传的都保存在本机，不必重新登记。",
                                 "The sync broke off: delivered {}, {} not uploaded. These are saved here and need not "
                                 "be entered again.",
                                 delivered, status->unsent_records));
    }
  }
  return session.fail(error);
}

int sync(Session& session, const SyncCommand& wanted) {
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto there = ca_file_there(session, wanted.ca_file); !there) return session.fail(there.error());
  const auto opened = session.open();
  if (!opened) return session.fail(opened.error());
  Store& store = **opened;
  const auto transport =
      curl_transport({.platform = store.identity().platform, .ca_file = wanted.ca_file, .pinned_key = {}});
  if (transport == nullptr) return session.fail(ErrorCode::internal, {});
  Syncer syncer(store, *transport);
  const auto before = unsent_ids(store);
  if (!before) return session.fail(before.error());
  // A person who types this wants it now, whatever was to be waited for.
  if (const auto hinted = syncer.hint(); !hinted) return fail_broken_off(session, store, hinted.error(), *before);
  const Stopping stopping([&] { syncer.cancel(); });
  auto outcome = run_all(session, store, syncer, stopping, wanted);
  if (!outcome && outcome.error().code == ErrorCode::sync_in_progress) return session.fail(outcome.error());
  if (!outcome) return fail_broken_off(session, store, outcome.error(), *before);
  if (outcome->end == SyncEnd::cancelled)
    session.note(session.pick("已停止。已保存的内容不会丢失。", "Stopped. What was saved is safe."));
  if (outcome->end == SyncEnd::deadline || outcome->end == SyncEnd::sign_in ||
      outcome->end == SyncEnd::device_refused || outcome->end == SyncEnd::app_too_old) {
    session.note(failure_text(session, store, *outcome, std::nullopt));
  }
  return say_outcome(session, store, *outcome, count_delivered(store, *before));
}

int status(Session& session) {
  return with_store(session, [&](Store& store) {
    const auto now = store.status();
    if (!now) return session.fail(now.error());
    const Identity who = store.identity();
    if (session.json) {
      Json line{{"worker", who.worker},
                {"device", who.device},
                {"platform", who.platform},
                {"records", now->records},
                {"unsent_records", now->unsent_records},
                {"unsent_ops", now->unsent_ops},
                {"parked_ops", now->parked_ops},
                {"unsent_photos", now->unsent_photos},
                {"unsent_photo_bytes", now->unsent_photo_bytes},
                {"conflicts", now->conflicts},
                {"last_sync_ms", now->last_sync_ms},
                {"confirming", now->confirming},
                {"low_disk", now->low_disk}};
      if (now->salvage) {
        line["salvage"] = {{"at_ms", now->salvage->at_ms},
                           {"ops", now->salvage->ops},
                           {"ops_unreadable", now->salvage->ops_unreadable},
                           {"photos_lost", now->salvage->photos_lost}};
      }
      if (const auto kept = session.set_aside(); !kept.empty()) line["set_aside"] = kept;
      if (now->next_attempt_ms) line["next_attempt_ms"] = *now->next_attempt_ms;
      session.print_json(line);
      return 0;
    }
    const auto row = [&](const char* label_zh, const char* label_en, const std::string& text) {
      session.print(padded(session.pick(label_zh, label_en), 12) + "  " + clean_line(text));
    };
    row("登记人", "worker",
        fmt::format("{} {}", who.name.empty() ? who.worker : who.name, joined(session, who.grid_names)));
    row("平台", "platform", who.platform);
    row("记录", "records", session.fill("{} 条", "{}", now->records));
    row("未上传", "not uploaded",
        session.fill("{} 条，照片 {} 张（{}）", "{}; photos: {} ({})", now->unsent_records, now->unsent_photos,
                     bytes_text(now->unsent_photo_bytes)));
    row("未被接受", "refused", session.fill("{} 项", "{}", now->parked_ops));
    row("冲突", "conflicts", session.fill("{} 个字段", "{}", now->conflicts));
    row("上次同步", "last sync", time_text(now->last_sync_ms, true));
    if (now->confirming)
      session.note(
          session.pick("平台曾从备份恢复，正在复核已送达的内容；缺少的会自动重新上传。",
                       "The platform was restored from a backup: what was delivered is being confirmed, and what is "
                       "missing goes again by itself."));
    if (now->salvage) {
      session.note(
          session.fill("数据文件损坏过（{}）：已另存原文件并修复，救回未送达的操作 {} 项。",
                       "The data file was damaged ({}): it was set aside and mended. Operations saved that were not "
                       "delivered yet: {}.",
                       time_text(now->salvage->at_ms, true), now->salvage->ops));
    }
    if (now->low_disk)
      session.note(session.pick("存储空间不足，请清理。", "The disk is nearly full: free some space."));
    return 0;
  });
}

int maintain(Session& session, int seconds) {
  return with_store(session, [&](Store& store) {
    const auto done = store.maintain(std::chrono::seconds(seconds));
    if (!done) return session.fail(done.error());
    if (session.json) session.print_json(Json{{"maintained", true}});
    if (!session.json) session.print(session.pick("已整理。", "Done."));
    return 0;
  });
}

}  // namespace

void add_sync_commands(CLI::App& app, Session& session) {
  auto wanted = std::make_shared<InitOptions>();
  CLI::App* command = app.add_subcommand(
      "init", session.pick("登记这台电脑（只做一次）。运行它即表示同意：登记的内容加密保存在本机，并只发送给所填的平台",
                           "enrol this computer, once. Running it is your consent: what you enter is kept encrypted "
                           "here and sent to that platform alone"));
  command->add_option("--platform", wanted->platform, session.pick("平台地址", "address of the platform"))->required();
  command->add_option("--code", wanted->code, session.pick("乡镇中心给的激活码", "activation code from the township"))
      ->required();
  command->add_option("--ca-file", wanted->ca_file,
                      session.pick("平台证书的 CA 文件（PEM）", "CA file for the platform's certificate (PEM)"));
  command->callback([&session, wanted] { session.job = [&session, wanted] { return init(session, *wanted); }; });

  auto sync_wanted = std::make_shared<SyncCommand>();
  command = app.add_subcommand("sync", session.pick("同步：上传，取回结果；连不上会等一会儿再试",
                                                    "upload and fetch results, trying again for a while"));
  command->add_flag("--once", sync_wanted->once, session.pick("只试一次", "try once"));
  command->add_option("--for", sync_wanted->seconds, session.pick("最多用多少秒（默认 120）", "seconds at most (120)"))
      ->check(CLI::Range(1, 86'400));
  command->add_option("--ca-file", sync_wanted->ca_file,
                      session.pick("平台证书的 CA 文件（PEM）", "CA file for the platform's certificate (PEM)"));
  command->callback(
      [&session, sync_wanted] { session.job = [&session, sync_wanted] { return sync(session, *sync_wanted); }; });

  command = app.add_subcommand("status", session.pick("还有多少没上传", "what is not uploaded yet"));
  command->callback([&session] { session.job = [&session] { return status(session); }; });

  auto seconds = std::make_shared<int>(10);
  command = app.add_subcommand("maintain", session.pick("空闲时整理数据", "upkeep while idle"));
  command->add_option("--for", *seconds, session.pick("最多用多少秒（默认 10）", "seconds at most (10)"))
      ->check(CLI::Range(1, 3600));
  command->callback([&session, seconds] { session.job = [&session, seconds] { return maintain(session, *seconds); }; });
}

}  // namespace julu::desk
