/* The newest trades, signals and results, one by one: for looking, not for scraping. */
#include "daemon/metering.h"
#include "daemon/metrics_print.h"
#include "daemon/metrics_view.h"

/* ---- trades ---- */

static double update_of(const struct meter_trade *trade) { return trade->update_us; }
static double read_of(const struct meter_trade *trade) { return trade->read_us; }
static double set_of(const struct meter_trade *trade) { return trade->set_us; }

static void put_latencies(const struct trade_meter *meter, enum metric metric,
			  double (*value)(const struct meter_trade *trade), struct buf *out)
{
	const struct meter_trade *trade;
	metric_head(out, metric);
	for (size_t i = 0; (trade = trade_meter_trade_at(meter, i)); i++) {
		const struct str label = str_of(trade->id);
		if (value(trade) >= 0)
			metric_sample_real(out, metric, &label, 1, value(trade));
	}
}

static void put_trades(const struct trade_meter *meter, int64_t now_ms, struct buf *out)
{
	const struct meter_trade *trade;
	put_latencies(meter, METRIC_id_latency, update_of, out);
	put_latencies(meter, METRIC_id_retrieval, read_of, out);
	put_latencies(meter, METRIC_id_set, set_of, out);
	metric_head(out, METRIC_id_updates);
	for (size_t i = 0; (trade = trade_meter_trade_at(meter, i)); i++) {
		const struct str label = str_of(trade->id);
		metric_sample_real(out, METRIC_id_updates, &label, 1,
				   meter_trade_rate(trade, now_ms));
	}
}

/* ---- signals ---- */

static void put_ends(const struct trade_meter *meter, enum metric metric, enum meter_end end,
		     struct buf *out)
{
	const struct meter_signal *signal;
	metric_head(out, metric);
	for (size_t i = 0; (signal = trade_meter_signal_at(meter, i)); i++) {
		const struct str labels[] = { str_of(signal->id),
					      str_of(meter_action_text(signal->action)) };
		metric_sample(out, metric, labels, metric == METRIC_id_dropped ? 1 : 2,
			      signal->ended[end]);
	}
}

static void put_signals(const struct trade_meter *meter, struct buf *out)
{
	const struct meter_signal *signal;
	metric_head(out, METRIC_id_received);
	for (size_t i = 0; (signal = trade_meter_signal_at(meter, i)); i++) {
		const struct str labels[] = { str_of(signal->id),
					      str_of(meter_action_text(signal->action)) };
		metric_sample(out, METRIC_id_received, labels, 2, 1);
	}
	put_ends(meter, METRIC_id_processed, METER_DONE, out);
	put_ends(meter, METRIC_id_failed, METER_FAILED, out);
	put_ends(meter, METRIC_id_dropped, METER_DROPPED, out);
	metric_head(out, METRIC_id_processing);
	for (size_t i = 0; (signal = trade_meter_signal_at(meter, i)); i++) {
		const struct str label = str_of(signal->id);
		if (signal->latency_ms >= 0)
			metric_sample_real(out, METRIC_id_processing, &label, 1,
					   signal->latency_ms);
	}
}

/* ---- results ---- */

static void put_results(const struct trade_meter *meter, struct buf *out)
{
	const struct meter_result *result;
	metric_head(out, METRIC_id_result);
	for (size_t i = 0; (result = trade_meter_result_at(meter, i)); i++) {
		const struct str labels[] = { str_of(result->rid),
					      str_of(meter_status_text(result->status)) };
		metric_sample(out, METRIC_id_result, labels, 2, 1);
	}
	metric_head(out, METRIC_id_slippage);
	for (size_t i = 0; (result = trade_meter_result_at(meter, i)); i++) {
		const struct str label = str_of(result->rid);
		if (result->has_slippage)
			metric_sample_real(out, METRIC_id_slippage, &label, 1, result->slippage);
	}
	metric_head(out, METRIC_id_execution);
	for (size_t i = 0; (result = trade_meter_result_at(meter, i)); i++) {
		const struct str label = str_of(result->rid);
		if (result->has_execution)
			metric_sample_real(out, METRIC_id_execution, &label, 1,
					   result->execution_ms);
	}
}

void metrics_ids_print(struct daemon *daemon, struct buf *out)
{
	const struct trade_meter *meter = metering_trade(daemon_metering(daemon));
	put_trades(meter, loop_now_ns(daemon_loop(daemon)) / 1000000, out);
	put_signals(meter, out);
	put_results(meter, out);
}
