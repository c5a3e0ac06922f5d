/* Dumps that a Redis 7.0 writes of every encoding it has, against what it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rdb_fill.h"
#include "rdb_picture_server.h"

struct world {
	struct rdb_stage stage;
	char *bytes;
	size_t size;
};

static void save(struct world *world)
{
	char path[300];
	STAGE_RUN(&world->stage, "SAVE");
	stage_path(&world->stage, "dump.rdb", path);
	free(world->bytes);
	world->bytes = stage_read_file(path, &world->size);
}

static void begin(struct world *world, const char *const *extra)
{
	*world = (struct world){ .stage.folder = fixture_folder() };
	assert_true(stage_start(&world->stage, extra));
}

static void end(struct world *world)
{
	stage_stop(&world->stage);
	fixture_remove(world->stage.folder);
	free(world->bytes);
}

/* What is in the dump is what the server holds; the reader's end is returned. */
static struct rdb_end compare(struct world *world, const char *what)
{
	struct rdb_end read;
	struct picture *ours = picture_new(), *theirs = picture_new();
	picture_take(theirs, &world->stage);
	save(world);
	enum status status = picture_read(ours, world->bytes, world->size, 0, &read);
	if (status)
		fail_msg("%s: offset %llu: %s", what, (unsigned long long)read.offset, read.why);
	assert_int_equal(read.offset, world->size);
	picture_assert_same(what, ours, theirs);
	picture_free(ours);
	picture_free(theirs);
	return read;
}

static void every_encoding_is_read_back(void **state)
{
	static const char *const compressed[] = { "--rdbcompression", "yes",
						  "--enable-debug-command", "yes", NULL };
	static const char *const plain[] = { "--rdbcompression", "no", "--enable-debug-command",
					     "yes", NULL };
	struct world world;
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&world, i ? plain : compressed);
		fill_all(&world.stage, 7);
		struct rdb_end read = compare(&world, i ? "plain" : "compressed");
		assert_int_equal(read.verdict, RDB_MATCHES);
		assert_int_equal(read.version, 10);
		assert_int_equal(read.counts.functions, 2);
		assert_int_equal(read.counts.unread, 0);
		end(&world);
	}
}

static void a_list_compressed_inside_is_read(void **state)
{
	static const char *const extra[] = { "--list-compress-depth",
					     "1",
					     "--list-max-listpack-size",
					     "-1",
					     "--enable-debug-command",
					     "yes",
					     NULL };
	struct world world;
	struct rng rng;
	(void)state;
	rng_init(&rng, 1);
	begin(&world, extra);
	fill_lists(&world.stage, &rng);
	compare(&world, "list-compress-depth 1");
	end(&world);
}

static void a_dump_without_checksum_says_so(void **state)
{
	static const char *const extra[] = { "--rdbchecksum", "no", NULL };
	struct world world;
	(void)state;
	begin(&world, extra);
	STAGE_RUN(&world.stage, "SET a 1");
	assert_int_equal(compare(&world, "no checksum").verdict, RDB_NO_CHECKSUM);
	end(&world);
}

/* ---- what the server knows of their use ---- */

struct uses {
	size_t keys;
	int64_t idle_s[8];
	int freq[8];
};

static enum status note_use(void *ctx, const struct rdb_key *key)
{
	struct uses *uses = ctx;
	assert_in_range(key->name.head.len, 1, 1);
	uses->idle_s[key->name.head.ptr[0] - 'a'] = key->idle_s;
	uses->freq[key->name.head.ptr[0] - 'a'] = key->freq;
	uses->keys++;
	return STATUS_OK;
}

static void read_uses(struct world *world, struct uses *uses)
{
	static const struct rdb_events events = { .key = note_use };
	struct rdb_bytes bytes = { world->bytes, world->size, 0 };
	struct rdb_end read;
	struct rdb *rdb;
	assert_int_equal(rdb_create(rdb_bytes_fill, &bytes, &rdb), STATUS_OK);
	assert_int_equal(rdb_read(rdb, &events, uses, &read), STATUS_OK);
	rdb_destroy(rdb);
}

/* RESTORE sets both, so nothing has to be waited for. */
static void set_use(struct world *world, const char *name, const char *what, int value)
{
	STAGE_RUN(&world->stage, "SET seed v");
	redisReply *dump = stage_ask(&world->stage, "DUMP seed");
	STAGE_RUN(&world->stage, "RESTORE %s 0 %b %s %d", name, dump->str, dump->len, what, value);
	STAGE_RUN(&world->stage, "DEL seed");
	freeReplyObject(dump);
}

static void idle_times_and_frequencies_are_told(void **state)
{
	static const char *const lru[] = { "--maxmemory-policy", "allkeys-lru", "--maxmemory",
					   "1gb", NULL };
	static const char *const lfu[] = { "--maxmemory-policy", "allkeys-lfu", "--maxmemory",
					   "1gb", NULL };
	struct world world;
	struct uses uses = { 0 };
	(void)state;
	begin(&world, lru);
	set_use(&world, "a", "IDLETIME", 50000);
	set_use(&world, "b", "IDLETIME", 0);
	save(&world);
	read_uses(&world, &uses);
	assert_int_equal(uses.keys, 2);
	assert_in_range(uses.idle_s[0], 50000, 50010);
	assert_in_range(uses.idle_s[1], 0, 10);
	assert_int_equal(uses.freq[0], -1);
	end(&world);
	begin(&world, lfu);
	set_use(&world, "c", "FREQ", 200);
	save(&world);
	read_uses(&world, &uses);
	assert_in_range(uses.freq[2], 198, 200);
	assert_int_equal(uses.idle_s[2], -1);
	end(&world);
	begin(&world, NULL);
	STAGE_RUN(&world.stage, "SET d 1");
	save(&world);
	read_uses(&world, &uses);
	assert_int_equal(uses.idle_s[3], -1);
	assert_int_equal(uses.freq[3], -1);
	end(&world);
}

int main(void)
{
	if (!fixture_has_redis())
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_encoding_is_read_back),
		cmocka_unit_test(a_list_compressed_inside_is_read),
		cmocka_unit_test(a_dump_without_checksum_says_so),
		cmocka_unit_test(idle_times_and_frequencies_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
