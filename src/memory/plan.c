#include "memory/plan.h"

#include <assert.h>

#include "base/check.h"
#include "memory/plan_impl.h"

/* The estimate for a terminal without charts, indicators and news. */
enum { TERMINAL_BYTES = 60000000 };

enum { DAY_S = 86400 };

static_assert((int)PLAN_COMPONENTS <= (int)PLAN_FIGURES_MAX, "a plan has room for its figures");

/* The arithmetic: "144,000 x 840 B + 100 x 988 B". */
static void put_arithmetic(const struct plan_load *load, const struct plan_costs *costs,
			   enum plan_component component, struct plan_figures *out)
{
	struct buf how = plan_words(out->how, sizeof out->how);
	for (size_t i = 0; i < PLAN_ITEMS; i++) {
		int64_t count = plan_items_in(load, component, (enum plan_item)i);
		if (count <= 0)
			continue;
		if (how.len)
			buf_printf(&how, " + ");
		plan_count_put(&how, count);
		buf_printf(&how, " x ");
		decimal_print_trim(&how, costs->bytes_1000[i], 3);
		buf_printf(&how, " B");
	}
	plan_words_end(&how);
}

static void set_how(struct plan_figures *out, const char *text)
{
	struct buf how = plan_words(out->how, sizeof out->how);
	buf_str_put(&how, str_of(text));
	plan_words_end(&how);
}

/* The item that weighs most: it has to bear the whole. */
static void set_items(const struct plan_load *load, const struct plan_costs *costs,
		      enum plan_component component, struct plan_figures *out)
{
	i128 most = -1;
	for (size_t i = 0; i < PLAN_ITEMS; i++) {
		int64_t count = plan_items_in(load, component, (enum plan_item)i);
		i128 bytes = (i128)count * costs->bytes_1000[i];
		if (count <= 0 || bytes <= most)
			continue;
		most = bytes;
		out->items = count;
		out->stream = plan_item_row((enum plan_item)i)->stream;
	}
}

static void plan_redis(const struct plan_load *load, const struct plan_costs *costs,
		       enum plan_component component, struct plan_figures *out)
{
	int64_t sum = plan_sum(load, costs, component);
	set_items(load, costs, component, out);
	put_arithmetic(load, costs, component, out);
	out->planned = plan_bytes(load, costs, component);
	if (sum > out->planned) {
		struct buf how = plan_words(out->how, sizeof out->how);
		buf_printf(&how, "the size at which results are spilled to disk, of ");
		plan_bytes_put(&how, sum);
		plan_words_end(&how);
	}
	if (out->items > 0)
		out->bytes_per_item_1000 = (int64_t)((i128)out->planned * 1000 / out->items);
}

static void plan_resident(const struct plan_load *load, const struct plan_costs *costs,
			  enum plan_component component, struct plan_figures *out)
{
	int64_t each = -1;
	switch (component) {
	case PLAN_idle:
		out->items = SEGMENT_COUNT;
		each = costs->idle_rss;
		set_how(out, "resident with nothing in them");
		break;
	case PLAN_mt5:
		out->items = load->instances;
		each = TERMINAL_BYTES;
		set_how(out, "an estimate, without charts, indicators and news");
		break;
	default:
		out->items = 1;
		each = out->bound;
		set_how(out, "a budget, not a sum");
		break;
	}
	out->planned = plan_times(out->items, each);
	out->bytes_per_item_1000 = plan_times(each, 1000);
}

static void make_figures(const struct plan_load *load, const struct plan_costs *costs,
			 enum plan_component component, int64_t measured, struct plan_figures *out)
{
	const struct plan_component_row *row = plan_component_row(component);
	*out = (struct plan_figures){
		.original = row->original,
		.corrected = row->corrected,
		.optimised = row->optimised,
		.optimised_corrected = -1,
		.measured = measured,
		.bound = plan_bound(load, component),
	};
	CHECK(!str_copy(str_of(row->id), out->id, sizeof out->id));
	CHECK(!str_copy(str_of(row->id), out->weir, sizeof out->weir));
	CHECK(!str_copy(str_of(row->name), out->name, sizeof out->name));
	CHECK(!str_copy(str_of(row->by), out->how_corrected, sizeof out->how_corrected));
	if (row->segment == SEGMENT_COUNT)
		plan_resident(load, costs, component, out);
	else
		plan_redis(load, costs, component, out);
	int64_t real = measured >= 0 ? measured : out->planned;
	out->within = out->bound < 0 || real <= out->bound;
}

static void add_totals(struct plan *plan)
{
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		plan->planned += plan->segments[i].planned;
		plan->measured = plan_plus(plan->measured, plan->segments[i].measured);
		plan->headroom += plan->segments[i].headroom;
		plan->maxmemory += plan->segments[i].maxmemory;
	}
	plan->everything_planned = plan->planned;
	plan->everything_measured = plan->measured;
	plan->within_bounds = true;
	for (size_t i = 0; i < PLAN_COMPONENTS; i++) {
		const struct plan_figures *figures = &plan->figures[i];
		bool redis = plan_component_row((enum plan_component)i)->segment != SEGMENT_COUNT;
		bool part = plan_counts(&plan->load, (enum plan_component)i);
		plan->within_bounds = plan->within_bounds && figures->within;
		if (part && redis && figures->original >= 0) {
			plan->original += figures->original;
			plan->corrected += figures->corrected;
		}
		if (part && !redis) {
			plan->everything_planned += figures->planned;
			plan->everything_measured =
			    plan_plus(plan->everything_measured, figures->measured);
		}
	}
}

