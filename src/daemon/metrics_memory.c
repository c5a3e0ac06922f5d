/* Segments against their budgets. */
#include "daemon/budgets.h"
#include "daemon/metrics_print.h"

static void put_figure(struct buf *out, enum metric metric, const struct ask_memory *memory,
		       uint64_t (*value)(const struct ask_memory_segment *segment))
{
	metric_head(out, metric);
	for (size_t i = 0; i < memory->count; i++) {
		const struct str name = str_of(segment_row(memory->segments[i].segment)->name);
		metric_sample(out, metric, &name, 1, value(&memory->segments[i]));
	}
}

static uint64_t used_of(const struct ask_memory_segment *segment) { return segment->used; }
static uint64_t max_of(const struct ask_memory_segment *segment) { return segment->max; }
static uint64_t rss_of(const struct ask_memory_segment *segment) { return segment->rss; }
static uint64_t level_of(const struct ask_memory_segment *segment) { return segment->level; }
static uint64_t evicted_of(const struct ask_memory_segment *segment) { return segment->evicted; }
static uint64_t refused_of(const struct ask_memory_segment *segment) { return segment->refused; }

static uint64_t growth_of(const struct ask_memory_segment *segment)
{
	return (uint64_t)segment->growth;
}

static void put_full_in(struct buf *out, const struct ask_memory *memory)
{
	metric_head(out, METRIC_memory_full_in);
	for (size_t i = 0; i < memory->count; i++) {
		const struct ask_memory_segment *segment = &memory->segments[i];
		const struct str name = str_of(segment_row(segment->segment)->name);
		if (segment->full_in_s >= 0)
			metric_sample(out, METRIC_memory_full_in, &name, 1,
				      (uint64_t)segment->full_in_s);
	}
}

static void put_action(struct buf *out, enum metric metric, enum valve_action action,
		       uint64_t value)
{
	const struct str labels[] = { str_of(segment_row(valve_action_segment(action))->name),
				      str_of(valve_action_name(action)) };
	metric_sample(out, metric, labels, 2, value);
}

static void put_actions(struct buf *out, struct budgets_counts counts)
{
	metric_head(out, METRIC_memory_acting);
	for (enum valve_action action = 0; action < VALVE_ACTIONS; action++)
		put_action(out, METRIC_memory_acting, action, counts.actions >> action & 1);
	metric_head(out, METRIC_memory_actions);
	for (enum valve_action action = 0; action < VALVE_ACTIONS; action++)
		put_action(out, METRIC_memory_actions, action, counts.begun[action]);
}

static void put_families(struct buf *out, enum metric metric, const struct ask_memory *memory)
{
	metric_head(out, metric);
	for (size_t i = 0; i < memory->count; i++) {
		const struct ask_memory_segment *segment = &memory->segments[i];
		for (size_t at = 0; at < segment->family_count; at++) {
			const struct ask_memory_family *family = &segment->families[at];
			const struct str labels[] = { str_of(segment_row(segment->segment)->name),
						      str_of(family->name) };
			metric_sample(out, metric, labels, 2,
				      metric == METRIC_memory_family_keys ? family->keys
									  : family->bytes);
		}
	}
}

void metrics_memory_print(struct daemon *daemon, struct buf *out)
{
	const struct budgets *budgets = daemon_budgets(daemon);
	if (!budgets)
		return;
	const struct ask_memory *memory = budgets_facts(budgets);
	put_figure(out, METRIC_memory_used, memory, used_of);
	put_figure(out, METRIC_memory_max, memory, max_of);
	put_figure(out, METRIC_memory_rss, memory, rss_of);
	put_figure(out, METRIC_memory_level, memory, level_of);
	put_figure(out, METRIC_memory_growth, memory, growth_of);
	put_full_in(out, memory);
	put_figure(out, METRIC_memory_evicted, memory, evicted_of);
	put_figure(out, METRIC_memory_refused, memory, refused_of);
	put_actions(out, budgets_counts(budgets));
	put_families(out, METRIC_memory_family_bytes, memory);
	put_families(out, METRIC_memory_family_keys, memory);
	metrics_put(out, METRIC_memory_resident, memory->resident);
}
