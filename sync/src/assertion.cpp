// A JWS by hand: three parts, one algorithm, nothing to negotiate. Thread rule: pure functions.
#include "assertion.h"

#include <array>
#include <span>

#include <nlohmann/json.hpp>

#include <julu/limits.h>

namespace julu {

std::string random_name(Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return base64url(std::span<const std::uint8_t>(bytes));
}

Result<std::string> make_assertion(std::string_view device, std::string_view audience, std::int64_t platform_ms,
                                   Random& random, const Signer& sign, const std::optional<PublicKey>& new_key) {
  const std::int64_t issued_s = platform_ms / 1000;
  const nlohmann::json header{{"alg", "EdDSA"}, {"typ", "JWT"}};
  nlohmann::json claims{{"iss", device},
                        {"sub", device},
                        {"aud", audience},
                        {"iat", issued_s},
                        {"jti", random_name(random)},
                        {"exp", issued_s + limits::assertion_ms / 1000}};
  if (new_key) claims["new_key"] = base64url(std::span<const std::uint8_t>(*new_key));
  std::string text = base64url(std::string_view(header.dump())) + "." + base64url(std::string_view(claims.dump()));
  JULU_TRY(const Signature signature, sign(text));
  return text + "." + base64url(std::span<const std::uint8_t>(signature));
}

}  // namespace julu
