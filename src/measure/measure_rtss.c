/* Signals: added as a producer of weir's own adds them, read by the group, on their way. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "measure/measure_impl.h"
#include "sim/prices.h"
#include "store/signal_store.h"

enum { POLLS_MAX = 1000, KEYS = 10 };

struct signal_told {
	uint64_t sid;
	int64_t ms;
};

struct signals {
	struct measure *m;
	struct signal_store *store;
	struct halts halts;
	bool restored;
	int64_t count; /* wanted */
	struct signal_told *entries;
	int64_t added, read, routed;
};

static bool on_signal(void *ctx, const struct signal_entry *entry)
{
	struct signals *signals = ctx;
	if (signals->read < signals->count)
		signals->entries[signals->read++] =
		    (struct signal_told){ entry->sid, (int64_t)entry->id.ms };
	return true;
}

static void on_routed(void *ctx, uint64_t sid, enum status status)
{
	struct signals *signals = ctx;
	(void)sid;
	if (status)
		measure_fail(signals->m, status, "a signal: %s", status_text(status));
	signals->routed++;
}

static void on_added(void *ctx, enum status status, uint64_t sid, struct stream_id entry)
{
	struct signals *signals = ctx;
	(void)sid, (void)entry;
	if (status)
		measure_fail(signals->m, status, "trade_signals: %s", status_text(status));
	signals->added++;
}

static void on_restored(void *ctx, enum status status, const char *why)
{
	struct signals *signals = ctx;
	if (status)
		measure_fail(signals->m, status, "%s: %s", why, status_text(status));
	signals->restored = true;
}

static void pass_poll(struct signals *signals)
{
	measure_pass(signals->m, SIGNAL_POLL_MS * INT64_C(1000000));
	measure_settle(signals->m, SEGMENT_RTSS);
}

/* ---- adding ---- */

static struct str word(struct buf *text, struct number value)
{
	size_t from = text->len;
	number_print(text, value);
	return str_make(text->ptr + from, text->len - from);
}

static void add(struct signals *signals, int64_t number)
{
	struct measure *m = signals->m;
	uint32_t slot = (uint32_t)(number % m->load->instances);
	struct measure_trade trade =
	    measure_trade_of(m, slot, 2000000 + (uint64_t)number, measure_wall_ms(m));
	char storage[256], id[32];
	struct buf text = buf_over(storage, sizeof storage);
	int n = snprintf(id, sizeof id, "sig-%llu", (unsigned long long)trade.key);
	const struct str keys[KEYS] = { STR("id"),  STR("to"), STR("act"), STR("sym"), STR("sd"),
					STR("vol"), STR("sl"), STR("tp"),  STR("dev"), STR("exp") };
	const struct str values[KEYS] = {
		str_make(id, (size_t)n),
		str_of(fleet_at(m->fleet, slot)->identity.id),
		STR("open"),
		str_of(symbol_row(trade.symbol)->name),
		trade.sell ? STR("sell") : STR("buy"),
		word(&text, (struct number){ trade.lots_e2, 2 }),
		word(&text, symbol_price(trade.symbol, trade.stop)),
		word(&text, symbol_price(trade.symbol, trade.take)),
		STR("10"),
		word(&text, number_of(measure_wall_ms(m) + m->load->signal_s * 1000)),
	};
	enum status status =
	    signal_store_add(signals->store, keys, values, KEYS, on_added, signals);
	if (status)
		measure_fail(m, status, "trade_signals: %s", status_text(status));
}

static void add_all(struct signals *signals)
{
	struct measure *m = signals->m;
	int64_t a_second = m->load->instances * m->load->signals_s;
	for (int64_t i = 0; i < signals->count && measure_good(m); i++) {
		add(signals, i);
		if (i % 256 == 255)
			measure_settle(m, SEGMENT_RTSS);
		if (i % a_second == a_second - 1) {
			measure_tell(m, "signals", i, signals->count);
			m->now_ns += SECOND_NS; /* nothing is polled yet */
		}
	}
	measure_settle(m, SEGMENT_RTSS);
}

/* ---- reading, and where they stand ---- */

static void read_all(struct signals *signals)
{
	signal_store_start(signals->store);
	for (int64_t i = 0; signals->read < signals->count && measure_good(signals->m); i++) {
		if (i > POLLS_MAX + signals->count)
			measure_fail(signals->m, STATUS_TIMEOUT, "%lld of %lld signals were read",
				     (long long)signals->read, (long long)signals->count);
		pass_poll(signals);
	}
	signal_store_stop(signals->store);
	measure_settle(signals->m, SEGMENT_RTSS);
}

static void stand(struct signals *signals, int64_t number)
{
	struct measure *m = signals->m;
	struct str instance =
	    str_of(fleet_at(m->fleet, (uint32_t)(number % m->load->instances))->identity.id);
	struct signal_told told = signals->entries[number];
	char id[32];
	int n = snprintf(id, sizeof id, "sig-%llu", 2000000000ull + (unsigned long long)number);
	const struct signal_stand sent = { .sid = told.sid,
					   .instance = instance,
					   .id = str_make(id, (size_t)n),
					   .st = "received",
					   .down = (uint64_t)number + 1,
					   .sent = 1,
					   .sent_ms = told.ms + 2,
					   .confirmed_ms = told.ms + 161,
					   .expires_ms = told.ms + 30000 };
	enum status status = signal_store_route(signals->store, told.sid, &instance, 1);
	if (status)
		measure_fail(m, status, "a signal: %s", status_text(status));
	signal_store_state(signals->store, &sent);
}

static void stand_all(struct signals *signals)
{
	for (int64_t i = 0; i < signals->count && measure_good(signals->m); i++) {
		stand(signals, i);
		if (i % 256 == 255)
			measure_settle(signals->m, SEGMENT_RTSS);
	}
	measure_settle(signals->m, SEGMENT_RTSS);
}

/* ---- the whole ---- */

static void fill(struct signals *signals)
{
	struct measure *m = signals->m;
	signal_store_restore(signals->store, &signals->halts, on_restored, signals);
	measure_settle(m, SEGMENT_RTSS);
	struct measure_span span = measure_begin(m, PLAN_rtss);
	add_all(signals);
	read_all(signals);
	int64_t read = measure_used(m, SEGMENT_RTSS);
	stand_all(signals);
	int64_t used = measure_used(m, SEGMENT_RTSS);
	measure_item(m, PLAN_ITEM_signal, signals->read, read - span.before.used);
	measure_item(m, PLAN_ITEM_signal_hash, signals->routed, used - read);
	measure_end(m, &span, signals->read);
	struct signal_store_counts counts = signal_store_counts(signals->store);
	if (counts.failed || counts.unreadable)
		measure_fail(m, STATUS_REDIS_ERR, "signals: %llu commands failed",
			     (unsigned long long)counts.failed);
	measure_note_filled(m, SEGMENT_RTSS);
}

void measure_fill_rtss(struct measure *m)
{
	struct signals signals = {
		.m = m, .count = m->load->instances * m->load->signals_s * m->load->signal_s
	};
	const struct signal_store_hooks hooks = { on_signal, on_routed, &signals };
	if (!measure_wants(m, PLAN_rtss) || !signals.count)
		return;
	signals.entries = calloc((size_t)signals.count, sizeof signals.entries[0]);
	signals.store =
	    signal_store_create(measure_redis(m, SEGMENT_RTSS), m->timers, &m->clock, true, &hooks);
	if (signals.entries && signals.store)
		fill(&signals);
	else
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
	measure_settle(m, SEGMENT_RTSS);
	signal_store_destroy(signals.store);
	free(signals.entries);
}
