// Hashes, signatures and canonical text, made by the platform's own code: a mistake that core made too would not show
// if both used the same. The one file that knows OpenSSL. Thread rule: pure functions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace juhaoban {

using Json = nlohmann::json;

/// Lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);
std::string sha256_raw(std::string_view bytes);

class Hasher {
 public:
  Hasher();
  ~Hasher();
  void add(std::string_view bytes);
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_hex(std::string_view raw);
std::optional<std::string> from_hex(std::string_view hex);
std::string to_base64url(std::string_view raw);
std::optional<std::string> from_base64url(std::string_view text);
/// RFC 4648 §4, as tus writes metadata.
std::optional<std::string> from_base64(std::string_view text);

/// Ed25519, raw 32-byte keys.
std::string public_key_of(std::string_view private_key);
std::string sign(std::string_view private_key, std::string_view message);
bool verify(std::string_view public_key, std::string_view message, std::string_view signature);

/// RFC 8785 for what this protocol allows: integers, ASCII keys. Throws std::invalid_argument for anything else.
std::string jcs(const Json& value);
/// Hash of an op as openapi.yaml defines it (`Op`): without `seq` and `upload_url`, with its whole evidence.
std::string op_hash(Json op);

}  // namespace juhaoban
