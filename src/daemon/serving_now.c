/* GET /api/v1/now: a light and its reason for each part. */
#include "base/check.h"
#include "base/json_out.h"
#include "daemon/archiving.h"
#include "daemon/budgets.h"
#include "daemon/serving_impl.h"
#include "daemon/sources.h"
#include "daemon/telegramming.h"
#include "daemon/terminals.h"
#include "feed/live.h"

enum light { LIGHT_OK, LIGHT_WARN, LIGHT_CRITICAL, LIGHT_OFF };
enum { REASON_BYTES = 200 };

struct part {
	enum light light;
	struct buf reason;
	char storage[REASON_BYTES];
};

static const char *light_text(enum light light)
{
	static const char *const texts[] = { "ok", "warn", "critical", "off" };
	return texts[light];
}

static void worse(struct part *part, enum light light)
{
	if (light > part->light)
		part->light = light;
}

static void off(struct part *part, const char *why)
{
	part->light = LIGHT_OFF;
	buf_printf(&part->reason, "%s", why);
}

/* ---- the parts ---- */

static void look_at_levels(const struct budgets *budgets, struct part *part)
{
	const struct ask_memory *memory = budgets ? budgets_facts(budgets) : NULL;
	for (size_t i = 0; memory && i < memory->count; i++) {
		const struct ask_memory_segment *segment = &memory->segments[i];
		if (segment->level == VALVE_CALM)
			continue;
		worse(part, segment->level >= VALVE_SLOW ? LIGHT_CRITICAL : LIGHT_WARN);
		buf_printf(&part->reason, "; %s is at level %s",
			   segment_row(segment->segment)->name, valve_level_text(segment->level));
	}
}

static void look_at_segments(const struct serving *serving, struct part *part)
{
	struct daemon *daemon = serving->config.daemon;
	const struct segments *segments = daemon_segments(daemon);
	int wanted = 0, up = 0;
	if (!segments) {
		off(part, "kept in memory alone");
		return;
	}
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(segments, (enum segment)i);
		wanted += status.wanted;
		up += status.wanted && status.state == SEGMENT_UP;
	}
	worse(part, up < wanted ? LIGHT_CRITICAL : LIGHT_OK);
	buf_printf(&part->reason, "%d of %d up", up, wanted);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(segments, (enum segment)i);
		if (status.wanted && status.state != SEGMENT_UP)
			buf_printf(&part->reason, "; %s is %s", segment_row((enum segment)i)->name,
				   segment_state_text(status.state));
	}
	look_at_levels(daemon_budgets(daemon), part);
}

static void look_at_feeds(const struct serving *serving, struct part *part)
{
	struct daemon *daemon = serving->config.daemon;
	const struct live *live = sources_venues(daemon_sources(daemon));
	size_t markets = markets_count(daemon_markets(daemon));
	if (!live && !daemon_simulated(daemon)) {
		off(part, "no feed runs");
		return;
	}
	if (!live) {
		buf_printf(&part->reason, "simulated, %zu markets", markets);
		return;
	}
	size_t ready = live_ready(live), all = live_sessions(live);
	worse(part, ready == all ? LIGHT_OK : ready ? LIGHT_WARN : LIGHT_CRITICAL);
	buf_printf(&part->reason, "%zu of %zu connections live, %zu markets", ready, all, markets);
}

static void look_at_fleet(const struct serving *serving, struct part *part)
{
	struct terminals *terminals = daemon_terminals(serving->config.daemon);
	if (!terminals) {
		off(part, "no terminals are kept");
		return;
	}
	struct fleet_counts counts = fleet_counts(terminals_fleet(terminals));
	worse(part, counts.guarded ? LIGHT_CRITICAL : LIGHT_OK);
	if (counts.suspect || counts.states[INSTANCE_DEGRADED] || counts.states[INSTANCE_FAILED] ||
	    counts.states[INSTANCE_RECOVERING])
		worse(part, LIGHT_WARN);
	buf_printf(&part->reason, "%u terminals", fleet_count(terminals_fleet(terminals)));
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		if (counts.states[state])
			buf_printf(&part->reason, ", %u %s", counts.states[state],
				   instance_state_text(state));
	if (counts.suspect)
		buf_printf(&part->reason, ", %u suspect", counts.suspect);
	if (terminals_simulated(terminals))
		buf_printf(&part->reason, " (simulated)");
}

static void look_at_archive(const struct serving *serving, struct part *part)
{
	struct archiving *archiving = daemon_archiving(serving->config.daemon);
	if (!archiving) {
		off(part, "no archive is kept");
		return;
	}
	const struct writer *writer = archiving_writer(archiving);
	double share = archiving_disk_share(archiving);
	if (serving->refuse_why) {
		worse(part, LIGHT_CRITICAL);
		buf_printf(&part->reason, "new signals are refused: %.60s", serving->refuse_why);
	} else if (writer_state(writer) == WRITER_TROUBLE) {
		worse(part, LIGHT_CRITICAL);
		buf_printf(&part->reason, "%.150s", writer_trouble(writer));
	} else if (writer_state(writer) != WRITER_READY) {
		worse(part, LIGHT_WARN);
		buf_printf(&part->reason, "opening");
	} else {
		worse(part, share > 0.9 ? LIGHT_WARN : LIGHT_OK);
		buf_printf(&part->reason, "%lld results",
			   (long long)writer_rows(writer, TABLE_trade_results));
		if (share >= 0)
			buf_printf(&part->reason, ", %.0f %% of the disk", share * 100);
	}
	if (serving->ledger.known && !serving->ledger.balanced) {
		worse(part, LIGHT_CRITICAL);
		buf_printf(&part->reason, "; the ledger does not balance");
	}
}

