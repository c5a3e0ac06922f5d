/* The live source on a cluster: every master is asked, whichever node is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "free_port.h"
#include "live_stage.h"

enum { KEYS = 2000 };

struct node {
	struct stage stage;
	char port[8], bus[8];
	const char *extra[16];
};

static void node_begin(struct node *node)
{
	snprintf(node->port, sizeof node->port, "%u", free_port());
	snprintf(node->bus, sizeof node->bus, "%u", free_port());
	const char *extra[] = {
		"--port", node->port,       "--bind", "127.0.0.1", "--cluster-enabled",
		"yes",    "--cluster-port", node->bus
	};
	memcpy(node->extra, extra, sizeof extra);
	stage_begin(&node->stage, node->extra);
}

static bool knows_all(struct node *node)
{
	redisReply *reply = redisCommand(node->stage.redis, "CLUSTER INFO");
	bool good = strstr(reply->str, "cluster_state:ok") && strstr(reply->str, "cluster_size:2");
	freeReplyObject(reply);
	return good;
}

/* A key is where its slot is. */
static void put_anywhere(struct node nodes[2], int i)
{
	for (int n = 0; n < 2; n++) {
		redisReply *reply = redisCommand(nodes[n].stage.redis, "SET k:%d v", i);
		bool moved = reply->type == REDIS_REPLY_ERROR;
		assert_true(!moved || strncmp(reply->str, "MOVED", 5) == 0);
		freeReplyObject(reply);
		if (!moved)
			return;
	}
	fail_msg("nobody takes k:%d", i);
}

static void every_master_is_asked(void **state)
{
	struct node nodes[2] = { 0 };
	(void)state;
	node_begin(&nodes[0]);
	node_begin(&nodes[1]);
	stage_do(&nodes[0].stage, "CLUSTER ADDSLOTSRANGE 0 5000 10000 16383");
	stage_do(&nodes[1].stage, "CLUSTER ADDSLOTSRANGE 5001 9999");
	stage_do(&nodes[1].stage, "CONFIG SET cluster-allow-reads-when-down yes");
	stage_do(&nodes[0].stage, "CLUSTER MEET 127.0.0.1 %s %s", nodes[1].port, nodes[1].bus);
	for (int i = 0; i < 2000 && !(knows_all(&nodes[0]) && knows_all(&nodes[1])); i++)
		usleep(10000);
	stage_do(&nodes[0].stage, "CONFIG SET maxmemory 100mb");
	stage_do(&nodes[1].stage, "CONFIG SET maxmemory 200mb");
	for (int i = 0; i < KEYS; i++)
		put_anywhere(nodes, i);
	for (int n = 0; n < 2; n++) {
		struct stage *s = &nodes[n].stage;
		char url[64];
		stage_run(s, LIVE_VALUES); /* over the unix socket */
		assert_int_equal(s->result.nodes, 2);
		assert_string_equal(s->result.server.mode, "cluster");
		assert_int_equal(s->result.server.maxmemory, 300 << 20);
		stage_assert_all_once(s, "k", KEYS);
		snprintf(url, sizeof url, "redis://127.0.0.1:%s", nodes[n].port);
		assert_int_equal(stage_run_with(s, (struct live_config){ .url = str_of(url) }),
				 STATUS_OK);
		stage_assert_all_once(s, "k", KEYS);
		assert_int_equal(s->result.keys, KEYS);
	}
	stage_end(&nodes[0].stage);
	stage_end(&nodes[1].stage);
}

/* A node that has met nobody does not know its own address. */
static void a_cluster_of_one_is_asked_where_the_url_says(void **state)
{
	struct node node = { 0 };
	(void)state;
	node_begin(&node);
	stage_do(&node.stage, "CLUSTER ADDSLOTSRANGE 0 16383");
	for (int i = 0; i < 1000; i++) {
		redisReply *reply = redisCommand(node.stage.redis, "SET k:0 v");
		bool good = reply->type == REDIS_REPLY_STATUS;
		freeReplyObject(reply);
		if (good)
			break;
		usleep(10000);
	}
	stage_fill(&node.stage, "k", 100);
	stage_run(&node.stage, LIVE_VALUES);
	assert_int_equal(node.stage.result.nodes, 1);
	stage_assert_all_once(&node.stage, "k", 100);
	stage_end(&node.stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_master_is_asked),
		cmocka_unit_test(a_cluster_of_one_is_asked_where_the_url_says),
	};
	return fixture_has_redis() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
