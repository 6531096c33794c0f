#include "store/search.h"

#include <algorithm>
#include <cctype>

#include <utf8proc.h>

namespace julu::store {
namespace {

bool is_ascii_word(unsigned char c) { return std::isalnum(c) != 0; }

// Length in bytes of the UTF-8 character at the front; the store holds valid UTF-8 only.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(size, text.size());
}

// What the index takes for no part of a word (FTS5's unicode61): punctuation, symbols, spaces. What Unicode has not
// assigned may be a character to come.
bool is_separator(std::string_view character) {
  utf8proc_int32_t code = 0;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(character.data()),
                   static_cast<utf8proc_ssize_t>(character.size()), &code);
  const auto category = utf8proc_category(code);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_CF;
}

// As the index sees it, a space before each of its words: what stands in this stands in the index as a phrase.
std::string phrase_of(std::string_view text) {
  std::string out;
  for (const char c : " " + index_text(text)) {
    if (c != ' ' || !out.ends_with(' ')) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::vector<std::string> words_of(std::string_view query) {
  constexpr std::string_view kSpaces[] = {" ", "\t", "\r", "\n", "\u00A0", "\u3000"};
  std::vector<std::string> words(1);
  while (!query.empty()) {
    const std::string_view character = query.substr(0, character_bytes(query));
    if (std::find(std::begin(kSpaces), std::end(kSpaces), character) != std::end(kSpaces)) {
      words.emplace_back();
    } else {
      words.back() += character;
    }
    query.remove_prefix(character.size());
  }
  std::erase_if(words, [](const std::string& word) { return phrase_of(word).empty(); });
  return words;
}

Result<std::vector<Id>> indexed_hits(Connection& db, const std::string& expression, const std::string& kind,
                                     const Id& before, int limit) {
  std::vector<Id> hits;
  Query row = db.query(
      "SELECT searched.record FROM search JOIN searched ON searched.id = search.rowid WHERE search MATCH ?1"
      " AND (?2 IS NULL OR searched.record < ?2)"
      " AND (?4 = '' OR EXISTS (SELECT 1 FROM record WHERE id = searched.record AND kind = ?4))"
      " ORDER BY searched.record DESC LIMIT ?3",
      expression, before.is_nil() ? std::optional<Id>() : before, limit, kind);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return hits;
    hits.push_back(row.id(0));
  }
}

}  // namespace

std::string index_text(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 2);
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead >= 0x80) {
      out.append(" ");
      if (!is_separator(text.substr(0, size))) out.append(text.substr(0, size)).append(" ");
    } else {
      out += is_ascii_word(lead) ? text.front() : ' ';
    }
    text.remove_prefix(size);
  }
  return out;
}

std::string match_expression(std::string_view query) {
  std::string expression;
  for (const std::string& word : words_of(query)) {
    if (!expression.empty()) expression += " AND ";
    const std::string phrase = phrase_of(word);
    const bool ascii_end = static_cast<unsigned char>(phrase.back()) < 0x80;
    expression.append("\"").append(phrase).append("\"");
    if (ascii_end) expression += "*";  // the beginning of a Latin word or a number is enough
  }
  return expression;
}

Result<bool> index_some(Core& core, Connection& db, int rows) {
  struct Fresh {
    Id id;
    std::string text;
    std::int64_t row = 0;
    bool had_text = false;
  };
  JULU_TRY(std::int64_t indexed, meta_integer(db, "indexed_to"));
  std::vector<Fresh> fresh;
  {
    Query row = db.query(
        "SELECT record.id, kind, body, changed, searched.id FROM record LEFT JOIN searched ON searched.record = record.id"
        " WHERE changed > ?1 ORDER BY changed LIMIT ?2",
        indexed, rows);
    for (;;) {
      JULU_TRY(const bool there, row.step());
      if (!there) break;
      const auto kind = core.kind(std::string(row.text(1)));
      std::string text;
      if (kind != nullptr) text = index_text(kind->search_text(stored_object(row.text(2))));
      fresh.push_back({row.id(0), std::move(text), row.maybe_integer(4).value_or(0), !row.is_null(4)});
      indexed = row.integer(3);
    }
  }
  for (Fresh& record : fresh) {
    if (record.had_text) continue;
    JULU_TRY(const auto row, db.integer("INSERT INTO searched (record) VALUES (?1) RETURNING id", record.id));
    record.row = row.value_or(0);
  }
  // After all of those, and of one row each by its number: a statement that may have to be undone alone, which one with
  // triggers or a SELECT may, makes FTS5 write down what it has gathered so far, as a segment of its own.
  for (const Fresh& record : fresh) {
    if (record.had_text) {
      JULU_TRY(const auto text, db.text("SELECT text FROM search WHERE rowid = ?1", record.row));
      if (text == record.text) continue;
      JULU_CHECK(db.run("DELETE FROM search WHERE rowid = ?1", record.row));
    }
    JULU_CHECK(db.run("INSERT INTO search (rowid, text) VALUES (?1, ?2)", record.row, record.text));
  }
  if (!fresh.empty()) JULU_CHECK(set_meta(db, "indexed_to", indexed));
  return static_cast<int>(fresh.size()) == rows;
}

// What the index has not seen yet is read itself, once: a record is found at once.
Result<Search> Search::begin(Core& core, Connection& db, const std::string& query, const std::string& kind) {
  Search search;
  search.kind_ = kind;
  search.expression_ = match_expression(query);
  if (search.expression_.empty()) return search;
  std::vector<std::string> phrases;
  for (const std::string& word : words_of(query)) phrases.push_back(phrase_of(word));
  JULU_TRY(const std::int64_t indexed, meta_integer(db, "indexed_to"));
  Query row = db.query("SELECT id, kind, body FROM record WHERE changed > ?1", indexed);
  for (;;) {
    JULU_TRY(const bool there, row.step());
    if (!there) return search;
    const Id id = row.id(0);
    search.changed_.insert(id);
    const auto known = core.kind(std::string(row.text(1)));
    if (known == nullptr || (!kind.empty() && known->id() != kind)) continue;
    const std::string text = phrase_of(known->search_text(stored_object(row.text(2))));
    const bool all = std::all_of(phrases.begin(), phrases.end(),
                                 [&](const std::string& phrase) { return text.find(phrase) != std::string::npos; });
    if (all) search.fresh_.insert(id);
  }
}

Result<std::vector<Id>> Search::next(Connection& db, const Id& before, int limit) const {
  if (expression_.empty()) return std::vector<Id>();
  std::set<Id, std::greater<>> hits;
  Id at = before;
  for (bool more = true; more && hits.size() < static_cast<std::size_t>(limit);) {
    JULU_TRY(const std::vector<Id> indexed, indexed_hits(db, expression_, kind_, at, limit));
    for (const Id& id : indexed) {
      if (!changed_.contains(id)) hits.insert(id);
    }
    more = indexed.size() == static_cast<std::size_t>(limit);
    at = more ? indexed.back() : Id{};
  }
  // Not those older than what the index has still to give.
  for (const Id& id : fresh_) {
    if (id > at && (before.is_nil() || id < before)) hits.insert(id);
  }
  std::vector<Id> out(hits.begin(), hits.end());
  if (out.size() > static_cast<std::size_t>(limit)) out.resize(static_cast<std::size_t>(limit));
  return out;
}

}  // namespace julu::store
