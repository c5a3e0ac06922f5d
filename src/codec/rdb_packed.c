#include "codec/rdb_impl.h"

enum { PACKED_END = 0xff, COUNT_UNKNOWN = 0xffff };

static uint32_t low_first(const uint8_t *at, unsigned bytes)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

/* Of 1 to 8 bytes, low first, with its sign. */
static int64_t signed_number(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	unsigned unused = 64 - 8 * bytes;
	return (int64_t)(value << unused) >> unused;
}

static size_t count_digits(uint64_t value)
{
	size_t n = 1;
	for (; value >= 10000; value /= 10000)
		n += 4;
	return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

size_t rdb_number_text(char number[RDB_NUMBER_BYTES], int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t len = (value < 0) + count_digits(rest);
	char *at = number + len;
	number[0] = '-';
	for (; rest >= 100; rest /= 100) {
		unsigned two = (unsigned)(rest % 100);
		*--at = (char)('0' + two % 10);
		*--at = (char)('0' + two / 10);
	}
	*--at = (char)('0' + rest % 10);
	if (rest >= 10)
		*--at = (char)('0' + rest / 10);
	return len;
}

/* ---- the head ---- */

/* Both begin with their size and a count of entries; a ziplist has the last one's place between. */
static bool begin_list(struct rdb_walk *walk, const uint8_t *blob, size_t len, size_t head)
{
	if (len < head + 1 || low_first(blob, 4) != len || blob[len - 1] != PACKED_END)
		return false;
	uint32_t count = low_first(blob + head - 2, 2);
	walk->count = count == COUNT_UNKNOWN ? UINT64_MAX : count;
	walk->at = blob + head;
	walk->end = blob + len - 1;
	return true;
}

static bool begin_intset(struct rdb_walk *walk, const uint8_t *blob, size_t len)
{
	if (len < 8)
		return false;
	walk->width = low_first(blob, 4);
	walk->count = low_first(blob + 4, 4);
	walk->at = blob + 8;
	walk->end = blob + len;
	bool known = walk->width == 2 || walk->width == 4 || walk->width == 8;
	return known && len - 8 == walk->count * walk->width;
}

static bool begin_zipmap(struct rdb_walk *walk, const uint8_t *blob, size_t len)
{
	if (len < 2 || blob[len - 1] != PACKED_END)
		return false;
	walk->count = blob[0] < 254 ? 2 * (uint64_t)blob[0] : UINT64_MAX;
	walk->at = blob + 1;
	walk->end = blob + len - 1;
	return true;
}

bool rdb_walk_begin(struct rdb_walk *walk, enum rdb_form form, struct str blob)
{
	const uint8_t *at = (const uint8_t *)blob.ptr;
	*walk = (struct rdb_walk){ .form = form };
	switch (form) {
	case RDB_ZIPLIST: return begin_list(walk, at, blob.len, 10);
	case RDB_LISTPACK: return begin_list(walk, at, blob.len, 6);
	case RDB_INTSET: return begin_intset(walk, at, blob.len);
	case RDB_ZIPMAP: return begin_zipmap(walk, at, blob.len);
	case RDB_PLAIN: break;
	}
	return false;
}

/* ---- one entry ---- */

/* What stands at walk->at: `head` bytes, then `data` of text; or a number and `head` alone. */
struct entry {
	size_t head, data;
	bool is_number;
	int64_t number;
};

static bool fits(const struct rdb_walk *walk, size_t bytes)
{
	return (size_t)(walk->end - walk->at) >= bytes;
}

static bool number_entry(const struct rdb_walk *walk, unsigned bytes, struct entry *entry)
{
	entry->head = 1 + bytes;
	entry->is_number = true;
	if (!fits(walk, entry->head))
		return false;
	entry->number = signed_number(walk->at + 1, bytes);
	return true;
}

static bool listpack_wide(const struct rdb_walk *walk, uint8_t first, struct entry *entry)
{
	static const unsigned widths[] = { 0, 2, 3, 4, 8 };
	if (first >= 0xf1 && first <= 0xf4)
		return number_entry(walk, widths[first - 0xf0], entry);
	if (first != 0xf0 || !fits(walk, 5))
		return false;
	entry->head = 5;
	entry->data = low_first(walk->at + 1, 4);
	return true;
}

static bool listpack_entry(const struct rdb_walk *walk, struct entry *entry)
{
	const uint8_t *at = walk->at;
	uint8_t first = at[0];
	*entry = (struct entry){ .head = 1 };
	if (first < 0x80) {
		entry->is_number = true;
		entry->number = first;
		return true;
	}
	if (first < 0xc0) {
		entry->data = first & 0x3f;
		return true;
	}
	if (first >= 0xf0)
		return listpack_wide(walk, first, entry);
	entry->head = 2;
	if (!fits(walk, 2))
		return false;
	if (first < 0xe0) {
		int value = (first & 0x1f) << 8 | at[1];
		entry->is_number = true;
		entry->number = value >= 1 << 12 ? value - (1 << 13) : value;
	} else {
		entry->data = (size_t)(first & 0x0f) << 8 | at[1];
	}
	return true;
}

/* Behind each entry of a listpack stands its size, seven bits a byte, to be read backwards. */
static size_t backward_size(size_t entry)
{
	if (entry <= 127)
		return 1;
	if (entry < 16383)
		return 2;
	if (entry < 2097151)
		return 3;
	return entry < 268435455 ? 4 : 5;
}

static bool backward_agrees(const uint8_t *at, size_t size, size_t entry)
{
	for (size_t i = size; i-- > 0; entry >>= 7)
		if (at[i] != ((entry & 127) | (i ? 128 : 0)))
			return false;
	return true;
}

static enum rdb_step listpack_next(struct rdb_walk *walk, struct entry *entry, const uint8_t **data)
{
	if (!listpack_entry(walk, entry))
		return RDB_STEP_BAD;
	size_t whole = entry->head + entry->data, back = backward_size(whole);
	if (!fits(walk, whole + back) || !backward_agrees(walk->at + whole, back, whole))
		return RDB_STEP_BAD;
	*data = walk->at + entry->head;
	walk->at += whole + back;
	return RDB_STEP;
}

static bool ziplist_text(const struct rdb_walk *walk, struct entry *entry)
{
	const uint8_t *at = walk->at;
	unsigned kind = at[0] >> 6;
	entry->head = kind == 0 ? 1 : kind == 1 ? 2 : 5;
	if (!fits(walk, entry->head))
		return false;
	if (kind == 0)
		entry->data = at[0];
	else if (kind == 1)
		entry->data = (size_t)(at[0] & 0x3f) << 8 | at[1];
	else
		entry->data =
		    (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
	return kind < 2 || at[0] == 0x80;
}

static bool ziplist_entry(const struct rdb_walk *walk, struct entry *entry)
{
	uint8_t first = walk->at[0];
	*entry = (struct entry){ .head = 1 };
	switch (first) {
	case 0xc0: return number_entry(walk, 2, entry);
	case 0xd0: return number_entry(walk, 4, entry);
	case 0xe0: return number_entry(walk, 8, entry);
	case 0xf0: return number_entry(walk, 3, entry);
	case 0xfe: return number_entry(walk, 1, entry);
	default: break;
	}
	if (first < 0xc0)
		return ziplist_text(walk, entry);
	entry->is_number = true;
	entry->number = (first & 0x0f) - 1;
	return first >= 0xf1 && first <= 0xfd;
}

/* Before each entry of a ziplist stands the size of the one before: a byte, or 254 and four. */
static enum rdb_step ziplist_next(struct rdb_walk *walk, struct entry *entry, const uint8_t **data)
{
	const uint8_t *begin = walk->at;
	size_t prefix = begin[0] < 254 ? 1 : 5;
	if (begin[0] == PACKED_END || !fits(walk, prefix + 1))
		return RDB_STEP_BAD;
	if ((prefix == 1 ? begin[0] : low_first(begin + 1, 4)) != walk->previous)
		return RDB_STEP_BAD;
	walk->at += prefix;
	if (!ziplist_entry(walk, entry) || !fits(walk, entry->head + entry->data))
		return RDB_STEP_BAD;
	*data = walk->at + entry->head;
	walk->at += entry->head + entry->data;
	walk->previous = (size_t)(walk->at - begin);
	return RDB_STEP;
}

/* Length, for a value the count of free bytes behind it, and the bytes. */
static enum rdb_step zipmap_next(struct rdb_walk *walk, struct entry *entry, const uint8_t **data)
{
	size_t size = walk->at[0] < 254 ? 1 : 5, unused = 0;
	*entry = (struct entry){ .head = size + walk->value_next };
	if (walk->at[0] == PACKED_END || !fits(walk, entry->head))
		return RDB_STEP_BAD;
	entry->data = size == 1 ? walk->at[0] : low_first(walk->at + 1, 4);
	if (walk->value_next)
		unused = walk->at[size];
	if (!fits(walk, entry->head + entry->data + unused))
		return RDB_STEP_BAD;
	*data = walk->at + entry->head;
	walk->at += entry->head + entry->data + unused;
	walk->value_next = !walk->value_next;
	return RDB_STEP;
}

static enum rdb_step intset_next(struct rdb_walk *walk, struct entry *entry)
{
	*entry = (struct entry){ .is_number = true };
	entry->number = signed_number(walk->at, walk->width);
	walk->at += walk->width;
	return RDB_STEP;
}

static enum rdb_step next_entry(struct rdb_walk *walk, struct entry *entry, const uint8_t **data)
{
	if (walk->at == walk->end)
		return walk->count == UINT64_MAX || walk->done == walk->count ? RDB_STEP_END
									      : RDB_STEP_BAD;
	walk->done++;
	switch (walk->form) {
	case RDB_LISTPACK: return listpack_next(walk, entry, data);
	case RDB_ZIPLIST: return ziplist_next(walk, entry, data);
	case RDB_INTSET: return intset_next(walk, entry);
	case RDB_ZIPMAP: return zipmap_next(walk, entry, data);
	case RDB_PLAIN: break;
	}
	return RDB_STEP_BAD;
}

enum rdb_step rdb_walk_next(struct rdb_walk *walk, char *number, struct str *text)
{
	struct entry entry;
	const uint8_t *data = NULL;
	enum rdb_step step = next_entry(walk, &entry, &data);
	if (step != RDB_STEP)
		return step;
	if (entry.is_number)
		*text = str_make(number, rdb_number_text(number, entry.number));
	else
		*text = str_make((const char *)data, entry.data);
	return RDB_STEP;
}

enum rdb_step rdb_walk_number(struct rdb_walk *walk, int64_t *value)
{
	struct entry entry;
	const uint8_t *data = NULL;
	enum rdb_step step = next_entry(walk, &entry, &data);
	if (step == RDB_STEP_END)
		return step;
	if (step == RDB_STEP && !entry.is_number &&
	    str_to_i64(str_make((const char *)data, entry.data), value) == STATUS_OK)
		return RDB_STEP;
	if (step != RDB_STEP || !entry.is_number)
		return RDB_STEP_BAD;
	*value = entry.number;
	return RDB_STEP;
}
