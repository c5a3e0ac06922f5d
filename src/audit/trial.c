#include "audit/trial_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/bytes.h"
#include "base/check.h"

enum { SCORE_ROOM = 40 };

/* ---- samples --------------------------------------------------------------------------- */

enum status trials_create(struct trials **out)
{
	struct trials *trials = calloc(1, sizeof *trials);
	if (!trials)
		return STATUS_NO_MEMORY;
	*out = trials;
	return STATUS_OK;
}

void trials_destroy(struct trials *trials)
{
	if (!trials)
		return;
	for (size_t i = 0; i < trials->n_buckets; i++) {
		for (size_t n = 0; n < trials->buckets[i]->n; n++)
			free(trials->buckets[i]->kept[n]);
		free(trials->buckets[i]);
	}
	free(trials->samples);
	free(trials->trials);
	free(trials->told);
	free(trials);
}

static uint16_t *slot_of(struct trials *trials, enum trial_kind kind, uint32_t shape)
{
	uint32_t at = (shape * TRIAL_KINDS + (uint32_t)kind) * 2654435761u >> 16;
	for (;; at++) {
		uint16_t *slot = &trials->slots[at % BUCKETS_ROOM];
		if (!*slot)
			return slot;
		const struct bucket *bucket = trials->buckets[*slot - 1];
		if (bucket->kind == kind && bucket->shape == shape)
			return slot;
	}
}

/* What varies in names of one family is mostly capitals or has digits: such a word counts as
 * any other. Never 0. */
static uint32_t shape_of(struct str name)
{
	uint64_t shape = 14695981039346656037U;
	for (size_t at = 0, end; at < name.len; at = end) {
		bool lower = false, digit = false;
		for (end = at; end < name.len && byte_is_alnum(name.ptr[end]); end++) {
			digit |= byte_is_digit(name.ptr[end]);
			lower |= name.ptr[end] >= 'a' && name.ptr[end] <= 'z';
		}
		bool varies = end > at && (digit || !lower);
		end += end == at;
		for (size_t i = at; i < end && !varies; i++)
			shape = (shape ^ (unsigned char)name.ptr[i]) * 1099511628211U;
		shape = varies ? (shape ^ '#') * 1099511628211U : shape;
	}
	return (uint32_t)(shape >> 32) | 1;
}

/* Beyond the bound all shapes of a kind share one bucket. NULL: no memory. */
static struct bucket *bucket_for(struct trials *trials, enum trial_kind kind, uint32_t shape)
{
	uint16_t *slot = slot_of(trials, kind, shape);
	if (!*slot && trials->n_buckets >= TRIALS_MAX - TRIAL_KINDS)
		slot = slot_of(trials, kind, shape = 0);
	if (*slot)
		return trials->buckets[*slot - 1];
	struct bucket *bucket = calloc(1, sizeof *bucket);
	if (!bucket)
		return NULL;
	*bucket = (struct bucket){ .kind = kind, .shape = shape };
	trials->buckets[trials->n_buckets++] = bucket;
	*slot = (uint16_t)trials->n_buckets;
	return bucket;
}

static void put(struct sample *sample, const void *bytes, size_t n)
{
	if (n)
		memcpy(sample->data + sample->bytes, bytes, n);
	sample->bytes += n;
}

static void put_text(struct sample *sample, struct str text)
{
	uint32_t len = (uint32_t)text.len;
	put(sample, &len, sizeof len);
	put(sample, text.ptr, text.len);
}

void sample_element(const struct sample *sample, size_t *at, struct str *field, struct str *value)
{
	struct str *const out[] = { field, value };
	for (size_t i = 0; i < 2; i++) {
		uint32_t len;
		memcpy(&len, sample->data + *at, sizeof len);
		*at += sizeof len;
		*out[i] = str_make(sample->data + *at, len);
		*at += len;
	}
}

/* A zset's score as ZADD takes it; of other types the field. */
static struct str field_of(const struct audit_key *key, size_t element, char score[SCORE_ROOM])
{
	if (key->type != AUDIT_ZSET)
		return key->elements[element].field;
	int len = snprintf(score, SCORE_ROOM, "%.17g", key->elements[element].score);
	return str_make(score, (size_t)len);
}

static size_t bytes_of(const struct audit_key *key)
{
	char score[SCORE_ROOM];
	size_t bytes = key->name.len + (key->type == AUDIT_STRING ? key->value.len : 0);
	for (size_t i = 0; i < key->count; i++)
		bytes += 8 + field_of(key, i, score).len + key->elements[i].value.len;
	return bytes;
}

static struct sample *copy(const struct audit_key *key, int64_t index, uint64_t order, size_t bytes)
{
	char score[SCORE_ROOM];
	struct sample *sample = malloc(sizeof *sample + bytes);
	if (!sample)
		return NULL;
	*sample = (struct sample){ .order = order,
				   .index = index,
				   .family = -1,
				   .type = key->type,
				   .name_len = (uint32_t)key->name.len,
				   .elements = (uint32_t)key->count };
	put(sample, key->name.ptr, key->name.len);
	if (key->type == AUDIT_STRING) {
		sample->value_len = (uint32_t)key->value.len;
		put(sample, key->value.ptr, key->value.len);
	}
	for (size_t i = 0; i < key->count; i++) {
		put_text(sample, field_of(key, i, score));
		put_text(sample, key->elements[i].value);
	}
	return sample;
}

