// A phone's file by itself: as it stands, or as damage leaves it. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <julu/op.h>
#include <julu/outbox.h>
#include <julu/store.h>

#include "county.h"
#include "store/sqlite.h"

namespace julu::test {

inline constexpr std::int64_t kPage = 4096;

/// Garbage over whole pages, the first of which is `from`.
void damage(const std::string& path, std::int64_t from, std::int64_t pages);

/// Past the store.
std::unique_ptr<store::Connection> database_of(const County& county);

/// As damage leaves it, where a test needs to know what is lost.
void lose(const County& county, const char* sql);

/// The next open finds it damaged.
void set_aside(const County& county);

/// What is due to be sent.
std::vector<Verb> verbs_due(Store& store);

/// What the county answers to one op, with a problem of this type.
OpResult answer_of(OpStatus status, const char* type = "");

/// What the county answers to all that is due.
void answer_all(County& county, Store& store, const OpResult& result);

}  // namespace julu::test
