/* The names of the original design, as aggregates over segments, actions and statuses. */
#include "base/check.h"
#include "daemon/metering.h"
#include "daemon/metrics_print.h"
#include "daemon/metrics_view.h"

struct design {
	struct segment_status status[SEGMENT_COUNT];
	const struct metering_facts *facts;
	const struct meter_counts *counts;
};

/* ---- by segment ---- */

typedef bool (*segment_value)(const struct design *design, enum segment segment, double *out);

static bool info_of(const struct design *design, enum segment segment, enum redis_info figure,
		    double *out)
{
	const struct segment_info *info = design->status[segment].figures;
	*out = info->values[figure];
	return info->known >> figure & 1;
}

static bool mean_of(struct metering_mean mean, double *out)
{
	*out = mean.value;
	return mean.known;
}

/* Trades live in one segment; what is stored in the others is written and no more. */
static bool latency_of(const struct design *design, enum segment segment, double *out)
{
	return mean_of(segment == SEGMENT_RTS ? design->facts->update_us
					      : design->facts->segments[segment].write_us,
		       out);
}

static bool retrieval_of(const struct design *design, enum segment segment, double *out)
{
	return mean_of(design->facts->segments[segment].read_us, out);
}

static bool set_of(const struct design *design, enum segment segment, double *out)
{
	return mean_of(design->facts->segments[segment].write_us, out);
}

static bool commands_of(const struct design *design, enum segment segment, double *out)
{
	return mean_of(design->facts->segments[segment].commands_per_s, out);
}

static bool hit_ratio_of(const struct design *design, enum segment segment, double *out)
{
	double hits = (double)design->status[segment].keyspace_hits;
	double asked = hits + (double)design->status[segment].keyspace_misses;
	*out = asked > 0 ? hits / asked : 0;
	return asked > 0;
}

#define INFO_VALUE(name, figure)                                                                   \
	static bool name(const struct design *design, enum segment segment, double *out)           \
	{                                                                                          \
		return info_of(design, segment, REDIS_INFO_##figure, out);                         \
	}
INFO_VALUE(used_of, used)
INFO_VALUE(max_of, max)
INFO_VALUE(fragmentation_of, fragmentation)
INFO_VALUE(cpu_sys_of, cpu_sys)
INFO_VALUE(cpu_user_of, cpu_user)
INFO_VALUE(cpu_sys_children_of, cpu_sys_children)
INFO_VALUE(cpu_user_children_of, cpu_user_children)
INFO_VALUE(hits_of, hits)
INFO_VALUE(misses_of, misses)
INFO_VALUE(expired_of, expired)
INFO_VALUE(evicted_of, evicted)
#undef INFO_VALUE

static const struct {
	enum metric metric;
	segment_value value;
} by_segment[] = {
	{ METRIC_design_latency, latency_of },
	{ METRIC_design_retrieval, retrieval_of },
	{ METRIC_design_set, set_of },
	{ METRIC_design_commands, commands_of },
	{ METRIC_design_used, used_of },
	{ METRIC_design_max, max_of },
	{ METRIC_design_fragmentation, fragmentation_of },
	{ METRIC_design_cpu_sys, cpu_sys_of },
	{ METRIC_design_cpu_user, cpu_user_of },
	{ METRIC_design_cpu_sys_children, cpu_sys_children_of },
	{ METRIC_design_cpu_user_children, cpu_user_children_of },
	{ METRIC_design_hits, hits_of },
	{ METRIC_design_misses, misses_of },
	{ METRIC_design_hit_ratio, hit_ratio_of },
	{ METRIC_design_expired, expired_of },
	{ METRIC_design_evicted, evicted_of },
};

static void put_segments(const struct design *design, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(by_segment); i++) {
		metric_head(out, by_segment[i].metric);
		for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
			const struct str label = str_of(segment_row(segment)->name);
			double value;
			if (design->status[segment].wanted && design->status[segment].figures &&
			    by_segment[i].value(design, segment, &value))
				metric_sample_real(out, by_segment[i].metric, &label, 1, value);
		}
	}
}

/* ---- signals and results ---- */

static void put_mean(struct buf *out, enum metric metric, struct metering_mean mean)
{
	metric_head(out, metric);
	if (mean.known)
		metric_sample_real(out, metric, NULL, 0, mean.value);
}

static void put_action(struct buf *out, enum metric metric, enum meter_action action,
		       uint64_t value)
{
	const struct str label = str_of(meter_action_text(action));
	metric_sample(out, metric, &label, 1, value);
}

static void put_ends(const struct design *design, enum metric metric, enum meter_end end,
		     struct buf *out)
{
	metric_head(out, metric);
	for (enum meter_action action = 0; action < METER_ACTIONS; action++)
		put_action(out, metric, action, design->counts->ended[action][end]);
}

static void put_signals(const struct design *design, struct buf *out)
{
	metric_head(out, METRIC_design_received);
	for (enum meter_action action = 0; action < METER_ACTIONS; action++)
		put_action(out, METRIC_design_received, action, design->counts->taken[action]);
	put_ends(design, METRIC_design_processed, METER_DONE, out);
	put_ends(design, METRIC_design_failed, METER_FAILED, out);
	put_ends(design, METRIC_design_dropped, METER_DROPPED, out);
	put_mean(out, METRIC_design_processing, design->facts->signal_ms);
}

static void put_results(const struct design *design, struct buf *out)
{
	metric_head(out, METRIC_design_result);
	for (enum meter_status status = 0; status < METER_STATUSES; status++) {
		const struct str label = str_of(meter_status_text(status));
		metric_sample(out, METRIC_design_result, &label, 1,
			      design->counts->results[status]);
	}
	put_mean(out, METRIC_design_slippage, design->facts->slippage_points);
	put_mean(out, METRIC_design_execution, design->facts->execution_ms);
}

/* ---- the stream ---- */

static void put_of_stream(struct buf *out, enum metric metric, bool known, uint64_t value)
{
	const struct str label = STR("trade_signals");
	metric_head(out, metric);
	if (known)
		metric_sample(out, metric, &label, 1, value);
}

/* How often a connection was there and went. */
static uint64_t losses_of(const struct segment_status *status)
{
	uint64_t connects = status->conn ? status->conn->connects : 0;
	return connects - (connects && status->state == SEGMENT_UP);
}

static void put_stream(const struct design *design, struct terminals *terminals, struct buf *out)
{
	const struct segment_status *status = &design->status[SEGMENT_RTSS];
	struct deliveries_counts counts = { 0 };
	if (terminals)
		counts = deliveries_counts(terminals_deliveries(terminals));
	put_of_stream(out, METRIC_design_stream, design->facts->has_stream,
		      design->facts->stream_length);
	put_of_stream(out, METRIC_design_pending, terminals != NULL,
		      (uint64_t)counts.waiting + counts.in_flight);
	put_of_stream(out, METRIC_design_connection, status->wanted, losses_of(status));
}

void metrics_design_print(struct daemon *daemon, struct buf *out)
{
	struct metering *metering = daemon_metering(daemon);
	struct design design = { .facts = metering_facts(metering),
				 .counts = trade_meter_counts(metering_trade(metering)) };
	const struct segments *segments = daemon_segments(daemon);
	for (enum segment i = 0; segments && i < SEGMENT_COUNT; i++)
		design.status[i] = segments_status(segments, i);
	put_segments(&design, out);
	put_mean(out, METRIC_design_updates, design.facts->updates_per_s);
	put_signals(&design, out);
	put_stream(&design, daemon_terminals(daemon), out);
	put_results(&design, out);
}
