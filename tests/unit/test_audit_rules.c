/* Rules that look at a key and its family: each with what fires, what looks alike, the bound. */
#include "audit_stage.h"

static void with_ttl(struct audit_key *key) { key->expires_ms = STAGE_NOW_MS + 60000; }

static void temporary_uses_need_a_ttl(void **state)
{
	(void)state;
	static const struct {
		enum audit_use use;
		const char *name;
		bool fires;
	} cases[] = {
		{ AUDIT_USE_flag, "f:1", true },       { AUDIT_USE_cache, "c:1", true },
		{ AUDIT_USE_rate_limit, "r:1", true }, { AUDIT_USE_session, "s:1", true },
		{ AUDIT_USE_counter, "n:1", false },   { AUDIT_USE_lock, "l:1", false },
		{ AUDIT_USE_record, "t:1", false },    { AUDIT_USE_config, "g:1", false },
	};
	struct stage *stage = stage_open();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		stage_family(stage, cases[i].name, cases[i].use);
		stage_string(stage, cases[i].name, STR("1"));
	}
	stage_run(stage);
	stage_only(stage, FINDING_no_ttl, "f:1 c:1 r:1 s:1");
	stage_only(stage, FINDING_cache, "c:1");
	stage_close(stage);
}

static void half_of_a_family_with_ttl_asks_the_rest(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "a:{id}", AUDIT_USE_unknown);
	with_ttl(stage_string(stage, "a:1", STR("x")));
	stage_string(stage, "a:2", STR("x"));
	stage_family(stage, "b:{id}", AUDIT_USE_unknown);
	with_ttl(stage_string(stage, "b:1", STR("x")));
	stage_string(stage, "b:2", STR("x"));
	stage_string(stage, "b:3", STR("x"));
	stage_run(stage);
	stage_only(stage, FINDING_no_ttl, "a:2");
	const struct audit_finding *finding = stage_finding(stage, FINDING_no_ttl);
	assert_string_equal(finding->fix, "EXPIRE a:2 3600; at its writer: SET … EX 3600");
	assert_int_equal(finding->confidence, AUDIT_LIKELY);
	stage_close(stage);
}

static void idle_beyond_the_limit_is_dead_and_unknown_is_not(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "a:{id}", AUDIT_USE_unknown);
	stage_string(stage, "a:1", STR("x"))->idle_s = 30 * 86400 + 1;
	stage_string(stage, "a:2", STR("x"))->idle_s = 30 * 86400;
	stage_string(stage, "a:3", STR("x"))->idle_s = -1;
	stage_run(stage);
	stage_only(stage, FINDING_dead, "a:1");
	assert_int_equal(stage_finding(stage, FINDING_dead)->bytes_after, 0);
	stage_close(stage);
}

static void severity_follows_the_memory(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "a:{id}", AUDIT_USE_unknown);
	struct audit_key *dead = stage_string(stage, "a:1", STR("x"));
	dead->idle_s = 40 * 86400;
	dead->bytes = 1000;
	stage_run(stage);
	assert_int_equal(stage_finding(stage, FINDING_dead)->severity, SEVERITY_INFO);
	stage_close(stage);
	stage = stage_open();
	stage_family(stage, "a:{id}", AUDIT_USE_unknown);
	dead = stage_string(stage, "a:1", STR("x"));
	dead->idle_s = 40 * 86400;
	dead->bytes = 40 << 20;
	stage_string(stage, "a:2", STR("x"))->bytes = 60 << 20;
	stage_run(stage);
	assert_int_equal(stage_finding(stage, FINDING_dead)->severity, SEVERITY_HIGH);
	assert_non_null(strstr(stage_finding(stage, FINDING_dead)->what, "40 % of all memory"));
	stage_close(stage);
}

