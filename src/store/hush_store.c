#include "store/hush_store.h"

#include <stdlib.h>

#include "def/keys.h"

static const int64_t retry_ns = 1000000000;

struct hush_store {
	struct redis_port *redis;
	struct alerts *alerts;
	const struct clock_port *clock;
	bool asked, ready, in_flight;
	uint64_t stored, sent; /* versions */
	int64_t retry_ns;
	struct hush_store_counts counts;
	void (*done)(void *ctx, enum status status);
	void *ctx;
	char text[ALERT_HUSHES_BYTES];
};

struct hush_store *hush_store_create(struct redis_port *rss, struct alerts *alerts,
				     const struct clock_port *clock)
{
	struct hush_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->redis = rss;
	store->alerts = alerts;
	store->clock = clock;
	return store;
}

void hush_store_destroy(struct hush_store *store) { free(store); }

struct hush_store_counts hush_store_counts(const struct hush_store *store) { return store->counts; }

/* ---- reading ---- */

static void end_restore(struct hush_store *store, enum status status)
{
	void (*done)(void *ctx, enum status status) = store->done;
	store->done = NULL;
	store->in_flight = false;
	store->ready = !status;
	if (status)
		store->retry_ns = clock_monotonic_ns(store->clock) + retry_ns;
	if (done)
		done(store->ctx, status);
}

static void on_text(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct hush_store *store = ctx;
	if (!status && reply->type == REDIS_BULK) {
		store->counts.left_out += alerts_take_hushes(store->alerts, reply->text,
							     clock_wall_ns(store->clock) / 1000000);
		if (!store->counts.left_out)
			store->stored = alerts_hushes_version(store->alerts);
	}
	end_restore(store, status);
}

static void ask(struct hush_store *store)
{
	struct key key;
	const struct str argv[] = { STR("GET"), key_alert_hushes(&key) };
	store->asked = store->in_flight = true;
	enum status status = redis_command(store->redis, argv, 2, on_text, store);
	if (status)
		end_restore(store, status);
}

void hush_store_restore(struct hush_store *store, void (*done)(void *ctx, enum status status),
			void *ctx)
{
	store->done = done;
	store->ctx = ctx;
	ask(store);
}

/* ---- writing ---- */

static void fail(struct hush_store *store)
{
	store->counts.failed++;
	store->retry_ns = clock_monotonic_ns(store->clock) + retry_ns;
}

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct hush_store *store = ctx;
	(void)reply;
	store->in_flight = false;
	if (status) {
		fail(store);
		return;
	}
	store->counts.written++;
	store->stored = store->sent;
}

void hush_store_step(struct hush_store *store)
{
	uint64_t version = alerts_hushes_version(store->alerts);
	struct buf text = buf_over(store->text, sizeof store->text);
	struct key key;
	if (store->in_flight || clock_monotonic_ns(store->clock) < store->retry_ns)
		return;
	if (store->asked && !store->ready) {
		ask(store);
		return;
	}
	if (!store->ready || store->stored == version)
		return;
	alerts_pack_hushes(store->alerts, &text);
	const struct str argv[] = { text.len ? STR("SET") : STR("DEL"), key_alert_hushes(&key),
				    buf_str(&text) };
	store->sent = version;
	store->in_flight = !redis_command(store->redis, argv, text.len ? 3 : 2, on_written, store);
	if (!store->in_flight)
		fail(store);
}
