/* trial_impl.h - the samples that trials are made of. Only for trial*.c. */
#pragma once

#include "audit/rules_impl.h"
#include "audit/trial.h"

enum {
	BUCKET_BYTES = TRIAL_BYTES / 64, /* of one shape of names and kind of trial */
	BUCKETS_ROOM = TRIALS_MAX * 2,   /* slots of their table */
};

/* One key, whole, in one block: its name, then its value, or each element as two lengths (4
 * bytes each), field and value. */
struct sample {
	uint64_t order; /* digest of its name: the smallest are kept */
	int64_t index;  /* of its record */
	int64_t family; /* -1 until that was gathered */
	enum audit_type type;
	uint32_t name_len, value_len; /* value_len: of a string */
	uint32_t elements;
	size_t bytes; /* of the block */
	char data[];
};

/* Names of one shape, roughly (families are not known yet), so that small families have samples
 * beside large ones. */
struct bucket {
	enum trial_kind kind;
	uint32_t shape;
	size_t n, bytes, last; /* last: the one of the largest order */
	struct sample *kept[TRIAL_KEYS];
};

struct trial {
	enum trial_kind kind;
	size_t n;
	int64_t worth; /* bytes of the finding that it is about */
	const struct sample *samples[TRIAL_KEYS];
};

struct trials {
	struct bucket *buckets[TRIALS_MAX];
	uint16_t slots[BUCKETS_ROOM]; /* 1 + bucket by kind and shape; 0: none */
	struct sample **samples;      /* by index; NULL until gathering */
	size_t n_samples, gathered;   /* gathered: of samples, those that have a family */
	size_t n_buckets, bytes;
	int64_t left_out; /* samples that had no room */
	struct trial *trials;
	struct audit_trial *told;
	size_t n_trials;
};

static inline struct str sample_name(const struct sample *sample)
{
	return str_make(sample->data, sample->name_len);
}

static inline struct str sample_value(const struct sample *sample)
{
	return str_make(sample->data + sample->name_len, sample->value_len);
}

/* The element at *at, which is moved behind it; *at begins with sample->name_len. */
void sample_element(const struct sample *sample, size_t *at, struct str *field, struct str *value);

/* trial.c: as trial.h, of the rules themselves. */
size_t audit_rules_trials(const struct audit_rules *rules, const struct audit_trial **out);
void audit_rules_trial(const struct audit_rules *rules, size_t trial, bool after,
		       audit_command_fn fn, void *ctx);
void audit_rules_trial_result(struct audit_rules *rules, size_t trial, int64_t before,
			      int64_t after);

/* trial_commands.c */
void trial_commands(const struct trial *trial, bool after, void *zstd, audit_command_fn fn,
		    void *ctx);
/* What the model says of the commands' keys. */
int64_t trial_model(const struct trial *trial, bool after, void *zstd);
