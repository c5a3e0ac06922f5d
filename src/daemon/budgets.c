#include "daemon/budgets.h"

#include <stdlib.h>
#include <unistd.h>

#include "alert/alert.h"
#include "ask/figure.h"
#include "base/log.h"
#include "daemon/terminals.h"
#include "os/files.h"
#include "store/market_outputs.h"

enum { LINE_MAX_BYTES = 192, TRIM_AGAIN_S = 60 };

/* Its store waits in the middle of a transaction for the answer to MULTI: a command that came
 * between would be a part of that. The others' transactions go out as a whole. */
static const enum segment walked_apart = SEGMENT_RTRS;
static const int64_t second_ns = INT64_C(1000000000), ms_ns = 1000000;

struct budgets {
	struct budgets_config config;
	struct timer timer;
	struct valve valves[SEGMENT_COUNT];
	uint64_t refused[SEGMENT_COUNT], evicted[SEGMENT_COUNT]; /* of the second before */
	struct memory_families *families;
	struct redis_conn *apart; /* to that segment; NULL: it is not watched */
	struct budgets_counts counts;
	int trim_in; /* seconds until the live streams are trimmed again */
	struct ask_memory facts;
};

static int64_t now_ms(const struct budgets *budgets)
{
	return loop_now_ns(budgets->config.loop) / ms_ns;
}

/* ---- what is said ---- */

/* "13.9 of 16.8 MB, 83 %, full in 3 min 10 s" */
static void put_figures(struct buf *out, const struct valve *valve)
{
	int64_t full_in_s = valve_full_in_s(valve);
	buf_printf(out, "%.1f of %.1f MB", (double)valve->used / 1e6,
		   (double)valve->maxmemory / 1e6);
	if (valve->maxmemory)
		buf_printf(out, ", %.0f %%", 100 * (double)valve->used / (double)valve->maxmemory);
	if (full_in_s >= 0) {
		struct figure age = figure_age(full_in_s * 1000);
		buf_printf(out, ", full in %.*s", STR_ARG(figure_str(&age)));
	}
}

static void tell_level(const struct valve *valve, enum valve_level before)
{
	char storage[LINE_MAX_BYTES];
	struct buf figures = buf_over(storage, sizeof storage);
	put_figures(&figures, valve);
	if (valve->level == VALVE_FULL && valve->used < valve->maxmemory)
		buf_printf(&figures, ", a write was refused");
	log_line(valve->level > before ? LOG_WARN : LOG_INFO, "memory", "segment %s: %s: %.*s",
		 segment_row(valve->segment)->name, valve_level_text(valve->level),
		 STR_ARG(buf_str(&figures)));
}

static void tell_action(const struct valve *valve, enum valve_action action, bool begins)
{
	char storage[LINE_MAX_BYTES];
	struct buf figures = buf_over(storage, sizeof storage);
	put_figures(&figures, valve);
	log_line(begins ? LOG_WARN : LOG_INFO, "memory", "segment %s: %s%s (%.*s)",
		 segment_row(valve->segment)->name,
		 begins ? "" : "no longer: ", valve_action_text(action),
		 STR_ARG(buf_str(&figures)));
}

/* The use in percent, of every rule. A segment that refused a write is full, whatever its use
 * is, until its valve has closed. */
static double value_of(const struct valve *valve, enum valve_level level)
{
	double percent =
	    valve->maxmemory ? 100 * (double)valve->used / (double)valve->maxmemory : 0;
	bool refuses = level == VALVE_FULL && valve->level == VALVE_FULL;
	return refuses && percent < 100 ? 100 : percent;
}

static void tell_alerts(struct budgets *budgets, const struct valve *valve)
{
	static const enum alert_rule rules[VALVE_LEVELS] = {
		[VALVE_WARN] = ALERT_memory_warn,
		[VALVE_SHED] = ALERT_memory_shed,
		[VALVE_SLOW] = ALERT_memory_slow,
		[VALVE_FULL] = ALERT_memory_full,
	};
	char storage[LINE_MAX_BYTES];
	struct buf figures = buf_over(storage, sizeof storage);
	struct str name = str_of(segment_row(valve->segment)->name);
	put_figures(&figures, valve);
	for (enum valve_level level = VALVE_WARN; level < VALVE_LEVELS; level++)
		alert_value(budgets->config.alerts, rules[level], name, value_of(valve, level),
			    buf_str(&figures));
	alert_value(budgets->config.alerts, ALERT_memory_high, name, value_of(valve, VALVE_SHED),
		    buf_str(&figures));
}

