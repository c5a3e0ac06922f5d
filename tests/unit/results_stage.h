/* results_stage.h - the reader of results between a simulated Redis and a writer in memory,
 * in simulated time. The wall clock can be set on its own. */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "archive/results.h"
#include "base/check.h"
#include "codec/entries.h"
#include "sim/fake_redis.h"
#include "trade/result.h"
#include "unit/fake_writer.h"

enum { RESULTS_TIMERS = 16, RESULTS_WORDS = 160, RESULTS_TELLS = 64 };

static const int64_t results_ms_ns = 1000000, results_second_ns = 1000000000,
		     results_epoch_ms = 1784046190000;

struct results_stage {
	int64_t now_ns, wall_less_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_redis *redis;
	struct writer *writer;
	struct results *results;
	bool commits;          /* every 5 ms, and what else the writer has to do */
	int64_t checkpoint_ns; /* and checkpoints so often; 0: never */
	int64_t checkpointed_ns;
	char tells[RESULTS_TELLS][240];
	size_t n_tells;
	bool ended;
	enum status status;
	uint64_t beyond; /* field x of fleet:up:~, as the one who adds packed entries has it */
};

static inline int64_t results_monotonic(void *ctx) { return ((struct results_stage *)ctx)->now_ns; }

static inline int64_t results_wall(void *ctx)
{
	const struct results_stage *stage = ctx;
	return results_epoch_ms * results_ms_ns + stage->now_ns + stage->wall_less_ns;
}

/* Server time is two hours ahead, of any terminal but this one. */
static inline int64_t results_offset(void *ctx, struct str instance)
{
	(void)ctx;
	return str_eq(instance, STR("mt5-new")) ? INT64_MIN : 7200000;
}

static inline bool results_account(void *ctx, struct str instance, struct str *server,
				   int64_t *login)
{
	(void)ctx;
	*server = STR("Broker-Live");
	*login = 90000001;
	return !str_eq(instance, STR("mt5-new"));
}

static inline void results_broken(void *ctx, const char *what)
{
	struct results_stage *stage = ctx;
	snprintf(stage->tells[stage->n_tells++ % RESULTS_TELLS], sizeof stage->tells[0], "%s",
		 what);
}

static inline bool results_told(const struct results_stage *stage, const char *part)
{
	for (size_t i = 0; i < stage->n_tells && i < RESULTS_TELLS; i++)
		if (strstr(stage->tells[i], part))
			return true;
	return false;
}

static inline void results_connected(void *ctx)
{
	struct results_stage *stage = ctx;
	if (stage->results)
		results_reconnected(stage->results);
}

static inline void results_on_checkpoint(void *ctx, uint64_t number)
{
	struct results_stage *stage = ctx;
	if (stage->results)
		results_checkpointed(stage->results, number);
}

static inline void results_open(struct results_stage *stage)
{
	const struct results_config config = { .rtrs = fake_redis_port(stage->redis),
					       .writer = stage->writer,
					       .timers = stage->timers,
					       .clock = &stage->clock,
					       .retry_ms = { 10000, 30000, 120000 },
					       .retries = 3,
					       .offset_ms = results_offset,
					       .account = results_account,
					       .on_broken = results_broken,
					       .ctx = stage };
	stage->results = results_create(&config);
	CHECK(stage->results);
	fake_writer_on_checkpoint(stage->writer, results_on_checkpoint, stage);
}

static inline void results_init(struct results_stage *stage)
{
	*stage = (struct results_stage){ .now_ns = 1, .commits = true };
	stage->timers = timers_create(RESULTS_TIMERS);
	stage->clock = (struct clock_port){ results_monotonic, results_wall, stage };
	const struct fake_redis_config config = { .sync = FAKE_ALWAYS,
						  .latency_ns = results_ms_ns / 4,
						  .spacing_ns = 1000,
						  .timeout_ns = results_second_ns,
						  .reconnect_ns = 100 * results_ms_ns,
						  .pending_limit = 16 << 20,
						  .on_connected = results_connected,
						  .ctx = stage };
	stage->redis = fake_redis_create(&config, stage->timers, &stage->clock);
	stage->writer = fake_writer_create(WRITER_SEEN_MAX, WRITER_BATCH_BYTES);
	results_open(stage);
}

