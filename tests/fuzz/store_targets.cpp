// The phone's store: its file altered byte by byte, and replies of a platform applied to it.
#include <algorithm>
#include <vector>

#include <julu/inbox.h>
#include <julu/outbox.h>

#include "phone.h"
#include "target.h"
#include "wire.h"
#include "wire_json.h"

namespace julu::fuzz {
namespace {

// Places of text in the file: most of its bytes are photos, indexes and empty room.
const std::vector<std::size_t>& texts_of(const std::string& file) {
  static const auto places = [&] {
    constexpr std::size_t kRun = 6;
    std::vector<std::size_t> found;
    for (std::size_t i = 0, run = 0; i < file.size(); ++i) {
      run = file[i] >= 0x20 && file[i] < 0x7F ? run + 1 : 0;
      if (run == kRun) {
        for (std::size_t back = kRun; back > 0; --back) found.push_back(i + 1 - back);
      }
      if (run > kRun) found.push_back(i);
    }
    return found;
  }();
  return places;
}

// The first value of a JSON member after `place`, when it is a text, becomes a value of another type and equal length.
void retype(std::string& file, std::size_t place, std::size_t type) {
  const std::size_t begin = file.find(":\"", place);
  const std::size_t end = begin == std::string::npos ? begin : file.find('"', begin + 2);
  if (end == std::string::npos) return;
  const std::size_t length = end - begin;
  std::string value(length, ' ');
  if (type == 0) value.assign(length, '7');
  if (type == 1) value.front() = '[', value.back() = ']';
  if (type == 2) value.front() = '{', value.back() = '}';
  if (type == 3 && length >= 4) value.replace(0, 4, "null");
  file.replace(begin + 1, length, value);
}

// An input is a list of edits: three bytes of place, one of length, and the bytes that go there. A place is one of the
// file's or, with its first bit set, of its texts; with its second bit set, too, a value there gets another type.
std::string edited(std::string file, std::string_view edits) {
  constexpr std::size_t kHead = 4;
  const auto& texts = texts_of(file);
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(edits[i])); };
  while (edits.size() >= kHead) {
    const bool in_text = byte(0) >= 0x80;
    const bool retyped = byte(0) >= 0xC0;
    const std::size_t number = (byte(0) & 0x3F) << 16 | byte(1) << 8 | byte(2);
    const std::size_t place = in_text ? texts[number % texts.size()] : number % file.size();
    const std::size_t length = retyped ? 0 : std::min({byte(3), edits.size() - kHead, file.size() - place});
    if (retyped) {
      retype(file, place, byte(3) % 4);
    } else {
      file.replace(place, length, edits.substr(kHead, length));
    }
    edits.remove_prefix(kHead + length);
  }
  // What is left over cuts the file.
  if (!edits.empty()) file.resize(file.size() - file.size() * byte(0) / 256);
  return file;
}

// A page is taken whatever its checksum, and a push reply gets the receipt that its results ask for: both are in the
// power of a platform.
void apply_page(Store& store, wire::Json& reply) {
  const wire::Json* changes = wire::find(reply, "changes");
  if (changes == nullptr || !changes->is_array()) return;
  std::string lines;
  for (const wire::Json& row : *changes) {
    lines +=
        wire::text(row, "id").value_or("") + ":" + std::to_string(wire::integer(row, "version").value_or(0)) + "\n";
  }
  reply["checksum"] = hex(sha256(lines));
  const auto page = wire::decode_pull(reply.dump());
  if (succeeded(page)) static_cast<void>(succeeded(Inbox(store).apply(*page)));
}

void apply_results(Store& store, const Phone& phone, wire::Json& reply) {
  wire::Json* results = reply.contains("results") ? &reply["results"] : nullptr;
  if (results == nullptr || !results->is_array()) return;
  Outbox outbox(store);
  auto ops = outbox.next_ops(results->size(), 1 << 20);
  if (!succeeded(ops)) return;
  // However many are named, as many as there are come; each result is of the op in its place.
  while (results->size() > ops->size()) results->erase(results->size() - 1);
  ops->resize(std::min(ops->size(), results->size()));
  for (std::size_t i = 0; i < ops->size(); ++i) {
    if ((*results)[i].is_object()) (*results)[i]["op_id"] = (*ops)[i].op_id.text();
  }
  const auto decoded = wire::decode_push(reply.dump(), *ops);
  if (!succeeded(decoded)) return;
  const Receipt receipt = phone.county.sign(store.identity().device, *ops, decoded->results, decoded->epoch);
  static_cast<void>(succeeded(outbox.settle(*ops, decoded->results, receipt, decoded->holds)));
}

}  // namespace

void store_file(std::string_view input) {
  Phone& phone = Phone::instance();
  phone.lay(edited(phone.file(), input));
  const auto store = phone.open();
  // A file that breaks SQLite's own rules may break any invariant. It must not break the process.
  const auto any = [](const Error& error) { require(name(error.code) != "unknown", "every error has a name"); };
  if (store) {
    ask_all(**store, phone, any);
  } else {
    any(store.error());
  }
}

// Parts: replies of pull, push and reconcile, in the order in which they come.
void applied_replies(std::string_view input) {
  Phone& phone = Phone::instance();
  phone.lay(phone.file());
  const auto store = phone.open();
  require(succeeded(store), "a sound store opens");
  for (const auto part : parts(input)) {
    std::string text(part);
    for (std::size_t i = 0; i < phone.records.size(); ++i)
      text = replaced(text, "$" + std::to_string(i), phone.records[i]);
    auto reply = wire::parse_object(text);
    if (!succeeded(reply)) continue;
    apply_page(**store, *reply);
    apply_results(**store, phone, *reply);
    if (const auto days = wire::decode_reconcile(text); succeeded(days)) {
      static_cast<void>(succeeded(Outbox(**store).reconcile(days->days)));
    }
  }
  ask_all(**store, phone, [](const Error& error) {
    require_typed(error);
    require(error.code != ErrorCode::store_corrupt, "no reply spoils the store");
  });
}

}  // namespace julu::fuzz
