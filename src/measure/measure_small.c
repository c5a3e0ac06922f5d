/* Sessions and preferences; executions and alerts. */
#include <stdio.h>

#include "base/check.h"
#include "measure/measure_impl.h"
#include "store/alert_store.h"
#include "store/execution_store.h"
#include "store/session_store.h"

enum { SEVERAL = 64 };

/* ---- RSS ---- */

static void on_put(void *ctx, enum status status)
{
	if (status)
		measure_fail(ctx, status, "a session: %s", status_text(status));
}

static void put(struct measure *m, struct session_store *store, enum session_kind kind,
		int64_t user, const struct session_fields *fields)
{
	char name[32];
	snprintf(name, sizeof name, "user%05lld@desk", (long long)user);
	enum status status = session_store_put(store, kind, str_of(name), fields, on_put, m);
	if (status)
		measure_fail(m, status, "a session: %s", status_text(status));
	if (user % SEVERAL == 0)
		measure_settle(m, SEGMENT_RSS);
}

static void put_session(struct measure *m, struct session_store *store, int64_t user)
{
	char sid[40], ip[24];
	snprintf(sid, sizeof sid, "%016llx%016llx", (unsigned long long)user * 0x9E3779B97F4A7C15u,
		 (unsigned long long)user * 0xC2B2AE3D27D4EB4Fu);
	snprintf(ip, sizeof ip, "10.%d.%d.%d", (int)(user % 200), (int)(user % 250), 17);
	const struct session_fields fields = { { STR("sid"), STR("ip"), STR("dev") },
					       { str_of(sid), str_of(ip),
						 STR("Firefox 128 on Windows 11") },
					       3 };
	put(m, store, SESSION_SESSION, user, &fields);
}

static void put_preference(struct measure *m, struct session_store *store, int64_t user)
{
	static const struct session_fields fields = {
		{ STR("theme"), STR("chart"), STR("notify"), STR("lang"), STR("autoclose"),
		  STR("confirm"), STR("sym"), STR("tf"), STR("quiet") },
		{ STR("dark"), STR("candles"), STR("critical,trades"), STR("en"), STR("0"),
		  STR("1"), STR("EURUSD,GBPUSD,USDJPY,XAUUSD,BTCUSD"), STR("15m"),
		  STR("22:00-06:00") },
		9
	};
	put(m, store, SESSION_PREFERENCE, user, &fields);
}

static int64_t put_all(struct measure *m, struct session_store *store,
		       void (*fn)(struct measure *m, struct session_store *store, int64_t user))
{
	int64_t before = measure_used(m, SEGMENT_RSS);
	for (int64_t i = 0; i < m->load->sessions && measure_good(m); i++)
		fn(m, store, i);
	return measure_used(m, SEGMENT_RSS) - before;
}

void measure_fill_rss(struct measure *m)
{
	if (!measure_wants(m, PLAN_rss))
		return;
	struct session_store *store = session_store_create(measure_redis(m, SEGMENT_RSS), &m->clock,
							   (size_t)m->load->sessions * 2 + 1);
	if (!store) {
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
		return;
	}
	measure_tell(m, "sessions", 0, m->load->sessions);
	struct measure_span span = measure_begin(m, PLAN_rss);
	measure_item(m, PLAN_ITEM_session, m->load->sessions, put_all(m, store, put_session));
	measure_item(m, PLAN_ITEM_preference, m->load->sessions, put_all(m, store, put_preference));
	measure_end(m, &span, m->load->sessions);
	measure_note_filled(m, SEGMENT_RSS);
	measure_settle(m, SEGMENT_RSS);
	session_store_destroy(store);
}

/* ---- RLS ---- */

static bool never(void *ctx, uint64_t sid, struct str instance)
{
	(void)ctx, (void)sid, (void)instance;
	return true;
}