static inline void results_deinit(struct results_stage *stage)
{
	fake_redis_abandon(stage->redis);
	results_destroy(stage->results);
	fake_writer_destroy(stage->writer);
	fake_redis_destroy(stage->redis);
	timers_destroy(stage->timers);
}

static inline void results_step(struct results_stage *stage)
{
	if (stage->commits) {
		while (fake_writer_commit(stage->writer))
			;
		fake_writer_pump(stage->writer);
	}
	if (stage->checkpoint_ns &&
	    stage->now_ns - stage->checkpointed_ns >= stage->checkpoint_ns) {
		stage->checkpointed_ns = stage->now_ns;
		fake_writer_checkpoint(stage->writer, true);
	}
}

static inline void results_run(struct results_stage *stage, int64_t ns)
{
	int64_t end = stage->now_ns + ns;
	while (stage->now_ns < end) {
		int64_t until = stage->now_ns + 5 * results_ms_ns;
		until = until < end ? until : end;
		for (int64_t next; (next = timers_next_ns(stage->timers)) <= until;) {
			stage->now_ns = next > stage->now_ns ? next : stage->now_ns;
			timers_run(stage->timers, stage->now_ns, 1);
		}
		stage->now_ns = until;
		results_step(stage);
	}
}

/* And reads. */
static inline void results_begin(struct results_stage *stage)
{
	results_init(stage);
	results_run(stage, 10 * results_ms_ns);
	results_start(stage->results);
	results_run(stage, 500 * results_ms_ns);
}

static inline void results_ended(void *ctx, enum status status)
{
	struct results_stage *stage = ctx;
	stage->ended = true;
	stage->status = status;
}

static inline enum status results_settle(struct results_stage *stage)
{
	stage->ended = false;
	results_drain(stage->results, results_ended, stage);
	for (int i = 0; !stage->ended && i < 6000; i++)
		results_run(stage, 10 * results_ms_ns);
	CHECK(stage->ended);
	return stage->status;
}

/* weir dies, what it sent still arrives, and is started again. */
static inline void results_die(struct results_stage *stage)
{
	fake_redis_abandon(stage->redis);
	fake_writer_crash(stage->writer);
	results_destroy(stage->results);
	stage->results = NULL;
}

static inline void results_live(struct results_stage *stage)
{
	results_open(stage);
	fake_redis_on_connected(stage->redis, results_connected, stage);
	results_start(stage->results);
}

static inline void results_restart(struct results_stage *stage)
{
	results_die(stage);
	results_run(stage, 300 * results_ms_ns);
	results_live(stage);
	results_run(stage, 300 * results_ms_ns);
}

/* ---- the server's side ---- */

static inline size_t results_words(char *line, struct str argv[RESULTS_WORDS])
{
	struct str rest = str_of(line);
	size_t argc = 0;
	while (argc < RESULTS_WORDS && str_split(&rest, ' ', &argv[argc]))
		argc++;
	return argc;
}

/* By somebody else's connection; past all faults. False: the server said no. */
static inline bool results_other_argv(struct results_stage *stage, const struct str *argv,
				      size_t argc)
{
	struct request *request = request_make(argv, argc);
	struct fake_server *server = fake_redis_server(stage->redis);
	enum fake_fault fault = server->fault;
	size_t maxmemory = server->maxmemory;
	request->epoch = 1000000;
	server->fault = FAKE_HEALTHY;
	server->maxmemory = 0;
	request->reply = fake_server_run(server, request, results_wall(stage) / 1000000);
	server->fault = fault;
	server->maxmemory = maxmemory;
	bool good = request->reply->type != REDIS_ERROR;
	request_free(request);
	return good;
}

