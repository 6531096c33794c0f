#include <julu/crypto.h>

#include <algorithm>
#include <cstdlib>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/crypto_random.h"

namespace julu {
namespace {

// OpenSSL fails here only without memory or without its providers: nothing safe is left to do.
void require(bool ok) {
  if (!ok) std::abort();
}

const EVP_MD* sha256_method() {
  static EVP_MD* method = EVP_MD_fetch(nullptr, "SHA256", nullptr);  // fetching anew each time costs more than hashing
  require(method != nullptr);
  return method;
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeKey>;
using ContextHandle = std::unique_ptr<EVP_MD_CTX, FreeContext>;

KeyHandle load(const PrivateKey& key) {
  KeyHandle handle(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  require(handle != nullptr);
  return handle;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int letter_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> exactly(const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() != N) return std::nullopt;
  std::array<std::uint8_t, N> out{};
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

}  // namespace

struct Sha256::Context {
  ContextHandle handle{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  require(context_->handle != nullptr);
  require(EVP_DigestInit_ex2(context_->handle.get(), sha256_method(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(context_->handle.get(), bytes.data(), bytes.size()) == 1);
  return *this;
}

Sha256& Sha256::update(std::span<const std::uint8_t> bytes) {
  require(EVP_DigestUpdate(context_->handle.get(), bytes.data(), bytes.size()) == 1);
  return *this;
}

Hash Sha256::finish() {
  Hash hash{};
  require(EVP_DigestFinal_ex(context_->handle.get(), hash.data(), nullptr) == 1);
  require(EVP_DigestInit_ex2(context_->handle.get(), sha256_method(), nullptr) == 1);
  return hash;
}

Hash sha256(std::string_view bytes) {
  Hash hash{};
  require(EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, sha256_method(), nullptr) == 1);
  return hash;
}

PrivateKey make_private_key(Random& random) {
  PrivateKey key{};
  random.fill(std::as_writable_bytes(std::span(key)));
  return key;
}

PublicKey public_key(const PrivateKey& key) {
  PublicKey out{};
  std::size_t size = out.size();
  require(EVP_PKEY_get_raw_public_key(load(key).get(), out.data(), &size) == 1);
  return out;
}

Signature sign(const PrivateKey& key, std::string_view message) {
  const KeyHandle handle = load(key);
  const ContextHandle context(EVP_MD_CTX_new());
  Signature out{};
  std::size_t size = out.size();
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, handle.get()) == 1);
  require(EVP_DigestSign(context.get(), out.data(), &size, bytes_of(message), message.size()) == 1);
  return out;
}

bool verify(const PublicKey& key, std::string_view message, const Signature& signature) {
  const KeyHandle handle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  if (handle == nullptr) return false;
  const ContextHandle context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes_of(message), message.size()) == 1;
}

void fill_from_system(std::span<std::byte> out) {
  require(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) == 1);
}

void wipe(std::span<std::uint8_t> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xF];
  }
  return out;
}

std::optional<Hash> parse_hash(std::string_view text) {
  Hash hash{};
  if (text.size() != hash.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) return std::nullopt;
    hash[i / 2] = static_cast<std::uint8_t>((hash[i / 2] << 4) | value);
  }
  return hash;
}

std::string base64url(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = (group << 8) | (k < left ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k <= left; ++k) out += kAlphabet[(group >> (18 - 6 * k)) & 0x3F];
  }
  return out;
}

std::string base64url(std::string_view bytes) { return base64url(std::span(bytes_of(bytes), bytes.size())); }

std::optional<std::string> parse_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = letter_value(c);
    if (value < 0) return std::nullopt;
    group = (group << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>((group >> bits) & 0xFF);
    }
  }
  if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;  // one value, one text
  return out;
}

std::optional<Signature> parse_signature(std::string_view text) { return exactly<64>(parse_base64url(text)); }
std::optional<PublicKey> parse_public_key(std::string_view text) { return exactly<32>(parse_base64url(text)); }

}  // namespace julu
