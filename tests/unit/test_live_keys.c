/* The live source on a real server: what it tells of keys of every type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live_stage.h"

static void every_type_is_told_with_length_encoding_and_a_sample(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_do(&s, "SET int 12345");
	stage_do(&s, "SET text hello EX 1000");
	stage_do(&s, "RPUSH list a b c d");
	stage_do(&s, "SADD ints 3 1 2");
	stage_do(&s, "SADD words x yy zzz");
	stage_do(&s, "ZADD zset 1.5 one 2 two");
	stage_do(&s, "HSET hash field value other thing");
	stage_do(&s, "XADD stream 5-1 name value");
	stage_run(&s, LIVE_VALUES);
	assert_int_equal(s.result.keys, 8);
	assert_int_equal(s.result.n_refused, 0);

	const struct told *t = stage_told(&s, STR("int"));
	assert_int_equal(t->key.encoding, AUDIT_ENC_INT);
	assert_int_equal(t->key.length, 5);
	assert_string_equal(t->value, "12345");
	assert_int_equal(t->key.expires_ms, -1);
	assert_true(t->key.bytes > 0);
	assert_int_equal(t->key.digest, audit_digest(STR("12345")));
	assert_int_equal(t->key.idle_s, 0);
	t = stage_told(&s, STR("text"));
	assert_string_equal(t->value, "hello");
	assert_int_equal(t->key.encoding, AUDIT_ENC_EMBSTR);
	redisReply *reply = redisCommand(s.redis, "PEXPIRETIME text");
	if (reply->type == REDIS_REPLY_INTEGER)
		assert_int_equal(t->key.expires_ms, reply->integer);
	freeReplyObject(reply);
	t = stage_told(&s, STR("list"));
	assert_int_equal(t->key.type, AUDIT_LIST);
	assert_int_equal(t->key.length, 4);
	assert_int_equal(t->key.count, 4);
	assert_string_equal(t->first, "=a");
	assert_string_equal(t->last, "=d");
	t = stage_told(&s, STR("ints"));
	assert_int_equal(t->key.encoding, AUDIT_ENC_INTSET);
	assert_int_equal(t->key.length, 3);
	assert_int_equal(t->key.count, 3);
	t = stage_told(&s, STR("words"));
	assert_int_equal(t->key.length, 3);
	assert_int_equal(t->key.longest, 3);
	t = stage_told(&s, STR("zset"));
	assert_int_equal(t->key.length, 2);
	assert_string_equal(t->first, "=one");
	t = stage_told(&s, STR("hash"));
	assert_int_equal(t->key.length, 2);
	assert_string_equal(t->first, "field=value");
	assert_string_equal(t->last, "other=thing");
	t = stage_told(&s, STR("stream"));
	assert_int_equal(t->key.type, AUDIT_STREAM);
	assert_int_equal(t->key.encoding, AUDIT_ENC_STREAM);
	assert_int_equal(t->key.length, 1);
	assert_int_equal(t->key.stream.first_ms, 5);
	assert_int_equal(t->key.stream.added, 1);
	assert_int_equal(t->key.stream.groups, 0);
	assert_string_equal(t->first, "5-1=name");
	stage_end(&s);
}

static void large_values_are_cut_and_their_lengths_are_told(void **state)
{
	struct stage s;
	size_t size = 700000;
	char *big = malloc(size);
	(void)state;
	memset(big, 'x', size);
	stage_begin(&s, NULL);
	stage_do(&s, "SET big %b", big, size);
	stage_do(&s, "SET edge %b", big, (size_t)AUDIT_VALUE_MAX);
	stage_do(&s, "SET above %b", big, (size_t)AUDIT_VALUE_MAX + 1);
	stage_do(&s, "HSET hash a 1 long %b", big, size);
	stage_do(&s, "RPUSH list %b", big, size);
	for (int i = 0; i < 300; i++) {
		stage_do(&s, "RPUSH queue item-%d", i);
		stage_do(&s, "SADD set a-member-%d", i);
		stage_do(&s, "ZADD zset %d m%d", i, i);
		stage_do(&s, "HSET table f%d v%d", i, i);
		stage_do(&s, "RPUSH forty%d e", i < 40);
	}
	stage_run(&s, LIVE_VALUES);
	const struct told *t = stage_told(&s, STR("big"));
	assert_int_equal(t->key.length, size);
	assert_int_equal(t->value_len, AUDIT_VALUE_MAX);
	assert_int_equal(t->key.digest, 0);
	t = stage_told(&s, STR("edge"));
	assert_int_equal(t->value_len, AUDIT_VALUE_MAX);
	assert_int_not_equal(t->key.digest, 0);
	t = stage_told(&s, STR("above"));
	assert_int_equal(t->key.length, AUDIT_VALUE_MAX + 1);
	assert_int_equal(t->key.digest, 0);
	t = stage_told(&s, STR("hash"));
	assert_int_equal(t->key.longest, size);
	assert_int_equal(t->key.length, 2);
	assert_int_equal(t->key.count, 2);
	t = stage_told(&s, STR("list"));
	assert_int_equal(t->key.longest, size);
	assert_int_equal(t->key.count, 1);
	t = stage_told(&s, STR("queue"));
	assert_int_equal(t->key.length, 300);
	assert_int_equal(t->key.count, AUDIT_ELEMENTS_MAX);
	assert_string_equal(t->first, "=item-0");
	assert_string_equal(t->last, "=item-299");
	t = stage_told(&s, STR("set"));
	assert_int_equal(t->key.encoding, AUDIT_ENC_HASHTABLE);
	assert_int_equal(t->key.length, 300);
	assert_int_equal(t->key.count, AUDIT_ELEMENTS_MAX);
	t = stage_told(&s, STR("zset"));
	assert_int_equal(t->key.length, 300);
	assert_int_equal(t->key.count, AUDIT_ELEMENTS_MAX);
	t = stage_told(&s, STR("table"));
	assert_int_equal(t->key.length, 300);
	t = stage_told(&s, STR("forty1"));
	assert_int_equal(t->key.length, 40);
	assert_int_equal(t->key.count, 40);
	stage_end(&s);
	free(big);
}

/* Lists, hashes, streams of elements that are large on average are told by their length alone; many
 * small elements are no less sampled for being many. */
