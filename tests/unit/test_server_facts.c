/* What servers say of themselves, from texts of Redis 5 to 7 and Valkey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "survey/server_facts.h"

static const char redis_5[] =
    "# Server\r\nredis_version:5.0.14\r\nredis_mode:standalone\r\n"
    "run_id:0123456789abcdef0123456789abcdef01234567\r\n"
    "# Clients\r\nconnected_clients:7\r\nclient_recent_max_input_buffer:2\r\nblocked_clients:1\r\n"
    "# Memory\r\nused_memory:1048576\r\nused_memory_rss:3145728\r\nused_memory_peak:2097152\r\n"
    "used_memory_dataset:500000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n"
    "mem_fragmentation_ratio:3.08\r\n"
    "# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:42\r\n"
    "rdb_last_save_time:1700000000\r\nrdb_last_bgsave_status:err\r\naof_enabled:0\r\n"
    "# Stats\r\nexpired_keys:5\r\nevicted_keys:6\r\nkeyspace_hits:7\r\nkeyspace_misses:8\r\n"
    "# Replication\r\nrole:master\r\nconnected_slaves:0\r\nrepl_backlog_active:0\r\n"
    "repl_backlog_size:1048576\r\n# Cluster\r\ncluster_enabled:0\r\n"
    "# Keyspace\r\ndb0:keys=1234,expires=10,avg_ttl=99\r\ndb3:keys=5,expires=0,avg_ttl=0\r\n";

static void a_clusters_masters_are_added_up_and_the_worst_of_them_stands_for_all(void **state)
{
	struct audit_server all = audit_server_none(), node = audit_server_none();
	(void)state;
	all.used = 100;
	all.maxmemory = 1000;
	all.evicted = 1;
	all.rss = 200;
	all.replicas = 2;
	all.fragmentation_1000 = 1100;
	all.aof = all.save_known = AUDIT_YES;
	all.nopass = AUDIT_NO;
	all.last_save_ok = 1;
	snprintf(all.save, sizeof all.save, "60 1");
	node = all;
	node.maxmemory = 500;
	node.rss = -1;
	node.replicas = 0;
	node.fragmentation_1000 = 1700;
	node.aof = AUDIT_NO;
	node.nopass = AUDIT_YES;
	node.last_save_ok = 0;
	node.save[0] = 0;
	server_facts_join(&all, &node);
	assert_int_equal(all.used, 200);
	assert_int_equal(all.maxmemory, 1500);
	assert_int_equal(all.evicted, 2);
	assert_int_equal(all.rss, -1);
	assert_int_equal(all.clients, -1);
	assert_int_equal(all.replicas, 0);
	assert_int_equal(all.fragmentation_1000, 1700);
	assert_int_equal(all.aof, AUDIT_NO);
	assert_int_equal(all.nopass, AUDIT_YES);
	assert_int_equal(all.last_save_ok, 0);
	assert_string_equal(all.save, "");
	node.maxmemory = 0;
	server_facts_join(&all, &node);
	assert_int_equal(all.maxmemory, 0);
	server_facts_join(&all, &(struct audit_server){ .maxmemory = 7 });
	assert_int_equal(all.maxmemory, 0);
}

static void redis_5_is_understood(void **state)
{
	struct server_facts facts;
	(void)state;
	server_facts_init(&facts);
	server_facts_info(&facts, str_of(redis_5));
	const struct audit_server *s = &facts.server;
	assert_string_equal(s->version, "5.0.14");
	assert_string_equal(s->flavour, "redis");
	assert_string_equal(s->mode, "standalone");
	assert_string_equal(s->role, "master");
	assert_string_equal(s->policy, "noeviction");
	assert_string_equal(facts.run_id, "0123456789abcdef0123456789abcdef01234567");
	assert_int_equal(s->clients, 7);
	assert_int_equal(s->blocked, 1);
	assert_int_equal(s->clients_max, -1);
	assert_int_equal(s->used, 1048576);
	assert_int_equal(s->rss, 3145728);
	assert_int_equal(s->peak, 2097152);
	assert_int_equal(s->dataset, 500000);
	assert_int_equal(s->maxmemory, 0);
	assert_int_equal(s->fragmentation_1000, 3080);
	assert_int_equal(s->last_save_ms, 1700000000000);
	assert_int_equal(s->last_save_ok, 0);
	assert_int_equal(s->changes_since_save, 42);
	assert_int_equal(s->aof, AUDIT_NO);
	assert_int_equal(s->replicas, 0);
	assert_int_equal(s->backlog_bytes, 1048576);
	assert_int_equal(s->expired, 5);
	assert_int_equal(s->evicted, 6);
	assert_int_equal(s->hits, 7);
	assert_int_equal(s->misses, 8);
	assert_int_equal(s->save_known, AUDIT_UNKNOWN);
	assert_false(facts.cluster);
	assert_int_equal(facts.n_databases, 2);
	assert_int_equal(facts.databases[0].keys, 1234);
	assert_int_equal(facts.databases[1].number, 3);
}

static void redis_6_and_7_and_a_cluster_are_understood(void **state)
{
	struct server_facts facts;
	(void)state;
	server_facts_init(&facts);
	server_facts_info(&facts, STR("redis_version:6.2.7\r\nredis_mode:cluster\r\n"
				      "maxclients:10000\r\nrole:slave\r\nconnected_slaves:2\r\n"
				      "aof_enabled:1\r\nrdb_last_bgsave_status:ok\r\n"
				      "mem_fragmentation_ratio:-nan\r\ncluster_enabled:1\r\n"));
	assert_string_equal(facts.server.version, "6.2.7");
	assert_string_equal(facts.server.mode, "cluster");
	assert_string_equal(facts.server.role, "replica");
	assert_int_equal(facts.server.clients_max, 10000);
	assert_int_equal(facts.server.aof, AUDIT_YES);
	assert_int_equal(facts.server.last_save_ok, 1);
	assert_int_equal(facts.server.fragmentation_1000, -1);
	assert_true(facts.cluster);
	server_facts_init(&facts);
	server_facts_info(&facts, STR("redis_version:7.2.4\nmem_fragmentation_ratio:1.5\n"
				      "db15:keys=9,expires=0,avg_ttl=0,subexpiry=0\n"));
	assert_string_equal(facts.server.version, "7.2.4");
	assert_int_equal(facts.server.fragmentation_1000, 1500);
	assert_int_equal(facts.databases[0].number, 15);
	assert_int_equal(facts.databases[0].keys, 9);
}

static void valkey_says_its_own_version(void **state)
{
	struct server_facts facts;
	(void)state;
	server_facts_init(&facts);
	server_facts_info(&facts, STR("redis_version:7.2.4\r\nserver_name:valkey\r\n"
				      "valkey_version:8.0.1\r\nserver_mode:standalone\r\n"));
	assert_string_equal(facts.server.version, "8.0.1");
	assert_string_equal(facts.server.flavour, "valkey");
	assert_string_equal(facts.server.mode, "standalone");
}

static void settings_have_one_meaning_in_all_versions(void **state)
{
	struct server_facts facts;
	(void)state;
	server_facts_init(&facts);
	server_facts_setting(&facts, STR("hash-max-ziplist-entries"), STR("512"));
	server_facts_setting(&facts, STR("hash-max-listpack-value"), STR("64"));
	server_facts_setting(&facts, STR("set-max-intset-entries"), STR("512"));
	server_facts_setting(&facts, STR("list-max-listpack-size"), STR("-2"));
	server_facts_setting(&facts, STR("databases"), STR("16"));
	server_facts_setting(&facts, STR("save"), STR("3600 1 300 100"));
	assert_int_equal(facts.server.listpack_hash_entries, 512);
	assert_int_equal(facts.server.listpack_hash_value, 64);
	assert_int_equal(facts.server.intset_entries, 512);
	assert_int_equal(facts.server.listpack_zset_entries, -1);
	assert_int_equal(facts.server.databases, 16);
	assert_int_equal(facts.server.save_known, AUDIT_YES);
	assert_string_equal(facts.server.save, "3600 1 300 100");
}

static void the_default_user_has_a_password_or_none(void **state)
{
	static const struct {
		const char *line;
		enum audit_known nopass;
	} cases[] = {
		{ "user default on nopass ~* &* +@all", AUDIT_YES },
		{ "user default on nopass sanitize-payload ~* &* +@all", AUDIT_YES },
		{ "user default off nopass ~* +@all", AUDIT_NO },
		{ "user default on #9f86d081884c7d659a2feaa0c55ad015a3bf4f1b ~* +@all", AUDIT_NO },
		{ "user other on nopass ~* +@all", AUDIT_UNKNOWN },
		{ "", AUDIT_UNKNOWN },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct server_facts facts;
		server_facts_init(&facts);
		server_facts_acl(&facts, str_of(cases[i].line));
		assert_int_equal(facts.server.nopass, cases[i].nopass);
	}
}

static void clients_are_counted_where_info_did_not_tell(void **state)
{
	struct server_facts facts;
	(void)state;
	server_facts_init(&facts);
	server_facts_clients(&facts, STR("id=3 addr=127.0.0.1:1 name=\nid=4 addr=127.0.0.1:2\n"));
	assert_int_equal(facts.server.clients, 2);
	server_facts_clients(&facts, STR("id=3\n"));
	assert_int_equal(facts.server.clients, 2);
}

/* Whatever comes: nothing is read outside of it, texts end, and no figure is negative but -1. */
static void damaged_texts_do_no_harm(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 5);
	for (int i = 0; i < 3000; i++) {
		struct server_facts facts;
		size_t len = rng_below(&rng, sizeof redis_5);
		char *text = malloc(len + 1);
		memcpy(text, redis_5, len);
		for (int n = 0; n < 20 && len; n++)
			text[rng_below(&rng, len)] = "09-:.=,\r\n#d\xff"[rng_below(&rng, 12)];
		server_facts_init(&facts);
		server_facts_info(&facts, str_make(text, len));
		server_facts_acl(&facts, str_make(text, len));
		server_facts_clients(&facts, str_make(text, len));
		assert_true(strlen(facts.server.version) < sizeof facts.server.version);
		assert_true(facts.server.used >= -1 && facts.server.last_save_ms >= -1);
		assert_true(facts.server.fragmentation_1000 >= -1);
		assert_true(facts.n_databases <= SERVER_DATABASES_MAX);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_clusters_masters_are_added_up_and_the_worst_of_them_stands_for_all),
		cmocka_unit_test(redis_5_is_understood),
		cmocka_unit_test(redis_6_and_7_and_a_cluster_are_understood),
		cmocka_unit_test(valkey_says_its_own_version),
		cmocka_unit_test(settings_have_one_meaning_in_all_versions),
		cmocka_unit_test(the_default_user_has_a_password_or_none),
		cmocka_unit_test(clients_are_counted_where_info_did_not_tell),
		cmocka_unit_test(damaged_texts_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
