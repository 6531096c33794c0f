// The words of the protocol: typed values to request bodies, replies to typed values. A reply that breaks the protocol
// in any way is an Error, and nothing of it is believed. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <julu/identity.h>
#include <julu/inbox.h>
#include <julu/outbox.h>
#include <julu/transport.h>

namespace julu::wire {

struct Ping {
  PingFacts facts;
  std::size_t ops_max = 0;  ///< ours when the platform names none
  std::size_t bytes_max = 0;
  std::int64_t photo_bytes_max = 0;
  std::string photos;  ///< absolute, or relative to the platform's origin
};
/// Errors: captive_portal when somebody else answered (no JSON, another nonce), bad_reply.
Result<Ping> decode_ping(std::string_view body, std::string_view nonce);

/// Evidence that all ops share stands once, beside them. Errors: internal when an op's canonical text is no object.
Result<std::string> encode_push(std::string_view device, const std::vector<OutgoingOp>& ops);
/// RFC 1952, at the highest level: bytes cost more than time here. Empty when zlib has no memory.
std::string gzip(std::string_view bytes);

struct PushReply {
  std::int64_t epoch = 0;
  std::int64_t holds = 0;
  std::vector<OpResult> results;  ///< one an op, in the order they were sent
  std::optional<Receipt> receipt;
};
Result<PushReply> decode_push(std::string_view body, const std::vector<OutgoingOp>& sent);

/// The page with its checksum checked.
Result<PulledPage> decode_pull(std::string_view body);

struct Token {
  std::string text;
  std::int64_t expires_in_s = 0;
};
Result<Token> decode_token(std::string_view body);
std::string encode_token_request(std::string_view assertion);

/// What an error reply says of itself (RFC 9457); `type` stays empty when it is no problem+json.
Problem decode_problem(const Response& response);

/// What the proof of an enrolment signs.
std::string enrolment_proof_text(std::string_view audience, std::string_view code, const PublicKey& key);
std::string encode_enrolment(std::string_view code, const PublicKey& key, const Signature& proof);
Result<Identity> decode_enrolment(std::string_view body, std::string_view platform);

/// The same of a forked device, which needs no code: its old key vouches for the new one.
std::string fork_proof_text(std::string_view audience, std::string_view assertion, const PublicKey& key);
std::string encode_fork(std::string_view assertion, const PublicKey& key, const Signature& proof);

/// What the head's signature covers.
std::string head_text(std::string_view device, const ChainHead& head);
std::string encode_reconcile(std::string_view device, const Reckoning& reckoning, const std::optional<Signature>& sig);
struct Reconciled {
  std::int64_t epoch = 0;
  std::vector<HeldDay> days;  ///< that differ
};
Result<Reconciled> decode_reconcile(std::string_view body);

/// Milliseconds to wait by a Retry-After (seconds or an HTTP date, which is counted from the reply's own Date when it
/// has one); at most limits::retry_after_ms_max, 0 when there is none.
std::int64_t retry_after_ms(const Response& response, std::int64_t now_ms);

}  // namespace julu::wire