static void elements_that_would_hold_the_server_up_are_not_read(void **state)
{
	enum { ELEMENTS = 40, BYTES = 100000 };
	static const int64_t rates[] = { 0, 1000000 };
	static const char *const large[] = { "list", "hash", "zset", "set", "stream" };
	struct stage s;
	char *value = malloc(BYTES);
	(void)state;
	stage_begin(&s, NULL);
	for (int i = 0; i < ELEMENTS; i++) {
		memset(value, 'a' + i % 26, BYTES);
		snprintf(value, BYTES, "%06d", i);
		stage_do(&s, "RPUSH list %b", value, (size_t)BYTES);
		stage_do(&s, "HSET hash %d %b", i, value, (size_t)BYTES);
		stage_do(&s, "ZADD zset %d %b", i, value, (size_t)BYTES);
		stage_do(&s, "SADD set %b", value, (size_t)BYTES);
		stage_do(&s, "XADD stream * f %b", value, (size_t)BYTES);
	}
	for (int i = 0; i < 40000; i++)
		redisAppendCommand(s.redis, "ZADD many %d member-%d", i, i);
	for (int i = 0; i < 40000; i++) {
		redisReply *reply;
		assert_int_equal(redisGetReply(s.redis, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
	stage_fill(&s, "small", 500);
	for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
		stage_do(&s, "CONFIG RESETSTAT");
		assert_int_equal(stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES,
									  .rate = rates[r] }),
				 STATUS_OK);
		assert_int_equal(s.result.keys, 506);
		for (size_t i = 0; i < ARRAY_LEN(large); i++) {
			const struct told *t = stage_told(&s, str_of(large[i]));
			assert_int_equal(t->key.length, ELEMENTS);
			assert_int_equal(t->key.count, 0);
		}
		assert_true(stage_told(&s, STR("many"))->key.bytes > 1 << 20);
		assert_int_equal(stage_told(&s, STR("many"))->key.length, 40000);
		assert_int_equal(stage_told(&s, STR("many"))->key.count, AUDIT_ELEMENTS_MAX);
		stage_assert_all_once(&s, "small", 500);
		redisReply *stats = redisCommand(s.redis, "INFO stats");
		const char *sent = strstr(stats->str, "total_net_output_bytes:");
		assert_non_null(sent);
		assert_true(atoll(sent + strlen("total_net_output_bytes:")) < 1 << 20);
		freeReplyObject(stats);
	}
	stage_end(&s);
	free(value);
}

