/* rules.h - what the collector (audit.c) and the rules (rules.c, rule_*.c) know of each other.
 * Only for this folder.
 *
 *   audit_rules_create
 *   pass 1, each key as it comes:     audit_rules_look(key, look)       a value is only there now
 *                                     audit_rules_learn(key, look, record)
 *   names are settled into families: their number and indices are final
 *   pass 2, each record in order:     audit_rules_gather(record)        per-family sums
 *   families are settled: figures, use, belongs, twins, growth
 *                                     audit_rules_settle(scene)
 *   pass 3, each record in order:     audit_rules_judge(record, hit)    the keys of each rule
 *                                     audit_rules_end                   findings
 *   audit_rules_destroy
 *
 * Passes 2 and 3 read the same records again, from memory or the spill. Memory of the rules is
 * bounded whatever the number of keys: RULES_MEMORY_MAX in all. One thread. */
#pragma once

#include "audit/audit.h"
#include "audit/look.h"

enum {
	RULES_MEMORY_MAX = 32 << 20, /* digests of duplicates, samples of trials, figures */
	AUDIT_RECORD_NUMBERS = 4,
};

/* What is known of a value, as bits. The collector sets those above the line before
 * audit_rules_learn (facts.c), the rules set the others. */
enum audit_fact {
	FACT_IGNORED = 1 << 0, /* by audit.ignore: counted, and no rule looks at it */
	FACT_READ = 1 << 1,    /* a string of which bytes were at hand, or elements were */
	FACT_WHOLE = 1 << 2,   /* all of it was */
	FACT_INTEGER = 1 << 3, /* strings: a whole number */
	FACT_NUMBER = 1 << 4,  /* strings: a number, with INTEGER or without */
	FACT_TIME = 1 << 5,    /* strings: a unix time in s, ms, us or ns, or a date and time */
	FACT_SWITCH = 1 << 6,  /* strings: 0 1 true false on off yes no */
	FACT_TEXT = 1 << 7,    /* strings: text that is none of these */
	FACT_BINARY = 1 << 8,  /* strings: not UTF-8, or with control bytes */
	FACT_WORD = 1 << 9,    /* strings: one short word, a state */
	/* Member names of a JSON object, or fields of a hash or stream, or of elements' JSON. */
	FACT_FIELDS_TRADE = 1 << 10,   /* entry, price, side, qty, pnl … */
	FACT_FIELDS_CANDLE = 1 << 11,  /* open high low close volume */
	FACT_FIELDS_FIGURES = 1 << 12, /* rsi, ema, macd … */
	FACT_FIELDS_PERSON = 1 << 13,  /* email, name, password, balance … */
	FACT_FIELDS_SESSION = 1 << 14, /* token, csrf, ip, user_agent … */
	FACT_SCORES_TIME = 1 << 15,    /* zset: scores are times */
	FACT_SCORES_SAME = 1 << 16,    /* zset: each member is its own score */
	/* --- set in audit_rules_learn --- */
	FACT_JSON = 1 << 17,      /* the whole value is a JSON object or array */
	FACT_JSON_FLAT = 1 << 18, /* an object without objects or arrays in it */
	FACT_JSON_ARRAY = 1 << 19,
	FACT_RULE_FIRST = 1 << 20, /* from here on the rules name their own */
};

/* What is kept of a key between the passes. In passes 2 and 3 texts are valid during the call.
 * It is packed (record.c): a zero costs nothing or a byte. */
struct audit_record {
	int64_t index;  /* of the key, in the order they came, from 0 */
	int64_t family; /* passes 2 and 3: its index among the scene's families */
	struct str name;
	int db;
	enum audit_type type;
	enum audit_encoding encoding;
	int64_t length, expires_ms, bytes, idle_s, longest; /* as in audit_key */
	uint64_t digest;                                    /* as in audit_key */
	uint32_t facts;                                     /* enum audit_fact */
	uint32_t shape;                                     /* of the name (names.h) */
	int64_t number[AUDIT_RECORD_NUMBERS]; /* the rules' own: small where they can */
	struct audit_stream stream;           /* AUDIT_STREAM only */
};

/* Everything that is settled before the first judgement. Alive until audit_rules_destroy. */
struct audit_rules_scene {
	const struct audit_limits *limits;
	int64_t now_ms;
	const struct audit_family *families;
	size_t n_families;
	const struct audit_totals *totals;
	const struct audit_server *server; /* NULL: none was told */
	const struct code *code;           /* NULL: none was told */
};

typedef void (*audit_hit_fn)(void *ctx, const struct audit_hit *hit);

struct audit_rules;

MUST_CHECK enum status audit_rules_create(const struct audit_config *config,
					  struct audit_rules **out);
void audit_rules_destroy(struct audit_rules *rules); /* NULL-safe */
/* All of *look but its name; its facts are the collector's before. Any thread. */
void audit_rules_look(const struct audit_rules *rules, const struct audit_key *key,
		      struct audit_look *look);
/* Before audit_rules_learn, best a while before: reads what that needs into the cache. */
void audit_rules_prefetch(const struct audit_rules *rules, const struct audit_look *look);
/* Ignored keys are told too (their facts count in families). */
MUST_CHECK enum status audit_rules_learn(struct audit_rules *rules, const struct audit_key *key,
					 const struct audit_look *look,
					 struct audit_record *record);
/* family is below AUDIT_FAMILIES_MAX + 1. */
void audit_rules_gather(struct audit_rules *rules, const struct audit_record *record);
MUST_CHECK enum status audit_rules_settle(struct audit_rules *rules,
					  const struct audit_rules_scene *scene);
/* fn may be NULL; each hit once, in whatever order the rules stand. Not told of ignored keys. */
void audit_rules_judge(struct audit_rules *rules, const struct audit_record *record,
		       audit_hit_fn fn, void *ctx);
/* Findings of keys, server (its hits are emitted here) and code (code_findings), sorted: by
 * severity, highest first, then bytes_now, count, rule, family. They are the rules' memory. */
MUST_CHECK enum status audit_rules_end(struct audit_rules *rules, audit_hit_fn fn, void *ctx);
size_t audit_rules_findings(const struct audit_rules *rules, const struct audit_finding **out);
int64_t audit_rules_left_out(const struct audit_rules *rules); /* beyond AUDIT_FINDINGS_MAX */

/* For audit_trials and the like, which are told an audit (audit.c). */
struct audit_rules *audit_rules_of(const struct audit *audit);
