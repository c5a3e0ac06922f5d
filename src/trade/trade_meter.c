#include "trade/trade_meter.h"

#include <stdlib.h>

#include "base/check.h"

enum { RATE_SECONDS = 10 };

/* How many were put in ever; the newest METER_IDS of them are there. */
struct trade_meter {
	struct meter_counts counts;
	uint64_t signals_put, results_put, trades_put;
	/* Beside their rows, so that one is found in a quarter of a microsecond. */
	uint64_t sids[METER_IDS], hashes[METER_IDS];
	struct meter_signal signals[METER_IDS];
	struct meter_result results[METER_IDS];
	struct meter_trade trades[METER_IDS];
};

/* ---- words ---- */

static const char *const actions[METER_ACTIONS] = {
#define SIGNAL_NEEDS(act, keys) #act,
#include "def/signals.def"
#undef SIGNAL_NEEDS
	"other",
};
static const char *const ends[METER_ENDS] = { "done", "failed", "dropped" };
static const char *const statuses[METER_STATUSES] = { "done",    "part", "fail", "exp",
						      "refused", "unk",  "other" };

const char *meter_action_text(enum meter_action action) { return actions[action]; }
const char *meter_end_text(enum meter_end end) { return ends[end]; }
const char *meter_status_text(enum meter_status status) { return statuses[status]; }

/* The last one stands for all others. */
static size_t word_at(const char *const *words, size_t count, struct str word)
{
	for (size_t i = 0; i + 1 < count; i++)
		if (str_eq(word, str_of(words[i])))
			return i;
	return count - 1;
}

/* ---- rings ---- */

static size_t newest_first(uint64_t put, size_t back)
{
	uint64_t held = put < METER_IDS ? put : METER_IDS;
	return back < held ? (size_t)((put - 1 - back) % METER_IDS) : SIZE_MAX;
}

static void keep(struct str text, char *to, size_t size)
{
	size_t len = text.len < size ? text.len : size - 1;
	if (len)
		memcpy(to, text.ptr, len);
	to[len] = 0;
}

/* Where the word is among those that are there; SIZE_MAX. */
static size_t find_word(const uint64_t *words, uint64_t put, uint64_t word)
{
	size_t held = put < METER_IDS ? (size_t)put : METER_IDS;
	for (size_t i = 0; i < held; i++)
		if (words[i] == word)
			return i;
	return SIZE_MAX;
}

/* ---- signals ---- */

void trade_meter_signal(struct trade_meter *meter, uint64_t sid, struct str id, struct str act)
{
	size_t at = (size_t)(meter->signals_put++ % METER_IDS);
	enum meter_action action = (enum meter_action)word_at(actions, METER_ACTIONS, act);
	meter->sids[at] = sid;
	meter->signals[at] = (struct meter_signal){ .action = action, .latency_ms = -1 };
	keep(id, meter->signals[at].id, sizeof meter->signals[at].id);
	meter->counts.taken[action]++;
}

static bool end_of(enum delivery_bucket bucket, enum meter_end *end)
{
	switch (bucket) {
	case DELIVERY_DONE: *end = METER_DONE; return true;
	case DELIVERY_FAILED:
	case DELIVERY_UNKNOWN: *end = METER_FAILED; return true;
	case DELIVERY_REFUSED:
	case DELIVERY_EXPIRED_UNDELIVERED:
	case DELIVERY_EXPIRED_AT_TERMINAL: *end = METER_DROPPED; return true;
	case DELIVERY_RECORDED:
	case DELIVERY_BUCKETS: break;
	}
	return false; /* of an earlier run: which one its row knows */
}

void trade_meter_end(struct trade_meter *meter, const struct delivery_end *end)
{
	size_t at = find_word(meter->sids, meter->signals_put, end->sid);
	struct str act = end->signal ? signal_text(end->signal, SIGNAL_act) : STR("");
	size_t action = word_at(actions, METER_ACTIONS, act);
	enum meter_end what;
	if (!end_of(end->bucket, &what))
		return;
	int64_t took_ms = end->ended_ms - end->received_ms;
	if (took_ms < 0)
		took_ms = 0; /* the clocks of two machines */
	meter->counts.ended[action][what]++;
	spread_add(&meter->counts.signal_s, (double)took_ms / 1000);
	if (at == SIZE_MAX)
		return;
	meter->signals[at].ended[what]++;
	meter->signals[at].latency_ms = (double)took_ms;
}

/* ---- results ---- */

static bool number_in(const struct result *result, enum result_field field, double *out)
{
	struct number number;
	if (number_parse(result->fields[field], &number))
		return false;
	*out = number_to_double(number);
	return true;
}

void trade_meter_result(struct trade_meter *meter, const struct result *result)
{
	struct meter_result *kept = &meter->results[meter->results_put++ % METER_IDS];
	struct str st = result->fields[RESULT_st];
	*kept = (struct meter_result){
		.status = (enum meter_status)word_at(statuses, METER_STATUSES, st),
	};
	keep(result->fields[RESULT_rid], kept->rid, sizeof kept->rid);
	meter->counts.results[kept->status]++;
	kept->has_slippage = number_in(result, RESULT_slp, &kept->slippage);
	kept->has_execution = number_in(result, RESULT_ex, &kept->execution_ms);
	if (kept->has_slippage)
		spread_add(&meter->counts.slippage_points, kept->slippage);
	if (kept->has_execution)
		spread_add(&meter->counts.execution_s, kept->execution_ms / 1000);
}

