#include "store/alert_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "store/command_pipe.h"
#include "store/long_text.h"

enum { LISTED_MAX = 256 };

struct alert_store {
	struct command_pipe pipe;
	const struct alerts *alerts;
	struct timers *timers;
	const struct clock_port *clock;
	struct timer renew;
	uint64_t failed;
	struct alert_view listed[LISTED_MAX];
};

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct alert_store *store = ctx;
	command_pipe_answered(&store->pipe);
	store->failed += command_pipe_exec(status, reply) != STATUS_OK;
}

static void add_hash(struct alert_store *store, const struct alert_view *alert)
{
	const struct alert_row *row = alert_row(alert->rule);
	struct command_text *text = &store->pipe.text;
	char storage[40];
	struct buf value = buf_over(storage, sizeof storage);
	struct key key;
	buf_printf(&value, "%.10g", alert->value);
	command_begin(text, STR("HSET"));
	command_copy(text, key_alert(&key, str_of(alert->scope), str_of(row->id)));
	command_pair(text, STR("sev"), str_of(alert_severity_text(row->severity)));
	command_pair(text, STR("src"), str_of(row->kind));
	command_pair(text, STR("msg"), long_text_inside(str_of(alert->message)));
	command_pair(text, STR("st"), str_of(alert_state_text(alert->state)));
	command_pair_i64(text, STR("first"), alert->first_ms);
	command_pair_i64(text, STR("last"), alert->last_ms);
	command_pair(text, STR("val"), buf_str(&value));
	command_pair_i64(text, STR("n"), alert->told);
	command_pair(text, STR("ack"), alert->acknowledged ? STR("1") : STR("0"));
	command_pipe_add(&store->pipe);
}

static void add_ttl(struct alert_store *store, const struct alert_view *alert, int64_t left_s)
{
	struct command_text *text = &store->pipe.text;
	struct key key;
	command_begin(text, STR("EXPIRE"));
	command_copy(text,
		     key_alert(&key, str_of(alert->scope), str_of(alert_row(alert->rule)->id)));
	command_i64(text, left_s);
	command_pipe_add(&store->pipe);
}

/* One of before that is longer than the newest ends by its TTL. */
static void add_message(struct alert_store *store, const struct alert_view *alert, int64_t left_s)
{
	struct command_text *text = &store->pipe.text;
	struct key key;
	if (!long_text_is_outside(str_of(alert->message)))
		return;
	command_begin(text, STR("SET"));
	command_copy(
	    text, key_alert_text(&key, str_of(alert->scope), str_of(alert_row(alert->rule)->id)));
	command_word(text, str_of(alert->message));
	command_word(text, STR("EX"));
	command_i64(text, left_s);
	command_pipe_add(&store->pipe);
}

/* All go together: an alert without a TTL would stay for ever. */
static void write(struct alert_store *store, const struct alert_view *alert)
{
	int64_t left_s = ALERT_STORE_TTL_S;
	if (alert->state == ALERT_RESOLVED)
		left_s -= (clock_wall_ns(store->clock) / 1000000 - alert->resolved_ms) / 1000;
	if (left_s <= 0)
		return;
	enum status status = command_pipe_begin(&store->pipe);
	if (!status) {
		add_hash(store, alert);
		add_ttl(store, alert, left_s);
		add_message(store, alert, left_s);
		status = command_pipe_end(&store->pipe, on_written, store);
	}
	store->failed += status != STATUS_OK;
}

static void on_renew(void *ctx)
{
	struct alert_store *store = ctx;
	size_t count = alerts_list(store->alerts, store->listed, LISTED_MAX);
	for (size_t i = 0; i < count; i++)
		if (store->listed[i].state == ALERT_FIRING ||
		    store->listed[i].state == ALERT_CLEARING)
			write(store, &store->listed[i]);
	timers_arm(store->timers, &store->renew,
		   clock_monotonic_ns(store->clock) + ALERT_STORE_RENEW_MS * INT64_C(1000000));
}

struct alert_store *alert_store_create(struct redis_port *rls, const struct alerts *alerts,
				       struct timers *timers, const struct clock_port *clock)
{
	struct alert_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->pipe.redis = rls;
	store->alerts = alerts;
	store->timers = timers;
	store->clock = clock;
	store->renew = (struct timer){ .fn = on_renew, .ctx = store };
	timers_arm(timers, &store->renew,
		   clock_monotonic_ns(clock) + ALERT_STORE_RENEW_MS * INT64_C(1000000));
	return store;
}

void alert_store_destroy(struct alert_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->renew);
	free(store);
}

void alert_store_notice(struct alert_store *store, enum alert_notice notice,
			const struct alert_view *alert)
{
	(void)notice; /* the state says it */
	write(store, alert);
}

uint64_t alert_store_failed(const struct alert_store *store) { return store->failed; }
