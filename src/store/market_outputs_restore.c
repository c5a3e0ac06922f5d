/* What weir takes back: samples, events and bars of the markets that exist. One
 * pipelined read; what is damaged or missing is asked of the venue again. */
#include <stdlib.h>

#include "base/check.h"
#include "store/market_outputs_impl.h"
#include "store/store_format.h"

enum { LIQUIDATIONS_READ = 20000, LIQUIDATIONS_AGE_MS = 86400000 };

struct restore_market {
	struct outputs_restore *restore;
	struct outputs_slot *slot;
	size_t next_series; /* replies of klines come in the order of the series */
};

struct outputs_restore {
	struct market_outputs *outputs;
	void (*done)(void *ctx, enum status status);
	void *ctx;
	enum status status;
	size_t pending;
	struct restore_market markets[OUTPUTS_SLOTS];
};

static void finish(struct outputs_restore *restore)
{
	if (restore->pending > 0)
		return;
	restore->outputs->restore = NULL;
	restore->done(restore->ctx, restore->status);
	free(restore);
}

/* The value of a field in a stream entry's [field, value, …]; ptr NULL: not there. */
static struct str field_of(const struct redis_reply *fields, struct str name)
{
	for (size_t i = 0; fields->type == REDIS_ARRAY && i + 1 < fields->count; i += 2)
		if (str_eq(fields->items[i].text, name))
			return fields->items[i + 1].text;
	return (struct str){ 0 };
}

static bool decimal_of(const struct redis_reply *fields, struct str name, struct decimal *out)
{
	struct str text = field_of(fields, name);
	return text.ptr && !decimal_parse(text, out);
}

static bool integer_of(const struct redis_reply *fields, struct str name, int64_t *out)
{
	struct decimal value;
	if (!decimal_of(fields, name, &value) || value.scale != 0)
		return false;
	*out = value.mantissa;
	return true;
}

/* Calls fn for each well-formed entry of a stream reply. */
static void each_entry(struct restore_market *market, const struct redis_reply *reply,
		       void (*fn)(struct restore_market *market, struct stream_id id,
				  const struct redis_reply *fields))
{
	for (size_t i = 0; reply && reply->type == REDIS_ARRAY && i < reply->count; i++) {
		const struct redis_reply *entry = &reply->items[i];
		struct stream_id id;
		if (entry->type == REDIS_ARRAY && entry->count == 2 &&
		    !stream_id_parse(entry->items[0].text, &id))
			fn(market, id, &entry->items[1]);
	}
}

static void replied(struct restore_market *market, enum status status)
{
	struct outputs_restore *restore = market->restore;
	if (status && !restore->status)
		restore->status = status;
	restore->pending--;
	finish(restore);
}

/* ---- open interest ---- */

static void take_oi(struct restore_market *market, struct stream_id id,
		    const struct redis_reply *fields)
{
	struct decimal qty;
	if (!decimal_of(fields, STR("q"), &qty))
		return;
	rates_put_oi(market_rates(market->slot->market), qty, false, (int64_t)id.ms);
	if ((int64_t)id.ms > market->slot->oi_sent_ms)
		market->slot->oi_sent_ms = (int64_t)id.ms;
	market->restore->outputs->counts.restored_oi++;
}

static void on_oi(void *ctx, enum status status, const struct redis_reply *reply)
{
	each_entry(ctx, status ? NULL : reply, take_oi);
	replied(ctx, status);
}

/* ---- funding ---- */

static void take_funding(struct restore_market *market, struct stream_id id,
			 const struct redis_reply *fields)
{
	struct event_funding funding = { 0 };
	int64_t interval = 0;
	if (!decimal_of(fields, STR("r"), &funding.rate) ||
	    !integer_of(fields, STR("n"), &funding.next_ms) ||
	    !integer_of(fields, STR("i"), &interval) || interval < 0 || interval > 100000)
		return;
	funding.interval_min = (int32_t)interval;
	rates_take_funding(market_rates(market->slot->market), &funding, (int64_t)id.ms);
	if (!rates_funding(market_rates(market->slot->market), &market->slot->funding_sent))
		market->slot->funding_sent = (struct funding_state){ 0 };
	market->restore->outputs->counts.restored_funding++;
}

static void on_funding(void *ctx, enum status status, const struct redis_reply *reply)
{
	each_entry(ctx, status ? NULL : reply, take_funding);
	replied(ctx, status);
}

/* ---- liquidations ---- */

