// julu.h against whatever a shell may hand it: calls in any order with any text, on a real store file.
#include <cstring>

#include "county.h"
#include "julu.h"
#include "target.h"

namespace julu::fuzz {
namespace {

constexpr int kRecordsMax = 500;  // then a new store, so that the last input costs what the first does

void judge(std::int32_t code, const julu_error& error) {
  require(code == JULU_OK || std::strcmp(julu_error_name(code), "unknown") != 0, "a code of the table");
  require(code != JULU_ERROR_INTERNAL && code != JULU_ERROR_STORE_CORRUPT, "a shell's mistake breaks nothing");
  require(code == error.code, "the code and the error's are one");
  require(std::memchr(error.field, 0, sizeof error.field) != nullptr, "the field ends");
  require(std::memchr(error.detail, 0, sizeof error.detail) != nullptr, "the detail ends");
}

/// One store and the calls made on it.
class Shell {
 public:
  Shell() {
    county_.phone();
    const std::string directory = county_.directory();
    julu_store_options options{};
    options.size = sizeof options;
    options.flags = test::has_cipher() ? 0 : JULU_UNENCRYPTED;
    options.directory = {directory.data(), directory.size()};
    options.key = county_.key.data();
    require(julu_store_open(&options, &store_, nullptr) == JULU_OK, "open");
    known_ = capture(text(R"({"category":"drainage","text":"堵"})"));
  }
  ~Shell() { julu_store_close(store_); }

  bool is_full() const { return records_ > kRecordsMax; }

  void call(unsigned char verb, const std::vector<std::string_view>& words) {
    const julu_text a = verb & 0x80 ? text(known_) : text(words[verb % words.size()]);
    const julu_text b = text(words[(verb >> 3) % words.size()]);
    const julu_text c = text(words[words.size() - 1]);
    julu_buf out{};
    julu_error error{};
    error.size = sizeof error;
    judge(dispatch(verb & 0x1F, a, b, c, &out, &error), error);
    require(error.code == JULU_OK || out.data == nullptr, "no bytes beside an error");
    julu_buf_free(&out);
  }

 private:
  static julu_text text(std::string_view word) { return {word.data(), word.size()}; }

  std::string capture(julu_text body) {
    julu_saved saved{};
    saved.size = sizeof saved;
    const std::string_view kind = "incident";
    julu_store_capture(store_, text(kind), body, nullptr, 0, {}, &saved, nullptr);
    ++records_;
    return saved.id;
  }

  std::int32_t dispatch(int verb, julu_text a, julu_text b, julu_text c, julu_buf* out, julu_error* error) {
    std::int64_t next = 0;
    std::int32_t more = 0;
    ++records_;
    switch (verb) {
      case 0: return with_photo(a, b, c, error);
      case 1: return julu_store_capture(store_, a, b, nullptr, 0, c, nullptr, error);
      case 2: return julu_store_patch(store_, a, b, nullptr, 0, nullptr, error);
      case 3: return julu_store_act(store_, a, b, c, nullptr, 0, nullptr, error);
      case 4:
        return b.length % 2 == 0 ? julu_store_remove(store_, a, nullptr, error) : julu_store_give_up(store_, a, error);
      case 5: return julu_store_resend(store_, a, error);
      case 6: return julu_store_get(store_, a, out, error);
      case 7: return julu_store_list(store_, b, out, error);
      case 8: return julu_store_find_id(store_, a, out, error);
      case 9: return julu_store_short_id(store_, a, out, error);
      case 10: return julu_store_history(store_, a, out, error);
      case 11: return julu_store_resolve(store_, a, b, c, error);
      case 12: return julu_store_thumbnail(store_, a, out, error);
      case 13: return julu_store_schema(store_, b, out, error);
      case 14:
        return julu_store_changes_since(store_, static_cast<std::int64_t>(a.length) - 4,
                                        static_cast<std::int32_t>(b.length) - 4, out, &next, &more, error);
      case 15: return julu_store_maintain(store_, 1, error);
      case 16: return julu_store_codes(store_, b, out, error);
      default: return julu_store_capture(store_, text("incident"), b, nullptr, 0, {}, nullptr, error);
    }
  }

  std::int32_t with_photo(julu_text kind, julu_text body, julu_text bytes, julu_error* error) {
    julu_photo photo{};
    photo.size = sizeof photo;
    photo.source = JULU_PHOTO_STREAM;
    photo.role = kind;
    photo.context = &bytes;
    photo.read = [](void* context, void* buffer, std::size_t capacity) {
      auto& left = *static_cast<julu_text*>(context);
      const std::size_t some = std::min(left.length, capacity);
      if (some > 0) std::memcpy(buffer, left.data, some);
      left = {left.data + some, left.length - some};
      return static_cast<std::int64_t>(some);
    };
    return julu_store_capture(store_, text("incident"), body, &photo, 1, {}, nullptr, error);
  }

  test::County county_;
  julu_store store_ = 0;
  std::string known_;
  int records_ = 0;
};

}  // namespace

// The first part is the calls, a byte each; the others are the texts that they are given.
void c_face(std::string_view input) {
  static std::unique_ptr<Shell> shell;
  if (shell == nullptr || shell->is_full()) shell.reset();
  if (shell == nullptr) shell = std::make_unique<Shell>();
  const auto all = parts(input);
  std::vector<std::string_view> words(all.begin() + (all.size() > 1 ? 1 : 0), all.end());
  if (words.empty()) words.emplace_back();
  constexpr std::size_t kCallsMax = 16;
  for (const char verb : all.empty() ? std::string_view() : all.front().substr(0, kCallsMax)) {
    shell->call(static_cast<unsigned char>(verb), words);
  }
}

}  // namespace julu::fuzz
