// The platform's signed word that it holds operations (openapi.yaml `Receipt`). Nothing else makes a record
// "delivered". Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <julu/crypto.h>
#include <julu/id.h>
#include <julu/result.h>

namespace julu {

struct ReceiptItem {
  Id op_id;
  Hash hash{};
  std::int64_t version = 0;
};

struct Receipt {
  std::string key_id;
  std::int64_t epoch = 0;
  std::int64_t server_time_ms = 0;
  Signature signature{};
};

/// A receipt key as the root key vouches for it.
struct ReceiptKey {
  std::string key_id;
  PublicKey key{};
  std::int64_t not_before_ms = 0;
  std::int64_t not_after_ms = 0;  ///< exclusive; 0 = open
};

/// RFC 8785 text of `{device, epoch, items, server_time_ms}`: what the platform signed.
std::string signed_text(std::string_view device_id, const Receipt& receipt, const std::vector<ReceiptItem>& items);

/// Errors: receipt_invalid when the signature does not cover just these items or the key was not valid then.
Result<void> verify(const Receipt& receipt, std::string_view device_id, const std::vector<ReceiptItem>& items,
                    const ReceiptKey& key);

}  // namespace julu