static void find_last(struct bucket *bucket)
{
	bucket->last = 0;
	for (size_t i = 1; i < bucket->n; i++)
		if (bucket->kept[i]->order > bucket->kept[bucket->last]->order)
			bucket->last = i;
}

static void drop_last(struct trials *trials, struct bucket *bucket)
{
	struct sample *sample = bucket->kept[bucket->last];
	bucket->bytes -= sample->bytes;
	trials->bytes -= sample->bytes;
	bucket->kept[bucket->last] = bucket->kept[--bucket->n];
	free(sample);
	find_last(bucket);
}

static bool fits(const struct trials *trials, const struct bucket *bucket, size_t bytes)
{
	return bucket->n < TRIAL_KEYS && bucket->bytes + bytes <= BUCKET_BYTES &&
	       trials->bytes + bytes <= TRIAL_BYTES;
}

static void keep(struct trials *trials, enum trial_kind kind, const struct audit_key *key,
		 int64_t index, uint32_t shape, uint64_t order)
{
	struct bucket *bucket = bucket_for(trials, kind, shape);
	if (!bucket) {
		trials->left_out++;
		return;
	}
	if (bucket->n == TRIAL_KEYS && order >= bucket->kept[bucket->last]->order)
		return;
	size_t bytes = bytes_of(key);
	while (bucket->n && !fits(trials, bucket, bytes) && bytes <= BUCKET_BYTES &&
	       order < bucket->kept[bucket->last]->order)
		drop_last(trials, bucket);
	struct sample *sample = fits(trials, bucket, bytes) ? copy(key, index, order, bytes) : NULL;
	if (!sample) {
		trials->left_out++;
		return;
	}
	bucket->kept[bucket->n++] = sample;
	bucket->bytes += bytes;
	trials->bytes += bytes;
	find_last(bucket);
}

static bool is_small(const struct audit_key *key)
{
	return key->type == AUDIT_STRING && key->length <= SMALL_STRING_BYTES &&
	       key->expires_ms < 0;
}

/* Of keys that are samples by what is known of them now. */
void trials_look(const struct audit_key *key, struct audit_look *look)
{
	bool likely = is_small(key) || look->facts & FACT_JSON_FLAT;
	look->trial_order = likely ? audit_digest(key->name) : 0;
	look->trial_shape = likely ? shape_of(key->name) : 0;
}

void trials_learn(struct audit_rules *rules, const struct audit_key *key,
		  const struct audit_look *look, const struct audit_record *record)
{
	bool string = key->type == AUDIT_STRING;
	bool whole = (string ? (int64_t)key->value.len : (int64_t)key->count) == key->length;
	if (!whole || key->length == 0 || key->name.len > BUCKET_BYTES / 16)
		return;
	const struct rule_limits limits = rule_limits_of(NULL);
	bool wanted[TRIAL_KINDS] = {
		[TRIAL_HASH] = record->facts & FACT_JSON_FLAT,
		[TRIAL_PACK] = is_small(key),
		[TRIAL_COMPRESS] = record->facts & FACT_SHRINKS,
		[TRIAL_MISS] = !string && rule_misses_listpack(&limits, record),
	};
	for (enum trial_kind kind = 0; kind < TRIAL_KINDS; kind++) {
		if (!wanted[kind])
			continue;
		if (look->trial_shape)
			keep(rules->trials, kind, key, record->index, look->trial_shape,
			     look->trial_order);
		else
			keep(rules->trials, kind, key, record->index, shape_of(key->name),
			     audit_digest(key->name));
	}
}

static int by_index(const void *a, const void *b)
{
	const struct sample *left = *(struct sample *const *)a, *right = *(struct sample *const *)b;
	return (left->index > right->index) - (left->index < right->index);
}

static enum status make_index(struct trials *trials)
{
	trials->samples = malloc(trials->n_buckets * TRIAL_KEYS * sizeof *trials->samples + 1);
	if (!trials->samples)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < trials->n_buckets; i++)
		for (size_t n = 0; n < trials->buckets[i]->n; n++)
			trials->samples[trials->n_samples++] = trials->buckets[i]->kept[n];
	qsort(trials->samples, trials->n_samples, sizeof *trials->samples, by_index);
	return STATUS_OK;
}

/* Records come by index, too. A key may be a sample of two kinds. */
void trials_gather(struct audit_rules *rules, const struct audit_record *record)
{
	struct trials *trials = rules->trials;
	if (!trials->samples && (rules->trouble = make_index(trials)))
		return;
	size_t *at = &trials->gathered;
	for (; *at < trials->n_samples && trials->samples[*at]->index <= record->index; ++*at)
		if (trials->samples[*at]->index == record->index)
			trials->samples[*at]->family = record->family;
}

/* ---- trials ---------------------------------------------------------------------------- */

