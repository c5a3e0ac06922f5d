#include "audit/cost.h"

#include "audit/cost_impl.h"
#include "base/check.h"

/* sizeof of Redis 7.0's structs on 64 bits. */
enum {
	DICT_ENTRY = 24,
	DICT = 56,
	DICT_SLOTS_MIN = 4,
	ZSET = 16,
	SKIPLIST = 32,
	SKIPLIST_HEAD = 24 + 32 * 16,
	QUICKLIST = 40,
	QUICKLIST_NODE = 40,
	LISTPACK_HEAD = 6,
	LISTPACK_END = 1,
	NODE_ESTIMATE = 8, /* what a list adds to an element when it asks whether it fits */
	SCORE_ENTRY = 10,  /* a listpack's entry of a score of full length, see score_entry */
};

/* ---- allocator ---- */

int64_t audit_alloc_size(int64_t bytes)
{
	if (bytes <= 8)
		return 8;
	if (bytes <= 128)
		return (bytes + 15) & ~INT64_C(15);
	int doubling = 63 - __builtin_clzll((unsigned long long)bytes - 1);
	int64_t step = INT64_C(1) << (doubling - 2);
	return (bytes + step - 1) & ~(step - 1);
}

/* A text with its header, by length, and its NUL. */
int64_t cost_sds(int64_t bytes)
{
	int64_t head = bytes < 32            ? 1
		       : bytes < 256         ? 3
		       : bytes < 65536       ? 5
		       : bytes <= UINT32_MAX ? 9
					     : 17;
	return audit_alloc_size(head + bytes + 1);
}

/* ---- listpack entries ---- */

static int64_t with_backward(int64_t entry)
{
	if (entry <= 127)
		return entry + 1;
	if (entry < 16383)
		return entry + 2;
	if (entry < 2097151)
		return entry + 3;
	return entry + (entry < 268435455 ? 4 : 5);
}

int64_t cost_number_entry(int64_t value)
{
	if (value >= 0 && value <= 127)
		return with_backward(1);
	if (value >= -4096 && value <= 4095)
		return with_backward(2);
	if (value >= INT16_MIN && value <= INT16_MAX)
		return with_backward(3);
	if (value >= -(1 << 23) && value < 1 << 23)
		return with_backward(4);
	return with_backward(value >= INT32_MIN && value <= INT32_MAX ? 5 : 9);
}

int64_t cost_text_entry(int64_t bytes)
{
	return with_backward(bytes + (bytes < 64 ? 1 : bytes < 4096 ? 2 : 5));
}

