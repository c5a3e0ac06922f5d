/* signal_ids.h - the producers' keys of the newest signals, and which sid each has.
 *
 * A key is held as its SipHash-2-4 of 128 bits (Aumasson and Bernstein 2012) under a secret
 * of this run: two keys are taken for one with a chance of 2^-128 a pair, which no producer
 * can raise, and the newest SIGNAL_IDS_MAX take 24 bytes each and their place in a table,
 * where the texts would take three times that. Oldest out first. No allocation after create.
 * Pure; one thread. */
#pragma once

#include "base/str.h"

enum { SIGNAL_IDS_MAX = 262144 };

struct signal_ids;

/* NULL: no memory. */
struct signal_ids *signal_ids_create(const uint64_t secret[2]);
void signal_ids_destroy(struct signal_ids *ids);
/* False: it was there already, and keeps its sid and its age. */
bool signal_ids_add(struct signal_ids *ids, struct str id, uint64_t sid);
bool signal_ids_find(const struct signal_ids *ids, struct str id, uint64_t *sid);

/* The hash itself: for the test, which knows its vectors. */
void signal_ids_hash(const uint64_t secret[2], struct str text, uint64_t out[2]);
