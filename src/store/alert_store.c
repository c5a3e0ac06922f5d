#include "store/alert_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"

enum { ARGS_MAX = 32, TEXT_MAX = 1024, LISTED_MAX = 256 };

struct alert_store {
	struct redis_port *redis;
	const struct alerts *alerts;
	struct timers *timers;
	const struct clock_port *clock;
	struct timer renew;
	uint64_t failed;
	struct alert_view listed[LISTED_MAX];
};

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	if (status)
		((struct alert_store *)ctx)->failed++;
}

static bool send(struct alert_store *store, const struct str *argv, size_t argc)
{
	bool sent = redis_command(store->redis, argv, argc, on_reply, store) == STATUS_OK;
	store->failed += !sent;
	return sent;
}

/* A word at the end of a storage that is large enough for all of an alert's. */
static struct str word(struct buf *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static struct str word(struct buf *text, const char *format, ...)
{
	char one[ALERT_MESSAGE_MAX + 1];
	size_t from = text->len;
	va_list args;
	va_start(args, format);
	int len = vsnprintf(one, sizeof one, format, args);
	va_end(args);
	buf_put(text, one, len < 0 ? 0 : (size_t)len < sizeof one ? (size_t)len : sizeof one - 1);
	return str_make(text->ptr + from, text->len - from);
}

/* The hash and its TTL go together: an alert without one would stay for ever. */
static void write(struct alert_store *store, const struct alert_view *alert)
{
	const struct alert_row *row = alert_row(alert->rule);
	char storage[TEXT_MAX];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	struct str name = key_alert(&key, str_of(alert->scope), str_of(row->id));
	int64_t left_s = ALERT_STORE_TTL_S;
	if (alert->state == ALERT_RESOLVED)
		left_s -= (clock_wall_ns(store->clock) / 1000000 - alert->resolved_ms) / 1000;
	if (left_s <= 0)
		return;
	const struct str hset[] = {
		STR("HSET"),  name,
		STR("sev"),   str_of(alert_severity_text(row->severity)),
		STR("src"),   str_of(row->kind),
		STR("msg"),   str_of(alert->message),
		STR("st"),    str_of(alert_state_text(alert->state)),
		STR("first"), word(&text, "%lld", (long long)alert->first_ms),
		STR("last"),  word(&text, "%lld", (long long)alert->last_ms),
		STR("val"),   word(&text, "%.10g", alert->value),
		STR("n"),     word(&text, "%u", alert->told),
		STR("ack"),   alert->acknowledged ? STR("1") : STR("0"),
	};
	const struct str multi = STR("MULTI"), exec = STR("EXEC"), discard = STR("DISCARD");
	const struct str expire[] = { STR("EXPIRE"), name, word(&text, "%lld", (long long)left_s) };
	if (!send(store, &multi, 1))
		return;
	bool queued = send(store, hset, ARRAY_LEN(hset)) && send(store, expire, ARRAY_LEN(expire));
	send(store, queued ? &exec : &discard, 1);
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
	store->redis = rls;
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