/* More than the segments' bound of bytes, paced and not. */
static void many_large_strings_are_all_told(void **state)
{
	static const int64_t rates[] = { 0, 1000000 };
	enum { LARGE = 300, BYTES = 60000 };
	struct stage s;
	char *value = malloc(BYTES);
	(void)state;
	memset(value, 'y', BYTES);
	stage_begin(&s, NULL);
	for (int i = 0; i < LARGE; i++)
		stage_do(&s, "SET large:%d %b", i, value, (size_t)BYTES);
	stage_fill(&s, "small", LARGE);
	for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
		assert_int_equal(stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES,
									  .rate = rates[r] }),
				 STATUS_OK);
		stage_assert_all_once(&s, "large", LARGE);
		stage_assert_all_once(&s, "small", LARGE);
		assert_int_equal(stage_told(&s, STR("large:7"))->key.digest,
				 audit_digest(str_make(value, BYTES)));
	}
	stage_end(&s);
	free(value);
}

static void names_are_bytes(void **state)
{
	struct stage s;
	char *longest = malloc(AUDIT_NAME_MAX + 1);
	const struct str odd[] = { STR(""),       STR("\0"),
				   STR("a\r\nb"), STR("\xff\xfe\x00x"),
				   STR(" * ?"),   STR("$3\r\nGET"),
				   STR("привет"), STR("%s%n") };
	(void)state;
	memset(longest, 'n', AUDIT_NAME_MAX + 1);
	stage_begin(&s, NULL);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		stage_do(&s, "SET %b v", odd[i].ptr, odd[i].len);
	stage_do(&s, "SET %b v", longest, (size_t)AUDIT_NAME_MAX);
	stage_do(&s, "SET %b v", longest, (size_t)AUDIT_NAME_MAX + 1);
	stage_run(&s, LIVE_VALUES);
	assert_int_equal(s.result.keys, ARRAY_LEN(odd) + 1);
	assert_int_equal(s.result.unaskable, 1);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_string_equal(stage_told(&s, odd[i])->value, "v");
	stage_told(&s, str_make(longest, AUDIT_NAME_MAX));
	stage_end(&s);
	free(longest);
}

static void excluded_names_are_not_asked_for(void **state)
{
	struct stage s;
	const struct str excludes[] = { STR("cache:*"), STR("[xy]?") };
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "cache", 50);
	stage_fill(&s, "kept", 10);
	stage_do(&s, "SET x1 v");
	stage_do(&s, "SET x12 v");
	assert_int_equal(stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES,
								  .excludes = excludes,
								  .n_excludes = 2 }),
			 STATUS_OK);
	assert_int_equal(s.result.keys, 11);
	assert_int_equal(s.result.excluded, 51);
	stage_assert_all_once(&s, "kept", 10);
	stage_end(&s);
}

static void all_databases_are_asked(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_do(&s, "SET same 0");
	stage_do(&s, "SELECT 9");
	stage_do(&s, "SET same 9");
	stage_do(&s, "SET nine 9");
	stage_run(&s, LIVE_VALUES);
	assert_int_equal(s.result.keys, 3);
	assert_int_equal(s.result.databases, 2);
	assert_int_equal(stage_told(&s, STR("nine"))->db, 9);
	assert_int_equal(s.told[0].db, 0);
	stage_end(&s);
}

/* Idle times come with RESTORE, so that nobody has to wait for them. */
static void restore_idle(struct stage *s, const char *name, int seconds)
{
	redisReply *dump = redisCommand(s->redis, "DUMP %s", name);
	stage_do(s, "RESTORE %s 0 %b REPLACE IDLETIME %d", name, dump->str, dump->len, seconds);
	freeReplyObject(dump);
}

static const char *const typed[] = { "string", "list", "set", "zset", "hash", "stream" };

static void fill_types(struct stage *s)
{
	stage_do(s, "SET string v");
	stage_do(s, "RPUSH list v");
	stage_do(s, "SADD set v");
	stage_do(s, "ZADD zset 1 v");
	stage_do(s, "HSET hash f v");
	stage_do(s, "XADD stream * f v");
	for (size_t i = 0; i < ARRAY_LEN(typed); i++)
		restore_idle(s, typed[i], 5000);
}

static void metadata_alone_disturbs_no_idle_time(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	fill_types(&s);
	stage_run(&s, LIVE_METADATA);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		const struct told *t = stage_told(&s, str_of(typed[i]));
		assert_in_range(t->key.idle_s, 5000, 5060);
		assert_int_equal(t->key.length, -1);
		assert_true(t->key.bytes > 0);
		assert_in_range(stage_do(&s, "OBJECT IDLETIME %s", typed[i]), 5000, 5060);
	}
	stage_end(&s);
}

