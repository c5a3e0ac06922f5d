/* weir bench: what this machine does of weir's work, in some ten seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "cli/bench_frames.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json_rows.h"
#include "os/machine.h"
#include "survey/private_redis.h"

enum { OUTPUT_BYTES = 64 << 10, CELL_BYTES = 32, TRIPS = 5000, PIPED = 200000, BATCH = 1000 };
static const int64_t redis_start_ns = 5000000000;

struct bench_redis {
	double trip_us;   /* median of a command alone */
	double piped_ops; /* commands a second, a thousand at a time */
};

static double now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

/* ---- Redis ---- */

static const struct str set_words[] = { { "SET", 3 }, { "k", 1 }, { "0123456789abcdef", 16 } };

static enum status time_trips(struct wire *wire, double *median_us)
{
	static double took[TRIPS];
	for (int i = 0; i < TRIPS; i++) {
		struct wire_token token;
		double from = now_us();
		enum status status = wire_ask(wire, &token, set_words, ARRAY_LEN(set_words));
		if (status)
			return status;
		took[i] = now_us() - from;
	}
	qsort(took, TRIPS, sizeof took[0], compare);
	*median_us = took[TRIPS / 2];
	return STATUS_OK;
}

static enum status time_pipe(struct wire *wire, double *ops)
{
	double from = now_us();
	for (int done = 0; done < PIPED; done += BATCH) {
		for (int i = 0; i < BATCH; i++)
			wire_put(wire, set_words, ARRAY_LEN(set_words));
		enum status status = wire_flush(wire);
		for (int i = 0; i < BATCH && !status; i++) {
			struct wire_token token;
			status = wire_next(wire, &token);
		}
		if (status)
			return status;
	}
	*ops = PIPED / (now_us() - from) * 1e6;
	return STATUS_OK;
}

static enum status run_redis(struct bench_redis *out, struct err *err)
{
	struct private_redis redis;
	enum status status = private_redis_start("redis-server", redis_start_ns, &redis, err);
	if (status)
		return status;
	status = time_trips(redis.wire, &out->trip_us);
	if (!status)
		status = time_pipe(redis.wire, &out->piped_ops);
	if (status)
		err_set(err, status, "%s", wire_why(redis.wire)->text);
	private_redis_stop(&redis);
	return status;
}

/* ---- printed ---- */

static void put(struct table *table, const char *what, double value, int places, const char *unit)
{
	char cell[CELL_BYTES];
	snprintf(cell, sizeof cell, "%.*f", places, value);
	const struct str cells[] = { str_of(what), value > 0 ? str_of(cell) : STR("not known"),
				     str_of(unit) };
	table_row(table, cells);
}

static void put_all(struct table *table, const struct bench_frames *frames,
		    const struct bench_redis *redis, const struct machine_disk *disk)
{
	put(table, "decode", frames->decode_ns, 0, "ns a frame");
	put(table, "decode and markets", frames->markets_ns, 0, "ns a frame");
	put(table, "frames on one core", 1e9 / frames->markets_ns, 0, "a second");
	put(table, "pack a trade", frames->pack_ns, 0, "ns");
	put(table, "a packed trade", frames->trade_bytes, 2, "bytes");
	put(table, "a day's window", frames->window_ns, 0, "ns");
	put(table, "Redis round trip", redis->trip_us, 1, "us, median");
	put(table, "Redis in pipeline", redis->piped_ops, 0, "commands a second");
	put(table, "write and fsync", (double)disk->sync_us, 0, "us, median");
}

int cmd_bench(const struct args *args)
{
	static const char *const columns[] = { "what", "value", "unit" };
	struct bench_frames frames;
	struct bench_redis redis = { 0 };
	struct machine_disk disk;
	struct machine_file state;
	struct table table;
	struct buf out;
	struct err err = { 0 };
	const char *folder = args_str(args, FLAG_state).ptr;
	if (bench_frames_run(BENCH_FRAMES, &frames, &err))
		return cli_fail(args, &err);
	if (run_redis(&redis, &err))
		fprintf(stderr, "weir bench: %s\n", err.text); /* the rest is worth having */
	machine_file_read(folder, &state);
	machine_disk_read(state.is_folder ? folder : ".", &disk);
	buf_init(&out, OUTPUT_BYTES);
	table_begin(&table, &out, json_rows_format(args), columns, ARRAY_LEN(columns));
	put_all(&table, &frames, &redis, &disk);
	table_end(&table);
	int exit_status = cli_print(args, &out);
	buf_deinit(&out);
	return exit_status;
}