static const char *const hows[] = {
	[TRIAL_HASH] = "a hash of its members",
	[TRIAL_PACK] = "one hash for every 100 of them, the variable part of the name as field",
	[TRIAL_COMPRESS] = "zstd, level 1",
	[TRIAL_MISS] = "the long value under a key of its own",
};

static const struct tally *tally_of(const struct audit_rules *rules,
				    const struct audit_finding *finding)
{
	if (finding->family < 0)
		return NULL;
	uint16_t number = rules->tally_of[(size_t)finding->family * FINDING_RULES + finding->rule];
	return number ? &rules->tallies[number - 1] : NULL;
}

static bool is_tried(const struct tally *tally, enum trial_kind *kind)
{
	switch (tally->rule) {
	case FINDING_json_string: *kind = TRIAL_HASH; return true;
	case FINDING_compress: *kind = TRIAL_COMPRESS; return true;
	case FINDING_encoding: *kind = tally->part[0] ? TRIAL_MISS : TRIAL_PACK; return true;
	default: return false;
	}
}

static void collect(const struct trials *trials, struct trial *trial, int64_t family)
{
	for (size_t i = 0; i < trials->n_buckets; i++) {
		const struct bucket *bucket = trials->buckets[i];
		for (size_t n = 0; bucket->kind == trial->kind && n < bucket->n; n++)
			if (bucket->kept[n]->family == family && trial->n < TRIAL_KEYS)
				trial->samples[trial->n++] = bucket->kept[n];
	}
}

/* The finding's bytes by the ratio of a trial's; no saving is claimed where there is none. */
static void apply(struct audit_finding *finding, const struct trial *trial, int64_t before,
		  int64_t after)
{
	if (before <= 0 || after < 0)
		return;
	double ratio = (double)after / (double)before;
	finding->bytes_after = after < before ? finding->bytes_now - trial->worth +
						    (int64_t)((double)trial->worth * ratio)
					      : -1;
}

static void try_model(struct audit_rules *rules, const struct trial *trial,
		      struct audit_finding *finding)
{
	int64_t before = trial_model(trial, false, rules->zstd);
	apply(finding, trial, before, trial_model(trial, true, rules->zstd));
	if (finding->bytes_after >= 0)
		finding->confidence = AUDIT_ESTIMATED;
}

enum status trials_settle(struct audit_rules *rules)
{
	struct trials *trials = rules->trials;
	trials->trials = calloc(TRIALS_MAX, sizeof *trials->trials);
	trials->told = calloc(TRIALS_MAX, sizeof *trials->told);
	if (!trials->trials || !trials->told)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < rules->n_findings && trials->n_trials < TRIALS_MAX; i++) {
		const struct tally *tally = tally_of(rules, &rules->findings[i]);
		struct trial trial = { 0 };
		if (!tally || !is_tried(tally, &trial.kind))
			continue;
		trial.worth = tally->worth;
		collect(trials, &trial, tally->family);
		if (!trial.n)
			continue;
		try_model(rules, &trial, &rules->findings[i]);
		trials->trials[trials->n_trials] = trial;
		trials->told[trials->n_trials++] =
		    (struct audit_trial){ i, hows[trial.kind], trial.n };
	}
	return STATUS_OK;
}

size_t audit_rules_trials(const struct audit_rules *rules, const struct audit_trial **out)
{
	*out = rules->trials->told;
	return rules->trials->n_trials;
}

void audit_rules_trial(const struct audit_rules *rules, size_t trial, bool after,
		       audit_command_fn fn, void *ctx)
{
	CHECK(trial < rules->trials->n_trials);
	trial_commands(&rules->trials->trials[trial], after, rules->zstd, fn, ctx);
}

void audit_rules_trial_result(struct audit_rules *rules, size_t trial, int64_t before,
			      int64_t after)
{
	CHECK(trial < rules->trials->n_trials);
	if (before <= 0 || after < 0)
		return;
	const struct trial *at = &rules->trials->trials[trial];
	struct audit_finding *finding = &rules->findings[rules->trials->told[trial].finding];
	apply(finding, at, before, after);
	finding->confidence = AUDIT_MEASURED;
	finding->tried = (int64_t)at->n;
	finding->tried_now = before;
	finding->tried_after = after;
}

/* ---- the same of an audit ------------------------------------------------------------------ */

bool audit_trials_likely(const struct audit *audit)
{
	return audit_rules_of(audit)->trials->n_buckets > 0;
}

size_t audit_trials(const struct audit *audit, const struct audit_trial **out)
{
	return audit_rules_trials(audit_rules_of(audit), out);
}

void audit_trial_before(const struct audit *audit, size_t trial, audit_command_fn fn, void *ctx)
{
	audit_rules_trial(audit_rules_of(audit), trial, false, fn, ctx);
}

void audit_trial_after(const struct audit *audit, size_t trial, audit_command_fn fn, void *ctx)
{
	audit_rules_trial(audit_rules_of(audit), trial, true, fn, ctx);
}

void audit_trial_result(struct audit *audit, size_t trial, int64_t before, int64_t after)
{
	audit_rules_trial_result(audit_rules_of(audit), trial, before, after);
}
