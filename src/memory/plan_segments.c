#include "memory/plan_impl.h"

/* A fork copies the pages that are written while it lives: all of the latest states, and of
 * streams, which grow at their ends alone, a tenth. The allocator loses a tenth. */
enum { COPIED_OF_STREAMS = 10, FRAGMENTATION = 10 };
enum { MIB = 1 << 20 };

/* What of the streams and of the rest counts in a segment: a rewrite copies the rest. */
static int64_t copied_of(const struct plan_load *load, const struct plan_costs *costs,
			 enum segment segment)
{
	i128 sum_1000 = 0;
	for (size_t i = 0; i < PLAN_COMPONENTS; i++) {
		enum plan_component component = (enum plan_component)i;
		if (plan_component_row(component)->segment != segment ||
		    !plan_counts(load, component))
			continue;
		for (size_t k = 0; k < PLAN_ITEMS; k++) {
			i128 bytes = (i128)plan_items_in(load, component, (enum plan_item)k) *
				     costs->bytes_1000[k];
			bool stream = plan_item_row((enum plan_item)k)->stream;
			sum_1000 += stream ? bytes / COPIED_OF_STREAMS : bytes;
		}
	}
	return (int64_t)(sum_1000 / 1000);
}

/* Bytes a second that stay in a segment while its sink is down, and which that is. */
static int64_t growth_of(const struct plan_load *load, const struct plan_costs *costs,
			 enum segment segment, const char **sink)
{
	int64_t count = 0, seconds = 1;
	enum plan_item item = PLAN_ITEM_result_stuck;
	*sink = "DuckDB";
	switch (segment) {
	case SEGMENT_RTRS: count = plan_times(load->instances, load->results_s); break;
	case SEGMENT_RTS:
		item = PLAN_ITEM_trade_open;
		count = plan_times(load->instances, load->closed_a_day);
		seconds = 86400;
		break;
	case SEGMENT_RLS:
		item = PLAN_ITEM_execution;
		count = plan_times(load->instances, load->signals_s);
		break;
	case SEGMENT_RTSS:
		item = PLAN_ITEM_signal;
		count = plan_times(load->instances, load->signals_s);
		*sink = "weir itself";
		break;
	default: *sink = ""; break;
	}
	i128 growth = (i128)count * costs->bytes_1000[item] / 1000 / seconds;
	return (int64_t)(growth < PLAN_BYTES_MAX ? growth : PLAN_BYTES_MAX);
}

/* What a segment has to take on top while its sink is down: signals for as long as they live,
 * closed trades all the time, results until they are spilled, the logs' ends at the peak until
 * they are archived. */
static i128 waits_in(const struct plan_load *load, enum segment segment, int64_t growth_s)
{
	switch (segment) {
	case SEGMENT_RTSS: return (i128)growth_s * load->signal_s;
	case SEGMENT_RTS: return (i128)growth_s * load->away_s;
	case SEGMENT_RLS: return (i128)growth_s * load->results_kept_s;
	default: return 0;
	}
}

static int64_t maxmemory_of(const struct plan_load *load, const struct plan_costs *costs,
			    enum segment segment, const struct plan_segment *plan)
{
	i128 need = (i128)costs->idle + plan->planned + plan->clients +
		    waits_in(load, segment, plan->growth_s);
	i128 most = need * 10 / 7;
	i128 spilled = costs->idle + (i128)plan_bound(load, PLAN_rtrs_stuck);
	if (segment == SEGMENT_RTRS && most < spilled)
		most = spilled;
	if (most < PLAN_MAXMEMORY_MIN)
		most = PLAN_MAXMEMORY_MIN;
	if (most > PLAN_BYTES_MAX)
		most = PLAN_BYTES_MAX;
	return (int64_t)((most + MIB - 1) / MIB * MIB);
}

void plan_make_segment(const struct plan *plan, const struct plan_costs *costs,
		       enum segment segment, struct plan_segment *out)
{
	const struct plan_load *load = &plan->load;
	*out = (struct plan_segment){ .clients = PLAN_CLIENT_BYTES, .full_in_s = -1 };
	for (size_t i = 0; i < PLAN_COMPONENTS; i++) {
		const struct plan_figures *figures = &plan->figures[i];
		if (plan_component_row((enum plan_component)i)->segment != segment ||
		    !plan_counts(load, (enum plan_component)i))
			continue;
		out->planned += figures->planned;
		out->measured = plan_plus(out->measured, figures->measured);
	}
	out->copy_on_write = copied_of(load, costs, segment);
	out->fragmentation = out->planned / FRAGMENTATION;
	out->headroom = out->copy_on_write + out->clients + out->fragmentation;
	out->growth_s = growth_of(load, costs, segment, &out->sink);
	out->maxmemory = maxmemory_of(load, costs, segment, out);
	if (out->growth_s > 0)
		out->full_in_s = (out->maxmemory - costs->idle - out->planned) / out->growth_s;
}