static void look_at_sinks(const struct serving *serving, struct part *part)
{
	struct archiving *archiving = daemon_archiving(serving->config.daemon);
	const struct sinks *sinks = archiving ? archiving_sinks(archiving) : NULL;
	struct sinks_count counts[SINKS_MAX];
	size_t n = sinks ? sinks_counts(sinks, counts, SINKS_MAX) : 0;
	if (!n)
		off(part, "no sink is named");
	for (size_t i = 0; i < n; i++) {
		worse(part, counts[i].state == SINK_DONE ? LIGHT_OK : LIGHT_WARN);
		buf_printf(&part->reason, "%s%s %s, %llu rows to go", i ? "; " : "", counts[i].name,
			   sink_outcome_text(counts[i].state),
			   (unsigned long long)counts[i].waiting_rows);
	}
}

static void look_at_telegram(const struct serving *serving, struct part *part)
{
	struct telegramming *telegramming = daemon_telegramming(serving->config.daemon);
	struct telegramming_facts facts = { 0 };
	if (telegramming)
		facts = telegramming_facts(telegramming);
	if (!facts.on) {
		off(part, "there is no token");
		return;
	}
	enum telegram_state state = facts.view.state;
	worse(part, state == TELEGRAM_OK || state == TELEGRAM_STARTING ? LIGHT_OK : LIGHT_WARN);
	buf_printf(&part->reason, "%s, %zu messages wait", telegram_state_text(state),
		   facts.view.waiting);
}

static void look_at_alerts(const struct serving *serving, struct part *part)
{
	const struct alerts *alerts = serving->config.world->alerts;
	struct alert_view worst;
	if (!alerts) {
		off(part, "no rules are kept");
		return;
	}
	uint32_t active = alerts_counts(alerts).active;
	if (!active || !alerts_list(alerts, &worst, 1)) {
		buf_printf(&part->reason, "nothing fires");
		return;
	}
	worse(part, alert_row(worst.rule)->severity == ALERT_CRITICAL ? LIGHT_CRITICAL
		    : alert_row(worst.rule)->severity == ALERT_WARN   ? LIGHT_WARN
								      : LIGHT_OK);
	buf_printf(&part->reason, "%u fire, first %s %s", active, alert_row(worst.rule)->name,
		   worst.scope);
}

/* ---- the answer ---- */

static const struct {
	const char *name;
	void (*look)(const struct serving *serving, struct part *part);
} parts[] = {
	{ "segments", look_at_segments }, { "feeds", look_at_feeds },
	{ "fleet", look_at_fleet },       { "archive", look_at_archive },
	{ "sinks", look_at_sinks },       { "telegram", look_at_telegram },
	{ "alerts", look_at_alerts },
};

static void put_parts(const struct serving *serving, struct json_out *json)
{
	struct part seen[ARRAY_LEN(parts)] = { 0 };
	enum light all = LIGHT_OK;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		seen[i].reason = buf_over(seen[i].storage, sizeof seen[i].storage);
		parts[i].look(serving, &seen[i]);
		if (seen[i].light != LIGHT_OFF && seen[i].light > all)
			all = seen[i].light;
	}
	json_out_str(json, "light", str_of(light_text(all)));
	json_out_open(json, "parts", '[');
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "part", str_of(parts[i].name));
		json_out_str(json, "light", str_of(light_text(seen[i].light)));
		json_out_bytes(json, "reason", buf_str(&seen[i].reason));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static double share_of(const struct ask_memory_segment *segment)
{
	return segment->max ? (double)segment->used / (double)segment->max : -1;
}

/* The one that is full first; where none grows, the fullest. */
static bool is_worse(const struct ask_memory_segment *a, const struct ask_memory_segment *b)
{
	if (!b || (a->full_in_s >= 0) != (b->full_in_s >= 0))
		return !b || a->full_in_s >= 0;
	return a->full_in_s >= 0 ? a->full_in_s < b->full_in_s : share_of(a) > share_of(b);
}

static void put_worst(const struct budgets *budgets, struct json_out *json)
{
	const struct ask_memory *memory = budgets ? budgets_facts(budgets) : NULL;
	const struct ask_memory_segment *worst = NULL;
	for (size_t i = 0; memory && i < memory->count; i++)
		if (memory->segments[i].used && is_worse(&memory->segments[i], worst))
			worst = &memory->segments[i];
	if (!worst) {
		json_out_null(json, "worst");
		return;
	}
	double share = share_of(worst);
	json_out_open(json, "worst", '{');
	json_out_str(json, "segment", str_of(segment_row(worst->segment)->name));
	json_out_known_i64(json, "time_to_full_s", worst->full_in_s >= 0, worst->full_in_s);
	if (share < 0)
		json_out_null(json, "used_share");
	else
		json_out_number(json, "used_share", (i128)(share * 1e4 + 0.5), 4);
	json_out_close(json, '}');
}

void serving_now(void *ctx, struct buf *out)
{
	struct serving *serving = ctx;
	struct json_out json = { .out = out };
	struct str ledger = serving_ledger_kept(serving);
	json_out_open(&json, NULL, '{');
	json_out_i64(&json, "t_ms", loop_wall_ns(serving->loop) / 1000000);
	json_out_str(&json, "version", STR(WEIR_VERSION));
	json_out_i64(&json, "uptime_s",
		     (loop_now_ns(serving->loop) - serving->created_ns) / 1000000000);
	json_out_bool(&json, "simulated", daemon_simulated(serving->config.daemon));
	put_parts(serving, &json);
	buf_printf(out, ",\"ledger\":%.*s", STR_ARG(ledger.len ? ledger : STR("null")));
	put_worst(daemon_budgets(serving->config.daemon), &json);
	json_out_close(&json, '}');
}