static void names_without_a_namespace_and_smaller_twins(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "{symbol}_{tf}", AUDIT_USE_time_series)->namespaced = false;
	stage_string(stage, "BTC_1h", STR("x"));
	stage_family(stage, "ticker:{symbol}", AUDIT_USE_unknown)->twin = 2;
	stage_string(stage, "ticker:BTC", STR("x"));
	stage_string(stage, "ticker:ETH", STR("x"));
	stage_family(stage, "ticker.{symbol}", AUDIT_USE_unknown)->twin = 1;
	stage_string(stage, "ticker.BTC", STR("x"));
	stage_run(stage);
	stage_only(stage, FINDING_naming, "BTC_1h ticker.BTC");
	const struct audit_finding *finding = stage_finding(stage, FINDING_naming);
	if (finding->family != 0)
		finding++;
	assert_string_equal(finding->fix, "weir migrate: indicators:v1:{symbol}:{tf}");
	stage_close(stage);
}

static void the_minority_of_types_collides(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "p:{id}", AUDIT_USE_unknown);
	stage_string(stage, "p:1", STR("x"));
	stage_string(stage, "p:2", STR("x"));
	stage_key(stage, AUDIT_HASH, "p:3")->length = 1;
	stage_run(stage);
	stage_only(stage, FINDING_collision, "p:3");
	assert_int_equal(stage_finding(stage, FINDING_collision)->severity, SEVERITY_HIGH);
	stage_close(stage);
}

static struct audit_key *in_db(struct audit_key *key, int db)
{
	key->db = db;
	return key;
}

static void a_name_with_two_types_in_two_databases_collides_in_both(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "engine:registry", AUDIT_USE_unknown);
	stage_string(stage, "engine:registry", STR("x"));
	stage_string(stage, "engine:other", STR("x"));
	in_db(stage_string(stage, "engine:other", STR("x")), 2); /* the same type */
	stage_family(stage, "engines", AUDIT_USE_unknown);
	in_db(stage_key(stage, AUDIT_HASH, "engine:registry"), 2)->length = 1;
	stage_family(stage, "more", AUDIT_USE_unknown);
	in_db(stage_key(stage, AUDIT_SET, "both"), 1)->length = 1;
	stage_family(stage, "others", AUDIT_USE_unknown);
	in_db(stage_key(stage, AUDIT_LIST, "both"), 3)->length = 1;
	stage_run(stage);
	assert_true(stage_hits(stage, FINDING_collision, "engine:registry"));
	assert_true(stage_hits(stage, FINDING_collision, "both"));
	assert_int_equal(stage_count(stage, FINDING_collision), 4);
	stage_close(stage);
}

static struct audit_key *collection(struct stage *stage, enum audit_type type, const char *name,
				    int64_t length)
{
	struct audit_key *key = stage_key(stage, type, "%s", name);
	key->length = length;
	return key;
}

static void constant_names_that_are_long_grow_without_end(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "FINAL_TRADES", AUDIT_USE_record);
	collection(stage, AUDIT_LIST, "FINAL_TRADES", 1001);
	stage_family(stage, "short", AUDIT_USE_record);
	collection(stage, AUDIT_LIST, "short", 1000);
	stage_family(stage, "expires", AUDIT_USE_record);
	with_ttl(collection(stage, AUDIT_SET, "expires", 5000));
	stage_family(stage, "settings", AUDIT_USE_config);
	collection(stage, AUDIT_HASH, "settings", 2000);
	stage_family(stage, "by:{id}", AUDIT_USE_record);
	collection(stage, AUDIT_LIST, "by:1", 1001);
	stage_run(stage);
	stage_only(stage, FINDING_unbounded, "FINAL_TRADES");
	assert_int_equal(stage_finding(stage, FINDING_unbounded)->confidence, AUDIT_CERTAIN);
	stage_close(stage);
}

/* A family with a list of so many, and what it has more than before. */
static void grown(struct stage *stage, const char *name, int64_t length, int64_t keys,
		  int64_t elements)
{
	struct audit_family *family = stage_family(stage, name, AUDIT_USE_record);
	collection(stage, AUDIT_LIST, name, length);
	family->constant = false;
	family->grown_keys = keys;
	family->grown_bytes = 4000;
	family->grown_elements = elements;
}

