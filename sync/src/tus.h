// The words of tus 1.0.0 (core, creation, creation-with-upload): requests and the headers of replies. Thread rule: pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <julu/transport.h>

namespace julu::tus {

using Metadata = std::vector<std::pair<std::string, std::string>>;

Request creation(const std::string& endpoint, std::int64_t length_bytes, const Metadata& metadata);
/// Makes a creation carry the first bytes.
void give_body(Request& request, std::string bytes);
Request head(const std::string& location);
Request patch(const std::string& location, std::int64_t offset, std::string bytes);

/// A header's number; nothing when it is absent or none.
std::optional<std::int64_t> offset(const Response& response);
std::optional<std::int64_t> length(const Response& response);
/// Absolute; nothing when it is absent or no address.
std::optional<std::string> location(const std::string& asked, const Response& response);

}  // namespace julu::tus
