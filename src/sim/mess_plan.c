/* Rows into counts, and what is true of each family as a whole. */
#include <assert.h>
#include <string.h>

#include "sim/mess_impl.h"

static const struct mess_row mess_rows[] = {
#define MESS_ROW(id, name, what, for_what, ...)                                                    \
	{ .pattern = name, .kind = MESS_##what, .use = AUDIT_USE_##for_what, __VA_ARGS__ },
#include "sim/mess_rows.def"
};

static const struct mess_row bot_rows[] = {
#define BOT_ROW(id, name, what, for_what, ...)                                                     \
	{ .pattern = name, .kind = MESS_##what, .use = AUDIT_USE_##for_what, __VA_ARGS__ },
#include "sim/mess_rows.def"
};

static_assert(ARRAY_LEN(mess_rows) <= MESS_ROWS_MAX && ARRAY_LEN(bot_rows) <= MESS_ROWS_MAX,
	      "rows have room");

enum purpose { OF_VALUE, OF_KIND, OF_TTL, OF_TTL_LENGTH, OF_GROUP, OF_IDLE, OF_IDLE_LENGTH };
enum { TTL_LEAST_S = 6 * 3600, DAY_S = 86400 };

const struct mess_row *mess_layout_rows(enum mess_layout layout, int *count)
{
	bool bot = layout == MESS_LAYOUT_BOT;
	*count = bot ? ARRAY_LEN(bot_rows) : ARRAY_LEN(mess_rows);
	return bot ? bot_rows : mess_rows;
}

/* ---- what chance decides ---- */

uint64_t mess_draw(const struct mess *mess, int row, int64_t index, unsigned purpose)
{
	struct rng rng;
	rng_init(&rng, mess->config.seed * UINT64_C(0x9e3779b97f4a7c15) +
			   ((uint64_t)row << 52 ^ (uint64_t)purpose << 44 ^ (uint64_t)index));
	return rng_next(&rng);
}

static bool percent(const struct mess *mess, int row, int64_t index, enum purpose purpose, int of)
{
	return of && mess_draw(mess, row, index, purpose) % 100 < (uint64_t)of;
}

static enum mess_kind own_kind(const struct mess *mess, int row, int64_t index)
{
	const struct mess_row *r = &mess->rows[row];
	return percent(mess, row, index, OF_KIND, r->odd) ? r->odd_kind : r->kind;
}

/* What is taken from another key is an own figure where that has no JSON. */
static enum mess_kind kind_of(const struct mess *mess, int row, int64_t index)
{
	enum mess_kind kind = own_kind(mess, row, index);
	if (kind != MESS_field && kind != MESS_copy)
		return kind;
	int of = mess->rows[row].of;
	bool there = index < mess->counts[of] && own_kind(mess, of, index) == mess->rows[of].kind;
	return there ? kind : kind == MESS_field ? MESS_price : MESS_indicators;
}

static int64_t idle_of(const struct mess *mess, int row, int64_t index)
{
	uint64_t length = mess_draw(mess, row, index, OF_IDLE_LENGTH);
	uint64_t chance = mess_draw(mess, row, index, OF_IDLE) % 100;
	uint64_t dead = (uint64_t)mess->rows[row].dead;
	if (chance < dead)
		return (int64_t)(45 * DAY_S + length % (100 * DAY_S));
	return chance < dead + 5 ? (int64_t)(3600 + length % (20 * DAY_S)) : 0;
}

struct mess_key mess_key_of(const struct mess *mess, int row, int64_t index)
{
	const struct mess_row *r = &mess->rows[row];
	struct mess_key key = { .row = row, .index = index, .kind = kind_of(mess, row, index) };
	key.ttl = percent(mess, row, index, OF_TTL, r->ttl);
	key.ttl_s =
	    TTL_LEAST_S + (int64_t)(mess_draw(mess, row, index, OF_TTL_LENGTH) % (7 * DAY_S));
	key.grouped = index - index % 3 + 2 < mess->counts[row] &&
		      percent(mess, row, index / 3, OF_GROUP, r->dup);
	/* A stream's last use cannot be told, but for those of a payload of our own. */
	if (mess_kind_type(key.kind) != AUDIT_STREAM)
		key.idle_s = idle_of(mess, row, index);
	return key;
}

/* ---- counts ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Gives what is left to rows of shares that have room, by their shares; what rounding leaves
 * goes to the first that has. */
static void share_out(struct mess *mess, int64_t left)
{
	while (left) {
		int64_t shares = 0, given = 0;
		int roomy = -1;
		for (int i = mess->n_rows - 1; i >= 0; i--)
			if (mess->rows[i].share &&
			    mess->counts[i] < mess_names(mess, mess->rows[i].pattern)) {
				shares += mess->rows[i].share;
				roomy = i;
			}
		CHECK(roomy >= 0); /* rows without bound are among them */
		for (int i = 0; i < mess->n_rows; i++) {
			int64_t names = mess_names(mess, mess->rows[i].pattern);
			int64_t more =
			    least(left * mess->rows[i].share / shares, names - mess->counts[i]);
			mess->counts[i] += more;
			given += more;
		}
		if (!given)
			mess->counts[roomy] += given = 1;
		left -= given;
	}
}

static int64_t sum(const struct mess *mess)
{
	int64_t total = 0;
	for (int i = 0; i < mess->n_rows; i++)
		total += mess->counts[i];
	return total;
}

static enum status plan_mess(struct mess *mess, struct err *err)
{
	if (mess->config.keys < MESS_KEYS_MIN)
		return err_set(err, STATUS_RANGE, "%lld keys are too few: at least %d",
			       (long long)mess->config.keys, MESS_KEYS_MIN);
	mess->symbols = (int)mess_symbols_all();
	mess->tfs = 8;
	mess->dates = 900;
	for (int i = 0; i < mess->n_rows; i++)
		mess->counts[i] = mess->rows[i].count;
	CHECK(sum(mess) < MESS_KEYS_MIN);
	share_out(mess, mess->config.keys - sum(mess));
	return STATUS_OK;
}

static void count_bot(struct mess *mess, int symbols)
{
	mess->symbols = symbols;
	for (int i = 0; i < mess->n_rows; i++)
		mess->counts[i] = mess->rows[i].count ? mess->rows[i].count
						      : mess_names(mess, mess->rows[i].pattern);
}

static enum status plan_bot(struct mess *mess, struct err *err)
{
	if (mess->config.keys < MESS_BOT_KEYS_MIN)
		return err_set(err, STATUS_RANGE, "%lld keys are too few for a bot: at least %d",
			       (long long)mess->config.keys, MESS_BOT_KEYS_MIN);
	int symbols = (int)mess_symbols_all();
	mess->tfs = 4;
	mess->dates = 40;
	for (count_bot(mess, symbols); sum(mess) > mess->config.keys && symbols > 1;)
		count_bot(mess, --symbols);
	return STATUS_OK;
}

/* ---- families ---- */

/* A constant first part that ends at a separator; _ and - join what is one part. */
static bool is_namespaced(const char *pattern)
{
	size_t first = strcspn(pattern, ":/|.{");
	return first && pattern[first] && pattern[first] != '{';
}

static void count_keys(const struct mess *mess, int row, struct mess_family *family)
{
	for (int64_t i = 0; i < mess->counts[row]; i++) {
		struct mess_key key = mess_key_of(mess, row, i);
		family->keys++;
		family->with_ttl += key.ttl;
		family->small_no_ttl += !key.ttl && mess_kind_facts(key.kind) & MESS_SMALL;
		family->by_type[mess_kind_type(key.kind)]++;
	}
}

static bool is_smaller_twin(const struct mess *mess, int row)
{
	for (int i = 0; i < mess->n_rows && mess->rows[row].thing; i++)
		if (mess->rows[i].thing == mess->rows[row].thing &&
		    mess->counts[i] > mess->counts[row])
			return true;
	return false;
}

/* Rows of one pattern (in several databases) are one family. */
static void settle_family(struct mess *mess, int row)
{
	struct mess_family *family = &mess->families[row];
	const char *pattern = mess->rows[row].pattern;
	int types = 0;
	for (int i = 0; i < mess->n_rows; i++)
		if (strcmp(mess->rows[i].pattern, pattern) == 0)
			count_keys(mess, i, family);
	for (int type = 0; type < AUDIT_TYPES; type++) {
		types += family->by_type[type] > 0;
		if (family->by_type[type] > family->by_type[family->type])
			family->type = (enum audit_type)type;
	}
	family->constant = !strchr(pattern, '{');
	family->namespaced = is_namespaced(pattern);
	family->smaller_twin = is_smaller_twin(mess, row);
	family->two_types = family->constant && types > 1;
}

enum status mess_plan(struct mess *mess, struct err *err)
{
	bool bot = mess->config.layout == MESS_LAYOUT_BOT;
	mess->rows = mess_layout_rows(mess->config.layout, &mess->n_rows);
	if (mess->config.keys > MESS_KEYS_MAX)
		return err_set(err, STATUS_RANGE, "%lld keys are too many: at most %d",
			       (long long)mess->config.keys, MESS_KEYS_MAX);
	enum status status = bot ? plan_bot(mess, err) : plan_mess(mess, err);
	if (status)
		return status;
	mess->total = sum(mess);
	for (int i = 0; i < mess->n_rows; i++)
		settle_family(mess, i);
	return STATUS_OK;
}
