/* The rules by the words of findings.def (column `keys`), of what was planted: families are
 * known, not guessed. Limits are those the audit has by itself. */
#include "sim/mess_impl.h"

enum {
	DAY_S = 86400,
	DEAD_S = 30 * DAY_S,
	UNBOUNDED_ITEMS = 1000,
	BIG_STRING = 100 << 10,
	BIG_HASH = 5000,
	BIG_ITEMS = 1000,
	BIG_BYTES = 1 << 20,
	COMPRESS_MIN = 1 << 10,
	SMALL_FAMILY = 100, /* strings that belong in one hash */
	LISTPACK_HASH = 512,
	LISTPACK_ZSET = 128,
	LISTPACK_VALUE = 64,
	EVENT_PARTS = 6, /* of a stream's entry: three fields */
	IDS_LEAST = 8,   /* elements of which one says that none comes twice */
};

struct seen {
	const struct mess *mess;
	const struct mess_key *key;
	const struct mess_row *row;
	const struct mess_family *family;
	struct str name;
	enum audit_type type;
	unsigned facts;
	int64_t length, bytes, longest;
};

static bool is_items(const struct seen *seen)
{
	return seen->type == AUDIT_LIST || seen->type == AUDIT_SET || seen->type == AUDIT_ZSET;
}

static bool no_ttl(const struct seen *seen)
{
	enum audit_use use = seen->row->use;
	bool temporary = use == AUDIT_USE_flag || use == AUDIT_USE_cache ||
			 use == AUDIT_USE_rate_limit || use == AUDIT_USE_session;
	return !seen->key->ttl && (temporary || seen->family->with_ttl * 2 >= seen->family->keys);
}

static bool dead(const struct seen *seen) { return seen->key->idle_s > DEAD_S; }

static bool naming(const struct seen *seen)
{
	return !seen->family->namespaced || seen->family->smaller_twin;
}

static bool collision(const struct seen *seen)
{
	return seen->type != seen->family->type || seen->family->two_types;
}

static bool json_string(const struct seen *seen) { return seen->facts & MESS_JSON; }

/* Another key's name, of the same number or near it; is it before ours? */
static bool is_before(const struct seen *seen, int row, int64_t index)
{
	char space[MESS_NAME_BYTES];
	struct buf name = buf_over(space, sizeof space);
	mess_name(seen->mess, row, index, &name);
	CHECK(!name.overflow);
	return str_cmp(buf_str(&name), seen->name) < 0;
}

/* The key's value once more in a row of copies. */
static bool copied_before(const struct seen *seen)
{
	const struct mess *mess = seen->mess;
	int64_t index = seen->key->index;
	for (int i = 0; i < mess->n_rows; i++)
		if (mess->rows[i].kind == MESS_copy && mess->rows[i].of == seen->key->row &&
		    index < mess->counts[i] && mess_key_of(mess, i, index).kind == MESS_copy &&
		    is_before(seen, i, index))
			return true;
	return false;
}

static bool duplicate(const struct seen *seen)
{
	const struct mess_key *key = seen->key;
	int64_t first = key->index - key->index % 3;
	if (key->kind == MESS_field)
		return true;
	if (key->kind == MESS_copy)
		return is_before(seen, seen->row->of, key->index);
	for (int64_t i = first; key->grouped && i < first + 3; i++)
		if (i != key->index && is_before(seen, key->row, i))
			return true;
	return key->kind == MESS_indicators && copied_before(seen);
}

static bool wrong_type(const struct seen *seen)
{
	bool ids = seen->facts & MESS_UNIQUE && seen->length >= IDS_LEAST &&
		   seen->row->use != AUDIT_USE_queue;
	return seen->facts & (MESS_ORDERED | MESS_TIMES) || ids;
}

static bool unbounded(const struct seen *seen)
{
	if (seen->facts & MESS_STALE)
		return true;
	if (seen->key->ttl)
		return false;
	bool collection = is_items(seen) || seen->type == AUDIT_STREAM;
	return seen->facts & MESS_UNTRIMMED ||
	       (collection && seen->family->constant && seen->length > UNBOUNDED_ITEMS);
}

static bool big(const struct seen *seen)
{
	if (seen->type == AUDIT_STRING)
		return seen->length > BIG_STRING;
	return seen->bytes > BIG_BYTES || (is_items(seen) && seen->length > BIG_ITEMS) ||
	       (seen->type == AUDIT_HASH && seen->length > BIG_HASH);
}

