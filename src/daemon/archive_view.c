#include "daemon/archive_view.h"

#include <math.h>

#include "base/json_out.h"
#include "base/check.h"

static const char *state_text(const struct writer *writer)
{
	static const char *const texts[] = { "opening", "ready", "trouble", "closing" };
	return texts[writer_state(writer)];
}

static void put_file(struct json_out *json, struct archiving *archiving)
{
	const struct writer *writer = archiving_writer(archiving);
	const struct writer_counts *counts = writer_counts(writer);
	double share = archiving_disk_share(archiving);
	json_out_open(json, "file", '{');
	json_out_str(json, "state", str_of(state_text(writer)));
	json_out_str(json, "trouble", str_of(writer_trouble(writer)));
	json_out_i64(json, "bytes", (int64_t)counts->file_bytes);
	json_out_i64(json, "wal_bytes", (int64_t)counts->wal_bytes);
	json_out_double(json, "disk_percent", share < 0 ? NAN : share * 100, 1);
	json_out_i64(json, "batches", (int64_t)counts->batches);
	json_out_i64(json, "batches_waiting", (int64_t)writer_waiting(writer));
	json_out_i64(json, "checkpoints", (int64_t)counts->checkpoints);
	json_out_i64(json, "failed", (int64_t)counts->failed);
	json_out_i64(json, "salvaged", (int64_t)counts->salvaged);
	json_out_double(json, "commit_p99_ms", (double)hist_quantile(counts->commit_ns, 0.99) / 1e6,
			2);
	json_out_close(json, '}');
}

static void put_results(struct json_out *json, struct archiving *archiving)
{
	const struct results *results = archiving_results(archiving);
	if (!results)
		return;
	struct results_counts counts = results_counts(results);
	const struct {
		const char *name;
		uint64_t value;
	} facts[] = {
		{ "read", counts.read },         { "archived", counts.archived },
		{ "known", counts.known },       { "pending", counts.pending },
		{ "retrying", counts.retrying }, { "dead", counts.dead },
		{ "lost", counts.lost },         { "acknowledged", counts.acked },
		{ "trimmed", counts.trimmed },   { "length", counts.length },
		{ "epochs", counts.epochs },
	};
	json_out_open(json, "trade_results", '{');
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		json_out_i64(json, facts[i].name, (int64_t)facts[i].value);
	json_out_i64(json, "lag_ms", counts.lag_ms);
	json_out_close(json, '}');
}

static void put_tables(struct json_out *json, struct archiving *archiving)
{
	const struct writer *writer = archiving_writer(archiving);
	const struct sinks *sinks = archiving_sinks(archiving);
	json_out_open(json, "tables", '[');
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		enum archive_table table = (enum archive_table)i;
		json_out_open(json, NULL, '{');
		json_out_str(json, "table", str_of(archive_table_row(table)->name));
		json_out_i64(json, "rows", writer_rows(writer, table));
		json_out_i64(json, "removed", writer_rows_gone(writer, table));
		json_out_known_i64(json, "shipped", sinks, sinks ? sinks_shipped(sinks, table) : 0);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void put_sinks(struct json_out *json, const struct sinks *sinks)
{
	struct sinks_count counts[SINKS_MAX];
	size_t count = sinks ? sinks_counts(sinks, counts, SINKS_MAX) : 0;
	json_out_open(json, "sinks", '[');
	for (size_t i = 0; i < count; i++) {
		const struct sinks_count *sink = &counts[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "sink", str_of(sink->name));
		json_out_str(json, "state", str_of(sink_outcome_text(sink->state)));
		json_out_i64(json, "batches", (int64_t)sink->batches);
		json_out_i64(json, "rows", (int64_t)sink->rows);
		json_out_i64(json, "waiting_batches", (int64_t)sink->waiting_batches);
		json_out_i64(json, "waiting_rows", (int64_t)sink->waiting_rows);
		json_out_i64(json, "away", (int64_t)sink->away);
		json_out_i64(json, "unknown", (int64_t)sink->unknown);
		json_out_i64(json, "resent", (int64_t)sink->resent);
		json_out_i64(json, "held", (int64_t)sink->held);
		json_out_i64(json, "poison", (int64_t)sink->poison);
		json_out_str(json, "why", str_of(sink->why));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

void archive_view_print(struct archiving *archiving, struct buf *out)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	put_file(&json, archiving);
	put_results(&json, archiving);
	put_tables(&json, archiving);
	put_sinks(&json, archiving_sinks(archiving));
	json_out_close(&json, '}');
	buf_char(out, '\n');
}

void archive_view_line(struct archiving *archiving, struct buf *out)
{
	const struct writer *writer = archiving_writer(archiving);
	const struct sinks *sinks = archiving_sinks(archiving);
	struct sinks_count counts[SINKS_MAX];
	size_t count = sinks ? sinks_counts(sinks, counts, SINKS_MAX) : 0;
	buf_printf(out, "archive: %s, %lld results, %lld trades, %.1f MB",
		   writer_state(writer) == WRITER_TROUBLE ? writer_trouble(writer)
							  : state_text(writer),
		   (long long)writer_rows(writer, TABLE_trade_results),
		   (long long)writer_rows(writer, TABLE_trades),
		   (double)writer_counts(writer)->file_bytes / 1e6);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "; %s %s, %llu rows to go", counts[i].name,
			   sink_outcome_text(counts[i].state),
			   (unsigned long long)counts[i].waiting_rows);
	buf_char(out, '\n');
}
