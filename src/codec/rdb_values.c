#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "codec/rdb_impl.h"

enum { SCORE_BYTES = 256 };

static const char damaged[] = "a packed value is damaged";

/* ---- telling ---- */

enum status rdb_tell_key(struct rdb *rdb, uint64_t claimed)
{
	rdb->key.claimed = claimed;
	rdb->elements = 0;
	rdb->key_unread = false;
	return rdb->events->key ? rdb->events->key(rdb->ctx, &rdb->key) : STATUS_OK;
}

enum status rdb_tell_element(struct rdb *rdb, const struct rdb_element *element)
{
	rdb->elements++;
	return rdb->events->element ? rdb->events->element(rdb->ctx, element) : STATUS_OK;
}

static enum status tell_node(struct rdb *rdb, enum rdb_form form, uint64_t bytes)
{
	return rdb->events->node ? rdb->events->node(rdb->ctx, form, bytes) : STATUS_OK;
}

/* The head of a value that says how many elements follow. */
static enum status begin_counted(struct rdb *rdb, uint64_t *count)
{
	enum status status = rdb_length(rdb, count);
	return status ? status : rdb_tell_key(rdb, *count);
}

/* ---- scores ---- */

/* Digits with a point among them. */
struct decimal {
	bool negative;
	uint64_t value; /* the digits without the point */
	size_t behind;  /* of them behind it */
};

enum { DECIMAL_DIGITS_MAX = 19 };

static bool read_decimal(struct str text, struct decimal *decimal)
{
	size_t i = text.len && text.ptr[0] == '-', point = SIZE_MAX, digits = 0;
	uint64_t value = 0;
	decimal->negative = i;
	for (; i < text.len; i++) {
		unsigned digit = (unsigned char)text.ptr[i] - '0';
		if (digit <= 9 && digits < DECIMAL_DIGITS_MAX) {
			value = value * 10 + digit;
			digits++;
		} else if (text.ptr[i] == '.' && point == SIZE_MAX && digits) {
			point = digits;
		} else {
			return false;
		}
	}
	decimal->value = value;
	decimal->behind = point == SIZE_MAX ? 0 : digits - point;
	return digits && point != digits;
}

/* What most scores are: both the digits as an integer and the power of ten are doubles without
 * error, so their quotient is the nearest double (W. D. Clinger, 1990). */
static bool short_decimal(const struct decimal *decimal, double *score)
{
	static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	if (decimal->value > UINT64_C(1) << 53 || decimal->behind >= ARRAY_LEN(powers) ||
	    (decimal->negative && !decimal->value))
		return false;
	double value = (double)decimal->value;
	*score = (decimal->negative ? -value : value) / powers[decimal->behind];
	return true;
}

/* As scores that were computed have: the same in the 80-bit format of x86, whose 64 bits hold
 * each integer of 19 digits and each power of ten up to 10^27. Their quotient is off by half of
 * its last bit at most; rounding it again gives the nearest double unless what is cut off is
 * within that of one half. */
static bool long_decimal(const struct decimal *decimal, double *score)
{
#if LDBL_MANT_DIG == 64
	static const long double powers[] = { 1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
					      1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
					      1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L };
	enum { CUT = 11 }; /* bits more than a double's */
	if (!decimal->value)
		return false;
	uint64_t bits;
	long double quotient = (long double)decimal->value / powers[decimal->behind];
	memcpy(&bits, &quotient, sizeof bits);
	uint64_t cut = bits & ((1 << CUT) - 1), half = 1 << (CUT - 1);
	if (cut >= half - 1 && cut <= half + 1)
		return false;
	*score = decimal->negative ? -(double)quotient : (double)quotient;
	return true;
#else
	(void)decimal;
	(void)score;
	return false;
#endif
}

static enum status parse_score(struct rdb *rdb, struct str text, double *score)
{
	struct decimal decimal;
	char copy[SCORE_BYTES], *end;
	if (read_decimal(text, &decimal) &&
	    (short_decimal(&decimal, score) || long_decimal(&decimal, score)))
		return STATUS_OK;
	if (!text.len || text.len >= sizeof copy)
		return rdb_fail(rdb, STATUS_FORMAT, "a score that is no number");
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	*score = strtod(copy, &end);
	if (end != copy + text.len || isnan(*score))
		return rdb_fail(rdb, STATUS_FORMAT, "a score that is no number");
	return STATUS_OK;
}

