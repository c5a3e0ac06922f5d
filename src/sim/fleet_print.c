/* The summary of a simulated fleet. */
#include "sim/fleet.h"

static double ms(const struct hist *hist, double q) { return (double)hist_quantile(hist, q) / 1e6; }

/* Every count by its name, in one place for text and JSON. */
struct figure {
	const char *name;
	uint64_t value;
};

static void put_text(const struct sim_fleet_counts *counts, struct buf *out)
{
	const struct terminal_counts *t = &counts->terminals;
	buf_printf(out,
		   "sim: %zu terminals, %llu welcomes, %.1f s: frames %llu out, %llu in; "
		   "results %llu sent, %llu sent again, %llu acked, %zu waiting; signals %llu, "
		   "orders %llu; reconnects %llu, refusals %llu, crashes %llu; frame-to-ack ms "
		   "p50 %.3f p99 %.3f max %.3f\n",
		   counts->count, (unsigned long long)t->welcomes, (double)counts->ran_ns / 1e9,
		   (unsigned long long)t->frames_sent, (unsigned long long)t->frames_taken,
		   (unsigned long long)t->results_sent, (unsigned long long)t->results_again,
		   (unsigned long long)t->results_acked, counts->unacked,
		   (unsigned long long)t->signals, (unsigned long long)t->orders,
		   (unsigned long long)t->resumes, (unsigned long long)t->refusals,
		   (unsigned long long)t->crashes, ms(counts->ack_ns, 0.5),
		   ms(counts->ack_ns, 0.99), (double)counts->ack_ns->max / 1e6);
	if (counts->truth_lost)
		buf_printf(out, "sim: %llu lines of the truth could not be written\n",
			   (unsigned long long)counts->truth_lost);
}

static void put_json(const struct sim_fleet_counts *counts, struct buf *out)
{
	const struct terminal_counts *t = &counts->terminals;
	const struct figure figures[] = {
		{ "terminals", counts->count },
		{ "up", counts->up },
		{ "down", counts->down },
		{ "frames_sent", t->frames_sent },
		{ "frames_taken", t->frames_taken },
		{ "frames_bad", t->frames_bad },
		{ "frames_dropped", t->dropped },
		{ "results_sent", t->results_sent },
		{ "results_again", t->results_again },
		{ "results_acked", t->results_acked },
		{ "unacked", counts->unacked },
		{ "untold", counts->untold },
		{ "signals", t->signals },
		{ "duplicates", t->duplicates },
		{ "expired", t->expired },
		{ "busy", t->busy },
		{ "stopped", t->stopped },
		{ "invalid", t->invalid },
		{ "unknown", t->unknown },
		{ "orders", t->orders },
		{ "commands", t->commands },
		{ "snapshots", t->snapshots },
		{ "dials", t->dials },
		{ "failed_dials", counts->failed_dials },
		{ "welcomes", t->welcomes },
		{ "reconnects", t->resumes },
		{ "refusals", t->refusals },
		{ "silences", t->silences },
		{ "cuts", t->cuts },
		{ "crashes", t->crashes },
		{ "reloads", t->reloads },
		{ "restarts", t->restarts },
		{ "freezes", t->freezes },
		{ "garbage", t->garbage },
		{ "long_lines", t->long_lines },
		{ "replays", t->replays },
		{ "requests", counts->brokers.requests },
		{ "deals", counts->brokers.deals },
		{ "stops_hit", counts->brokers.stops_hit },
		{ "link_drops", counts->brokers.link_drops },
		{ "deals_lost", counts->brokers.deals_lost },
		{ "bytes_in", counts->bytes_in },
		{ "bytes_out", counts->bytes_out },
		{ "truth_lost", counts->truth_lost },
	};
	buf_printf(out, "{\"seconds\":%.3f", (double)counts->ran_ns / 1e9);
	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
		buf_printf(out, ",\"%s\":%llu", figures[i].name,
			   (unsigned long long)figures[i].value);
	buf_printf(out,
		   ",\"frame_to_ack_ms\":{\"count\":%llu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,"
		   "\"p999\":%.3f,\"max\":%.3f}}\n",
		   (unsigned long long)counts->ack_ns->count, ms(counts->ack_ns, 0.5),
		   ms(counts->ack_ns, 0.9), ms(counts->ack_ns, 0.99), ms(counts->ack_ns, 0.999),
		   (double)counts->ack_ns->max / 1e6);
}

void sim_fleet_print(const struct sim_fleet *fleet, bool json, struct buf *out)
{
	struct sim_fleet_counts counts;
	sim_fleet_counts(fleet, &counts);
	if (json)
		put_json(&counts, out);
	else
		put_text(&counts, out);
}
