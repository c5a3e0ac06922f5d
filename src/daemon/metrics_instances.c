/* Terminals one by one: at most TERMINAL_SERIES samples each, of at most METRICS_TERMINALS. */
#include <assert.h>

#include "base/check.h"
#include "daemon/metrics_print.h"
#include "daemon/terminals.h"

/* What it is now, with the digits that it was told with. False: it is not known. */
typedef bool (*terminal_value)(const struct instance *instance, struct number *out);

static bool whole(int64_t value, struct number *out)
{
	*out = number_of(value);
	return true;
}

static bool up_of(const struct instance *instance, struct number *out)
{
	bool runs = instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_DEGRADED;
	return whole(instance->connected && runs, out);
}

static bool state_of(const struct instance *instance, struct number *out)
{
	return whole(instance->state, out);
}

static bool health_of(const struct instance *instance, struct number *out)
{
	return whole(instance->health, out);
}

static bool heard_of(const struct instance *instance, struct number *out)
{
	*out = (struct number){ instance->heard_ms, 3 };
	return instance->heard_ms != 0;
}

static bool waiting_of(const struct instance *instance, struct number *out)
{
	return whole(instance->waiting, out);
}

static bool in_flight_of(const struct instance *instance, struct number *out)
{
	return whole(instance->in_flight, out);
}

static bool restarts_of(const struct instance *instance, struct number *out)
{
	return whole(instance->restarts, out);
}

static bool latest(const struct instance *instance, enum sample sample, struct number *out)
{
	*out = instance->latest.values[sample];
	return instance->latest.known >> sample & 1;
}

static bool balance_of(const struct instance *instance, struct number *out)
{
	return latest(instance, SAMPLE_bal, out);
}

static bool equity_of(const struct instance *instance, struct number *out)
{
	return latest(instance, SAMPLE_eq, out);
}

static bool profit_of(const struct instance *instance, struct number *out)
{
	return latest(instance, SAMPLE_pl, out);
}

static bool positions_of(const struct instance *instance, struct number *out)
{
	return whole(instance->positions ? positions_count(instance->positions) : 0, out);
}

/* Moves the point: "158410" us are 0.158410 s. */
static bool in_units(const struct instance *instance, enum sample sample, uint8_t places,
		     struct number *out)
{
	bool known = latest(instance, sample, out);
	out->digits = (uint8_t)(out->digits + places);
	return known && out->digits <= DECIMAL_SCALE_MAX;
}

static bool ping_of(const struct instance *instance, struct number *out)
{
	return in_units(instance, SAMPLE_ping, 6, out);
}

static bool cpu_of(const struct instance *instance, struct number *out)
{
	return in_units(instance, SAMPLE_cpu, 2, out);
}

static bool memory_of(const struct instance *instance, struct number *out)
{
	const int64_t mib = 1 << 20;
	bool known = latest(instance, SAMPLE_mem, out);
	if (!known || out->mantissa > INT64_MAX / mib || out->mantissa < 0)
		return false;
	out->mantissa *= mib;
	return true;
}

static bool failed_of(const struct instance *instance, struct number *out)
{
	return latest(instance, SAMPLE_fail, out) || whole(0, out);
}

static const struct {
	enum metric metric;
	terminal_value value;
} series[] = {
	{ METRIC_terminal_up, up_of },
	{ METRIC_terminal_state, state_of },
	{ METRIC_terminal_health, health_of },
	{ METRIC_terminal_heard, heard_of },
	{ METRIC_terminal_balance, balance_of },
	{ METRIC_terminal_equity, equity_of },
	{ METRIC_terminal_profit, profit_of },
	{ METRIC_terminal_positions, positions_of },
	{ METRIC_terminal_ping, ping_of },
	{ METRIC_terminal_cpu, cpu_of },
	{ METRIC_terminal_memory, memory_of },
	{ METRIC_terminal_waiting, waiting_of },
	{ METRIC_terminal_in_flight, in_flight_of },
	{ METRIC_terminal_restarts, restarts_of },
	{ METRIC_terminal_failed, failed_of },
};
static_assert(ARRAY_LEN(series) <= METRICS_TERMINAL_SERIES, "operate.md 1");

static size_t list(const struct fleet *fleet, const struct instance **out, uint64_t *left_out)
{
	size_t count = 0;
	*left_out = 0;
	for (uint32_t slot = 0; slot < fleet_room(fleet); slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		if (instance && count < METRICS_TERMINALS)
			out[count++] = instance;
		else if (instance)
			(*left_out)++;
	}
	return count;
}

void metrics_instances_put(const struct fleet *fleet, struct buf *out)
{
	const struct instance *instances[METRICS_TERMINALS];
	uint64_t left_out;
	size_t count = list(fleet, instances, &left_out);
	metrics_put(out, METRIC_terminals_left_out, left_out);
	for (size_t i = 0; i < ARRAY_LEN(series); i++) {
		metric_head(out, series[i].metric);
		for (size_t at = 0; at < count; at++) {
			const struct str label = str_of(instances[at]->identity.id);
			struct number value;
			if (series[i].value(instances[at], &value))
				metric_sample_number(out, series[i].metric, &label, 1, value);
		}
	}
}