__attribute__((format(printf, 2, 3))) static inline bool results_other(struct results_stage *stage,
								       const char *format, ...)
{
	char line[2048];
	struct str argv[RESULTS_WORDS];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	return results_other_argv(stage, argv, results_words(line, argv));
}

__attribute__((format(printf, 2, 3))) static inline int64_t
results_integer(struct results_stage *stage, const char *format, ...)
{
	char line[512];
	struct str argv[RESULTS_WORDS];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	struct redis_reply *reply = fake_redis_peek(stage->redis, argv, results_words(line, argv));
	int64_t value = reply->integer;
	if (reply->type == REDIS_ARRAY) /* XPENDING: how many */
		value = reply->count ? reply->items[0].integer : 0;
	fake_reply_free(reply);
	return value;
}

/* ---- packed entries ---- */

/* Lines of `name=value name=value …`. */
static inline void results_pack(struct buf *chunk, const char *lines)
{
	static struct entries_packer *packer;
	static struct str values[ENTRIES_ROWS_MAX][RESULT_FIELDS];
	struct str rest = str_of(lines), line, word;
	size_t rows = 0;
	packer = packer ? packer : entries_packer_create();
	memset(values, 0, sizeof values);
	for (; rest.len && str_split(&rest, '\n', &line); rows++)
		while (line.len && str_split(&line, ' ', &word)) {
			size_t at = str_find_char(word, '=');
			size_t field = entries_field_find(ENTRIES_RESULTS, str_make(word.ptr, at));
			CHECK(rows < ENTRIES_ROWS_MAX && field < RESULT_FIELDS);
			values[rows][field] = str_skip(word, at + 1);
		}
	CHECK(entries_pack(packer, ENTRIES_RESULTS, values[0], rows, chunk) == STATUS_OK);
}

/* An entry of the chunk, and its rows counted, whatever the chunk says. */
static inline bool results_add_chunk(struct results_stage *stage, const char *id, struct str chunk,
				     size_t rows)
{
	const struct str argv[] = { STR("XADD"), STR("trade_results"), str_of(id), STR("p"),
				    chunk };
	if (!results_other_argv(stage, argv, ARRAY_LEN(argv)))
		return false;
	stage->beyond += rows - 1;
	return results_other(stage, "HSET fleet:up:~ x %llu", (unsigned long long)stage->beyond);
}

static inline bool results_add_packed(struct results_stage *stage, const char *id,
				      const char *lines)
{
	char bytes[ENTRIES_CHUNK_BYTES];
	struct buf chunk = buf_over(bytes, sizeof bytes);
	size_t rows = 0;
	results_pack(&chunk, lines);
	CHECK(entries_count(ENTRIES_RESULTS, buf_str(&chunk), &rows) == STATUS_OK);
	return results_add_chunk(stage, id, buf_str(&chunk), rows);
}

/* The sums that results.h promises, with nothing under way. */
static inline bool results_balance(struct results_stage *stage)
{
	const struct writer *writer = stage->writer;
	int64_t read = writer_counted(writer, "read");
	int64_t rows = writer_rows(writer, TABLE_trade_results);
	int64_t known = writer_counted(writer, "known");
	int64_t retrying = writer_counted(writer, "retrying");
	int64_t dead = writer_counted(writer, "dead");
	bool even = read == rows + known + retrying + dead &&
		    retrying == (int64_t)fake_writer_retries(writer);
	if (!even)
		fprintf(stderr, "read %lld: rows %lld, known %lld, retrying %lld, dead %lld\n",
			(long long)read, (long long)rows, (long long)known, (long long)retrying,
			(long long)dead);
	return even;
}

/* And of entries ever added. */
static inline int64_t results_taken(const struct results_stage *stage)
{
	return writer_counted(stage->writer, "read") + writer_counted(stage->writer, "lost");
}
