/* Signals, results and updates of trades, as the trade meter has counted them. */
#include "daemon/metrics_print.h"
#include "trade/trade_meter.h"

static void put_taken(const struct meter_counts *counts, struct buf *out)
{
	metric_head(out, METRIC_signals_taken);
	for (enum meter_action action = 0; action < METER_ACTIONS; action++) {
		const struct str label = str_of(meter_action_text(action));
		metric_sample(out, METRIC_signals_taken, &label, 1, counts->taken[action]);
	}
}

static void put_ended(const struct meter_counts *counts, struct buf *out)
{
	metric_head(out, METRIC_deliveries_ended);
	for (enum meter_action action = 0; action < METER_ACTIONS; action++) {
		for (enum meter_end end = 0; end < METER_ENDS; end++) {
			const struct str labels[] = { str_of(meter_action_text(action)),
						      str_of(meter_end_text(end)) };
			metric_sample(out, METRIC_deliveries_ended, labels, 2,
				      counts->ended[action][end]);
		}
	}
}

static void put_results(const struct meter_counts *counts, struct buf *out)
{
	metric_head(out, METRIC_results_taken);
	for (enum meter_status status = 0; status < METER_STATUSES; status++) {
		const struct str label = str_of(meter_status_text(status));
		metric_sample(out, METRIC_results_taken, &label, 1, counts->results[status]);
	}
}

static void put_spread(const struct spread *spread, enum metric metric, struct buf *out)
{
	metric_head(out, metric);
	metric_histogram(out, metric, NULL, 0, spread);
}

void metrics_trade_put(const struct trade_meter *meter, struct buf *out)
{
	const struct meter_counts *counts = trade_meter_counts(meter);
	put_taken(counts, out);
	put_ended(counts, out);
	put_results(counts, out);
	put_spread(&counts->signal_s, METRIC_signal_seconds, out);
	put_spread(&counts->execution_s, METRIC_execution_seconds, out);
	put_spread(&counts->slippage_points, METRIC_slippage_points, out);
	put_spread(&counts->update_s, METRIC_state_update_seconds, out);
}
