// The operation: what one edit is on the wire and in the chain (openapi.yaml `Op`, `Reconcile.head`). Its canonical
// bytes are made once, when it is captured, and never again. Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <julu/crypto.h>
#include <julu/id.h>

namespace julu {

enum class Verb { create, patch, append, attach, remove };

/// The wire's word: create, patch, append, attach, delete.
std::string_view name(Verb verb);

/// The time evidence that every record carries (openapi.yaml `Evidence`).
struct Evidence {
  std::string boot_id;
  std::int64_t monotonic_ms = 0;
  std::optional<std::int64_t> clock_offset_ms;  ///< platform time − wall clock, as last known
};

struct Op {
  Id op_id;
  Id record;
  std::string kind;
  Verb verb = Verb::create;
  std::string body;  ///< RFC 8785 text of an object; empty on a delete
  std::optional<std::int64_t> base_version;
  std::optional<Id> after;
  std::vector<Id> replaces;
  std::vector<Id> refs;
  std::int64_t captured_at_ms = 0;
  Evidence evidence;
};

/// RFC 8785 text of the op without `seq`: what is hashed, stored and, with `seq` put in, sent.
std::string canonical(const Op& op);

/// The end of a device's chain up to the first op that is neither receipted nor void.
struct ChainHead {
  std::int64_t seq = 0;
  Hash link{};
  struct Void {
    std::int64_t seq = 0;
    Id op_id;
    Hash hash{};
  };
  std::vector<Void> voids;  ///< ops made again or given up before the platform applied them
};

/// link_n = SHA-256(link_{n−1} ‖ hash_n); link_0 = SHA-256(device id as ASCII).
Hash first_link(std::string_view device_id);
Hash next_link(const Hash& previous, const Hash& op_hash);

}  // namespace julu