/* An integer as a server prints it: no sign but -, no zeros before, 63 bits. */
bool cost_is_integer(struct str text, int64_t *value)
{
	if (!text.len || text.len > 20)
		return false;
	bool negative = text.ptr[0] == '-';
	size_t first = negative;
	if (first == text.len || text.ptr[first] < '0' || text.ptr[first] > '9' ||
	    (text.ptr[first] == '0' && text.len > 1))
		return false;
	uint64_t sum = 0;
	for (size_t i = first; i < text.len; i++) {
		unsigned digit = (unsigned char)text.ptr[i] - '0';
		if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	if (sum > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return true;
}

int64_t audit_listpack_entry(struct str text)
{
	int64_t value;
	return cost_is_integer(text, &value) ? cost_number_entry(value)
					     : cost_text_entry((int64_t)text.len);
}

/* ---- strings ---- */

enum audit_encoding audit_string_encoding(struct str value, int64_t length)
{
	int64_t number;
	if (length <= 20 && (int64_t)value.len == length && cost_is_integer(value, &number))
		return AUDIT_ENC_INT;
	return length <= AUDIT_EMBSTR_BYTES ? AUDIT_ENC_EMBSTR : AUDIT_ENC_RAW;
}

/* The key itself: its name and its entry in the database. */
static int64_t key_bytes(int64_t name_bytes) { return cost_sds(name_bytes) + DICT_ENTRY; }

int64_t audit_cost_string(int64_t name_bytes, int64_t value_bytes, enum audit_encoding encoding,
			  bool has_ttl)
{
	(void)has_ttl;
	int64_t key = key_bytes(name_bytes);
	if (encoding == AUDIT_ENC_INT)
		return key + COST_OBJECT;
	if (encoding == AUDIT_ENC_EMBSTR)
		return key + audit_alloc_size(COST_OBJECT + 3 + value_bytes + 1);
	return key + COST_OBJECT + cost_sds(value_bytes);
}

/* ---- elements ---- */

void audit_cost_begin(struct audit_cost *cost, enum audit_type type, enum audit_encoding encoding,
		      int64_t name_bytes, bool has_ttl)
{
	(void)has_ttl;
	CHECK(type != AUDIT_STRING);
	cost->type = type;
	cost->encoding = encoding;
	cost->name_bytes = name_bytes;
	cost->elements = cost->longest = cost->loose = cost->packed = 0;
	cost->packed_known = false;
	cost->numbers = true;
	cost->least = INT64_MAX;
	cost->most = INT64_MIN;
	cost->nodes = cost->nodes_bytes = cost->node = cost->node_elements = 0;
	/* Nearly half of the struct, and of streams alone. */
	if (type == AUDIT_STREAM) {
		const struct audit_cost_tree none = { 0 };
		cost->names = 0;
		cost->tree = cost->pending = cost->own = none;
		cost->groups_bytes = 0;
	}
}

static void note_longest(struct audit_cost *cost, int64_t bytes)
{
	if (bytes > cost->longest)
		cost->longest = bytes;
}

static void note_number(struct audit_cost *cost, struct str text)
{
	int64_t value;
	if (!cost_is_integer(text, &value)) {
		cost->numbers = false;
		return;
	}
	if (value < cost->least)
		cost->least = value;
	if (value > cost->most)
		cost->most = value;
}

/* A list puts an element into its last node while that stays within the limit. */
static void list_element(struct audit_cost *cost, int64_t entry, int64_t bytes)
{
	bool fits = cost->node + bytes + NODE_ESTIMATE <= AUDIT_LIST_NODE_BYTES;
	if (cost->node && !fits)
		audit_cost_node(cost, cost->node);
	if (!cost->node)
		cost->node = LISTPACK_HEAD + LISTPACK_END;
	cost->node += entry;
}

/* Each by itself: what a table or a skiplist holds of it. A skiplist's node has 24 bytes and 16
 * for each level, of which each has a quarter of those below: 160/3 bytes with the classes of
 * the allocator; the thirds are taken together at the end. */
static int64_t loose_bytes(const struct audit_cost *cost, int64_t field, int64_t value)
{
	int64_t bytes = DICT_ENTRY + cost_sds(value);
	if (cost->type == AUDIT_HASH)
		bytes += cost_sds(field);
	return bytes;
}

void audit_cost_element_bytes(struct audit_cost *cost, int64_t field_bytes, int64_t value_bytes)
{
	int64_t entry = cost_text_entry(value_bytes);
	cost->elements++;
	cost->numbers = false;
	note_longest(cost, value_bytes);
	if (cost->type == AUDIT_HASH)
		note_longest(cost, field_bytes);
	if (cost->type == AUDIT_LIST)
		list_element(cost, entry, value_bytes);
	cost->loose += loose_bytes(cost, field_bytes, value_bytes);
	if (!cost->packed_known)
		cost->packed += entry + (cost->type == AUDIT_HASH   ? cost_text_entry(field_bytes)
					 : cost->type == AUDIT_ZSET ? SCORE_ENTRY
								    : 0);
}

/* A score stands in a listpack as text of up to 17 digits, or as an integer. */
static int64_t score_entry(struct str score)
{
	return score.len ? audit_listpack_entry(score) : SCORE_ENTRY;
}

void audit_cost_element(struct audit_cost *cost, struct str field, struct str value)
{
	if (cost->type == AUDIT_STREAM) {
		cost_stream_entry(cost, field, value);
		return;
	}
	int64_t entry = audit_listpack_entry(value);
	cost->elements++;
	note_longest(cost, (int64_t)value.len);
	if (cost->type == AUDIT_LIST) {
		list_element(cost, entry, (int64_t)value.len);
		return;
	}
	if (cost->type == AUDIT_SET)
		note_number(cost, value);
	if (cost->type == AUDIT_HASH)
		note_longest(cost, (int64_t)field.len);
	cost->loose += loose_bytes(cost, (int64_t)field.len, (int64_t)value.len);
	if (cost->type == AUDIT_HASH)
		entry += audit_listpack_entry(field);
	else if (cost->type == AUDIT_ZSET)
		entry += score_entry(field);
	if (!cost->packed_known)
		cost->packed += entry;
}

void audit_cost_packed(struct audit_cost *cost, int64_t bytes)
{
	cost->packed = bytes;
	cost->packed_known = true;
}

void audit_cost_node(struct audit_cost *cost, int64_t bytes)
{
	cost->nodes++;
	cost->nodes_bytes += audit_alloc_size(bytes);
	cost->node = cost->node_elements = 0;
}

/* ---- the whole ---- */

enum audit_encoding audit_cost_encoding(const struct audit_cost *cost, bool was_packed)
{
	bool is_short = was_packed || cost->longest <= AUDIT_LISTPACK_VALUE;
	switch (cost->type) {
	case AUDIT_LIST: return AUDIT_ENC_QUICKLIST;
	case AUDIT_SET:
		return cost->numbers && cost->elements <= AUDIT_INTSET_ENTRIES
			   ? AUDIT_ENC_INTSET
			   : AUDIT_ENC_HASHTABLE;
	case AUDIT_ZSET:
		return is_short && cost->elements <= AUDIT_ZSET_ENTRIES ? AUDIT_ENC_LISTPACK
									: AUDIT_ENC_SKIPLIST;
	case AUDIT_HASH:
		return is_short && cost->elements <= AUDIT_HASH_ENTRIES ? AUDIT_ENC_LISTPACK
									: AUDIT_ENC_HASHTABLE;
	case AUDIT_STREAM: return AUDIT_ENC_STREAM;
	default: return AUDIT_ENC_UNKNOWN;
	}
}

static int64_t table_bytes(int64_t elements)
{
	int64_t slots = DICT_SLOTS_MIN;
	while (slots < elements)
		slots *= 2;
	return DICT + 8 * slots;
}

static int64_t intset_bytes(const struct audit_cost *cost)
{
	int64_t width = cost->least >= INT16_MIN && cost->most <= INT16_MAX   ? 2
			: cost->least >= INT32_MIN && cost->most <= INT32_MAX ? 4
									      : 8;
	return audit_alloc_size(8 + width * cost->elements);
}

static int64_t listpack_bytes(const struct audit_cost *cost)
{
	return audit_alloc_size(cost->packed +
				(cost->packed_known ? 0 : LISTPACK_HEAD + LISTPACK_END));
}

static int64_t list_bytes(const struct audit_cost *cost)
{
	int64_t nodes = cost->nodes + (cost->node != 0);
	int64_t open = cost->node ? audit_alloc_size(cost->node) : 0;
	return QUICKLIST + nodes * QUICKLIST_NODE + cost->nodes_bytes + open;
}

static int64_t value_bytes(const struct audit_cost *cost, enum audit_encoding encoding)
{
	switch (encoding) {
	case AUDIT_ENC_QUICKLIST: return list_bytes(cost);
	case AUDIT_ENC_LISTPACK:
	case AUDIT_ENC_ZIPLIST: return listpack_bytes(cost);
	case AUDIT_ENC_INTSET: return intset_bytes(cost);
	case AUDIT_ENC_HASHTABLE: return table_bytes(cost->elements) + cost->loose;
	case AUDIT_ENC_SKIPLIST:
		return ZSET + SKIPLIST + audit_alloc_size(SKIPLIST_HEAD) +
		       table_bytes(cost->elements) + cost->loose + cost->elements * 160 / 3;
	case AUDIT_ENC_STREAM: return cost_stream_bytes(cost);
	default: return 0;
	}
}

int64_t audit_cost_end(const struct audit_cost *cost)
{
	enum audit_encoding encoding = cost->encoding;
	if (encoding == AUDIT_ENC_UNKNOWN)
		encoding = audit_cost_encoding(cost, false);
	return key_bytes(cost->name_bytes) + COST_OBJECT + value_bytes(cost, encoding);
}
