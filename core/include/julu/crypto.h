// SHA-256, Ed25519 and the two text forms the protocol uses for them. The one place that knows OpenSSL is behind
// this header (EVP only, so that a certified drop-in can replace it). Thread rule: functions are thread-safe, a
// Sha256 belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <julu/random.h>

namespace julu {

using Hash = std::array<std::uint8_t, 32>;
using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;
/// The 32-byte Ed25519 seed (RFC 8032).
using PrivateKey = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  Sha256& update(std::string_view bytes);
  Sha256& update(std::span<const std::uint8_t> bytes);
  /// Ends the computation; the object then starts anew.
  Hash finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Hash sha256(std::string_view bytes);

PrivateKey make_private_key(Random& random);
PublicKey public_key(const PrivateKey& key);
Signature sign(const PrivateKey& key, std::string_view message);
bool verify(const PublicKey& key, std::string_view message, const Signature& signature);

/// Zeros that no compiler leaves out: of what must not stay behind in freed memory.
void wipe(std::span<std::uint8_t> bytes);

/// Lower-case hexadecimal, as the protocol writes hashes.
std::string hex(std::span<const std::uint8_t> bytes);
std::optional<Hash> parse_hash(std::string_view hex);
/// RFC 4648 §5 without padding, as the protocol writes keys and signatures.
std::string base64url(std::span<const std::uint8_t> bytes);
std::string base64url(std::string_view bytes);
std::optional<std::string> parse_base64url(std::string_view text);
std::optional<Signature> parse_signature(std::string_view base64url_text);
std::optional<PublicKey> parse_public_key(std::string_view base64url_text);

}  // namespace julu