static void only_elements_in_no_more_keys_are_growth(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	grown(stage, "grown", 500, 0, 50);
	grown(stage, "capped", 500, 0, 0); /* other, longer elements */
	grown(stage, "stable", 500, 0, 45);
	grown(stage, "short", 99, 0, 50);
	grown(stage, "more", 500, 1, 50);
	grown(stage, "unknown", 500, 0, INT64_MIN);
	stage_run(stage);
	stage_only(stage, FINDING_unbounded, "grown");
	assert_int_equal(stage_finding(stage, FINDING_unbounded)->confidence, AUDIT_LIKELY);
	stage_close(stage);
}

static struct audit_key *stream(struct stage *stage, const char *name, int64_t length,
				int64_t added)
{
	struct audit_key *key = collection(stage, AUDIT_STREAM, name, length);
	key->stream.added = added;
	return key;
}

static void streams_that_were_never_trimmed_or_left_behind(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "s:{id}", AUDIT_USE_unknown);
	stream(stage, "s:untrimmed", 100, 100);
	stream(stage, "s:trimmed", 100, 101);
	stream(stage, "s:unknown", 100, -1);
	stream(stage, "s:empty", 0, 0);
	with_ttl(stream(stage, "s:expires", 100, 100));
	struct audit_stream *stale = &stream(stage, "s:stale", 100, 900)->stream;
	stale->stale_consumers = 1;
	stale->pending = 3;
	stream(stage, "s:idle", 100, 900)->stream.stale_consumers = 1; /* nothing pending */
	stage_run(stage);
	stage_only(stage, FINDING_unbounded, "s:untrimmed s:stale");
	stage_close(stage);
}

static void big_begins_behind_each_limit(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "b:{id}", AUDIT_USE_unknown);
	collection(stage, AUDIT_STRING, "b:string", (100 << 10) + 1);
	collection(stage, AUDIT_STRING, "b:string-", 100 << 10)->bytes = 2 << 20;
	collection(stage, AUDIT_HASH, "b:hash", 5001);
	collection(stage, AUDIT_HASH, "b:hash-", 5000);
	collection(stage, AUDIT_SET, "b:set", 1001);
	collection(stage, AUDIT_SET, "b:set-", 1000);
	collection(stage, AUDIT_STREAM, "b:stream-", 100000);
	collection(stage, AUDIT_LIST, "b:bytes", 10)->bytes = (1 << 20) + 1;
	collection(stage, AUDIT_LIST, "b:bytes-", 10)->bytes = 1 << 20;
	stage_run(stage);
	stage_only(stage, FINDING_big, "b:string b:hash b:set b:bytes");
	stage_close(stage);
}

static void a_long_value_makes_a_table(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "h:{id}", AUDIT_USE_unknown);
	static const struct {
		const char *name;
		enum audit_type type;
		enum audit_encoding encoding;
		int64_t length, longest;
	} cases[] = {
		{ "h:miss", AUDIT_HASH, AUDIT_ENC_HASHTABLE, 512, 65 },
		{ "h:many", AUDIT_HASH, AUDIT_ENC_HASHTABLE, 513, 65 },
		{ "h:shrunk", AUDIT_HASH, AUDIT_ENC_HASHTABLE, 10, 64 },
		{ "h:packed", AUDIT_HASH, AUDIT_ENC_LISTPACK, 10, 20 },
		{ "z:miss", AUDIT_ZSET, AUDIT_ENC_SKIPLIST, 128, 65 },
		{ "z:many", AUDIT_ZSET, AUDIT_ENC_SKIPLIST, 129, 65 },
		{ "s:seven", AUDIT_SET, AUDIT_ENC_HASHTABLE, 10, 65 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct audit_key *key = stage_key(stage, cases[i].type, "%s", cases[i].name);
		key->encoding = cases[i].encoding;
		key->length = cases[i].length;
		key->longest = cases[i].longest;
	}
	stage_run(stage);
	stage_only(stage, FINDING_encoding, "h:miss z:miss");
	stage_close(stage);
}