/* A byte with the text's length; 253 to 255 stand for what has no digits. */
static enum status read_text_score(struct rdb *rdb, double *score)
{
	uint8_t len;
	enum status status = rdb_byte(rdb, &len);
	if (status)
		return status;
	if (len >= 254) {
		*score = len == 255 ? -INFINITY : INFINITY;
		return STATUS_OK;
	}
	if (len == 253)
		return rdb_fail(rdb, STATUS_FORMAT, "a score that is no number");
	status = rdb_need(rdb, len);
	if (!status)
		status = parse_score(rdb, str_make((const char *)rdb_at(rdb), len), score);
	if (!status)
		rdb->pos += len;
	return status;
}

/* ---- element by element ---- */

enum status rdb_read_string(struct rdb *rdb)
{
	struct rdb_string string;
	struct str piece;
	enum status status = rdb_tell_key(rdb, 1);
	if (!status)
		status = rdb_string_open(rdb, &string);
	while (!status) {
		status = rdb_string_next(rdb, &string, &piece);
		if (!status && rdb->events->string)
			status = rdb->events->string(rdb->ctx, piece, string.len);
		if (string.done == string.len)
			break;
	}
	rdb->elements = 1;
	return status;
}

enum status rdb_read_list(struct rdb *rdb)
{
	uint64_t count;
	enum status status = begin_counted(rdb, &count);
	while (!status && count--) {
		struct rdb_element element = { .expires_ms = -1 };
		status = rdb_text(rdb, NULL, &element.value);
		if (!status)
			status = rdb_tell_element(rdb, &element);
	}
	return status;
}

static enum status read_zset(struct rdb *rdb, enum status (*read_score)(struct rdb *, double *))
{
	uint64_t count;
	enum status status = begin_counted(rdb, &count);
	while (!status && count--) {
		struct rdb_element element = { .expires_ms = -1 };
		status = rdb_text(rdb, &rdb->field, &element.value);
		if (!status)
			status = read_score(rdb, &element.score);
		if (!status && isnan(element.score))
			status = rdb_fail(rdb, STATUS_FORMAT, "a score that is no number");
		if (!status)
			status = rdb_tell_element(rdb, &element);
	}
	return status;
}

enum status rdb_read_zset(struct rdb *rdb) { return read_zset(rdb, read_text_score); }
enum status rdb_read_zset_2(struct rdb *rdb) { return read_zset(rdb, rdb_double); }

static enum status read_field(struct rdb *rdb, struct rdb_element *element)
{
	enum status status = rdb_text(rdb, &rdb->field, &element->field);
	return status ? status : rdb_text(rdb, NULL, &element->value);
}

enum status rdb_read_hash(struct rdb *rdb)
{
	uint64_t count;
	enum status status = begin_counted(rdb, &count);
	while (!status && count--) {
		struct rdb_element element = { .expires_ms = -1 };
		status = read_field(rdb, &element);
		if (!status)
			status = rdb_tell_element(rdb, &element);
	}
	return status;
}

/* ---- hashes whose fields expire ---- */

/* Redis: before each field 0, or its time; that counts from `least` (less 1) where there is
 * one. */
static enum status read_ttl_fields(struct rdb *rdb, uint64_t least)
{
	uint64_t count, ttl;
	enum status status = begin_counted(rdb, &count);
	while (!status && count--) {
		struct rdb_element element = { .expires_ms = -1 };
		status = rdb_length(rdb, &ttl);
		if (!status)
			status = read_field(rdb, &element);
		if (!status && ttl)
			element.expires_ms = (int64_t)(least ? least + ttl - 1 : ttl);
		if (!status && ttl && element.expires_ms < 0)
			status = rdb_fail(rdb, STATUS_FORMAT, "a field's time is impossible");
		if (!status)
			status = rdb_tell_element(rdb, &element);
	}
	return status;
}

enum status rdb_read_hash_ttl_old(struct rdb *rdb) { return read_ttl_fields(rdb, 0); }

enum status rdb_read_hash_ttl(struct rdb *rdb)
{
	uint64_t least;
	enum status status = rdb_u64(rdb, &least);
	return status ? status : read_ttl_fields(rdb, least);
}

/* Valkey: behind each field its time in 8 bytes, -1 for never. */
enum status rdb_read_hash_valkey(struct rdb *rdb)
{
	uint64_t count, expires;
	enum status status = begin_counted(rdb, &count);
	while (!status && count--) {
		struct rdb_element element;
		struct rdb_text value;
		status = rdb_text(rdb, &rdb->field, &element.field);
		if (!status)
			status = rdb_text(rdb, &rdb->blob, &value);
		if (!status)
			status = rdb_u64(rdb, &expires);
		if (status)
			break;
		element.value = value;
		element.score = 0;
		element.expires_ms = (int64_t)expires < 0 ? -1 : (int64_t)expires;
		status = rdb_tell_element(rdb, &element);
	}
	return status;
}

