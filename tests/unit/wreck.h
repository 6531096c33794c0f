// A phone's file as damage leaves it. Thread rule: one thread.
#pragma once

#include <vector>

#include <julu/op.h>
#include <julu/outbox.h>
#include <julu/store.h>

#include "county.h"

namespace julu::test {

/// As damage leaves it, where a test needs to know what is lost.
void lose(County& county, const char* sql);

/// The next open finds it damaged.
void set_aside(const County& county);

/// What is due to be sent.
std::vector<Verb> verbs_due(Store& store);

/// What the county answers to all that is due.
void answer_all(County& county, Store& store, const OpResult& result);

}  // namespace julu::test
