/* mess.h - a trading bot's messy Redis, and the truth about it.
 *
 *   mess_create → mess_next, for each key → mess_destroy
 *
 * What a bot leaves behind that grew for years: symbols and timeframes in front of the name,
 * JSON in strings, each of its fields once more beside it, lists that grow, flags that stay,
 * one thing under six names; and well-made families that look like faults and are none. Each
 * finding of the audit that keys can show (def/findings.def) is there, and each key tells which
 * of them are true of it, by that table's own words: the truth is what the rules are measured
 * by, not what they do.
 *
 * One seed and one number of keys give the same keys, values and truth, whatever the time; only
 * times that must be near now (consumers' last words) are counted back from `now_ms`. Values
 * that need an idle time are told as RESTORE with a payload of our own, which servers from 7.0
 * on take. Memory does not grow with the number of keys.
 *
 * Pure: no I/O, no clock. One thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/findings.h"

struct mess;

enum mess_layout {
	MESS_LAYOUT_MESS, /* every finding, among well-made families */
	MESS_LAYOUT_BOT,  /* a bot of a hundred files: symbols × timeframes × indicators */
};

enum { MESS_KEYS_MIN = 4000, MESS_BOT_KEYS_MIN = 300, MESS_KEYS_MAX = 100000000 };

struct mess_config {
	/* So many keys. BOT: at most, as symbols come whole; it ends at all symbols there are. */
	int64_t keys;
	uint64_t seed;
	enum mess_layout layout;
	int64_t now_ms;
};

/* One rule that is true of one key. */
struct mess_hit {
	enum finding_rule rule;
	int db;
	struct str name; /* as it is */
};

struct mess_sink {
	/* What writes the key, in order, SELECT where the database changes. */
	void (*command)(void *ctx, const struct str *argv, size_t argc);
	void (*hit)(void *ctx, const struct mess_hit *hit); /* NULL: nobody asks */
	void *ctx;
};

/* RANGE: too few keys to have every finding, or too many. */
MUST_CHECK enum status mess_create(const struct mess_config *config, struct mess **out,
				   struct err *err);
void mess_destroy(struct mess *mess); /* NULL-safe */
int64_t mess_keys(const struct mess *mess);
/* Tells the next key; false: there is none. Texts are valid during the sink's call. */
bool mess_next(struct mess *mess, const struct mess_sink *sink);

/* {"rule":"no-ttl","severity":"warn","key":"…"}, with "db" where it is not 0; with LF. */
void mess_hit_print(struct buf *out, const struct mess_hit *hit);
