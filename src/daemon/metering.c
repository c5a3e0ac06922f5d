#include "daemon/metering.h"

#include <stdlib.h>

#include "daemon/own_time.h"
#include "def/keys.h"

static const int64_t second_ns = INT64_C(1000000000);

/* Two counters that rise together: how many, and the sum of what. */
struct pair {
	struct rise count, sum;
};

struct metering {
	struct loop *loop;
	struct segments *segments;
	struct terminals *terminals;
	struct timer timer;
	struct trade_meter *trade;
	struct rise commands[SEGMENT_COUNT], updates;
	struct pair reads[SEGMENT_COUNT], writes[SEGMENT_COUNT];
	struct pair update, set, signals, slippage, executions;
	struct metering_facts facts;
	bool asking; /* for the stream's length */
	struct hist prints;
	uint64_t series;
};

/* ---- rates and means ---- */

static void put_rate(struct metering_mean *out, struct rise *rise, double counter)
{
	rise_push(rise, counter);
	out->known = rise_seconds(rise) > 0;
	if (out->known)
		out->value = rise_of(rise) / rise_seconds(rise);
}

/* Where nothing came in the 10 s the mean before stands. */
static void put_mean(struct metering_mean *out, struct pair *pair, double count, double sum,
		     double scale)
{
	bool first = !pair->count.count;
	rise_push(&pair->count, count);
	if (pair->count.count == 1)
		pair->sum.count = 0; /* it began anew */
	rise_note(&pair->sum, sum);
	double many = first ? count : rise_of(&pair->count);
	if (many <= 0)
		return;
	out->known = true;
	out->value = (first ? sum : rise_of(&pair->sum)) / many * scale;
}

static void put_spread(struct metering_mean *out, struct pair *pair, const struct spread *spread,
		       double scale)
{
	put_mean(out, pair, (double)spread->count, spread->sum, scale);
}

static void put_timing(struct metering_mean *out, struct pair *pair,
		       const struct redis_timing *timing)
{
	put_mean(out, pair, (double)timing->count, (double)timing->sum_ns, 1e-3);
}

/* ---- the parts ---- */

static void step_segments(struct metering *metering)
{
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(metering->segments, (enum segment)i);
		struct metering_segment *out = &metering->facts.segments[i];
		if (!status.wanted || status.state != SEGMENT_UP || !status.conn)
			continue;
		put_rate(&out->commands_per_s, &metering->commands[i],
			 (double)status.commands_processed);
		put_timing(&out->read_us, &metering->reads[i], &status.conn->reads);
		put_timing(&out->write_us, &metering->writes[i], &status.conn->writes);
	}
}

static void step_trade(struct metering *metering)
{
	const struct meter_counts *counts = trade_meter_counts(metering->trade);
	struct metering_facts *facts = &metering->facts;
	put_spread(&facts->signal_ms, &metering->signals, &counts->signal_s, 1e3);
	put_spread(&facts->execution_ms, &metering->executions, &counts->execution_s, 1e3);
	put_spread(&facts->slippage_points, &metering->slippage, &counts->slippage_points, 1);
	put_mean(&facts->update_us, &metering->update, counts->updates_timed, counts->update_us, 1);
	put_mean(&facts->set_us, &metering->set, counts->updates_timed, counts->set_us, 1);
	if (!metering->terminals)
		return;
	struct account_store_counts accounts =
	    account_store_counts(terminals_accounts(metering->terminals));
	put_rate(&facts->updates_per_s, &metering->updates, (double)accounts.updates);
}

static void on_length(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct metering *metering = ctx;
	metering->asking = false;
	if (status || reply->type != REDIS_INTEGER || reply->integer < 0)
		return;
	metering->facts.has_stream = true;
	metering->facts.stream_length = (uint64_t)reply->integer;
}

static void ask_length(struct metering *metering)
{
	struct key key;
	const struct str argv[] = { STR("XLEN"), key_trade_signals(&key) };
	struct segment_status status = segments_status(metering->segments, SEGMENT_RTSS);
	if (metering->asking || !status.wanted || status.state != SEGMENT_UP)
		return;
	metering->asking = redis_command(segments_redis(metering->segments, SEGMENT_RTSS), argv, 2,
					 on_length, metering) == STATUS_OK;
}

static void on_second(void *ctx)
{
	struct metering *metering = ctx;
	if (metering->segments) {
		step_segments(metering);
		ask_length(metering);
	}
	step_trade(metering);
	loop_timer_after(metering->loop, &metering->timer, second_ns);
}

/* ---- life ---- */

struct metering *metering_create(struct loop *loop)
{
	struct metering *metering = calloc(1, sizeof *metering);
	if (!metering)
		return NULL;
	metering->loop = loop;
	metering->timer = (struct timer){ .fn = on_second, .ctx = metering };
	metering->trade = trade_meter_create();
	if (metering->trade)
		return metering;
	free(metering);
	return NULL;
}

void metering_destroy(struct metering *metering)
{
	if (!metering)
		return;
	trade_meter_destroy(metering->trade);
	free(metering);
}

void metering_start(struct metering *metering, struct segments *segments,
		    struct terminals *terminals)
{
	metering->segments = segments;
	metering->terminals = terminals;
	on_second(metering);
}

void metering_stop(struct metering *metering)
{
	timers_cancel(loop_timers(metering->loop), &metering->timer);
}

/* ---- for those who look ---- */

struct trade_meter *metering_trade(struct metering *metering) { return metering->trade; }

const struct metering_facts *metering_facts(const struct metering *metering)
{
	return &metering->facts;
}

void metering_printed(struct metering *metering, int64_t began_ns, struct str page)
{
	uint64_t series = 0;
	for (struct str line; page.len && str_split(&page, '\n', &line);)
		series += line.len && line.ptr[0] != '#';
	metering->series = series;
	own_time_record(&metering->prints, began_ns);
}

const struct hist *metering_prints(const struct metering *metering) { return &metering->prints; }
uint64_t metering_series(const struct metering *metering) { return metering->series; }
