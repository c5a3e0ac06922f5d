#include "store/memory_families.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"

enum { CURSOR_MAX = 24 };

struct walk;

struct walk_family {
	struct walk *walk;
	struct memory_family sum;
	uint32_t asked; /* in this step */
};

/* Of a segment. */
struct walk {
	struct memory_families *owner;
	enum segment segment;
	struct redis_port *redis;
	char cursor[CURSOR_MAX]; /* "0": a round begins, or ends */
	size_t cursor_len;
	bool under_way, broken;
	size_t due; /* replies of this step */
	int64_t now_ms, not_before_ms, began_ms;
	struct walk_family families[MEMORY_FAMILIES];
	struct memory_round newest;
};

struct memory_families {
	struct walk walks[SEGMENT_COUNT];
	struct memory_families_counts counts;
};

/* ---- a round ---- */

static void set_cursor(struct walk *walk, struct str cursor)
{
	memcpy(walk->cursor, cursor.ptr, cursor.len);
	walk->cursor_len = cursor.len;
}

static void begin_round(struct walk *walk)
{
	for (size_t i = 0; i < MEMORY_FAMILIES; i++)
		walk->families[i].sum = (struct memory_family){ 0 };
	set_cursor(walk, STR("0"));
	walk->began_ms = walk->now_ms;
	walk->not_before_ms = 0;
	walk->under_way = true;
	walk->broken = false;
}

static void give_up(struct walk *walk)
{
	walk->under_way = false;
	walk->not_before_ms = walk->now_ms + MEMORY_PAUSE_MS;
	walk->owner->counts.given_up++;
}

static void end_round(struct walk *walk)
{
	walk->under_way = false;
	walk->not_before_ms = walk->began_ms + MEMORY_EVERY_MS;
	walk->newest.began_ms = walk->began_ms;
	walk->newest.done_ms = walk->now_ms;
	for (size_t i = 0; i < MEMORY_FAMILIES; i++)
		walk->newest.families[i] = walk->families[i].sum;
	walk->owner->counts.rounds++;
}

/* One reply has come; the last one of a step ends it. */
static void settle(struct walk *walk)
{
	if (--walk->due)
		return;
	if (walk->broken)
		give_up(walk);
	else if (str_eq(str_make(walk->cursor, walk->cursor_len), STR("0")))
		end_round(walk);
}

/* ---- a key ---- */

/* A key that went meanwhile is none. */
static void on_usage(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk_family *family = ctx;
	if (status) {
		family->walk->broken = true;
	} else if (reply->type == REDIS_INTEGER && reply->integer > 0) {
		family->sum.measured++;
		family->sum.bytes += (uint64_t)reply->integer;
	} else {
		family->sum.keys--;
	}
	settle(family->walk);
}

static size_t family_of(const struct walk *walk, struct str name)
{
	enum key_id id;
	struct str part;
	if (key_find(name, &id, &part) || key_row(id)->segment != walk->segment)
		return MEMORY_UNKNOWN;
	return (size_t)id;
}

static void ask(struct walk *walk, size_t at, struct str name)
{
	struct walk_family *family = &walk->families[at];
	struct str samples = at == MEMORY_UNKNOWN ? STR("5") : STR("0");
	struct str argv[] = { STR("MEMORY"), STR("USAGE"), name, STR("SAMPLES"), samples };
	if (redis_command(walk->redis, argv, ARRAY_LEN(argv), on_usage, family)) {
		walk->broken = true;
		return;
	}
	walk->due++;
	family->asked++;
	walk->owner->counts.asked++;
}

static void take_key(struct walk *walk, struct str name)
{
	size_t at = family_of(walk, name);
	walk->families[at].sum.keys++;
	walk->owner->counts.scanned++;
	if (!walk->broken && walk->families[at].asked < MEMORY_ASKED)
		ask(walk, at, name);
}

/* ---- a step ---- */

static bool is_page(const struct redis_reply *reply)
{
	return reply->type == REDIS_ARRAY && reply->count == 2 &&
	       reply->items[0].type == REDIS_BULK && reply->items[0].text.len > 0 &&
	       reply->items[0].text.len <= CURSOR_MAX && reply->items[1].type == REDIS_ARRAY;
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	if (status || !is_page(reply)) {
		walk->broken = true;
		settle(walk);
		return;
	}
	const struct redis_reply *page = &reply->items[1];
	for (size_t i = 0; i < page->count; i++)
		if (page->items[i].type == REDIS_BULK)
			take_key(walk, page->items[i].text);
	set_cursor(walk, reply->items[0].text);
	settle(walk);
}

static uint64_t scan_count(uint64_t keys)
{
	uint64_t count = keys / MEMORY_ROUND_S + 1;
	if (count < MEMORY_SCAN_MIN)
		return MEMORY_SCAN_MIN;
	return count < MEMORY_SCAN_MAX ? count : MEMORY_SCAN_MAX;
}

static void scan(struct walk *walk, uint64_t keys)
{
	char storage[CURSOR_MAX];
	struct buf count = buf_over(storage, sizeof storage);
	buf_u64(&count, scan_count(keys));
	struct str argv[] = { STR("SCAN"), str_make(walk->cursor, walk->cursor_len), STR("COUNT"),
			      buf_str(&count) };
	for (size_t i = 0; i < MEMORY_FAMILIES; i++)
		walk->families[i].asked = 0;
	if (redis_command(walk->redis, argv, ARRAY_LEN(argv), on_page, walk))
		give_up(walk);
	else
		walk->due = 1;
}

void memory_families_step(struct memory_families *families, enum segment segment,
			  struct redis_port *redis, uint64_t keys, int64_t now_ms)
{
	struct walk *walk = &families->walks[segment];
	if (walk->due || now_ms < walk->not_before_ms)
		return;
	walk->redis = redis;
	walk->now_ms = now_ms;
	if (!walk->under_way)
		begin_round(walk);
	scan(walk, keys);
}

/* ---- shown ---- */

const struct memory_round *memory_families_round(const struct memory_families *families,
						 enum segment segment)
{
	CHECK(segment < SEGMENT_COUNT);
	return &families->walks[segment].newest;
}

struct memory_families_counts memory_families_counts(const struct memory_families *families)
{
	return families->counts;
}

uint64_t memory_family_bytes(const struct memory_family *family)
{
	if (!family->measured)
		return 0;
	u128 bytes = (u128)family->bytes * family->keys / family->measured;
	return bytes > UINT64_MAX ? UINT64_MAX : (uint64_t)bytes;
}

const char *memory_family_name(size_t family)
{
	CHECK(family < MEMORY_FAMILIES);
	return family == MEMORY_UNKNOWN ? "unknown" : key_row((enum key_id)family)->id;
}

/* ---- life ---- */

struct memory_families *memory_families_create(void)
{
	struct memory_families *families = calloc(1, sizeof *families);
	for (size_t i = 0; families && i < SEGMENT_COUNT; i++) {
		struct walk *walk = &families->walks[i];
		walk->owner = families;
		walk->segment = (enum segment)i;
		for (size_t family = 0; family < MEMORY_FAMILIES; family++)
			walk->families[family].walk = walk;
	}
	return families;
}

void memory_families_destroy(struct memory_families *families) { free(families); }
