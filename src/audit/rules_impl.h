/* rules_impl.h - what the files of the rules share: rules.c drives, rule_*.c know one thing
 * each, tally.c sums, findings.c and finding_words.c tell, trial.c keeps
 * samples. Only for them. */
#pragma once

#include "audit/digests.h"
#include "audit/json_shape.h"
#include "audit/rules.h"
#include "base/buf.h"

/* The rules' own bits of a record. */
enum rule_fact {
	FACT_LIKELY = FACT_RULE_FIRST,         /* judged by a part of the value */
	FACT_SHRINKS = FACT_RULE_FIRST << 1,   /* zstd halves it */
	FACT_SECRET = FACT_RULE_FIRST << 2,    /* a secret in plain text */
	FACT_ORDERED = FACT_RULE_FIRST << 3,   /* set: a time or a rank in each member */
	FACT_NAMES = FACT_RULE_FIRST << 4,     /* list: identifiers, none twice */
	FACT_TIMES = FACT_RULE_FIRST << 5,     /* zset: members are times */
	FACT_TWO_TYPES = FACT_RULE_FIRST << 6, /* the name has another type in another database */
};

/* audit_record.number */
enum rule_number {
	NUMBER_SHRUNK,  /* bytes that zstd makes of it; with FACT_SHRINKS */
	NUMBER_MEMBERS, /* of JSON */
};

enum {
	SMALL_STRING_BYTES = 64,
	SMALL_STRINGS_MIN = 100, /* of a family, for them to belong in one hash */
	DUPLICATE_BYTES_MIN = 24,
	COMPRESS_SAMPLE = 4 << 10,
	SHARED_BYTES = 16 << 20, /* digests of whole values */
	FIELDS_BYTES = 8 << 20,  /* digests of fields of JSON */
	OTHERS_BYTES = 2 << 20,  /* names in other databases than the first key's */
	BESIDE_BYTES = 1 << 18,  /* queues that have a list beside them */
	GROUPS_MAX = 1 << 17,    /* values that several keys have */
	GROUP_NAMES_BYTES = 4 << 20,
	TALLY_EXAMPLES_BYTES = 512, /* a name in an example */
	TALLY_PARTS = 4,
};

/* A rule's keys in one family. */
struct tally {
	enum finding_rule rule;
	int64_t family; /* -1: of those that had no room for a tally of their own */
	int64_t count, bytes;
	int64_t worth;             /* of bytes: what the claimed saving is about */
	int64_t after;             /* of worth, where it is known key by key */
	int64_t part[TALLY_PARTS]; /* what each rule says it is */
	int64_t likely;            /* hits that were judged by a part of the value */
	int64_t most;              /* the largest of something: length, idle */
	size_t n_examples;
	char *examples[AUDIT_FINDING_EXAMPLES]; /* printed; the finding's */
	char *keep;                             /* duplicate: the key that stays for examples[0] */
};

/* The judgement of one rule on one key. */
struct verdict {
	int part;      /* whose count rises; -1 none */
	int64_t worth; /* bytes that the saving is about */
	int64_t after; /* what is left of them */
	int64_t most;
	bool likely;
	struct str keep;
};

struct rule_sums { /* of a family, from audit_rules_gather */
	int64_t small;
};

/* Keys that share one value: the first by name. */
struct group {
	uint64_t digest; /* 0: free */
	uint32_t name;   /* in names; GROUP_NAMES_BYTES: no room, the first by index counts */
	uint32_t name_len;
	int32_t db;
	bool seen;
	int64_t index;
};

struct groups {
	struct group *slots;
	uint32_t room, used;
	uint32_t sample_bits; /* 1 in 2^bits of the values is looked at */
	char *names;
	size_t names_len;
};

struct trials; /* trial.c */

struct audit_rules {
	struct audit_limits limits;
	int64_t now_ms;
	uint32_t off;        /* bits 1 << enum finding_rule */
	bool separates[256]; /* bytes that part names */
	/* learnt */
	struct digests shared, fields, others, beside;
	uint64_t field_names[1024]; /* which names of fields there are: a filter of 65,536 bits */
	int32_t first_db;           /* INT32_MIN: no key yet */
	void *zstd;                 /* its context */
	struct trials *trials;
	/* gathered */
	struct rule_sums sums[AUDIT_FAMILIES_MAX + 1];
	struct groups groups;
	bool grouped;
	enum status trouble; /* of a call that cannot say: told by the next that can */
	/* settled */
	struct audit_rules_scene scene;
	bool *unread; /* of each family: the code writes it and never reads it */
	bool session_index;
	uint16_t *possible; /* of each family: bits of judges that may find something */
	uint16_t judges_of[AUDIT_TYPES]; /* bits of those for keys of a type */
	/* judged */
	uint16_t *tally_of; /* [family][rule] → 1 + tally, 0 none */
	struct tally *tallies;
	size_t n_tallies, tallies_room;
	struct buf printed; /* of the hit being told */
	/* ended */
	struct audit_finding *findings;
	size_t n_findings, findings_room;
	int64_t findings_left_out; /* beyond AUDIT_FINDINGS_MAX */
};

