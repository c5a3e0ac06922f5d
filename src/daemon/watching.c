#include "daemon/watching.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert/tally.h"
#include "archive/sinks.h"
#include "archive/writer.h"
#include "base/check.h"
#include "daemon/archiving.h"
#include "daemon/terminals.h"
#include "store/segments.h"

enum {
	LATENCY_SECONDS = 10,
	LATENCY_COMMANDS = 10, /* fewer say nothing: one slow fsync is not slow */
	SIXTY_S_MS = 60000,
	TEXT_BYTES = ALERT_MESSAGE_MAX + 1,
};
static const int64_t second_ns = 1000000000;

/* A connection's timing, second by second: a mean of the newest ones. */
struct latency {
	struct redis_timing seconds[LATENCY_SECONDS + 1];
	uint32_t newest;
};

struct watching {
	struct watching_config config;
	struct timer timer;
	double slippage_max;
	struct latency writes[SEGMENT_COUNT], reads[SEGMENT_COUNT];
	struct tally dropped, failed, slipped, archive_writes;
	struct tally sinks[SINKS_MAX];
};

static int64_t now_ms(const struct watching *watching)
{
	return loop_now_ns(watching->config.loop) / 1000000;
}

static void tell(struct watching *watching, enum alert_rule rule, const char *scope, double value,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The message is only made where somebody would read it. */
static void tell(struct watching *watching, enum alert_rule rule, const char *scope, double value,
		 const char *format, ...)
{
	struct alerts *alerts = watching->config.alerts;
	double fire = alerts_settings(alerts, rule)->fire;
	char text[TEXT_BYTES] = "";
	va_list args;
	if (alert_listens(alerts, rule, str_of(scope), value, fire)) {
		va_start(args, format);
		vsnprintf(text, sizeof text, format, args);
		va_end(args);
	}
	alert_value(alerts, rule, str_of(scope), value, str_of(text));
}

/* ---- segments ---- */

/* NAN: next to nothing was asked within the time. */
static double mean_ms(struct latency *latency, const struct redis_timing *total)
{
	uint32_t next = (latency->newest + 1) % ARRAY_LEN(latency->seconds);
	latency->newest = next;
	const struct redis_timing oldest =
	    latency->seconds[(next + 1) % ARRAY_LEN(latency->seconds)];
	latency->seconds[next] = *total;
	uint64_t count = total->count - oldest.count;
	if (total->count < oldest.count || count < LATENCY_COMMANDS)
		return NAN;
	return (double)(total->sum_ns - oldest.sum_ns) / 1e6 / (double)count;
}

/* Then nothing was slow. */
static double known(double ms) { return isnan(ms) ? 0 : ms; }

static void watch_segment(struct watching *watching, enum segment segment)
{
	const char *name = segment_row(segment)->name;
	struct segment_status status = segments_status(watching->config.segments, segment);
	bool up = status.state == SEGMENT_UP;
	if (!status.wanted)
		return;
	uint64_t clients = up ? status.connected_clients : 0;
	if (!up || status.used_memory) /* INFO has come */
		tell(watching, ALERT_no_clients, name, (double)clients,
		     "segment %s: %llu clients, %s", name, (unsigned long long)clients,
		     segment_state_text(status.state));
	if (!status.conn)
		return;
	double write_ms = known(mean_ms(&watching->writes[segment], &status.conn->writes));
	double read_ms = known(mean_ms(&watching->reads[segment], &status.conn->reads));
	tell(watching, ALERT_update_latency, name, write_ms,
	     "segment %s: a write takes %.1f ms (mean of 10 s)", name, write_ms);
	tell(watching, ALERT_retrieval_latency, name, read_ms,
	     "segment %s: a read takes %.1f ms (mean of 10 s)", name, read_ms);
}

/* ---- signals and results ---- */

static void watch_signals(struct watching *watching)
{
	int64_t now = now_ms(watching);
	struct terminals *terminals = watching->config.terminals;
	const struct deliveries_counts counts = deliveries_counts(terminals_deliveries(terminals));
	const struct signal_store_counts added = signal_store_counts(terminals_signals(terminals));
	uint32_t pending = counts.waiting + counts.in_flight;
	tally_watch(&watching->dropped, now, counts.refused + counts.expired + added.add_full);
	tally_watch(&watching->failed, now, counts.failed);
	uint64_t dropped = tally_sum(&watching->dropped, now);
	uint64_t failed = tally_sum(&watching->failed, now);
	uint64_t slipped = tally_sum(&watching->slipped, now);
	tell(watching, ALERT_signals_dropped, "all", (double)dropped,
	     "%llu signals were refused or expired within 5 minutes", (unsigned long long)dropped);
	tell(watching, ALERT_signals_pending, "all", pending,
	     "%u signals wait: %u for their terminal, %u for an answer", pending, counts.waiting,
	     counts.in_flight);
	tell(watching, ALERT_failed_trades, "all", (double)failed, "%llu trades failed within 60 s",
	     (unsigned long long)failed);
	tell(watching, ALERT_slippage, "all", (double)slipped,
	     "%llu trades within 5 minutes slipped by more than %g points",
	     (unsigned long long)slipped, watching->slippage_max);
}

static double points_of(struct str text)
{
	char storage[40], *end;
	if (!text.len || str_copy(text, storage, sizeof storage))
		return 0;
	double points = strtod(storage, &end);
	return *end || isnan(points) ? 0 : points;
}

void watching_result(struct watching *watching, const struct result *result)
{
	if (watching && points_of(result->fields[RESULT_slp]) > watching->slippage_max)
		tally_add(&watching->slipped, now_ms(watching), 1);
}

/* ---- the archive ---- */

static void watch_sinks(struct watching *watching, struct sinks *sinks)
{
	struct sinks_count counts[SINKS_MAX];
	int64_t now = now_ms(watching);
	size_t n = sinks_counts(sinks, counts, SINKS_MAX);
	for (size_t i = 0; i < n && i < SINKS_MAX; i++) {
		const struct sinks_count *count = &counts[i];
		tally_watch(&watching->sinks[i], now, count->away + count->unknown + count->held);
		uint64_t failures = tally_sum(&watching->sinks[i], now);
		tell(watching, ALERT_sync_failures, count->name, (double)failures,
		     "%llu tries to bring results to %s failed within 10 minutes: %.90s",
		     (unsigned long long)failures, count->name, count->why);
	}
}

static void watch_archive(struct watching *watching)
{
	struct archiving *archiving = watching->config.archiving;
	int64_t now = now_ms(watching);
	tally_watch(&watching->archive_writes, now,
		    writer_counts(archiving_writer(archiving))->failures);
	uint64_t failures = tally_sum(&watching->archive_writes, now);
	tell(watching, ALERT_archive_writes, "archive", (double)failures,
	     "%llu tries to write the archive file failed within 60 s",
	     (unsigned long long)failures);
	if (archiving_sinks(archiving))
		watch_sinks(watching, archiving_sinks(archiving));
}

/* ---- its life ---- */

static void on_second(void *ctx)
{
	struct watching *watching = ctx;
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++)
		watch_segment(watching, segment);
	if (watching->config.terminals)
		watch_signals(watching);
	if (watching->config.archiving)
		watch_archive(watching);
	loop_timer_after(watching->config.loop, &watching->timer, second_ns);
}

void watching_configure(struct watching *watching, const struct config *config)
{
	watching->config.config = config;
	watching->slippage_max = config_number(config, CONFIG_fleet_slippage);
}

void watching_start(struct watching *watching) { on_second(watching); }

void watching_stop(struct watching *watching)
{
	timers_cancel(loop_timers(watching->config.loop), &watching->timer);
}

struct watching *watching_create(const struct watching_config *config)
{
	struct watching *watching = calloc(1, sizeof *watching);
	if (!watching)
		return NULL;
	watching->config = *config;
	watching->timer = (struct timer){ .fn = on_second, .ctx = watching };
	tally_init(&watching->dropped, 5 * SIXTY_S_MS);
	tally_init(&watching->failed, SIXTY_S_MS);
	tally_init(&watching->slipped, 5 * SIXTY_S_MS);
	tally_init(&watching->archive_writes, SIXTY_S_MS);
	for (size_t i = 0; i < SINKS_MAX; i++)
		tally_init(&watching->sinks[i], 10 * SIXTY_S_MS);
	watching_configure(watching, config->config);
	return watching;
}

void watching_destroy(struct watching *watching)
{
	if (watching)
		watching_stop(watching);
	free(watching);
}
