// Bugs planted on purpose, for the proof to find (./run sim --mutants). Only the preset `mutants` compiles them in, and
// there one at a time is switched on when a program starts; everywhere else `mutant` is false at compile time. The one
// exception to "no special build for tests". Not installed; it lies here because sync and the reference platform, which
// see core's public headers alone, have some too. Thread rule: `plant` before anything else runs.
#pragma once

namespace julu {

// One line each: the name, and what goes wrong. The number is the place.
#define JULU_MUTANT_LIST(X)                                                                           \
  /* committing */                                                                                    \
  X(ack_before_commit, "saved is said whatever the commit says")                                      \
  X(synchronous_normal, "a commit does not wait for the disk")                                        \
  X(checkpoint_without_sync, "a checkpoint does not wait for the disk")                               \
  X(capture_split, "a report and its photos are committed one after the other")                       \
  X(capture_twice, "a report with photos is taken in a second time under another id")                 \
  X(repeat_not_recognised, "a capture asked for again is not known by its id")                        \
  /* results */                                                                                       \
  X(receipt_not_verified, "a receipt's signature is not checked")                                     \
  X(receipt_key_unknown, "a receipt under a key that nobody vouched for is believed")                 \
  X(receipt_items_unordered, "the places of a receipt's items are not kept")                          \
  X(old_receipt_believed, "a receipt of an older epoch than the newest seen is believed")             \
  X(settle_misaligned, "each op gets the result of its neighbour")                                    \
  X(held_is_delivered, "an op that the platform holds back counts as delivered")                      \
  X(held_is_parked, "an op that the platform holds back is parked instead of tried again")            \
  X(stale_parked, "an edit of what somebody else edited is parked instead of merged")                 \
  X(refused_dropped, "an op that was refused is given up instead of parked")                          \
  X(waiting_shown_delivered, "what waits for its receipt is shown as delivered")                      \
  X(photo_shown_too_early, "a photo is shown as delivered with its record, not with its own receipt") \
  X(made_again_left_open, "an op made again stays open after its successor's receipt")                \
  X(bytes_missing_ignored, "bytes that the platform misses are not sent again")                       \
  /* pulling */                                                                                       \
  X(cursor_apart, "the cursor is committed before the rows")                                          \
  X(cursor_kept_after_410, "a cursor that the platform refuses is kept")                              \
  X(sweep_takes_unsent, "a full pull removes records with unsent work")                               \
  X(sweep_while_confirming, "a full pull removes records that the platform has lost")                 \
  X(epoch_ignored, "a row of a newer epoch with a lower version is ignored")                          \
  X(deleted_ignored, "a deletion by somebody else is ignored")                                        \
  X(actions_ignored, "steps of a case in a pulled row are ignored")                                   \
  X(photos_ignored, "photos of a pulled row are ignored")                                             \
  X(photo_hash_not_checked, "the bytes of a fetched photo are not compared with its hash")            \
  /* laying and merging */                                                                            \
  X(pending_not_laid, "pending edits are not shown")                                                  \
  X(pulled_not_laid, "a pulled row is kept and not shown")                                            \
  X(fold_on_any_version, "a receipted op is folded into a base that it was not applied to")           \
  X(fold_not_by_row, "a pulled row does not end the ops that it contains")                            \
  X(own_delete_not_folded, "an own deletion does not reach the base")                                 \
  X(base_not_kept, "the values before a patch are read after it")                                     \
  X(merge_takes_local, "a true conflict is decided for the value from here")                          \
  X(merge_overwrites, "a true conflict is decided for the value from here, and nothing says so")      \
  X(conflict_not_kept, "a conflict does not go to the inbox")                                         \
  X(given_up_not_told, "values given up in a merge are not in the history")                           \
  X(choice_not_said, "an answer to a conflict ends the question and changes nothing")                 \
  X(inbox_not_renewed, "the inbox shows what stood when the question arose")                          \
  X(choice_not_told, "a choice on a deleted record is over, and the feed does not tell")              \
  X(given_up_waited_for, "what follows an op that a person gave up waits for it")                     \
  /* making ops, and making them again */                                                             \
  X(op_id_reused, "an op made again keeps the id of the first")                                       \
  X(op_hash_of_other_bytes, "the hash kept is not that of the bytes sent")                            \
  X(number_skipped, "a device's numbers have gaps")                                                   \
  X(replaces_forgotten, "an op made again does not name what it replaces")                            \
  X(applied_forgotten, "what was applied after all is not sent again for its receipt")                \
  X(applied_made_again, "a report that was applied after all is made again all the same")             \
  X(makings_left_waiting, "what waited for an op that was not needed after all waits for ever")       \
  /* waiting */                                                                                       \
  X(retry_never, "a failed attempt has no next one")                                                  \
  X(photo_retry_never, "a photo that could not be sent has no next attempt")                          \
  X(wait_outlives_clock, "a wait goes on when the clock was set back")                                \
  X(jitter_without_cap, "the wait doubles without a cap")                                             \
  X(retry_after_ignored, "Retry-After is ignored")                                                    \
  /* photos */                                                                                        \
  X(purge_before_receipt, "a photo is deleted when it has gone, before its receipt")                  \
  X(purge_at_receipt, "a photo is deleted at its receipt, whatever a restore may ask for")            \
  X(known_photo_dropped, "a photo taken a second time loses its bytes")                               \
  X(attach_without_bytes, "the platform signs for a photo that it does not hold")                     \
  X(known_photo_length_lost, "a photo taken a second time loses its length")                          \
  /* damage */                                                                                        \
  X(lost_op_awaited, "what stands after an op that damage took waits for ever")                       \
  X(loss_not_told, "ops that damage took are not counted")                                            \
  X(changes_begin_anew, "the feed begins anew after a salvage")                                       \
  /* restores, forks and tokens */                                                                    \
  X(epoch_not_confirmed, "a new epoch does not make the phone ask what is left")                      \
  X(reconcile_sends_nothing, "what the platform has lost is not sent again")                          \
  X(lost_edits_left_out, "of edits sent again, what a restore took from the platform is left out")    \
  X(resent_over_others, "an edit sent again takes the place of a newer value, unmerged")              \
  X(own_word_asked, "a person is asked which of their own two words stands")                          \
  X(earlier_word_back, "an earlier edit that goes again goes over a later one that the county has")   \
  X(confirming_not_told, "who follows the changes is not told that deliveries are being confirmed")   \
  X(fork_not_seen, "a forked device's refusal counts as one of its ops")                              \
  X(fork_keeps_chain, "pending ops stay on the former device's chain")                                \
  X(new_key_forgotten, "the key of a new device is not kept before it is used")                       \
  X(token_anywhere, "the token goes to whatever address the platform names")                          \
  X(refresh_loop, "a refused token is renewed without end")                                           \
  X(assertion_by_phone_clock, "assertions are timed by the phone's clock")                            \
  X(halving_stops_at_two, "a bad op is looked for no further than in pairs")                          \
  /* the reference platform */                                                                        \
  X(cursor_skips_a_row, "a page's cursor passes a row that no page carried, as a bare sequence does") \
  X(known_op_judged_again, "an op that was applied is judged a second time")                          \
  X(receipt_before_sync, "the platform signs before its commit is on the disk")                       \
  X(step_not_kept, "the platform signs for a step that it does not keep")                             \
  X(closed_forgotten, "the ids that an op replaces are not closed")                                   \
  X(version_reused, "versions after a restore are used a second time")

enum class Mutant : int {
  none,
#define JULU_MUTANT_NAME(name, what) name,
  JULU_MUTANT_LIST(JULU_MUTANT_NAME)
#undef JULU_MUTANT_NAME
};

#ifdef JULU_MUTANTS
inline Mutant planted_mutant = Mutant::none;
inline bool mutant(Mutant which) { return planted_mutant == which; }
#else
constexpr bool mutant(Mutant) { return false; }
#endif

}  // namespace julu