static void take_liquidation(struct restore_market *market, struct stream_id id,
			     const struct redis_reply *fields)
{
	struct market_outputs *outputs = market->restore->outputs;
	struct event_liquidation event = { 0 };
	struct str side = field_of(fields, STR("s"));
	int64_t t_ms;
	(void)id;
	if (!integer_of(fields, STR("t"), &t_ms) || !decimal_of(fields, STR("p"), &event.price) ||
	    !decimal_of(fields, STR("q"), &event.qty) ||
	    (!str_eq(side, STR("l")) && !str_eq(side, STR("s"))))
		return;
	event.position = str_eq(side, STR("l")) ? SIDE_BUY : SIDE_SELL;
	if (liquidations_restore(markets_liquidations(outputs->markets),
				 market_id(market->slot->market), &event, t_ms))
		outputs->counts.restored_liquidations++;
}

static void on_liquidations(void *ctx, enum status status, const struct redis_reply *reply)
{
	each_entry(ctx, status ? NULL : reply, take_liquidation);
	replied(ctx, status);
}

/* ---- bars ---- */

static void on_klines(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct restore_market *market = ctx;
	struct outputs_slot *slot = market->slot;
	size_t index = market->next_series++;
	struct series *series = market_series_at(slot->market, index);
	CHECK(series);
	if (!status && reply->type == REDIS_BULK && !series_unpack(series, reply->text)) {
		slot->bars_sent_ms[index] = series_newest_ms(series);
		slot->bars_sent[index] = series_count(series);
		market->restore->outputs->counts.restored_bars += series_count(series);
	}
	replied(market, status);
}

/* ---- requests ---- */

static void request(struct restore_market *market, const struct str *argv, size_t argc,
		    redis_reply_fn fn)
{
	struct outputs_restore *restore = market->restore;
	enum status status = redis_command(restore->outputs->redis, argv, argc, fn, market);
	if (!status)
		restore->pending++;
	else if (!restore->status)
		restore->status = status;
}

static struct str number(struct buf *storage, int64_t value)
{
	buf_i64(storage, value);
	return buf_str(storage);
}

static void request_market(struct outputs_restore *restore, struct restore_market *market)
{
	struct market *of = market->slot->market;
	const struct market_id *id = market_id(of);
	struct key key;
	char text[2][32];
	struct buf count = buf_over(text[0], sizeof text[0]);
	struct buf from = buf_over(text[1], sizeof text[1]);
	if (id->kind == KIND_PERP) {
		struct str oi[] = { STR("XREVRANGE"), key_oi(&key, id),
				    STR("+"),         STR("-"),
				    STR("COUNT"),     number(&count, RATES_OI_SAMPLES) };
		request(market, oi, ARRAY_LEN(oi), on_oi);
		struct str funding[] = { STR("XREVRANGE"), key_funding(&key, id), STR("+"),
					 STR("-"),         STR("COUNT"),          STR("1") };
		request(market, funding, ARRAY_LEN(funding), on_funding);
		buf_clear(&count);
		int64_t from_ms = outputs_now_ms(restore->outputs) - LIQUIDATIONS_AGE_MS;
		struct str liquidations[] = {
			STR("XRANGE"), key_liq(&key, id), number(&from, from_ms > 0 ? from_ms : 0),
			STR("+"),      STR("COUNT"),      number(&count, LIQUIDATIONS_READ)
		};
		request(market, liquidations, ARRAY_LEN(liquidations), on_liquidations);
	}
	for (size_t i = 0; market_series_at(of, i); i++) {
		struct str get[] = {
			STR("GET"), key_klines(&key, id, series_minutes(market_series_at(of, i)))
		};
		request(market, get, ARRAY_LEN(get), on_klines);
	}
}

void market_outputs_restore(struct market_outputs *outputs,
			    void (*done)(void *ctx, enum status status), void *ctx)
{
	struct outputs_restore *restore = calloc(1, sizeof *restore);
	CHECK(!outputs->restore);
	if (!restore) {
		done(ctx, STATUS_NO_MEMORY);
		return;
	}
	*restore = (struct outputs_restore){ .outputs = outputs, .done = done, .ctx = ctx };
	outputs->restore = restore;
	restore->pending = 1; /* ours, until all is asked for */
	for (size_t i = 0; i < markets_count(outputs->markets) && i < OUTPUTS_SLOTS; i++) {
		struct outputs_slot *slot = outputs_slot(outputs, markets_at(outputs->markets, i));
		restore->markets[i] = (struct restore_market){ .restore = restore, .slot = slot };
		if (slot)
			request_market(restore, &restore->markets[i]);
	}
	restore->pending--;
	finish(restore);
}