/* ---- packed ---- */

static enum status walk_list(struct rdb *rdb, struct rdb_walk *walk)
{
	char number[RDB_NUMBER_BYTES];
	struct rdb_element element = { .expires_ms = -1 };
	enum rdb_step step;
	while ((step = rdb_walk_next(walk, number, &element.value.head)) == RDB_STEP) {
		element.value.len = element.value.head.len;
		enum status status = rdb_tell_element(rdb, &element);
		if (status)
			return status;
	}
	return step == RDB_STEP_END ? STATUS_OK : rdb_fail(rdb, STATUS_FORMAT, damaged);
}

/* A hash's next two entries, or a zset's; END before the first. */
static enum rdb_step next_pair(struct rdb_walk *walk, char numbers[2][RDB_NUMBER_BYTES],
			       struct str *first, struct str *second)
{
	enum rdb_step step = rdb_walk_next(walk, numbers[0], first);
	if (step != RDB_STEP)
		return step;
	return rdb_walk_next(walk, numbers[1], second) == RDB_STEP ? RDB_STEP : RDB_STEP_BAD;
}

static enum status walk_pairs(struct rdb *rdb, struct rdb_walk *walk, bool with_ttl)
{
	char numbers[2][RDB_NUMBER_BYTES];
	struct str first, second;
	enum rdb_step step;
	while ((step = next_pair(walk, numbers, &first, &second)) == RDB_STEP) {
		struct rdb_element element = { .expires_ms = -1 };
		enum status status = STATUS_OK;
		int64_t ttl = 0;
		if (with_ttl && rdb_walk_number(walk, &ttl) != RDB_STEP)
			return rdb_fail(rdb, STATUS_FORMAT, damaged);
		if (rdb->key.kind == RDB_ZSET) {
			element.value = (struct rdb_text){ first, first.len };
			status = parse_score(rdb, second, &element.score);
		} else {
			element.field = (struct rdb_text){ first, first.len };
			element.value = (struct rdb_text){ second, second.len };
			element.expires_ms = ttl > 0 ? ttl : -1;
		}
		if (!status)
			status = rdb_tell_element(rdb, &element);
		if (status)
			return status;
	}
	return step == RDB_STEP_END ? STATUS_OK : rdb_fail(rdb, STATUS_FORMAT, damaged);
}

static enum status walk_any(struct rdb *rdb, struct rdb_walk *walk, bool with_ttl)
{
	bool pairs = rdb->key.kind == RDB_ZSET || rdb->key.kind == RDB_HASH;
	return pairs ? walk_pairs(rdb, walk, with_ttl) : walk_list(rdb, walk);
}

static enum status read_packed(struct rdb *rdb, bool with_ttl)
{
	struct rdb_walk walk = { 0 };
	struct str blob;
	uint64_t bytes, group = 1;
	bool unread;
	enum status status = rdb_blob(rdb, &blob, &bytes, &unread);
	if (status)
		return status;
	if (!unread && !rdb_walk_begin(&walk, rdb->key.form, blob))
		return rdb_fail(rdb, STATUS_FORMAT, damaged);
	if (rdb->key.kind == RDB_ZSET || rdb->key.kind == RDB_HASH)
		group = with_ttl ? 3 : 2;
	status = rdb_tell_key(rdb, walk.count == UINT64_MAX ? 0 : walk.count / group);
	rdb->key_unread = unread;
	if (!status)
		status = tell_node(rdb, rdb->key.form, bytes);
	return status || unread ? status : walk_any(rdb, &walk, with_ttl);
}

enum status rdb_read_packed(struct rdb *rdb) { return read_packed(rdb, false); }
enum status rdb_read_hash_packed_ttl_old(struct rdb *rdb) { return read_packed(rdb, true); }

/* The least of the fields' times stands before it; the times themselves are absolute. */
enum status rdb_read_hash_packed_ttl(struct rdb *rdb)
{
	enum status status = rdb_skip(rdb, 8);
	return status ? status : read_packed(rdb, true);
}