static void idle_times_are_told_as_they_were_before_the_values_were_read(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	fill_types(&s);
	stage_run(&s, LIVE_VALUES);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++)
		assert_in_range(stage_told(&s, str_of(typed[i]))->key.idle_s, 5000, 5060);
	/* A server that knows CLIENT NO-TOUCH leaves them so. */
	assert_int_equal(stage_do(&s, "OBJECT IDLETIME string") < 100, s.result.touches);
	stage_end(&s);
}

static void lengths_are_told_without_values(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	fill_types(&s);
	stage_run(&s, LIVE_LENGTHS);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		assert_int_equal(stage_told(&s, str_of(typed[i]))->key.length, 1);
		assert_int_equal(stage_told(&s, str_of(typed[i]))->key.count, 0);
		assert_int_equal(stage_told(&s, str_of(typed[i]))->value_len, 0);
	}
	stage_end(&s);
}

static void groups_of_streams_and_consumers_that_went_away_are_counted(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	for (int i = 1; i <= 40; i++)
		stage_do(&s, "XADD jobs %d-0 n %d", i * 1000, i);
	stage_do(&s, "XGROUP CREATE jobs workers 0");
	stage_do(&s, "XGROUP CREATE jobs idle 0");
	stage_do(&s, "XREADGROUP GROUP workers gone COUNT 3 STREAMS jobs >");
	stage_do(&s, "XREADGROUP GROUP workers here COUNT 2 STREAMS jobs >");
	stage_do(&s, "XCLAIM jobs workers gone 0 1000-0 IDLE 5");
	stage_do(&s, "XTRIM jobs MAXLEN 35");
	assert_int_equal(
	    stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES, .stale_ms = 3600000 }),
	    STATUS_OK);
	const struct told *t = stage_told(&s, STR("jobs"));
	assert_int_equal(t->key.length, 35);
	assert_int_equal(t->key.stream.groups, 2);
	assert_int_equal(t->key.stream.consumers, 2);
	assert_int_equal(t->key.stream.pending, 5);
	assert_int_equal(t->key.stream.added, 40);
	assert_int_equal(t->key.stream.first_ms, 6000);
	assert_int_equal(t->key.stream.last_ms, 40000);
	assert_int_equal(t->key.stream.stale_consumers, 0);
	/* Idle for longer than -1 ms is everybody. */
	assert_int_equal(
	    stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES, .stale_ms = -1 }),
	    STATUS_OK);
	assert_int_equal(stage_told(&s, STR("jobs"))->key.stream.stale_consumers, 2);
	stage_end(&s);
}

static void the_server_is_described(void **state)
{
	struct stage s;
	const char *extra[] = { "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru",
				NULL };
	(void)state;
	stage_begin(&s, extra);
	stage_do(&s, "SET k v");
	stage_run(&s, LIVE_VALUES);
	const struct audit_server *server = &s.result.server;
	assert_string_equal(server->policy, "volatile-lru");
	assert_string_equal(server->role, "master");
	assert_int_equal(server->maxmemory, 100 << 20);
	assert_int_equal(server->nopass, AUDIT_YES);
	assert_int_equal(server->save_known, AUDIT_YES);
	assert_string_equal(server->save, "");
	assert_int_equal(server->aof, AUDIT_NO);
	assert_int_equal(server->sentinel, AUDIT_NO);
	assert_int_equal(server->databases, 16);
	assert_true(server->clients >= 2);
	assert_true(server->listpack_hash_value > 0);
	stage_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_told_with_length_encoding_and_a_sample),
		cmocka_unit_test(large_values_are_cut_and_their_lengths_are_told),
		cmocka_unit_test(elements_that_would_hold_the_server_up_are_not_read),
		cmocka_unit_test(many_large_strings_are_all_told),
		cmocka_unit_test(names_are_bytes),
		cmocka_unit_test(excluded_names_are_not_asked_for),
		cmocka_unit_test(all_databases_are_asked),
		cmocka_unit_test(metadata_alone_disturbs_no_idle_time),
		cmocka_unit_test(idle_times_are_told_as_they_were_before_the_values_were_read),
		cmocka_unit_test(lengths_are_told_without_values),
		cmocka_unit_test(groups_of_streams_and_consumers_that_went_away_are_counted),
		cmocka_unit_test(the_server_is_described),
	};
	return fixture_has_redis() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
