// The device's own word for who it is: a JWS in compact form (RFC 7515, RFC 7523) that is signed by the device key and
// lives some minutes. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <julu/crypto.h>
#include <julu/random.h>
#include <julu/result.h>

namespace julu {

using Signer = std::function<Result<Signature>(std::string_view)>;

/// Timed by the platform's clock (`platform_ms`), because ours may lie. `new_key`: the key that this one
/// vouches for (openapi.yaml `EnrolByAssertion`). Errors: those of the signer.
Result<std::string> make_assertion(std::string_view device, std::string_view audience, std::int64_t platform_ms,
                                   Random& random, const Signer& sign,
                                   const std::optional<PublicKey>& new_key = std::nullopt);

/// 22 characters, 128 random bits: nonces and token ids.
std::string random_name(Random& random);

}  // namespace julu