/* Eviction is an accident (redis.md 3): a server that was adopted tells of before, too. */
static void tell_evicted(struct budgets *budgets, enum segment segment, uint64_t evicted)
{
	char storage[LINE_MAX_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	uint64_t before = budgets->evicted[segment];
	budgets->evicted[segment] = evicted;
	if (evicted < before)
		before = 0; /* another server */
	if (evicted == before)
		return;
	buf_printf(&text, "%llu keys were evicted, %llu since the server began",
		   (unsigned long long)(evicted - before), (unsigned long long)evicted);
	alert_event(budgets->config.alerts, ALERT_memory_evicted,
		    str_of(segment_row(segment)->name), (double)(evicted - before), buf_str(&text));
}

/* ---- the keys ---- */

static bool is_ready(struct redis_conn *conn)
{
	return conn && redis_conn_state(conn) == REDIS_CONN_READY;
}

static void walk(struct budgets *budgets, enum segment segment, uint64_t keys)
{
	struct redis_port *redis = segments_redis(budgets->config.segments, segment);
	if (segment == walked_apart) {
		if (!is_ready(budgets->apart))
			return;
		redis = redis_conn_port(budgets->apart);
	}
	memory_families_step(budgets->families, segment, redis, keys, now_ms(budgets));
}

static void connect_apart(struct budgets *budgets)
{
	struct segments *segments = budgets->config.segments;
	struct err err = { 0 };
	if (!segments_status(segments, walked_apart).wanted)
		return;
	if (segments_connect(segments, walked_apart, "weir-memory", NULL, NULL, &budgets->apart,
			     &err))
		log_line(LOG_WARN, "memory", "segment %s: its keys are not counted: %s",
			 segment_row(walked_apart)->name, err.text);
}

/* What is under way there ends within the loop's next turns. */
static void close_apart(struct budgets *budgets)
{
	if (budgets->apart)
		redis_conn_close(budgets->apart, NULL, NULL);
	budgets->apart = NULL;
}

/* ---- the valves ---- */

static void watch(struct budgets *budgets, const struct segment_status *status,
		  enum segment segment)
{
	struct valve *valve = &budgets->valves[segment];
	enum valve_level before = valve->level;
	uint64_t refused = status->conn->endings[STATUS_REDIS_OOM];
	bool changed = valve_sample(valve, now_ms(budgets), status->used_memory, status->maxmemory);
	if (refused != budgets->refused[segment])
		changed |= valve_refused(valve, now_ms(budgets));
	budgets->refused[segment] = refused;
	if (changed)
		tell_level(valve, before);
	tell_alerts(budgets, valve);
	tell_evicted(budgets, segment, status->evicted_keys);
	walk(budgets, segment, status->keys);
}

/* ---- what is done ---- */

static bool has(uint32_t actions, enum valve_action action) { return actions >> action & 1; }

/* Of markets that were not seen yet, too, if they come to be: again each minute. */
static void trim_outputs(struct budgets *budgets, uint32_t actions)
{
	if (!has(actions, VALVE_BIT_outputs_trim)) {
		budgets->trim_in = 0;
	} else if (budgets->trim_in-- == 0) {
		market_outputs_trim(budgets->config.outputs);
		budgets->trim_in = TRIM_AGAIN_S;
	}
}

/* In the order of the table; what HTTP does asks budgets_acts. */
static void carry_out(struct budgets *budgets)
{
	uint32_t before = budgets->counts.actions, actions = 0;
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		actions |= valve_actions(&budgets->valves[i]);
	budgets->counts.actions = actions;
	for (enum valve_action action = 0; action < VALVE_ACTIONS; action++) {
		if (!has(actions ^ before, action))
			continue;
		budgets->counts.begun[action] += has(actions, action);
		tell_action(&budgets->valves[valve_action_segment(action)], action,
			    has(actions, action));
	}
	if (budgets->config.outputs) {
		market_outputs_shed(budgets->config.outputs, has(actions, VALVE_BIT_outputs));
		trim_outputs(budgets, actions);
	}
	if (budgets->config.terminals && actions != before)
		terminals_shed(budgets->config.terminals, actions);
}

/* ---- the facts ---- */

static uint64_t resident_bytes(void)
{
	char storage[128];
	struct buf text = buf_over(storage, sizeof storage);
	struct str rest, word;
	uint64_t pages;
	if (files_read("/proc/self/statm", sizeof storage - 1, &text, NULL))
		return 0;
	rest = buf_str(&text);
	rest = str_skip(rest, str_find_char(rest, ' ') + 1); /* behind the whole size */
	if (!str_split(&rest, ' ', &word) || str_to_u64(word, &pages))
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Largest first; the smallest go where there are too many. */
static void add_family(struct ask_memory_segment *out, const struct ask_memory_family *family)
{
	size_t at = out->family_count;
	if (at == ASK_MEMORY_FAMILIES && out->families[--at].bytes >= family->bytes)
		return;
	for (; at > 0 && out->families[at - 1].bytes < family->bytes; at--)
		out->families[at] = out->families[at - 1];
	out->families[at] = *family;
	out->family_count += out->family_count < ASK_MEMORY_FAMILIES;
}

static void fill_families(const struct budgets *budgets, struct ask_memory_segment *out)
{
	const struct memory_round *round = memory_families_round(budgets->families, out->segment);
	int64_t wall_ms = loop_wall_ns(budgets->config.loop) / ms_ns;
	if (round->done_ms)
		out->counted_ms = wall_ms - (now_ms(budgets) - round->done_ms);
	for (size_t i = 0; i < MEMORY_FAMILIES; i++) {
		const struct memory_family *from = &round->families[i];
		bool ours = i != MEMORY_UNKNOWN;
		const struct ask_memory_family family = {
			.name = memory_family_name(i),
			.life = ours ? key_row((enum key_id)i)->life : NULL,
			.keys = from->keys,
			.bytes = memory_family_bytes(from),
			.estimated = from->measured < from->keys,
		};
		if (from->keys)
			add_family(out, &family);
	}
}

static void fill_segment(struct budgets *budgets, enum segment segment,
			 const struct segment_status *status)
{
	const struct valve *valve = &budgets->valves[segment];
	struct ask_memory_segment *out = &budgets->facts.segments[budgets->facts.count++];
	*out = (struct ask_memory_segment){
		.segment = segment,
		.state = segment_state_text(status->state),
		.used = status->used_memory,
		.max = status->maxmemory,
		.rss = status->used_memory_rss,
		.keys = status->keys,
		.keys_expiring = status->keys_expiring,
		.evicted = status->evicted_keys,
		.refused = status->conn->endings[STATUS_REDIS_OOM],
		.level = valve->level,
		.growth = valve_growth(valve),
		.full_in_s = valve_full_in_s(valve),
		.actions = valve_actions(valve),
	};
	fill_families(budgets, out);
}

/* ---- each second ---- */

static void step(struct budgets *budgets)
{
	struct segments *segments = budgets->config.segments;
	budgets->facts.count = 0;
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(segments, (enum segment)i);
		if (!status.wanted)
			continue;
		if (status.state == SEGMENT_UP && status.used_memory)
			watch(budgets, &status, (enum segment)i);
		fill_segment(budgets, (enum segment)i, &status);
	}
	budgets->facts.resident = resident_bytes();
	carry_out(budgets);
}

static void on_second(void *ctx)
{
	struct budgets *budgets = ctx;
	step(budgets);
	loop_timer_after(budgets->config.loop, &budgets->timer, second_ns);
}

/* ---- life ---- */

void budgets_start(struct budgets *budgets)
{
	connect_apart(budgets);
	on_second(budgets);
}

void budgets_stop(struct budgets *budgets)
{
	timers_cancel(loop_timers(budgets->config.loop), &budgets->timer);
	close_apart(budgets);
}

bool budgets_acts(const struct budgets *budgets, enum valve_action action)
{
	return budgets && has(budgets->counts.actions, action);
}

const struct ask_memory *budgets_facts(const struct budgets *budgets) { return &budgets->facts; }

const struct valve *budgets_valve(const struct budgets *budgets, enum segment segment)
{
	return &budgets->valves[segment];
}

struct budgets_counts budgets_counts(const struct budgets *budgets) { return budgets->counts; }

struct budgets *budgets_create(const struct budgets_config *config)
{
	struct budgets *budgets = calloc(1, sizeof *budgets);
	if (!budgets)
		return NULL;
	budgets->config = *config;
	budgets->timer = (struct timer){ .fn = on_second, .ctx = budgets };
	budgets->families = memory_families_create();
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		valve_init(&budgets->valves[i], (enum segment)i);
	if (budgets->families)
		return budgets;
	free(budgets);
	return NULL;
}

void budgets_destroy(struct budgets *budgets)
{
	if (!budgets)
		return;
	timers_cancel(loop_timers(budgets->config.loop), &budgets->timer);
	memory_families_destroy(budgets->families);
	free(budgets);
}