static inline bool audit_rules_on(const struct audit_rules *rules, enum finding_rule rule)
{
	return !(rules->off >> rule & 1);
}

/* rule_value.c: facts and digests of a value. */
void rule_value_look(const struct audit_rules *rules, const struct audit_key *key,
		     struct audit_look *look);
MUST_CHECK enum status rule_value_learn(struct audit_rules *rules, const struct audit_key *key,
					const struct audit_look *look, struct audit_record *record);
/* rule_members.c: what the elements of a collection are, as facts. */
uint32_t rule_members_facts(const struct audit_rules *rules, const struct audit_key *key);
/* rule_secret.c */
bool rule_secret_is(struct str name, struct str value);
bool rule_secret_text(struct str text);

/* rule_duplicate.c */
MUST_CHECK enum status rule_duplicate_learn(struct audit_rules *rules,
					    const struct audit_record *record);
/* Tells fn each member that may be a field. */
void rule_duplicate_look(const struct audit_key *key, const struct json_member *members, size_t n,
			 void (*fn)(void *ctx, const struct look_field *field), void *ctx);
MUST_CHECK enum status rule_duplicate_field(struct audit_rules *rules,
					    const struct look_field *field);
MUST_CHECK enum status rule_duplicate_groups(struct audit_rules *rules); /* shared becomes groups */
void rule_duplicate_gather(struct audit_rules *rules, const struct audit_record *record);
bool rule_duplicate_judge(struct audit_rules *rules, const struct audit_record *record,
			  struct verdict *verdict);

/* rule_names.c: names in two databases, lists beside queues, families by code. */
MUST_CHECK enum status rule_names_learn(struct audit_rules *rules, struct audit_record *record);
MUST_CHECK enum status rule_names_gather(struct audit_rules *rules,
					 const struct audit_record *record);
bool rule_names_two_types(struct audit_rules *rules, const struct audit_record *record);
bool rule_names_loses(const struct audit_rules *rules, const struct audit_record *record);
MUST_CHECK enum status rule_names_settle(struct audit_rules *rules);

/* A string that would share a hash with others like it. */
static inline bool rule_is_small(const struct audit_record *record)
{
	return record->type == AUDIT_STRING && record->length >= 0 &&
	       record->length <= SMALL_STRING_BYTES && record->expires_ms < 0;
}

/* rule_judges.c: what each family may be found to be. */
MUST_CHECK enum status rule_judges_settle(struct audit_rules *rules);

/* rule_server.c: findings of the server's facts, each with its hit. */
MUST_CHECK enum status rule_server_end(struct audit_rules *rules, audit_hit_fn fn, void *ctx);

/* tally.c */
MUST_CHECK enum status tally_settle(struct audit_rules *rules);
/* Counts a hit. */
void tally_hit(struct audit_rules *rules, enum finding_rule rule, const struct audit_record *record,
	       const struct verdict *verdict);
void tally_deinit(struct audit_rules *rules);

/* findings.c */
struct audit_finding *findings_add(struct audit_rules *rules); /* zeroed; NULL: full or no memory */
MUST_CHECK enum status findings_of_tallies(struct audit_rules *rules);
/* `template` with {name} filled in from vars: name, value, name, value …, NULL. */
void findings_fill(char out[AUDIT_TEXT_BYTES], const char *template, const char *const *vars);
void findings_sort(struct audit_rules *rules);

/* finding_words.c: what, fix and undo of a tally. */
void finding_words(const struct audit_rules *rules, const struct tally *tally,
		   struct audit_finding *finding);

/* trial.c */
enum trial_kind { TRIAL_HASH, TRIAL_PACK, TRIAL_COMPRESS, TRIAL_MISS, TRIAL_KINDS };
MUST_CHECK enum status trials_create(struct trials **out);
void trials_destroy(struct trials *trials);
void trials_look(const struct audit_key *key, struct audit_look *look);
/* Keeps a copy where it is among the first by digest of its name. */
void trials_learn(struct audit_rules *rules, const struct audit_key *key,
		  const struct audit_look *look, const struct audit_record *record);
void trials_gather(struct audit_rules *rules, const struct audit_record *record);
/* Makes the trials, after the findings are sorted, and asks the model for each. */
MUST_CHECK enum status trials_settle(struct audit_rules *rules);

/* Listpack limits: the server's, or Redis 7.0's own. */
struct rule_limits {
	int64_t hash_entries, hash_value, zset_entries, zset_value, set_entries, set_value;
};
struct rule_limits rule_limits_of(const struct audit_server *server);
/* A hash, zset or set that is a table because of a long value. */
bool rule_misses_listpack(const struct rule_limits *limits, const struct audit_record *record);
