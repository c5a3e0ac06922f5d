#include "base/check.h"
#include "memory/plan_impl.h"

enum { HOUR_S = 3600, DAY_S = 86400, MINUTES_AN_HOUR = 60 };

static const struct plan_component_row components[PLAN_COMPONENTS] = {
#define PLAN_COMPONENT(id, segment, name, original, corrected, optimised, bound, counts, how, by)  \
	[PLAN_##                                                                                   \
	    id] = { #id, segment, name, original, corrected, optimised, bound, how, by, counts },
#include "def/plan.def"
};

static const struct {
	struct plan_item_row row;
	int64_t bytes_1000;
} items[PLAN_ITEMS] = {
#define PLAN_ITEM(id, component, stream, bytes_1000, what)                                         \
	[PLAN_ITEM_##id] = { { #id, PLAN_##component, stream, what }, bytes_1000 },
#include "def/plan.def"
};

const struct plan_component_row *plan_component_row(enum plan_component component)
{
	CHECK(component < PLAN_COMPONENTS);
	return &components[component];
}

const struct plan_item_row *plan_item_row(enum plan_item item)
{
	CHECK(item < PLAN_ITEMS);
	return &items[item].row;
}

struct plan_load plan_load_usual(void)
{
	return (struct plan_load){
		.mix = PLAN_MIX_USUAL,
#define PLAN_LOAD(id, usual, most, what) .id = (usual),
#include "def/plan.def"
	};
}

struct plan_costs plan_costs_shipped(void)
{
	struct plan_costs costs = {
#define PLAN_SERVER(number, idle_used, idle_resident)                                              \
	.version = number, .idle = (idle_used), .idle_rss = (idle_resident),
#include "def/plan.def"
	};
	for (size_t i = 0; i < PLAN_ITEMS; i++)
		costs.bytes_1000[i] = items[i].bytes_1000;
	return costs;
}

int64_t plan_times(int64_t a, int64_t b)
{
	int64_t product;
	return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product) ? -1 : product;
}

int64_t plan_plus(int64_t a, int64_t b)
{
	int64_t sum;
	return a < 0 || b < 0 || __builtin_add_overflow(a, b, &sum) ? -1 : sum;
}

int64_t plan_items(const struct plan_load *load, enum plan_item item)
{
	int64_t terminals = load->instances;
	switch (item) {
	case PLAN_ITEM_instance:
	case PLAN_ITEM_account:
	case PLAN_ITEM_history_stream:
	case PLAN_ITEM_closed_stream:
	case PLAN_ITEM_fleet_up: return terminals;
	case PLAN_ITEM_history_minute:
	case PLAN_ITEM_history_walking:
		return plan_times(plan_times(terminals, load->state_hours), MINUTES_AN_HOUR);
	case PLAN_ITEM_trade_open:
	case PLAN_ITEM_execution: return plan_times(terminals, load->open_trades);
	case PLAN_ITEM_trade_closed:
		return plan_times(plan_times(terminals, load->closed_a_day), load->closed_days);
	case PLAN_ITEM_signal:
	case PLAN_ITEM_signal_hash:
		return plan_times(plan_times(terminals, load->signals_s), load->signal_s);
	case PLAN_ITEM_result:
		return plan_times(plan_times(terminals, load->results_s), load->results_kept_s);
	case PLAN_ITEM_result_stuck: { /* from when it is noticed on */
		int64_t seconds = load->away_s - load->results_kept_s;
		return plan_times(plan_times(terminals, load->results_s),
				  seconds > 0 ? seconds : 0);
	}
	case PLAN_ITEM_session:
	case PLAN_ITEM_preference: return load->sessions;
	case PLAN_ITEM_alert: return load->alerts;
	case PLAN_ITEM_tape_trade:
		return plan_times(plan_times(load->trades_s, load->market_hours), HOUR_S);
	case PLAN_ITEM_tape_stream:
	case PLAN_ITEM_outputs_market: return load->markets;
	case PLAN_ITEM_outputs_symbol: return load->symbols;
	case PLAN_ITEM_bar_minute:
		return plan_times(plan_times(load->markets, load->market_hours), MINUTES_AN_HOUR);
	case PLAN_ITEMS: break;
	}
	CHECK(!"an item of the table");
	return -1;
}

/* What another case of a component changes of the load. */
static struct plan_load load_in(const struct plan_load *load, enum plan_component component)
{
	struct plan_load other = *load;
	if (component == PLAN_tape_500)
		other.trades_s = PLAN_BUSY_TRADES_S;
	return other;
}

static enum plan_component base_of(enum plan_component component)
{
	switch (component) {
	case PLAN_ris_walking: return PLAN_ris;
	case PLAN_rtrs_away:
	case PLAN_rtrs_stuck: return PLAN_rtrs;
	case PLAN_tape_500: return PLAN_tape;
	default: return component;
	}
}

int64_t plan_items_in(const struct plan_load *load, enum plan_component component,
		      enum plan_item item)
{
	enum plan_component home = plan_item_row(item)->component;
	if (component == PLAN_ris_walking && item == PLAN_ITEM_history_minute)
		return 0;
	if (home != component && home != base_of(component))
		return 0;
	struct plan_load other = load_in(load, component);
	return plan_items(&other, item);
}

int64_t plan_sum(const struct plan_load *load, const struct plan_costs *costs,
		 enum plan_component component)
{
	i128 sum_1000 = 0;
	bool made = false;
	for (size_t i = 0; i < PLAN_ITEMS; i++) {
		int64_t count = plan_items_in(load, component, (enum plan_item)i);
		if (count < 0)
			return -1;
		made = made || plan_item_row((enum plan_item)i)->component == base_of(component);
		sum_1000 += (i128)count * costs->bytes_1000[i];
	}
	i128 sum = (sum_1000 + 500) / 1000;
	if (!made || sum > PLAN_BYTES_MAX)
		return -1;
	return (int64_t)sum;
}

int64_t plan_bytes(const struct plan_load *load, const struct plan_costs *costs,
		   enum plan_component component)
{
	int64_t sum = plan_sum(load, costs, component);
	int64_t spilled = component == PLAN_rtrs_stuck ? plan_bound(load, component) : -1;
	return spilled >= 0 && spilled < sum ? spilled : sum;
}

enum status plan_check_load(const struct plan_load *load, struct err *err)
{
	static const struct {
		const char *name, *what;
		size_t at;
		int64_t most;
	} rows[] = {
#define PLAN_LOAD(id, usual, most, what) { #id, what, offsetof(struct plan_load, id), most },
#include "def/plan.def"
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t value;
		memcpy(&value, (const char *)load + rows[i].at, sizeof value);
		if (value < 0 || value > rows[i].most)
			return err_set(err, STATUS_RANGE, "%s (%s): %lld is not 0..%lld",
				       rows[i].name, rows[i].what, (long long)value,
				       (long long)rows[i].most);
	}
	return STATUS_OK;
}
