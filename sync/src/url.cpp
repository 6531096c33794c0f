// A small reader of addresses that refuses more than it must: what it does not understand carries no token. Thread
// rule: pure functions.
#include "url.h"

#include <algorithm>

#include <julu/limits.h>

namespace julu {
namespace {

// Behind '?' our own calls put the platform's cursor, at worst each byte of it percent-encoded.
constexpr std::size_t kQueryBytesMax = 3 * limits::cursor_bytes_max + 128;

struct Parts {
  std::string scheme;
  std::string host;  // with its brackets when IPv6
  std::string port;  // empty: the scheme's own
  std::string_view rest;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_host_character(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_'; }

bool is_address_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F && c != '\\'; });
}

bool split_authority(std::string_view authority, Parts& parts) {
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return false;
    parts.host = lower(authority.substr(0, close + 1));
    const auto inside = std::string_view(parts.host).substr(1, parts.host.size() - 2);
    const bool plain = std::all_of(inside.begin(), inside.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
    });
    if (inside.empty() || !plain) return false;
    authority.remove_prefix(close + 1);
    if (!authority.empty() && authority.front() != ':') return false;
    if (!authority.empty()) port = authority.substr(1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    parts.host = lower(authority.substr(0, colon));
    if (parts.host.empty() || !std::all_of(parts.host.begin(), parts.host.end(), is_host_character)) return false;
    if (colon < authority.size()) port = authority.substr(colon + 1);
  }
  constexpr std::string_view kPortMax = "65535";
  const bool too_high = port.size() > kPortMax.size() || (port.size() == kPortMax.size() && port > kPortMax);
  if (too_high || !std::all_of(port.begin(), port.end(), is_digit)) return false;
  const bool usual = (parts.scheme == "https" && port == "443") || (parts.scheme == "http" && port == "80");
  if (!usual) parts.port = std::string(port);
  return true;
}

std::optional<Parts> split(std::string_view url) {
  const auto query = std::min(url.find('?'), url.size());
  if (query > limits::url_bytes_max || url.size() - query > kQueryBytesMax || !is_address_text(url)) {
    return std::nullopt;
  }
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Parts parts;
  parts.scheme = lower(url.substr(0, colon));
  if (parts.scheme != "http" && parts.scheme != "https") return std::nullopt;
  url.remove_prefix(colon + 3);
  const auto end = std::min(url.find_first_of("/?#"), url.size());
  if (!split_authority(url.substr(0, end), parts)) return std::nullopt;
  parts.rest = url.substr(end);
  return parts;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  // 127.0.0.0/8 written as four numbers; "127.evil.example" is a name like any other.
  if (!host.starts_with("127.")) return false;
  return std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

}  // namespace

std::optional<std::string> origin_of(std::string_view url) {
  const auto parts = split(url);
  if (!parts) return std::nullopt;
  return parts->scheme + "://" + parts->host + (parts->port.empty() ? "" : ":" + parts->port);
}

bool is_origin(std::string_view url) {
  const auto parts = split(url);
  return parts && (parts->rest.empty() || parts->rest == "/");
}

bool is_loopback(std::string_view url) {
  const auto parts = split(url);
  return parts && is_loopback_host(parts->host);
}

bool is_confidential(std::string_view url) {
  const auto parts = split(url);
  return parts && (parts->scheme == "https" || is_loopback_host(parts->host));
}

std::optional<std::string> resolve(std::string_view asked, std::string_view reference) {
  if (reference.empty() || reference.size() > limits::url_bytes_max || !is_address_text(reference)) {
    return std::nullopt;
  }
  std::string url;
  const auto colon = asked.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto path = std::min(asked.find_first_of("/?#", colon + 3), asked.size());
  if (reference.find("://") != std::string_view::npos && reference.find("://") < reference.find_first_of("/?#")) {
    url = reference;
  } else if (reference.starts_with("//")) {
    url = std::string(asked.substr(0, colon + 1)).append(reference);
  } else if (reference.front() == '/') {
    url = std::string(asked.substr(0, path)).append(reference);
  } else {
    const auto query = std::min(asked.find_first_of("?#", path), asked.size());
    const auto slash = asked.substr(0, query).rfind('/');
    const bool has_path = slash != std::string_view::npos && slash >= path;
    url = has_path ? std::string(asked.substr(0, slash + 1)) : std::string(asked.substr(0, path)) + "/";
    url.append(reference);
  }
  if (!origin_of(url)) return std::nullopt;
  return url;
}

std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 0xF]);
    }
  }
  return out;
}

}  // namespace julu
