/* What is asked of keys. */
#include "base/check.h"
#include "survey/live_impl.h"

static const char *const befores[] = {
#define LIVE_COMMAND(id, before, after) before,
#include "survey/live_commands.def"
#undef LIVE_COMMAND
};
static const char *const afters[] = {
#define LIVE_COMMAND(id, before, after) after,
#include "survey/live_commands.def"
#undef LIVE_COMMAND
};

static size_t put_words(struct buf *out, const char *words)
{
	struct str rest = str_of(words), word;
	size_t n = 0;
	while (rest.len && str_split(&rest, ' ', &word)) {
		buf_printf(out, "$%zu\r\n%.*s\r\n", word.len, STR_ARG(word));
		n++;
	}
	return n;
}

void live_prepare_commands(struct live *live)
{
	for (size_t i = 0; i < LIVE_COMMANDS; i++) {
		struct live_head *head = &live->heads[i];
		struct buf tail = buf_over(head->after, sizeof head->after), before;
		size_t words = put_words(&tail, afters[i]);
		for (const char *at = befores[i]; *at; at++)
			words += at == befores[i] || *at == ' ';
		before = buf_over(head->before, sizeof head->before);
		buf_printf(&before, "*%zu\r\n", words + 1);
		put_words(&before, befores[i]);
		CHECK(!before.overflow && !tail.overflow);
		head->head = buf_str(&before);
		head->tail = i == LIVE_CONSUMERS ? (struct str){ 0 } : buf_str(&tail);
	}
}

void live_prefer_absolute(struct live *live, bool absolute)
{
	live->absolute = absolute;
	live->heads[LIVE_PTTL].head =
	    absolute ? STR("*2\r\n$11\r\nPEXPIRETIME\r\n") : STR("*2\r\n$4\r\nPTTL\r\n");
}

struct str live_name(const struct live_page *page, const struct live_keyed *key)
{
	return str_make(page->names.ptr + key->name_at, key->name_len);
}

struct str live_group(const struct live_page *page, const struct live_keyed *key, size_t index)
{
	const char *at = page->groups.ptr + key->groups_at;
	uint32_t len;
	for (size_t i = 0;; i++) {
		memcpy(&len, at, sizeof len);
		if (i == index)
			return str_make(at + sizeof len, len);
		at += sizeof len + len;
	}
}

/* The name in RESP, once for all commands about it. */
static void put_name(struct buf *out, struct str name)
{
	buf_clear(out);
	buf_char(out, '$');
	buf_u64(out, name.len);
	buf_put(out, "\r\n", 2);
	buf_str_put(out, name);
	buf_put(out, "\r\n", 2);
}

static void put_command(struct live *live, enum live_command command, struct str name)
{
	wire_put_bytes(live->wire, live->heads[command].head);
	wire_put_bytes(live->wire, name);
	if (live->heads[command].tail.len)
		wire_put_bytes(live->wire, live->heads[command].tail);
}

static void put_meta(struct live *live, struct str name)
{
	static const enum live_command all[] = { LIVE_IDLETIME, LIVE_TYPE, LIVE_PTTL, LIVE_USAGE,
						 LIVE_ENCODING };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!(live->refused >> all[i] & 1))
			put_command(live, all[i], name);
}

/* ---- values ---- */

static const struct {
	enum live_command length, sample, more;
} by_type[AUDIT_TYPES] = {
	[AUDIT_STRING] = { LIVE_STRLEN, LIVE_GETRANGE, LIVE_COMMANDS },
	[AUDIT_LIST] = { LIVE_LLEN, LIVE_LRANGE_HEAD, LIVE_LRANGE_TAIL },
	[AUDIT_SET] = { LIVE_SCARD, LIVE_SSCAN, LIVE_COMMANDS },
	[AUDIT_ZSET] = { LIVE_ZCARD, LIVE_ZRANGE, LIVE_COMMANDS },
	[AUDIT_HASH] = { LIVE_HLEN, LIVE_HSCAN, LIVE_COMMANDS },
	[AUDIT_STREAM] = { LIVE_XLEN, LIVE_XINFO, LIVE_XRANGE },
	[AUDIT_MODULE] = { LIVE_COMMANDS, LIVE_COMMANDS, LIVE_COMMANDS },
};