static void the_servers_own_limits_count(void **state)
{
	(void)state;
	struct audit_server server = audit_server_none();
	server.listpack_hash_entries = 8;
	server.listpack_hash_value = 100;
	server.listpack_set_entries = 128;
	struct stage *stage = stage_open();
	stage->server = &server;
	stage_family(stage, "h:{id}", AUDIT_USE_unknown);
	for (int i = 0; i < 3; i++) {
		struct audit_key *key = stage_key(stage, AUDIT_HASH, "h:%d", i);
		key->encoding = AUDIT_ENC_HASHTABLE;
		key->length = i == 0 ? 9 : 8;
		key->longest = i == 1 ? 100 : 101;
	}
	struct audit_key *set = stage_key(stage, AUDIT_SET, "set");
	set->encoding = AUDIT_ENC_HASHTABLE;
	set->length = 10;
	set->longest = 65;
	stage_run(stage);
	stage_only(stage, FINDING_encoding, "h:2 set");
	stage_close(stage);
}

static void a_hundred_small_strings_belong_in_hashes(void **state)
{
	(void)state;
	static const char long_one[] = "12345678901234567890123456789012345678901234567890123456789"
				       "012345";
	struct stage *stage = stage_open();
	stage_family(stage, "many:{id}", AUDIT_USE_unknown);
	for (int i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof name, "many:%d", i);
		stage_string(stage, name, STR("5"));
	}
	with_ttl(stage_string(stage, "many:ttl", STR("5")));
	stage_string(stage, "many:long", str_make(long_one, 65));
	stage_family(stage, "few:{id}", AUDIT_USE_unknown);
	for (int i = 0; i < 99; i++) {
		char name[32];
		snprintf(name, sizeof name, "few:%d", i);
		stage_string(stage, name, STR("5"));
	}
	with_ttl(stage_string(stage, "few:ttl", STR("5")));
	stage_run(stage);
	assert_int_equal(stage_count(stage, FINDING_encoding), 100);
	assert_true(stage_hits(stage, FINDING_encoding, "many:0"));
	assert_false(stage_hits(stage, FINDING_encoding, "many:ttl"));
	assert_false(stage_hits(stage, FINDING_encoding, "many:long"));
	stage_close(stage);
}

static void what_nobody_else_has_must_not_expire(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "trade:{id}", AUDIT_USE_record);
	with_ttl(stage_string(stage, "trade:1", STR("x")));
	stage_string(stage, "trade:2", STR("x"));
	stage_family(stage, "queue:{id}", AUDIT_USE_queue);
	with_ttl(collection(stage, AUDIT_LIST, "queue:1", 3));
	stage_family(stage, "cache:{id}", AUDIT_USE_cache);
	with_ttl(stage_string(stage, "cache:1", STR("x")));
	stage_run(stage);
	stage_only(stage, FINDING_expiry_risk, "trade:1 queue:1");
	stage_close(stage);
}

/* Results of work, one-time codes: whoever wrote them meant them to go. */
static void what_is_meant_to_go_may_expire(void **state)
{
	(void)state;
	const int64_t day_ms = 86400000;
	struct stage *stage = stage_open();
	stage_family(stage, "celery-task-meta-{uuid}", AUDIT_USE_queue);
	with_ttl(stage_string(stage, "celery-task-meta-1", STR("x")));
	stage_family(stage, "rq:job:{uuid}", AUDIT_USE_queue);
	with_ttl(collection(stage, AUDIT_HASH, "rq:job:1", 9));
	stage_family(stage, "retry:{id}", AUDIT_USE_queue);
	with_ttl(collection(stage, AUDIT_ZSET, "retry:1", 3));
	stage_family(stage, "user:otp:{id}", AUDIT_USE_record);
	with_ttl(stage_string(stage, "user:otp:1", STR("123456")));
	stage_family(stage, "order:{id}", AUDIT_USE_record);
	stage_string(stage, "order:1", STR("x"))->expires_ms = STAGE_NOW_MS + day_ms;
	stage_string(stage, "order:2", STR("x"))->expires_ms = STAGE_NOW_MS + day_ms + 1;
	stage_run(stage);
	stage_only(stage, FINDING_expiry_risk, "retry:1 order:2");
	stage_close(stage);
}