/* ---- trades ---- */

struct trade_name {
	struct buf text;
	char storage[METER_TRADE_MAX];
	uint64_t hash;
};

static void name_trade(struct trade_name *name, struct str instance, uint64_t position)
{
	name->text = buf_over(name->storage, sizeof name->storage);
	buf_str_put(&name->text, instance);
	buf_char(&name->text, '-');
	buf_u64(&name->text, position);
	name->hash = str_hash(buf_str(&name->text));
}

/* NULL: it is not among the newest. Of two whose hashes are the same one is. */
static struct meter_trade *find_trade(struct trade_meter *meter, const struct trade_name *name)
{
	size_t at = find_word(meter->hashes, meter->trades_put, name->hash);
	return at == SIZE_MAX ? NULL : &meter->trades[at];
}

static struct meter_trade *trade_of(struct trade_meter *meter, struct str instance,
				    uint64_t position)
{
	struct trade_name name;
	name_trade(&name, instance, position);
	struct meter_trade *trade = find_trade(meter, &name);
	if (trade)
		return trade;
	size_t at = (size_t)(meter->trades_put++ % METER_IDS);
	trade = &meter->trades[at];
	meter->hashes[at] = name.hash;
	*trade = (struct meter_trade){ .update_us = -1, .set_us = -1, .read_us = -1 };
	keep(buf_str(&name.text), trade->id, sizeof trade->id);
	return trade;
}

/* Seconds in which nothing was told are empty. */
static void turn(struct meter_trade *trade, int64_t second)
{
	int64_t passed = second - trade->second;
	if (passed > RATE_SECONDS || passed < 0)
		passed = RATE_SECONDS;
	for (int64_t i = 0; i < passed; i++)
		trade->updates[(second - i) % RATE_SECONDS] = 0;
	trade->second = second;
}

static void note_update(struct meter_trade *trade, int64_t now_ms)
{
	turn(trade, now_ms / 1000);
	trade->updates[trade->second % RATE_SECONDS] +=
	    trade->updates[trade->second % RATE_SECONDS] < UINT8_MAX;
}

void trade_meter_quiet(struct trade_meter *meter, struct str instance, uint64_t position,
		       int64_t now_ms)
{
	struct trade_name name;
	name_trade(&name, instance, position);
	struct meter_trade *trade = find_trade(meter, &name);
	if (trade)
		note_update(trade, now_ms);
}

void trade_meter_update(struct trade_meter *meter, struct str instance, uint64_t position,
			int64_t whole_ns, int64_t set_ns, int64_t now_ms)
{
	struct meter_trade *trade = trade_of(meter, instance, position);
	note_update(trade, now_ms);
	if (whole_ns < 0 || set_ns < 0)
		return;
	trade->update_us = (double)whole_ns / 1000;
	trade->set_us = (double)set_ns / 1000;
	meter->counts.updates_timed++;
	meter->counts.update_us += trade->update_us;
	meter->counts.set_us += trade->set_us;
	spread_add(&meter->counts.update_s, (double)whole_ns / 1e9);
}

void trade_meter_read(struct trade_meter *meter, struct str instance, uint64_t position,
		      int64_t took_ns)
{
	trade_of(meter, instance, position)->read_us = (double)took_ns / 1000;
}

double meter_trade_rate(const struct meter_trade *trade, int64_t now_ms)
{
	struct meter_trade now = *trade;
	double sum = 0;
	turn(&now, now_ms / 1000);
	for (int i = 0; i < RATE_SECONDS; i++)
		sum += now.updates[i];
	return sum / RATE_SECONDS;
}

/* ---- for those who look ---- */

const struct meter_counts *trade_meter_counts(const struct trade_meter *meter)
{
	return &meter->counts;
}

const struct meter_signal *trade_meter_signal_at(const struct trade_meter *meter, size_t back)
{
	size_t at = newest_first(meter->signals_put, back);
	return at == SIZE_MAX ? NULL : &meter->signals[at];
}

const struct meter_result *trade_meter_result_at(const struct trade_meter *meter, size_t back)
{
	size_t at = newest_first(meter->results_put, back);
	return at == SIZE_MAX ? NULL : &meter->results[at];
}

const struct meter_trade *trade_meter_trade_at(const struct trade_meter *meter, size_t back)
{
	size_t at = newest_first(meter->trades_put, back);
	return at == SIZE_MAX ? NULL : &meter->trades[at];
}

struct trade_meter *trade_meter_create(void)
{
	struct trade_meter *meter = calloc(1, sizeof *meter);
	if (!meter)
		return NULL;
	meter->counts.signal_s = spread_of(&spread_seconds);
	meter->counts.execution_s = spread_of(&spread_seconds);
	meter->counts.update_s = spread_of(&spread_seconds);
	meter->counts.slippage_points = spread_of(&spread_points);
	return meter;
}

void trade_meter_destroy(struct trade_meter *meter) { free(meter); }