/* A string costs more than its length: one that costs little is read at once, whole. */
static bool is_short(const struct live_keyed *key)
{
	return key->type == AUDIT_STRING && key->bytes >= 0 && key->bytes <= AUDIT_VALUE_MAX;
}

/* A packed collection is told whole by its scan, which so tells its length. */
static bool tells_length(const struct live_keyed *key)
{
	bool packed = key->encoding == AUDIT_ENC_LISTPACK || key->encoding == AUDIT_ENC_ZIPLIST ||
		      key->encoding == AUDIT_ENC_INTSET;
	return packed && (key->type == AUDIT_SET || key->type == AUDIT_HASH);
}

static bool is_large(const struct live_keyed *key)
{
	return key->type != AUDIT_STRING && key->type != AUDIT_MODULE &&
	       key->bytes > LIVE_LARGE_BYTES;
}

enum live_command live_length_before(const struct live_keyed *key, uint32_t refused)
{
	enum live_command length = by_type[key->type].length;
	return is_large(key) && !(refused >> length & 1) ? length : LIVE_COMMANDS;
}

int64_t live_sample_bytes(const struct live_keyed *key)
{
	if (key->bytes <= 0)
		return 0;
	if (key->type == AUDIT_STRING)
		return key->bytes < AUDIT_VALUE_MAX ? key->bytes : AUDIT_VALUE_MAX;
	bool some = is_large(key) && key->length > AUDIT_ELEMENTS_MAX && !tells_length(key);
	return some ? key->bytes / key->length * AUDIT_ELEMENTS_MAX : key->bytes;
}

/* Of elements so large that some of them would hold the server up, the length alone is asked. */
static bool is_spared(const struct live_keyed *key)
{
	return is_large(key) && live_sample_bytes(key) > LIVE_SAMPLE_BYTES;
}

size_t live_plan(const struct live *live, const struct live_keyed *key, uint32_t refused,
		 enum live_command plan[LIVE_PLAN_MAX])
{
	enum live_command wanted[3] = { by_type[key->type].length, LIVE_COMMANDS, LIVE_COMMANDS };
	size_t n = 0;
	if (key->gone)
		return 0;
	if (live->config.depth == LIVE_VALUES && !is_spared(key)) {
		wanted[1] = by_type[key->type].sample;
		wanted[2] = by_type[key->type].more;
		if (is_short(key) && !(refused >> LIVE_GET & 1)) {
			wanted[0] = LIVE_COMMANDS;
			wanted[1] = LIVE_GET;
		} else if (tells_length(key) && !(refused >> wanted[1] & 1)) {
			wanted[0] = LIVE_COMMANDS;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (wanted[i] < LIVE_COMMANDS && !(refused >> wanted[i] & 1))
			plan[n++] = wanted[i];
	for (size_t i = 0; i < key->groups && !(refused >> LIVE_CONSUMERS & 1); i++)
		plan[n++] = LIVE_CONSUMERS;
	return n;
}

static void put_value(struct live *live, const struct live_page *page, const struct live_keyed *key,
		      struct str name)
{
	enum live_command plan[LIVE_PLAN_MAX];
	size_t n = live_plan(live, key, live->refused, plan), group = 0;
	for (size_t i = 0; i < n; i++) {
		put_command(live, plan[i], name);
		if (plan[i] != LIVE_CONSUMERS)
			continue;
		struct buf word;
		buf_init(&word, LIVE_GROUP_BYTES + 64);
		put_name(&word, live_group(page, key, group++));
		wire_put_bytes(live->wire, buf_str(&word));
		buf_deinit(&word);
	}
}

static void put_before(struct live *live, const struct live_keyed *key, struct str name)
{
	enum live_command length = live_length_before(key, live->refused);
	if (length < LIVE_COMMANDS)
		put_command(live, length, name);
	if (key->type == AUDIT_STREAM && !(live->refused >> LIVE_GROUPS & 1))
		put_command(live, LIVE_GROUPS, name);
}

void live_put_segment(struct live *live, struct live_page *page, enum live_stage stage, size_t from,
		      size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct live_keyed *key = &page->keys[i];
		put_name(&live->word, live_name(page, key));
		struct str name = buf_str(&live->word);
		if (stage == STAGE_META)
			put_meta(live, name);
		else if (stage == STAGE_VALUES)
			put_value(live, page, key, name);
		else if (!key->gone)
			put_before(live, key, name);
	}
}
