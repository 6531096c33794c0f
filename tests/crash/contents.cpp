#include "contents.h"

#include <variant>

#include "store/core.h"

namespace julu::crash {
namespace {

// Not the words of the search: they are made of the records, and nothing is promised of them. Not `chunk`: the bytes of
// a photo are held against its hash. Not `sum`, which is under test.
constexpr const char* kRows[] = {
    "SELECT * FROM meta WHERE name <> 'sum' ORDER BY name",
    "SELECT * FROM record ORDER BY id",
    "SELECT seq, place, chain, number, op_id, record, verb, urgency, status, attempts, next_attempt_ms, wait_max_ms,"
    " after, base_version, successor, photo, version, folded, receipt, hash, link, problem, base_values,"
    " canonical FROM op ORDER BY seq",
    "SELECT * FROM receipt ORDER BY id",
    "SELECT * FROM photo ORDER BY id",
    "SELECT * FROM thumbnail ORDER BY photo",
    "SELECT * FROM attachment ORDER BY record, sha256, role",
    "SELECT * FROM action ORDER BY id",
    "SELECT * FROM history ORDER BY id",
    "SELECT * FROM conflict ORDER BY record, field",
    "SELECT * FROM catalog ORDER BY kind, id",
    "SELECT * FROM searched ORDER BY id",
};
constexpr const char* kPhotos = "SELECT id, sha256 FROM photo WHERE here = 1 ORDER BY id";
constexpr const char* kChunks = "SELECT bytes FROM chunk WHERE id >> 26 = ?1 ORDER BY id";

void add(std::string& text, const store::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) text += std::to_string(*number);
  if (const auto* words = std::get_if<std::string>(&value)) text += *words;
  if (const auto* bytes = std::get_if<std::vector<char>>(&value)) text.append(bytes->begin(), bytes->end());
  text += static_cast<char>('0' + value.index());
  text += '\0';
}

bool are_photos_whole(store::Connection& db) {
  store::Query photo = db.query(kPhotos);
  while (need(photo.step(), "photos")) {
    Sha256 hash;
    store::Query chunk = db.query(kChunks, photo.integer(0));
    for (;;) {
      const auto there = chunk.step();
      if (!there && there.error().code == ErrorCode::store_corrupt) return false;  // who reads it is told
      if (!need(there, "chunks")) break;
      hash.update(chunk.bytes(0));
    }
    if (hash.finish() != photo.hash(1)) return false;
  }
  return true;
}

}  // namespace

Contents contents_of(SimDisk& disk, bool encrypted) {
  Store::Options options;
  options.directory = "phone";
  options.key = sim::store_key();
  options.encrypted = encrypted;
  options.vfs = disk.vfs();
  const auto db = need(store::open_database(options, 1, store::Opening::there), "the file");
  std::string text;
  for (const char* rows : kRows) {
    store::Query row = db->query(rows);
    while (need(row.step(), rows)) {
      for (const store::Value& value : row.values()) add(text, value);
    }
    text += "end";
  }
  return {sha256(text), are_photos_whole(*db)};
}

}  // namespace julu::crash
