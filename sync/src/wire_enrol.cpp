// The words of an enrolment, and what of its answer is believed. Thread rule: pure functions.
#include "wire.h"

#include <algorithm>
#include <span>

#include <julu/limits.h>

#include "url.h"
#include "wire_json.h"

namespace julu::wire {
namespace {

Result<std::vector<std::string>> texts(const Json& object, const char* member, std::size_t bytes_max) {
  std::vector<std::string> items;
  const Json* list = find(object, member);
  if (list == nullptr || list->is_null()) return items;
  if (!list->is_array() || list->size() > limits::labels_max) return broken(member);
  for (const Json& item : *list) {
    if (!item.is_string() || item.get_ref<const std::string&>().size() > bytes_max) return broken(member);
    items.push_back(item.get<std::string>());
  }
  return items;
}

}  // namespace

std::string enrolment_proof_text(std::string_view audience, std::string_view code, const PublicKey& key) {
  // RFC 8785: the members stand sorted already, and nothing in them is escaped.
  const Json value{{"aud", audience}, {"code", code}, {"public_key", base64url(std::span<const std::uint8_t>(key))}};
  return value.dump();
}

std::string encode_enrolment(std::string_view code, const PublicKey& key, const Signature& proof) {
  const Json value{{"code", code},
                   {"public_key", base64url(std::span<const std::uint8_t>(key))},
                   {"proof", base64url(std::span<const std::uint8_t>(proof))}};
  return value.dump();
}

std::string fork_proof_text(std::string_view audience, std::string_view assertion, const PublicKey& key) {
  const Json value{
      {"assertion", assertion}, {"aud", audience}, {"public_key", base64url(std::span<const std::uint8_t>(key))}};
  return value.dump();
}

std::string encode_fork(std::string_view assertion, const PublicKey& key, const Signature& proof) {
  const Json value{{"assertion", assertion},
                   {"public_key", base64url(std::span<const std::uint8_t>(key))},
                   {"proof", base64url(std::span<const std::uint8_t>(proof))}};
  return value.dump();
}

Result<Identity> decode_enrolment(std::string_view body, std::string_view platform) {
  JULU_TRY(const Json value, parse_object(body));
  Identity identity;
  identity.platform = platform;
  JULU_TRY(identity.device, need_text(value, "device", limits::key_bytes_max));
  JULU_TRY(identity.worker, need_text(value, "worker", limits::key_bytes_max));
  JULU_TRY(identity.role, need_text(value, "role", limits::key_bytes_max));
  identity.name = shortened(text(value, "name").value_or(identity.worker), limits::label_bytes_max);
  JULU_TRY(identity.grids, texts(value, "grids", limits::key_bytes_max));
  JULU_TRY(identity.grid_names, texts(value, "grid_names", limits::label_bytes_max));
  JULU_TRY(const auto origins, texts(value, "origins", limits::url_bytes_max));
  for (const std::string& address : origins) {
    const auto origin = origin_of(address);
    // A token must not travel in clear, whoever says that it may.
    if (!origin || !is_origin(address) || !is_confidential(address)) return broken("origins");
    identity.origins.push_back(*origin);
  }
  const auto key = parse_public_key(text(value, "root_key").value_or(""));
  if (!key) return broken("root_key");
  identity.root_key = *key;
  return identity;
}

}  // namespace julu::wire
