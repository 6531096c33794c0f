// Addresses, as far as the rule "tokens go to the origins of the enrolment and nowhere else" needs them. Anything odd
// is no address at all. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace julu {

/// `scheme://host[:port]` in lower case, without the scheme's own port. Nothing when the text is no http or https
/// address, carries a user name, or holds a character that an address cannot.
std::optional<std::string> origin_of(std::string_view url);

/// Whether the text is an address of just an origin, a trailing slash allowed.
bool is_origin(std::string_view url);

/// https anywhere; http on this machine only.
bool is_confidential(std::string_view url);
bool is_loopback(std::string_view url);

/// What a Location header means beside the address that was asked (RFC 3986 §5, without dot segments).
std::optional<std::string> resolve(std::string_view asked, std::string_view reference);

/// RFC 3986 unreserved characters stay, every other byte is %XX.
std::string percent_encoded(std::string_view text);

}  // namespace julu
