/* The history of a hundred terminals (tests/samples_load.h): bytes a row beside zstd, what
 * 24 hours of it take in a real server, how fast rows are packed and read back, and what
 * the open minute of a terminal takes. */
#include <hiredis/hiredis.h>
#include <math.h>
#include <zstd.h>

#include "../tests/samples_load.h"
#include "../tests/redis_fixture.h"
#include "codec/pack_frame.h"
#include "codec/samples_table.h"
#include "def/segments.h"
#include "report.h"

enum {
	ROUNDS = 15,
	CHUNKS = 400, /* for bytes and speed, of 40 terminals */
	ROWS = CHUNKS * SAMPLES_ROWS_MAX,
	TERMINALS = 100,
	SEEDS = 10, /* terminals that differ; each is stored under ten names */
	DAY_CHUNKS = 24 * 60,
	MORE_CHUNKS = 30, /* beyond a day, so that trimming is at work */
	DAY_MS = 86400000,
};

static const int64_t start_ms = 1754300000000;

struct mix {
	enum load_mix mix;
	const char *name;
	double mb_bound, ratio_bound;
};

static const struct mix mixes[] = {
	{ LOAD_SOME, "some_move", 150, 0.70 },
	{ LOAD_ALL, "all_walk", 500, 0 },
};

static struct sample_row_values rows[ROWS], back[SAMPLES_ROWS_MAX];
static char storage[CHUNKS * SAMPLES_CHUNK_BYTES];
static size_t chunk_len[CHUNKS];
static struct samples_writer *writer, *flat_writer;
static struct samples_open *open_rows;
static bool met = true;

static const char *named(const struct mix *mix, const char *name)
{
	static char line[96];
	snprintf(line, sizeof line, "%s_%s", mix->name, name);
	return line;
}

static void make_rows(enum load_mix mix)
{
	struct load load;
	for (size_t i = 0; i < ROWS; i++) {
		if (i % (ROWS / 40) == 0)
			load_start(&load, mix, 1 + i / (ROWS / 40), start_ms);
		load_row(&load, &rows[i]);
	}
}

static void add_minute(const struct sample_row_values *minute)
{
	samples_open_clear(open_rows);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		CHECK(samples_open_add(open_rows, &minute[r]) == STATUS_OK);
}

/* All rows, minute by minute; the seconds that packing alone took are added to *packing. */
static size_t pack_all(struct samples_writer *with, double *packing)
{
	struct buf out = buf_over(storage, sizeof storage);
	for (size_t i = 0; i < CHUNKS; i++) {
		size_t before = out.len;
		add_minute(&rows[i * SAMPLES_ROWS_MAX]);
		double start = packing ? seconds_of(CLOCK_THREAD_CPUTIME_ID) : 0;
		samples_pack(with, open_rows, &out);
		if (packing)
			*packing += seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
		chunk_len[i] = out.len - before;
	}
	CHECK(!out.overflow);
	return out.len;
}

static bool same_row(const struct sample_row_values *a, const struct sample_row_values *b)
{
	bool same = a->ms == b->ms && a->known == b->known;
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++)
		same &= a->values[i].mantissa == b->values[i].mantissa &&
			a->values[i].digits == b->values[i].digits;
	return same;
}

static void read_all(bool compare)
{
	struct samples_info info;
	const char *at = storage;
	for (size_t i = 0; i < CHUNKS; at += chunk_len[i++]) {
		CHECK(samples_read(str_make(at, chunk_len[i]), &info, back) == STATUS_OK);
		for (uint32_t r = 0; compare && r < SAMPLES_ROWS_MAX; r++)
			CHECK(same_row(&back[r], &rows[i * SAMPLES_ROWS_MAX + r]));
	}
}

static uint8_t *put_difference(uint8_t *out, int64_t value, int64_t *before)
{
	out = pack_put_signed(out, value - *before);
	*before = value;
	return out;
}

/* The same minute as one zstd-3 frame of varint columns of differences. It says nothing of
 * digits and has no head or checksum. */
static size_t zstd_bytes(const struct sample_row_values *minute)
{
	static uint8_t columns[(SAMPLE_COUNT + 1) * SAMPLES_ROWS_MAX * PACK_VARINT_MAX];
	static uint8_t frame[sizeof columns + 1024];
	uint8_t *out = columns;
	int64_t before = 0;
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		out = put_difference(out, minute[r].ms, &before);
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
		before = 0;
		for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
			out = put_difference(out, minute[r].values[i].mantissa, &before);
	}
	size_t len = ZSTD_compress(frame, sizeof frame, columns, (size_t)(out - columns), 3);
	CHECK(!ZSTD_isError(len));
	return len;
}

static double normal_below(double x) { return 0.5 * erfc(-x / M_SQRT2); }