static enum status read_node(struct rdb *rdb, enum rdb_form form)
{
	struct rdb_walk walk;
	struct str blob;
	uint64_t bytes;
	bool unread;
	enum status status = rdb_blob(rdb, &blob, &bytes, &unread);
	if (!status)
		status = tell_node(rdb, form, bytes);
	rdb->key_unread |= unread;
	if (status || unread)
		return status;
	if (!rdb_walk_begin(&walk, form, blob))
		return rdb_fail(rdb, STATUS_FORMAT, damaged);
	return walk_list(rdb, &walk);
}

enum status rdb_read_quicklist(struct rdb *rdb)
{
	uint64_t nodes;
	enum status status = rdb_length(rdb, &nodes);
	if (!status)
		status = rdb_tell_key(rdb, 0);
	while (!status && nodes--)
		status = read_node(rdb, RDB_ZIPLIST);
	return status;
}

static enum status read_plain_node(struct rdb *rdb)
{
	struct rdb_element element = { .expires_ms = -1 };
	enum status status = rdb_text(rdb, NULL, &element.value);
	if (!status)
		status = tell_node(rdb, RDB_PLAIN, element.value.len);
	return status ? status : rdb_tell_element(rdb, &element);
}

enum status rdb_read_quicklist_2(struct rdb *rdb)
{
	enum { NODE_PLAIN = 1, NODE_PACKED = 2 };
	uint64_t nodes, container;
	enum status status = rdb_length(rdb, &nodes);
	if (!status)
		status = rdb_tell_key(rdb, 0);
	while (!status && nodes--) {
		status = rdb_length(rdb, &container);
		if (status)
			break;
		if (container == NODE_PLAIN)
			status = read_plain_node(rdb);
		else if (container == NODE_PACKED)
			status = read_node(rdb, RDB_LISTPACK);
		else
			status = rdb_fail(rdb, STATUS_FORMAT, "a list's node of an unknown kind");
	}
	return status;
}

/* ---- modules ---- */

void rdb_module_name(uint64_t id, char name[10])
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	for (int i = 8; i >= 0; i--)
		name[i] = letters[(id >> (10 + 6 * (8 - i))) & 63];
	name[9] = 0;
}

enum status rdb_skip_module(struct rdb *rdb)
{
	enum { MODULE_END, MODULE_INT, MODULE_UINT, MODULE_FLOAT, MODULE_DOUBLE, MODULE_STRING };
	for (;;) {
		uint64_t opcode, unused;
		struct rdb_string string;
		enum status status = rdb_length(rdb, &opcode);
		if (status || opcode == MODULE_END)
			return status;
		if (opcode == MODULE_INT || opcode == MODULE_UINT)
			status = rdb_length(rdb, &unused);
		else if (opcode == MODULE_FLOAT || opcode == MODULE_DOUBLE)
			status = rdb_skip(rdb, opcode == MODULE_FLOAT ? 4 : 8);
		else if (opcode != MODULE_STRING)
			status = rdb_fail(rdb, STATUS_FORMAT, "a module's value is damaged");
		else if (!(status = rdb_string_open(rdb, &string)))
			status = rdb_string_skip(rdb, &string);
		if (status)
			return status;
	}
}

enum status rdb_read_module_1(struct rdb *rdb)
{
	return rdb_fail(
	    rdb, STATUS_UNSUPPORTED,
	    "a module's value as 4.0's release candidates wrote it cannot be passed over");
}

enum status rdb_read_module_2(struct rdb *rdb)
{
	uint64_t id;
	enum status status = rdb_length(rdb, &id);
	if (!status)
		status = rdb_tell_key(rdb, 0);
	rdb->key_unread = true;
	rdb->counts.module_values++;
	return status ? status : rdb_skip_module(rdb);
}

/* ---- the table ---- */

enum { OF_REDIS = 1, OF_VALKEY = 2, OF_BOTH = 3 };

static const struct rdb_type table[] = {
#define RDB_TYPE(number, whose, kind, form, reader, name)                                          \
	{ number,                                                                                  \
	  (OF_##whose & OF_REDIS) != 0,                                                            \
	  (OF_##whose & OF_VALKEY) != 0,                                                           \
	  RDB_##kind,                                                                              \
	  RDB_##form,                                                                              \
	  rdb_read_##reader,                                                                       \
	  name },
#include "codec/rdb_types.def"
#undef RDB_TYPE
};

void rdb_types(bool is_valkey, const struct rdb_type *types[RDB_TYPE_NUMBERS])
{
	memset(types, 0, RDB_TYPE_NUMBERS * sizeof *types);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (is_valkey ? table[i].of_valkey : table[i].of_redis)
			types[table[i].number] = &table[i];
}
