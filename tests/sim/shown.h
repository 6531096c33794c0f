// What a phone shows of a record's way to the county, against its receipts. Thread rule: plain functions.
#pragma once

#include <string>

#include <julu/store.h>

#include "holdings.h"

namespace julu::sim {

/// Of each record by itself and each of its photos: delivered is shown when the county has signed for all of it, and
/// only then. `db` is a look of our own into the phone's file, of the same moment as `shown`.
void check_shown(World& world, const Phone& phone, store::Connection& db, const Record& shown);

/// `id` and what was delivered last, as the phone shows them now, in the middle of its days. The county holds what is
/// shown as delivered, unless a restore has taken it and the phone has not heard of that yet.
void check_shown_now(World& world, Phone& phone, const std::string& id);

}  // namespace julu::sim