/* Of a normal step from `from` that is rounded, and turned back at both ends. */
static double chance_of_step(const struct load_nature *nature, double spread, int64_t from,
			     int64_t to)
{
	int64_t reach = (int64_t)(9 * spread) + 1, least = to, most = to;
	double chance = 0;
	if (from - reach < nature->low || from + reach > nature->high) {
		least = from - reach;
		most = from + reach;
	}
	for (int64_t k = least; k <= most; k++)
		if (load_turned_back(k, nature) == to)
			chance += normal_below(((double)(k - from) + 0.5) / spread) -
				  normal_below(((double)(k - from) - 0.5) / spread);
	return chance;
}

/* What the generator itself says of a value, knowing the one before. */
static double chance_of_value(enum load_mix mix, uint32_t sample, int64_t from, int64_t to)
{
	const struct load_nature *nature = &load_natures[sample];
	bool walks = mix == LOAD_ALL && nature->walk > 0;
	enum load_move move = walks ? LOAD_WALK : nature->move;
	double chance = 1;
	if (move == LOAD_WALK)
		chance = chance_of_step(nature, walks ? nature->walk : nature->spread, from, to);
	else if (move == LOAD_NOISE)
		chance = chance_of_step(nature, nature->spread, nature->start, to);
	else if (move == LOAD_WAIT)
		chance = exp(-(double)(to - nature->low) / nature->spread) *
			 (1 - exp(-1 / nature->spread));
	if (walks || nature->every_second || move == LOAD_STILL)
		return chance;
	return 0.9 * (from == to) + 0.1 * chance;
}

/* No coder can take less than this for the rows in the mean, not even one that knows the
 * generator; each row's lateness of 0 to 2 ms included. */
static double entropy_bytes(enum load_mix mix)
{
	double bits = 0;
	size_t counted = 0;
	for (size_t i = 1; i < ROWS; i++) {
		if (i % (ROWS / 40) == 0)
			continue; /* another terminal */
		for (uint32_t k = 0; k < SAMPLE_COUNT; k++)
			bits -= log2(chance_of_value(mix, k, rows[i - 1].values[k].mantissa,
						     rows[i].values[k].mantissa));
		bits += log2(LOAD_LATE_MS);
		counted++;
	}
	return bits / 8 / (double)counted;
}

static void measure_bytes(const struct mix *mix)
{
	double flat = (double)pack_all(flat_writer, NULL) / ROWS, zstd = 0;
	double shipped = (double)pack_all(writer, NULL) / ROWS;
	read_all(true);
	for (size_t i = 0; i < CHUNKS; i++)
		zstd += (double)zstd_bytes(&rows[i * SAMPLES_ROWS_MAX]) / ROWS;
	printf("%-58s %10.3f bytes/row\n", named(mix, "bytes"), shipped);
	printf("%-58s %10.3f bytes/row\n", named(mix, "bytes_flat_priors"), flat);
	printf("%-58s %10.3f bytes/row\n", named(mix, "varint_zstd3"), zstd);
	double entropy = entropy_bytes(mix->mix);
	printf("%-58s %10.3f bytes/row\n", named(mix, "entropy_of_the_generator"), entropy);
	printf("%-58s %10.3f ratio\n", named(mix, "entropy_over_varint_zstd3"), entropy / zstd);
	if (mix->ratio_bound > 0)
		met &= report_bound(named(mix, "over_varint_zstd3"), shipped / zstd, "ratio", false,
				    mix->ratio_bound);
	else
		printf("%-58s %10.3f ratio\n", named(mix, "over_varint_zstd3"), shipped / zstd);
}

static void measure_speed(const struct mix *mix)
{
	struct samples packing = { 0 }, both = { 0 }, reading = { 0 };
	for (int round = 0; round < ROUNDS; round++) {
		double alone = 0, start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		pack_all(writer, &alone);
		double packed = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		read_all(false);
		double read = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		samples_add(&packing, ROWS / alone / 1e6);
		samples_add(&both, ROWS / (packed - start) / 1e6);
		samples_add(&reading, ROWS / (read - packed) / 1e6);
	}
	report(named(mix, "pack"), &packing, "M rows/s");
	double median = report(named(mix, "add_and_pack"), &both, "M rows/s");
	report(named(mix, "unpack"), &reading, "M rows/s");
	if (mix->mix == LOAD_SOME)
		met &=
		    report_bound(named(mix, "add_and_pack_median"), median, "M rows/s", true, 0.7);
}

static void measure_open(const struct mix *mix)
{
	size_t most = 0;
	for (size_t i = 0; i < CHUNKS; i++) {
		struct samples_open *fresh = samples_open_create();
		CHECK(fresh);
		for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
			CHECK(samples_open_add(fresh, &rows[i * SAMPLES_ROWS_MAX + r]) ==
			      STATUS_OK);
		most = samples_open_bytes(fresh) > most ? samples_open_bytes(fresh) : most;
		samples_open_destroy(fresh);
	}
	met &= report_bound(named(mix, "open_minute"), (double)most, "bytes", false,
			    mix->mix == LOAD_SOME ? 6144 : SAMPLES_OPEN_BYTES);
}

