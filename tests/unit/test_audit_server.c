/* How a server is set up: a good one, and each fault of a bad one by itself. */
#include "audit_stage.h"

static const int64_t DAY_MS = 86400000, MB = 1 << 20;

/* Nothing to say against it. */
static struct audit_server good(void)
{
	struct audit_server server = audit_server_none();
	snprintf(server.version, sizeof server.version, "8.2.1");
	snprintf(server.flavour, sizeof server.flavour, "redis");
	snprintf(server.mode, sizeof server.mode, "standalone");
	snprintf(server.role, sizeof server.role, "master");
	snprintf(server.policy, sizeof server.policy, "noeviction");
	snprintf(server.save, sizeof server.save, "3600 1 300 100");
	server.save_known = server.aof = server.sentinel = AUDIT_YES;
	server.nopass = AUDIT_NO;
	server.now_ms = STAGE_NOW_MS;
	server.maxmemory = 1000 * MB;
	server.used = 400 * MB;
	server.rss = 440 * MB;
	server.last_save_ms = STAGE_NOW_MS - 30 * DAY_MS; /* the append-only file has the rest */
	server.changes_since_save = 5000000;
	server.last_save_ok = 1;
	server.replicas = 1;
	server.clients = 20;
	server.clients_max = 10000;
	server.fragmentation_1000 = 1100;
	server.backlog_bytes = 64 * MB;
	server.evicted = 0;
	return server;
}

static struct stage *audited(const struct audit_server *server)
{
	struct stage *stage = stage_open();
	stage->server = server;
	stage_family(stage, "trade:{id}", AUDIT_USE_record);
	stage_string(stage, "trade:1", STR("x"))->bytes = 900 * MB;
	stage_run(stage);
	return stage;
}

/* Exactly these checks, in the words of --findings. */
static void expect(const struct audit_server *server, const char *names)
{
	struct stage *stage = audited(server);
	stage_only(stage, FINDING_server, names);
	stage_close(stage);
}

static void a_good_server_and_an_unknown_one_have_no_finding(void **state)
{
	(void)state;
	struct audit_server server = good(), none = audit_server_none();
	expect(&server, "");
	expect(&none, "");
}

static void saves(void **state)
{
	(void)state;
	struct audit_server server = good();
	server.last_save_ok = 0;
	expect(&server, "save-failed");
	server = good();
	server.aof = AUDIT_NO;
	expect(&server, "save changes-since-save");
	server.changes_since_save = 99999;
	expect(&server, "save");
	server.last_save_ms = STAGE_NOW_MS - DAY_MS;
	expect(&server, "");
	server.last_save_ms = STAGE_NOW_MS - 40 * DAY_MS;
	server.changes_since_save = 0;
	expect(&server, "");
	server.save[0] = 0;
	expect(&server, "persistence");
	server.save_known = AUDIT_UNKNOWN;
	expect(&server, "");
}

static void memory(void **state)
{
	(void)state;
	struct audit_server server = good();
	server.maxmemory = 0;
	expect(&server, "maxmemory");
	server.maxmemory = 500 * MB;
	expect(&server, ""); /* 80 % */
	server.maxmemory = 490 * MB;
	expect(&server, "maxmemory-used maxmemory-policy");
	server = good();
	server.fragmentation_1000 = 1501;
	expect(&server, "fragmentation");
	server.used = server.rss = 10 * MB;
	expect(&server, "");
	server = good();
	server.rss = 300 * MB;
	expect(&server, "swapped");
}

static void policies_that_may_evict_what_has_no_copy(void **state)
{
	(void)state;
	struct audit_server server = good();
	snprintf(server.policy, sizeof server.policy, "allkeys-lru");
	struct stage *stage = audited(&server);
	stage_only(stage, FINDING_server, "maxmemory-policy");
	stage_only(stage, FINDING_expiry_risk, "maxmemory-policy");
	const struct audit_finding *finding = stage_finding(stage, FINDING_server);
	assert_int_equal(finding->severity, SEVERITY_HIGH);
	assert_int_equal(finding->bytes_now, 900 * MB);
	assert_string_equal(finding->undo, "CONFIG SET maxmemory-policy allkeys-lru");
	stage_close(stage);
	snprintf(server.policy, sizeof server.policy, "volatile-ttl");
	expect(&server, "maxmemory-policy");
	server.maxmemory = 2000 * MB;
	expect(&server, "");
}

static void the_rest(void **state)
{
	(void)state;
	struct audit_server server = good();
	server.nopass = AUDIT_YES;
	expect(&server, "nopass");
	server = good();
	server.replicas = 0;
	expect(&server, "replicas");
	snprintf(server.role, sizeof server.role, "replica");
	expect(&server, "");
	server = good();
	server.sentinel = AUDIT_NO;
	expect(&server, "sentinel");
	snprintf(server.mode, sizeof server.mode, "cluster");
	expect(&server, "");
	server = good();
	server.clients = 7999;
	expect(&server, "");
	server.clients = 8000;
	expect(&server, "clients");
	server = good();
	server.backlog_bytes = MB;
	expect(&server, "repl-backlog");
}

static void versions_without_fixes(void **state)
{
	(void)state;
	struct audit_server server = good();
	snprintf(server.version, sizeof server.version, "7.0.15");
	struct stage *stage = audited(&server);
	stage_only(stage, FINDING_server, "version");
	assert_non_null(strstr(stage_finding(stage, FINDING_server)->what, "since 2024-07-29"));
	stage_close(stage);
	snprintf(server.version, sizeof server.version, "7.10.1");
	expect(&server, "");
	snprintf(server.version, sizeof server.version, "7.2.4");
	snprintf(server.flavour, sizeof server.flavour, "valkey");
	expect(&server, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_server_and_an_unknown_one_have_no_finding),
		cmocka_unit_test(saves),
		cmocka_unit_test(memory),
		cmocka_unit_test(policies_that_may_evict_what_has_no_copy),
		cmocka_unit_test(the_rest),
		cmocka_unit_test(versions_without_fixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