static void judge_totals(struct plan *plan)
{
	plan->bound = plan_total_bound(&plan->load, PLAN_TOTAL_redis);
	plan->everything_bound = plan_total_bound(&plan->load, PLAN_TOTAL_everything);
	int64_t redis = plan->measured >= 0 ? plan->measured : plan->planned;
	int64_t all =
	    plan->everything_measured >= 0 ? plan->everything_measured : plan->everything_planned;
	plan->within_bounds =
	    plan->within_bounds && redis <= plan->bound && all <= plan->everything_bound;
}

/* A peak below the mean, or a signal without a result: the load contradicts itself. */
static void find_in_load(struct plan *plan)
{
	const struct plan_load *load = &plan->load;
	char says[160], is[240];
	struct buf original = plan_words(says, sizeof says), corrected = plan_words(is, sizeof is);
	if (load->closed_a_day > load->results_s * DAY_S) {
		plan_count_put(&original, load->closed_a_day);
		buf_printf(&original, " closed trades a day of a terminal");
		buf_printf(&corrected, "%lld results a second at the peak are ",
			   (long long)load->results_s);
		plan_count_put(&corrected, load->results_s * DAY_S);
		buf_printf(&corrected, " a day, and each close is one");
		plan_find(plan, PLAN_FAULT_rates_differ, STR("closed_a_day, results_s"),
			  buf_str(&original), buf_str(&corrected));
	}
	buf_clear(&original);
	buf_clear(&corrected);
	if (load->signals_s > load->results_s) {
		buf_printf(&original, "%lld signals a second of a terminal",
			   (long long)load->signals_s);
		buf_printf(&corrected, "each ends in a result, and there are %lld a second",
			   (long long)load->results_s);
		plan_find(plan, PLAN_FAULT_rates_differ, STR("signals_s, results_s"),
			  buf_str(&original), buf_str(&corrected));
	}
}

static enum segment largest_of(const struct plan *plan)
{
	enum segment largest = (enum segment)0;
	for (size_t i = 1; i < SEGMENT_COUNT; i++)
		if (plan->segments[i].planned > plan->segments[largest].planned)
			largest = (enum segment)i;
	return largest;
}

static void put_bound(struct buf *out, int64_t bytes, int64_t bound)
{
	plan_bytes_round_put(out, bytes);
	buf_printf(out, " (bound ");
	plan_bytes_round_put(out, bound);
	buf_printf(out, ")");
}

static void put_summary(struct plan *plan)
{
	struct buf out = plan_words(plan->summary, sizeof plan->summary);
	enum segment largest = largest_of(plan);
	int64_t full_in_s = plan->segments[SEGMENT_RTRS].full_in_s;
	buf_printf(&out, "%s: ", plan->title);
	put_bound(&out, plan->planned, plan->bound);
	buf_printf(&out, " of Redis, ");
	put_bound(&out, plan->everything_planned, plan->everything_bound);
	buf_printf(&out, " resident with everything but the terminals. The largest segment is %s, ",
		   segment_row(largest)->title);
	plan_bytes_round_put(&out, plan->segments[largest].planned);
	if (full_in_s >= 0) {
		buf_printf(&out, ". Should DuckDB not commit, results are full after ");
		plan_time_put(&out, full_in_s);
		buf_printf(&out, " at the peak and are then spilled to disk");
	}
	buf_printf(&out, ". %s.", plan->within_bounds ? "Within its bounds" : "Out of bounds");
	plan_words_end(&out);
}

static void put_title(struct plan *plan)
{
	struct buf out = plan_words(plan->title, sizeof plan->title);
	plan_count_put(&out, plan->load.instances);
	buf_printf(&out, plan->load.instances == 1 ? " terminal" : " terminals");
	if (plan->load.mix == PLAN_MIX_WALKING)
		buf_printf(&out, ", all numbers walking");
	buf_printf(&out, ", ");
	plan_count_put(&out, plan->load.markets);
	buf_printf(&out, plan->load.markets == 1 ? " market" : " markets");
	plan_words_end(&out);
}

/* Everything that is counted later fits. */
static enum status check_sums(const struct plan_load *load, const struct plan_costs *costs,
			      struct err *err)
{
	struct plan_costs shipped = plan_costs_shipped();
	for (size_t i = 0; i < PLAN_COMPONENTS; i++) {
		const struct plan_component_row *row = plan_component_row((enum plan_component)i);
		if (row->segment != SEGMENT_COUNT &&
		    (plan_sum(load, costs, (enum plan_component)i) < 0 ||
		     plan_sum(load, &shipped, (enum plan_component)i) < 0))
			return err_set(err, STATUS_RANGE, "%s: more than can be counted",
				       row->name);
	}
	return STATUS_OK;
}

enum status plan_make(const struct plan_load *load, const struct plan_costs *costs,
		      const int64_t measured[PLAN_COMPONENTS], struct plan *out, struct err *err)
{
	enum status status;
	if ((status = plan_check_load(load, err)) || (status = check_sums(load, costs, err)))
		return status;
	*out = (struct plan){ .load = *load, .count = PLAN_COMPONENTS };
	CHECK(!str_copy(str_of(costs->version), out->version, sizeof out->version));
	for (size_t i = 0; i < PLAN_COMPONENTS; i++)
		make_figures(load, costs, (enum plan_component)i, measured ? measured[i] : -1,
			     &out->figures[i]);
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		plan_make_segment(out, costs, (enum segment)i, &out->segments[i]);
	add_totals(out);
	judge_totals(out);
	find_in_load(out);
	put_title(out);
	put_summary(out);
	return STATUS_OK;
}
