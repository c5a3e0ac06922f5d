/* What the archive counts: the file, the reader of results, the sinks. */
#include "base/check.h"
#include "daemon/archiving.h"
#include "daemon/metrics_print.h"

static void put_labelled(struct buf *out, enum metric metric, const char *label, uint64_t value)
{
	const struct str word = str_of(label);
	metric_sample(out, metric, &word, 1, value);
}

static void put_file(const struct writer *writer, struct buf *out)
{
	const struct writer_counts *counts = writer_counts(writer);
	metrics_put(out, METRIC_archive_batches, counts->batches);
	metrics_put(out, METRIC_archive_failed, counts->failed);
	metrics_put(out, METRIC_archive_checkpoints, counts->checkpoints);
	metrics_put(out, METRIC_archive_salvaged, counts->salvaged);
	metrics_put(out, METRIC_archive_file_bytes, counts->file_bytes);
	metrics_put(out, METRIC_archive_wal_bytes, counts->wal_bytes);
	metrics_put(out, METRIC_archive_trouble, writer_state(writer) == WRITER_TROUBLE);
	metric_head(out, METRIC_archive_rows);
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		put_labelled(out, METRIC_archive_rows,
			     archive_table_row((enum archive_table)i)->name,
			     (uint64_t)writer_rows(writer, (enum archive_table)i));
}

static void put_results(const struct results *results, struct buf *out)
{
	struct results_counts counts = results_counts(results);
	metrics_put(out, METRIC_archive_read, counts.read);
	metrics_put(out, METRIC_archive_known, counts.known);
	metrics_put(out, METRIC_archive_retrying, counts.retrying);
	metrics_put(out, METRIC_archive_dead, counts.dead);
	metrics_put(out, METRIC_archive_lost, counts.lost);
	metrics_put(out, METRIC_archive_trimmed, counts.trimmed);
	metrics_put(out, METRIC_archive_stream_length, counts.length);
	metric_head(out, METRIC_archive_lag);
	metric_sample_real(out, METRIC_archive_lag, NULL, 0, (double)counts.lag_ms / 1000);
}

static void put_sinks(const struct sinks *sinks, struct buf *out)
{
	struct sinks_count counts[SINKS_MAX];
	size_t count = sinks_counts(sinks, counts, SINKS_MAX);
	const struct {
		enum metric metric;
		size_t offset;
	} figures[] = {
		{ METRIC_sink_rows, offsetof(struct sinks_count, rows) },
		{ METRIC_sink_waiting, offsetof(struct sinks_count, waiting_rows) },
		{ METRIC_sink_away, offsetof(struct sinks_count, away) },
		{ METRIC_sink_unknown, offsetof(struct sinks_count, unknown) },
		{ METRIC_sink_resent, offsetof(struct sinks_count, resent) },
		{ METRIC_sink_held, offsetof(struct sinks_count, held) },
		{ METRIC_sink_poison, offsetof(struct sinks_count, poison) },
	};
	for (size_t figure = 0; figure < ARRAY_LEN(figures); figure++) {
		metric_head(out, figures[figure].metric);
		for (size_t i = 0; i < count; i++) {
			uint64_t value;
			memcpy(&value, (const char *)&counts[i] + figures[figure].offset,
			       sizeof value);
			put_labelled(out, figures[figure].metric, counts[i].name, value);
		}
	}
}

void metrics_archive_print(struct daemon *daemon, struct buf *out)
{
	struct archiving *archiving = daemon_archiving(daemon);
	if (!archiving || !archiving_writer(archiving))
		return;
	put_file(archiving_writer(archiving), out);
	if (archiving_results(archiving))
		put_results(archiving_results(archiving), out);
	if (archiving_sinks(archiving))
		put_sinks(archiving_sinks(archiving), out);
}