static void put_steps(struct measure *m, struct execution_store *store, uint32_t slot,
		      uint64_t number)
{
	static const enum delivery_step_kind kinds[] = { DELIVERY_STEP_TAKEN, DELIVERY_STEP_SENT,
							 DELIVERY_STEP_CONFIRMED,
							 DELIVERY_STEP_ENDED };
	struct measure_trade trade = measure_trade_of(m, slot, number, measure_wall_ms(m));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct execution_step step = {
			.sid = trade.sid + ((number + 1) << 21),
			.instance = str_of(fleet_at(m->fleet, slot)->identity.id),
			.kind = kinds[i],
			.at_ms = trade.at_ms + (int64_t)i * trade.latency_ms,
			.sent = i > 0,
		};
		execution_store_step(store, &step);
	}
}

static void fill_executions(struct measure *m)
{
	const struct execution_store_hooks hooks = { never, NULL };
	struct redis_port *rls = measure_redis(m, SEGMENT_RLS);
	struct execution_store *store =
	    execution_store_create(rls, rls, m->timers, &m->clock, &hooks);
	int64_t before = measure_used(m, SEGMENT_RLS), count = 0;
	if (!store) {
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
		return;
	}
	for (uint32_t slot = 0; slot < m->load->instances && measure_good(m); slot++)
		for (int64_t i = 0; i < m->load->open_trades; i++, count++) {
			put_steps(m, store, slot, (uint64_t)i);
			measure_settle_some(m, SEGMENT_RLS);
		}
	measure_item(m, PLAN_ITEM_execution, count, measure_used(m, SEGMENT_RLS) - before);
	struct execution_store_counts counts = execution_store_counts(store);
	if (counts.dropped || counts.failed)
		measure_fail(m, STATUS_REDIS_ERR, "executions: %llu dropped, %llu failed",
			     (unsigned long long)counts.dropped, (unsigned long long)counts.failed);
	execution_store_destroy(store);
}

static void put_alert(struct measure *m, struct alert_store *store, int64_t number)
{
	struct alert_view view = { .rule = (enum alert_rule)(number % ALERT_COUNT),
				   .state = ALERT_FIRING,
				   .value = 91.5 + (double)(number % 7),
				   .worst = 97,
				   .first_ms = measure_wall_ms(m) - 60000,
				   .last_ms = measure_wall_ms(m),
				   .told = 1 };
	snprintf(view.scope, sizeof view.scope, "mt5-%04lld", (long long)(number / ALERT_COUNT));
	snprintf(view.message, sizeof view.message,
		 "the terminal on host-1 has had a value of %.1f for 30 s, the bound is 90",
		 view.value);
	alert_store_notice(store, ALERT_FIRED, &view);
	measure_settle_some(m, SEGMENT_RLS);
}

static void fill_alerts(struct measure *m)
{
	struct alert_store *store =
	    alert_store_create(measure_redis(m, SEGMENT_RLS), m->alerts, m->timers, &m->clock);
	int64_t before = measure_used(m, SEGMENT_RLS);
	if (!store) {
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
		return;
	}
	for (int64_t i = 0; i < m->load->alerts && measure_good(m); i++)
		put_alert(m, store, i);
	measure_item(m, PLAN_ITEM_alert, m->load->alerts, measure_used(m, SEGMENT_RLS) - before);
	if (alert_store_failed(store))
		measure_fail(m, STATUS_REDIS_ERR, "alerts: %llu commands failed",
			     (unsigned long long)alert_store_failed(store));
	alert_store_destroy(store);
}

void measure_fill_rls(struct measure *m)
{
	if (!measure_wants(m, PLAN_rls))
		return;
	measure_tell(m, "executions and alerts", 0, 1);
	struct measure_span span = measure_begin(m, PLAN_rls);
	fill_executions(m);
	fill_alerts(m);
	measure_end(m, &span, m->load->instances * m->load->open_trades + m->load->alerts);
	measure_note_filled(m, SEGMENT_RLS);
}