static bool encoding(const struct seen *seen)
{
	if (seen->type == AUDIT_STRING)
		return seen->facts & MESS_SMALL && !seen->key->ttl &&
		       seen->family->small_no_ttl >= SMALL_FAMILY;
	int64_t limit = seen->type == AUDIT_HASH   ? LISTPACK_HASH
			: seen->type == AUDIT_ZSET ? LISTPACK_ZSET
						   : 0;
	return seen->length <= limit && seen->longest > LISTPACK_VALUE;
}

static bool expiry_risk(const struct seen *seen)
{
	const struct mess_family *family = seen->family;
	if (!seen->key->ttl)
		return false;
	if (seen->row->use == AUDIT_USE_queue)
		return seen->type == AUDIT_LIST || seen->type == AUDIT_STREAM ||
		       seen->type == AUDIT_ZSET;
	return seen->row->use == AUDIT_USE_record &&
	       (family->with_ttl < family->keys || seen->key->ttl_s > DAY_S);
}

static bool compress(const struct seen *seen)
{
	return seen->facts & MESS_SHRINKS && seen->length >= COMPRESS_MIN;
}

static bool queue_loss(const struct seen *seen)
{
	return seen->type == AUDIT_LIST && seen->row->use == AUDIT_USE_queue && !seen->row->beside;
}

static bool cache(const struct seen *seen)
{
	return seen->row->use == AUDIT_USE_cache && !seen->key->ttl;
}

static bool session(const struct seen *seen)
{
	return seen->row->use == AUDIT_USE_session &&
	       (!seen->key->ttl || seen->facts & MESS_SECRET);
}

static const struct {
	enum finding_rule rule;
	bool (*is)(const struct seen *seen);
} rules[] = {
	{ FINDING_no_ttl, no_ttl },
	{ FINDING_dead, dead },
	{ FINDING_naming, naming },
	{ FINDING_collision, collision },
	{ FINDING_json_string, json_string },
	{ FINDING_duplicate, duplicate },
	{ FINDING_wrong_type, wrong_type },
	{ FINDING_unbounded, unbounded },
	{ FINDING_big, big },
	{ FINDING_encoding, encoding },
	{ FINDING_expiry_risk, expiry_risk },
	{ FINDING_compress, compress },
	{ FINDING_queue_loss, queue_loss },
	{ FINDING_cache, cache },
	{ FINDING_session, session },
};

static int64_t length_of(const struct mess_value *value)
{
	switch (value->type) {
	case AUDIT_STRING: return (int64_t)value->bytes.len;
	case AUDIT_HASH:
	case AUDIT_ZSET: return (int64_t)value->parts / 2;
	case AUDIT_STREAM: return (int64_t)value->parts / EVENT_PARTS;
	default: return (int64_t)value->parts;
	}
}

static int64_t longest_of(const struct mess_value *value)
{
	size_t longest = 0;
	for (size_t i = 0; i < value->parts; i++)
		if (mess_part_at(value, i).len > longest)
			longest = mess_part_at(value, i).len;
	return (int64_t)longest;
}

void mess_tell_truth(const struct mess *mess, const struct mess_key *key, struct str name,
		     const struct mess_sink *sink)
{
	const struct seen seen = {
		.mess = mess,
		.key = key,
		.row = &mess->rows[key->row],
		.family = &mess->families[key->row],
		.name = name,
		.type = mess->value.type,
		.facts = mess_kind_facts(key->kind),
		.length = length_of(&mess->value),
		.bytes = (int64_t)mess->value.bytes.len,
		.longest = longest_of(&mess->value),
	};
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].is(&seen)) {
			struct mess_hit hit = { rules[i].rule, seen.row->db, name };
			sink->hit(sink->ctx, &hit);
		}
}

void mess_hit_print(struct buf *out, const struct mess_hit *hit)
{
	char space[MESS_NAME_BYTES * 4];
	struct buf name = buf_over(space, sizeof space);
	const struct finding_row *row = finding_row(hit->rule);
	audit_name_print(&name, hit->name);
	CHECK(!name.overflow);
	buf_printf(out, "{\"rule\":\"%s\",\"severity\":\"%s\",\"key\":", row->name,
		   severity_text(row->severity));
	buf_json_str(out, buf_str(&name));
	if (hit->db)
		buf_printf(out, ",\"db\":%d", hit->db);
	buf_put(out, "}\n", 2);
}