static redisContext *connect_to(const char *folder)
{
	char path[300];
	snprintf(path, sizeof path, "%s/redis.sock", folder);
	for (int tries = 0; tries < 2000; tries++) {
		redisContext *redis = redisConnectUnix(path);
		if (redis && !redis->err)
			return redis;
		redisFree(redis);
		usleep(5000);
	}
	return NULL;
}

static double used_mb(redisContext *redis)
{
	redisReply *reply = redisCommand(redis, "INFO memory");
	CHECK(reply && reply->type == REDIS_REPLY_STRING);
	const char *found = strstr(reply->str, "used_memory:");
	CHECK(found);
	double used = strtod(found + strlen("used_memory:"), NULL) / 1e6;
	freeReplyObject(reply);
	return used;
}

/* A minute under the names of the terminals that are this one. */
static void send_minute(redisContext *redis, uint32_t seed, struct str chunk, int64_t first_ms)
{
	for (uint32_t i = seed; i < TERMINALS; i += SEEDS)
		redisAppendCommand(redis, "XADD instance_history:mt5-%03u MINID = %lld %lld-0 c %b",
				   i, (long long)(first_ms - DAY_MS), (long long)first_ms,
				   chunk.ptr, chunk.len);
	for (uint32_t i = seed; i < TERMINALS; i += SEEDS) {
		redisReply *reply = NULL;
		CHECK(redisGetReply(redis, (void **)&reply) == REDIS_OK);
		CHECK(reply->type == REDIS_REPLY_STRING);
		freeReplyObject(reply);
	}
}

static void send_terminal(redisContext *redis, enum load_mix mix, uint32_t seed)
{
	char bytes[SAMPLES_CHUNK_BYTES];
	struct load load;
	load_start(&load, mix, 1000 + seed, start_ms);
	for (uint32_t i = 0; i < DAY_CHUNKS + MORE_CHUNKS; i++) {
		struct buf out = buf_over(bytes, sizeof bytes);
		for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
			load_row(&load, &rows[r]);
		add_minute(rows);
		samples_pack(writer, open_rows, &out);
		send_minute(redis, seed, buf_str(&out), samples_open_first_ms(open_rows));
	}
}

/* The server holds as many minutes as a day has, and the newest reads back. */
static void check_stored(redisContext *redis)
{
	struct samples_info info;
	redisReply *reply = redisCommand(redis, "XLEN instance_history:mt5-%03u", SEEDS - 1);
	CHECK(reply && (reply->integer == DAY_CHUNKS || reply->integer == DAY_CHUNKS + 1));
	freeReplyObject(reply);
	reply = redisCommand(redis, "XREVRANGE instance_history:mt5-%03u + - COUNT 1", SEEDS - 1);
	CHECK(reply && reply->elements == 1);
	const redisReply *value = reply->element[0]->element[1]->element[1];
	CHECK(samples_read(str_make(value->str, value->len), &info, back) == STATUS_OK);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		CHECK(same_row(&back[r], &rows[r]));
	freeReplyObject(reply);
}

static void measure_redis(const struct mix *mix)
{
	char node_bytes[16];
	snprintf(node_bytes, sizeof node_bytes, "%u", segment_row(SEGMENT_RIS)->node_bytes);
	const char *const words[] = { "--stream-node-max-bytes", node_bytes,
				      "--stream-node-max-entries", "100", NULL };
	char *folder = fixture_folder();
	CHECK(folder);
	pid_t pid = fixture_redis(folder, words);
	redisContext *redis = connect_to(folder);
	CHECK(redis);
	double before = used_mb(redis);
	for (uint32_t seed = 0; seed < SEEDS; seed++)
		send_terminal(redis, mix->mix, seed);
	check_stored(redis);
	double mb = used_mb(redis) - before;
	met &=
	    report_bound(named(mix, "100_terminals_24_h_in_redis"), mb, "MB", false, mix->mb_bound);
	printf("%-58s %10.3f bytes/row\n", named(mix, "bytes_in_redis"),
	       mb * 1e6 / TERMINALS / (DAY_CHUNKS * SAMPLES_ROWS_MAX));
	redisFree(redis);
	fixture_kill(pid);
	fixture_remove(folder);
}

int main(void)
{
	bool has_redis = fixture_has_redis();
	writer = samples_writer_create();
	flat_writer = samples_writer_create_with(NULL);
	open_rows = samples_open_create();
	CHECK(writer && flat_writer && open_rows);
	for (size_t i = 0; i < ARRAY_LEN(mixes); i++) {
		make_rows(mixes[i].mix);
		measure_bytes(&mixes[i]);
		measure_speed(&mixes[i]);
		measure_open(&mixes[i]);
		if (has_redis)
			measure_redis(&mixes[i]);
	}
	samples_open_destroy(open_rows);
	samples_writer_destroy(flat_writer);
	samples_writer_destroy(writer);
	return met ? 0 : 1;
}
