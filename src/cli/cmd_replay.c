/* weir replay: up with a recording as its only source. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/bars_csv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "daemon/daemon.h"
#include "daemon/config_file.h"

enum { REPORT_LIMIT = 256 << 20 };

struct totals {
	uint64_t frames, trades, duplicates, late, gaps, unknown, malformed;
};

static struct totals count_all(struct daemon *daemon)
{
	struct totals totals = { 0 };
	const struct ingest *ingest = daemon_ingest(daemon);
	struct markets *markets = daemon_markets(daemon);
	totals.malformed = ingest_unreadable_count(ingest);
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			const struct ingest_counts *counts =
			    ingest_counts(ingest, (enum venue)venue, (enum kind)kind);
			totals.frames += counts->frames;
			totals.unknown += counts->unknown;
			totals.malformed += counts->malformed;
		}
	}
	for (size_t i = 0; i < markets_count(markets); i++) {
		const struct market_counts *counts = market_counts(markets_at(markets, i));
		totals.trades += counts->trades;
		totals.duplicates += counts->duplicates;
		totals.late += counts->late;
		totals.gaps += counts->gaps;
	}
	return totals;
}

/* A market of the input: one that this run saw trades of, new or known. */
static bool of_input(const struct market *market)
{
	const struct market_counts *counts = market_counts(market);
	return counts->trades + counts->duplicates > 0;
}

static void put_json(struct daemon *daemon, struct buf *out)
{
	struct totals t = count_all(daemon);
	struct markets *markets = daemon_markets(daemon);
	buf_printf(
	    out,
	    "{\"frames\":%llu,\"trades\":%llu,\"duplicates\":%llu,\"late\":%llu,\"gaps\":%llu,"
	    "\"unknown\":%llu,\"malformed\":%llu,\"markets\":[",
	    (unsigned long long)t.frames, (unsigned long long)t.trades,
	    (unsigned long long)t.duplicates, (unsigned long long)t.late,
	    (unsigned long long)t.gaps, (unsigned long long)t.unknown,
	    (unsigned long long)t.malformed);
	bool first = true;
	for (size_t i = 0; i < markets_count(markets); i++) {
		struct market *market = markets_at(markets, i);
		const struct market_counts *counts = market_counts(market);
		if (!of_input(market))
			continue;
		buf_printf(out, "%s{\"market\":\"", first ? "" : ",");
		market_id_print(out, market_id(market));
		buf_printf(out, "\",\"trades\":%llu", (unsigned long long)counts->trades);
		if (counts->trades)
			buf_printf(out, ",\"first_ms\":%lld,\"last_ms\":%lld}",
				   (long long)counts->first_ms, (long long)counts->last_ms);
		else
			buf_printf(out, ",\"first_ms\":null,\"last_ms\":null}");
		first = false;
	}
	buf_printf(out, "]}\n");
}

static void put_text(struct daemon *daemon, struct buf *out)
{
	struct totals t = count_all(daemon);
	buf_printf(out,
		   "%llu frames: %llu trades taken, %llu duplicates, %llu late, %llu gaps, "
		   "%llu unknown, %llu malformed\n",
		   (unsigned long long)t.frames, (unsigned long long)t.trades,
		   (unsigned long long)t.duplicates, (unsigned long long)t.late,
		   (unsigned long long)t.gaps, (unsigned long long)t.unknown,
		   (unsigned long long)t.malformed);
}

/* ---- --bars ---- */

static void put_bars(struct daemon *daemon, struct buf *out)
{
	struct markets *markets = daemon_markets(daemon);
	bars_csv_head(out);
	for (size_t i = 0; i < markets_count(markets); i++) {
		struct market *market = markets_at(markets, i);
		if (of_input(market))
			bars_csv_market(out, market);
	}
}

static enum status write_bars(struct daemon *daemon, const char *path, struct err *err)
{
	struct buf out;
	buf_init(&out, REPORT_LIMIT);
	put_bars(daemon, &out);
	FILE *file = str_eq(str_of(path), STR("-")) ? stdout : fopen(path, "w");
	enum status status = STATUS_OK;
	if (!file || fwrite(out.ptr, 1, out.len, file) != out.len || fflush(file))
		status = err_errno(err, errno, "write the bars to %s", path);
	if (file && file != stdout && fclose(file) && !status)
		status = err_errno(err, errno, "write the bars to %s", path);
	buf_deinit(&out);
	return status;
}

static enum status report(const struct args *args, struct daemon *daemon, struct err *err)
{
	if (args_has(args, FLAG_bars)) {
		enum status status = write_bars(daemon, args_str(args, FLAG_bars).ptr, err);
		if (status)
			return status;
	}
	struct buf out;
	buf_init(&out, REPORT_LIMIT);
	(args_has(args, FLAG_json) ? put_json : put_text)(daemon, &out);
	int printed = cli_print(args, &out);
	buf_deinit(&out);
	return printed == CLI_DONE ? STATUS_OK : STATUS_IO;
}

int cmd_replay(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	struct daemon *daemon = NULL;
	const char *config_path = cli_config_path(args);
	if (config_file_load(config_path, &config, NULL, &err))
		return cli_fail(args, &err);
	struct daemon_options options = {
		.config = config,
		.config_path = config_path,
		.state_dir = args_str(args, FLAG_state).ptr,
		.store = !args_has(args, FLAG_no_store),
		.restore = true,
		.segments = 1u << SEGMENT_RMS,
		.control = !args_has(args, FLAG_no_store),
		.feed = DAEMON_FEED_RECORDING,
		.recording = { .paths = args->operands, .n_paths = args->n_operands },
	};
	options.recording.has_as =
	    args_source(args, FLAG_as, &options.recording.venue, &options.recording.kind);
	options.recording.speed = args_speed(args, FLAG_speed, 0);
	int exit_status = CLI_ENVIRONMENT;
	if (daemon_create(&options, &daemon, &err)) {
		cli_fail(args, &err);
	} else {
		exit_status = daemon_run(daemon);
		if (exit_status) {
			err_set(&err, STATUS_IO, "%s", daemon_error(daemon));
			cli_fail(args, &err);
		} else if (report(args, daemon, &err)) {
			exit_status = err.text[0] ? cli_fail(args, &err) : CLI_ENVIRONMENT;
		}
	}
	daemon_destroy(daemon);
	config_destroy(config);
	return exit_status;
}
