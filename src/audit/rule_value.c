#include "audit/rules_impl.h"

#include <lz4.h>
#include <math.h>
#include <zstd.h>

enum { MEMBERS_KEPT = 256, ZSTD_LEVEL = 1, CODE_TABLE_BYTES = 100 };

static const float CODE_MARGIN = 1.02f;

/* The members of a JSON object, held back until all of it is known to be JSON. */
struct members {
	struct json_member kept[MEMBERS_KEPT]; /* the first so many */
	size_t n;
	bool secret;
};

static void take_member(void *ctx, const struct json_member *member)
{
	struct members *members = ctx;
	if (member->quoted && member->name.len && rule_secret_is(member->name, member->value))
		members->secret = true;
	if (members->n < MEMBERS_KEPT && member->scalar && member->plain && member->name.len)
		members->kept[members->n++] = *member;
}

static bool begins_json(struct str value)
{
	struct str text = str_trim(str_make(value.ptr, value.len < 16 ? value.len : 16));
	return text.len && (text.ptr[0] == '{' || text.ptr[0] == '[');
}

static void find_members(const struct audit_key *key, struct members *members,
			 struct json_shape *shape)
{
	bool cut = (int64_t)key->value.len < key->length;
	members->n = 0;
	members->secret = false;
	*shape = json_shape_of(key->value, cut, take_member, members);
}

static void look_field(void *ctx, const struct look_field *field)
{
	struct audit_look *look = ctx;
	if (look->n_fields < LOOK_FIELDS)
		look->fields[look->n_fields++] = *field;
	else
		look->more_fields = true;
}

static void look_json(const struct audit_rules *rules, const struct audit_key *key,
		      struct audit_look *look)
{
	struct members members;
	struct json_shape shape;
	find_members(key, &members, &shape);
	if (shape.kind == JSON_SHAPE_NONE)
		return;
	look->facts |= FACT_JSON;
	look->facts |= shape.kind == JSON_SHAPE_ARRAY ? FACT_JSON_ARRAY : 0;
	look->facts |= shape.flat ? FACT_JSON_FLAT : 0;
	look->facts |= shape.whole ? 0 : FACT_LIKELY;
	look->facts |= members.secret ? FACT_SECRET : 0;
	look->members = shape.members;
	if (audit_rules_on(rules, FINDING_duplicate) && !(look->facts & FACT_IGNORED))
		rule_duplicate_look(key, members.kept, members.n, look_field, look);
}

struct learning {
	struct audit_rules *rules;
	enum status status;
};

static void learn_field(void *ctx, const struct look_field *field)
{
	struct learning *learning = ctx;
	if (!learning->status)
		learning->status = rule_duplicate_field(learning->rules, field);
}

static enum status learn_fields(struct audit_rules *rules, const struct audit_key *key,
				const struct audit_look *look)
{
	struct learning learning = { rules, STATUS_OK };
	for (size_t i = 0; i < look->n_fields && !look->more_fields; i++)
		learn_field(&learning, &look->fields[i]);
	if (look->more_fields) {
		struct members members;
		struct json_shape shape;
		find_members(key, &members, &shape);
		rule_duplicate_look(key, members.kept, members.n, learn_field, &learning);
	}
	return learning.status;
}

/* Bytes that a code for single bytes makes of the text, its table and a margin included: more
 * than zstd needs, whose literals are coded so and which finds repetitions besides. */
static size_t coded_size(struct str text)
{
	uint32_t counts[2][256] = { 0 };
	size_t i = 0;
	for (; i + 2 <= text.len; i += 2) {
		counts[0][(unsigned char)text.ptr[i]]++;
		counts[1][(unsigned char)text.ptr[i + 1]]++;
	}
	if (i < text.len)
		counts[0][(unsigned char)text.ptr[i]]++;
	float bits = (float)text.len * log2f((float)text.len);
	for (i = 0; i < 256; i++) {
		float n = (float)(counts[0][i] + counts[1][i]);
		bits -= n > 0 ? n * log2f(n) : 0;
	}
	return (size_t)(bits / 8 * CODE_MARGIN) + CODE_TABLE_BYTES;
}

/* The size of the text compressed, or an upper bound that is at most half of it. zstd is asked
 * last: most values are decided by their bytes alone (digits and brackets), or by their
 * repetitions alone (pages, logs; none in random text), at a twentieth of its cost. */
static size_t packed_size(const struct audit_rules *rules, struct str text)
{
	char packed[ZSTD_COMPRESSBOUND(COMPRESS_SAMPLE)];
	size_t coded = coded_size(text);
	if (coded * 2 <= text.len)
		return coded;
	int matched = LZ4_compress_fast(text.ptr, packed, (int)text.len, sizeof packed, 1);
	if (matched > 0 && (size_t)matched * 2 <= text.len)
		return (size_t)matched;
	bool hopeless = (size_t)matched * 10 > text.len * 9 && coded * 10 > text.len * 6;
	if (hopeless)
		return text.len;
	size_t len =
	    ZSTD_compressCCtx(rules->zstd, packed, sizeof packed, text.ptr, text.len, ZSTD_LEVEL);
	return ZSTD_isError(len) ? text.len : len;
}

/* The beginning stands for the rest. */
static void learn_size(const struct audit_rules *rules, const struct audit_key *key,
		       struct audit_record *record)
{
	struct str sample = key->value;
	if (key->length < rules->limits.compress_min || !sample.len)
		return;
	if (sample.len > COMPRESS_SAMPLE)
		sample.len = COMPRESS_SAMPLE;
	size_t len = packed_size(rules, sample);
	if (len * 2 > sample.len)
		return;
	record->facts |= FACT_SHRINKS;
	record->number[NUMBER_SHRUNK] =
	    (int64_t)((double)key->length * (double)len / (double)sample.len) + 1;
	if (sample.len < COMPRESS_SAMPLE && (int64_t)sample.len < key->length)
		record->facts |= FACT_LIKELY;
}

static void look_string(const struct audit_rules *rules, const struct audit_key *key,
			struct audit_look *look)
{
	bool whole = (int64_t)key->value.len == key->length;
	if (whole && !look->digest)
		look->digest = audit_digest(key->value);
	if (begins_json(key->value))
		look_json(rules, key, look);
	else if (key->value.len && rule_secret_text(key->value))
		look->facts |= FACT_SECRET;
}

static bool has_secret(const struct audit_key *key)
{
	for (size_t i = 0; i < key->count; i++)
		if (rule_secret_is(key->elements[i].field, key->elements[i].value))
			return true;
	return false;
}

void rule_value_look(const struct audit_rules *rules, const struct audit_key *key,
		     struct audit_look *look)
{
	if (key->type == AUDIT_STRING)
		look_string(rules, key, look);
	else if (key->type == AUDIT_HASH)
		look->facts |= has_secret(key) ? FACT_SECRET : 0;
	else
		look->facts |= rule_members_facts(rules, key);
}

enum status rule_value_learn(struct audit_rules *rules, const struct audit_key *key,
			     const struct audit_look *look, struct audit_record *record)
{
	if (key->type != AUDIT_STRING)
		return STATUS_OK;
	enum status status = learn_fields(rules, key, look);
	if (!status && audit_rules_on(rules, FINDING_compress))
		learn_size(rules, key, record);
	return status || !audit_rules_on(rules, FINDING_duplicate)
		   ? status
		   : rule_duplicate_learn(rules, record);
}