static void queues_without_a_list_beside_them_lose(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "queue:{word}", AUDIT_USE_queue);
	collection(stage, AUDIT_LIST, "queue:orders", 3);
	collection(stage, AUDIT_LIST, "queue:mail", 3);
	collection(stage, AUDIT_LIST, "queue:push", 3);
	collection(stage, AUDIT_LIST, "queue:sms", 3);
	in_db(collection(stage, AUDIT_LIST, "queue:sms:dead", 3), 1); /* another database */
	stage_family(stage, "queue:{word}:{word}", AUDIT_USE_queue);
	collection(stage, AUDIT_LIST, "queue:mail:processing", 1);
	collection(stage, AUDIT_LIST, "dead-letter:queue:push", 1);
	stage_family(stage, "events", AUDIT_USE_queue);
	collection(stage, AUDIT_STREAM, "events", 3);
	stage_family(stage, "prices", AUDIT_USE_time_series);
	collection(stage, AUDIT_LIST, "prices", 3);
	stage_run(stage);
	stage_only(stage, FINDING_queue_loss, "queue:orders queue:sms");
	stage_close(stage);
}

static void queues_that_acknowledge_do_not_lose(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "bull:{word}:{word}", AUDIT_USE_queue);
	collection(stage, AUDIT_LIST, "bull:mail:wait", 3);
	collection(stage, AUDIT_LIST, "bull:mail:active", 1);
	collection(stage, AUDIT_LIST, "bull:push:wait", 3);
	collection(stage, AUDIT_ZSET, "bull:push:failed", 3);
	collection(stage, AUDIT_LIST, "bull:lost:wait", 3);
	collection(stage, AUDIT_LIST, "bull:other:wait", 3);
	stage_string(stage, "bull:other:failed", STR("7")); /* a count keeps nothing */
	stage_family(stage, "{word}", AUDIT_USE_queue);
	in_db(collection(stage, AUDIT_LIST, "celery", 3), 1);
	in_db(collection(stage, AUDIT_HASH, "unacked", 3), 1);
	collection(stage, AUDIT_LIST, "emails", 3); /* of another database */
	stage_run(stage);
	stage_only(stage, FINDING_queue_loss, "bull:lost:wait bull:other:wait emails");
	stage_close(stage);
}

static void rules_that_are_off_are_silent(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage->config.limits.off = STR("no-ttl, naming,nonsense");
	stage_family(stage, "f", AUDIT_USE_cache)->namespaced = false;
	stage_string(stage, "f", STR("1"));
	stage_run(stage);
	assert_int_equal(stage_count(stage, FINDING_no_ttl), 0);
	assert_int_equal(stage_count(stage, FINDING_naming), 0);
	stage_only(stage, FINDING_cache, "f");
	stage_close(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(temporary_uses_need_a_ttl),
		cmocka_unit_test(half_of_a_family_with_ttl_asks_the_rest),
		cmocka_unit_test(idle_beyond_the_limit_is_dead_and_unknown_is_not),
		cmocka_unit_test(severity_follows_the_memory),
		cmocka_unit_test(names_without_a_namespace_and_smaller_twins),
		cmocka_unit_test(the_minority_of_types_collides),
		cmocka_unit_test(a_name_with_two_types_in_two_databases_collides_in_both),
		cmocka_unit_test(constant_names_that_are_long_grow_without_end),
		cmocka_unit_test(only_elements_in_no_more_keys_are_growth),
		cmocka_unit_test(streams_that_were_never_trimmed_or_left_behind),
		cmocka_unit_test(big_begins_behind_each_limit),
		cmocka_unit_test(a_long_value_makes_a_table),
		cmocka_unit_test(the_servers_own_limits_count),
		cmocka_unit_test(a_hundred_small_strings_belong_in_hashes),
		cmocka_unit_test(what_nobody_else_has_must_not_expire),
		cmocka_unit_test(what_is_meant_to_go_may_expire),
		cmocka_unit_test(queues_without_a_list_beside_them_lose),
		cmocka_unit_test(queues_that_acknowledge_do_not_lose),
		cmocka_unit_test(rules_that_are_off_are_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
