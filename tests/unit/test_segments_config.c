/* The pure parts of the segments: tables, configuration text, users, URLs, budgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/backoff.h"
#include "os/files.h"
#include "redis_fixture.h"
#include "store/memory_budget.h"
#include "store/redis_config.h"
#include "store/redis_url.h"

/* ---- the table ---- */

static void test_every_segment_is_found_by_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		enum segment segment = SEGMENT_COUNT;
		assert_int_equal(
		    segment_parse(str_of(segment_row((enum segment)i)->name), &segment), STATUS_OK);
		assert_int_equal(segment, i);
	}
	enum segment segment = SEGMENT_RTS;
	assert_int_equal(segment_parse(STR("RMS"), &segment), STATUS_OK);
	assert_int_equal(segment, SEGMENT_RMS);
	assert_int_equal(segment_parse(STR("rm"), &segment), STATUS_NOT_FOUND);
	assert_int_equal(segment_parse(STR(""), &segment), STATUS_NOT_FOUND);
}

static void test_money_is_never_evicted_and_always_appended(void **state)
{
	(void)state;
	int money = 0;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_row *row = segment_row((enum segment)i);
		money += row->money;
		if (row->money)
			assert_string_equal(row->policy, "noeviction");
		assert_string_not_equal(row->appendfsync, "no");
		assert_int_equal(row->port, 6379 + i);
		assert_in_range(row->node_bytes, 512, 14336);
	}
	assert_int_equal(money, 3);
}

/* ---- configuration text ---- */

static struct str config_text(struct buf *buf, enum segment segment, const char *folder)
{
	const struct redis_config config = { .segment = segment,
					     .folder = folder,
					     .socket_path = "/run/x.sock",
					     .port = segment == SEGMENT_RTS ? 6379 : 0,
					     .maxmemory = 12345678,
					     .appendfsync = "always" };
	buf_clear(buf);
	redis_config_print(buf, &config);
	assert_false(buf->overflow);
	return buf_str(buf);
}

static bool has_line(struct str text, const char *wanted)
{
	struct str line;
	while (str_split(&text, '\n', &line))
		if (str_eq(line, str_of(wanted)))
			return true;
	return false;
}

static void test_the_configuration_says_what_the_table_says(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 1 << 16);
	struct str text = config_text(&buf, SEGMENT_RTS, "/var/weir");
	assert_true(has_line(text, "port 6379"));
	assert_true(has_line(text, "bind 127.0.0.1"));
	assert_true(has_line(text, "maxmemory 12345678"));
	assert_true(has_line(text, "maxmemory-policy noeviction"));
	assert_true(has_line(text, "appendonly yes"));
	assert_true(has_line(text, "appendfsync always"));
	assert_true(has_line(text, "auto-aof-rewrite-percentage 0"));
	assert_true(has_line(text, "unixsocketperm 600"));
	assert_true(has_line(text, "aclfile \"/var/weir/users.acl\""));
	assert_true(has_line(text, "save \"\""));
	text = config_text(&buf, SEGMENT_RMS, "/var/weir");
	assert_true(has_line(text, "port 0"));
	assert_true(has_line(text, "stream-node-max-bytes 8192"));
	assert_true(has_line(text, "save 3600 1 300 100000"));
	assert_true(
	    has_line(config_text(&buf, SEGMENT_RIS, "/x"), "maxmemory-policy volatile-ttl"));
	assert_true(
	    has_line(config_text(&buf, SEGMENT_RLS, "/x"), "maxmemory-policy volatile-lru"));
	buf_deinit(&buf);
}

static void test_a_path_cannot_break_out_of_its_line(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 1 << 16);
	struct str text = config_text(&buf, SEGMENT_RMS, "/a \"b\\c\nport 1");
	assert_true(has_line(text, "dir \"/a \\\"b\\\\c\\x0aport 1\""));
	assert_false(has_line(text, "port 1"));
	buf_deinit(&buf);
}

static void test_every_directive_is_known_to_redis(void **state)
{
	(void)state;
	if (!fixture_has_redis())
		skip();
	char *folder = fixture_folder();
	struct err err;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		char path[300], command[700];
		struct buf buf;
		buf_init(&buf, 1 << 16);
		config_text(&buf, (enum segment)i, folder);
		/* The ACL file is not there: reading the configuration goes well, starting
		 * does not, and redis says which of both it was. */
		snprintf(path, sizeof path, "%s/redis.conf", folder);
		assert_int_equal(files_write_atomic(path, buf_str(&buf), 0600, &err), STATUS_OK);
		snprintf(command, sizeof command,
			 "redis-server %s >%s/out 2>&1; grep -q 'FATAL CONFIG' %s/out", path,
			 folder, folder);
		assert_int_not_equal(system(command), 0);
		snprintf(command, sizeof command, "grep -q 'Error loading ACLs' %s/out", folder);
		assert_int_equal(system(command), 0);
		buf_deinit(&buf);
	}
	fixture_remove(folder);
}

static void test_users_file_holds_hashes_and_the_default_user_is_off(void **state)
{
	(void)state;
	struct segment_logins logins;
	struct buf buf;
	struct err err;
	buf_init(&buf, 1 << 16);
	memset(&logins, 0, sizeof logins);
	for (int u = 0; u < SEGMENT_USER_COUNT; u++)
		memcpy(logins.passwords[SEGMENT_RTSS][u], "abc", 4);
	assert_int_equal(redis_config_print_users(&buf, SEGMENT_RTSS, &logins, &err), STATUS_OK);
	assert_true(str_starts(buf_str(&buf), STR("user default off ")));
	/* SHA-256 of "abc", FIPS 180-2 appendix B.1. */
	buf_char(&buf, 0);
	assert_non_null(
	    strstr(buf.ptr, "#ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_non_null(strstr(buf.ptr, "~trade_signals +xadd"));
	buf_clear(&buf);
	assert_int_equal(redis_config_print_users(&buf, SEGMENT_RMS, &logins, &err), STATUS_OK);
	buf_char(&buf, 0);
	assert_null(strstr(buf.ptr, "trade_signals"));
	buf_deinit(&buf);
}

/* ---- logins ---- */

static void test_logins_are_read_and_bad_lines_named(void **state)
{
	(void)state;
	struct segment_logins logins = { 0 };
	struct err err;
	const char *hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	char text[512];
	snprintf(text, sizeof text, "# comment\nrms weir %s\n\nfuture somebody %s\n", hex, hex);
	assert_int_equal(segment_logins_parse(str_of(text), &logins, &err), STATUS_OK);
	assert_string_equal(logins.passwords[SEGMENT_RMS][SEGMENT_USER_WEIR], hex);
	static const char *const bad[] = { "rms", "rms weir", "rms weir short", "rms weir XX" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "rms weir %s\n%s\n", hex, bad[i]);
		assert_int_equal(segment_logins_parse(str_of(text), &logins, &err), STATUS_FORMAT);
		assert_non_null(strstr(err.text, "line 2"));
		assert_null(strstr(err.text, hex));
	}
}

/* ---- URLs ---- */

static void test_urls_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_unix;
		const char *place;
		int port, database;
		const char *user, *password;
	} cases[] = {
		{ "redis://host", false, "host", 6379, 0, "", "" },
		{ "redis://10.0.0.1:7000/3", false, "10.0.0.1", 7000, 3, "", "" },
		{ "redis://u:p@host:1", false, "host", 1, 0, "u", "p" },
		{ "redis://:p%40%3a@host", false, "host", 6379, 0, "default", "p@:" },
		{ "redis://u:a@b@host", false, "host", 6379, 0, "u", "a@b" },
		{ "redis://[::1]:6380/", false, "::1", 6380, 0, "", "" },
		{ "unix:///run/redis.sock", true, "/run/redis.sock", 0, 0, "", "" },
		{ "unix://u:p@/run/r:1.sock", true, "/run/r:1.sock", 0, 0, "u", "p" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct redis_url url;
		struct err err = { 0 };
		assert_int_equal(redis_url_parse(str_of(cases[i].text), &url, &err), STATUS_OK);
		assert_int_equal(url.is_unix, cases[i].is_unix);
		assert_string_equal(url.place, cases[i].place);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.database, cases[i].database);
		assert_string_equal(url.user, cases[i].user);
		assert_string_equal(url.password, cases[i].password);
		assert_int_equal(url.has_login, cases[i].user[0] != 0);
	}
}

static void test_bad_urls_are_refused_without_their_password(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"host",
		"http://host",
		"redis://",
		"redis://:secret@",
		"redis://u:secret@host:0",
		"redis://u:secret@host:70000",
		"redis://u:secret@host:x",
		"redis://u:secret@host/x",
		"redis://u:secret%zz@host",
		"redis://u:secret%00@host",
		"redis://[::1",
		"unix://",
		"unix://relative",
		"unix://u:secret@",
		"rediss://u:secret@host",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct redis_url url;
		struct err err = { 0 };
		if (redis_url_parse(str_of(bad[i]), &url, &err) == STATUS_OK)
			fail_msg("%s was taken", bad[i]);
		assert_null(strstr(err.text, "secret"));
		assert_true(err.text[0]);
	}
}

static void test_a_url_of_any_bytes_is_taken_or_refused(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 11);
	static const char letters[] = "redisunix://@:[]%0a/1";
	for (int round = 0; round < 200000; round++) {
		char text[64] = "redis://";
		size_t len = 8 + rng_below(&rng, 40);
		for (size_t i = rng_below(&rng, 4) ? 8 : 0; i < len; i++)
			text[i] = letters[rng_below(&rng, sizeof letters - 1)];
		struct redis_url url;
		struct err err;
		if (redis_url_parse(str_make(text, len), &url, &err) == STATUS_OK) {
			assert_true(url.place[0]);
			assert_true(url.is_unix || url.port);
		}
	}
}

/* ---- budgets ---- */

static void table_budget(struct memory_budget_item items[SEGMENT_COUNT])
{
	for (int i = 0; i < SEGMENT_COUNT; i++)
		items[i] = (struct memory_budget_item){ true, false,
							segment_row((enum segment)i)->maxmemory };
}

static void test_budgets_that_fit_are_left_alone(void **state)
{
	(void)state;
	struct memory_budget_item items[SEGMENT_COUNT];
	struct err err;
	bool scaled = true;
	table_budget(items);
	assert_int_equal(memory_budget_fit(items, 16ull << 30, &scaled, &err), STATUS_OK);
	assert_false(scaled);
	assert_int_equal(items[SEGMENT_RLS].bytes, 2ull << 30);
}

static void test_default_budgets_shrink_to_the_machine_and_chosen_ones_do_not(void **state)
{
	(void)state;
	struct memory_budget_item items[SEGMENT_COUNT];
	struct err err;
	bool scaled;
	uint64_t sum = 0;
	table_budget(items);
	items[SEGMENT_RTS].chosen = true;
	items[SEGMENT_RSS].wanted = false;
	assert_int_equal(memory_budget_fit(items, 4ull << 30, &scaled, &err), STATUS_OK);
	assert_true(scaled);
	assert_int_equal(items[SEGMENT_RTS].bytes, 1ull << 30);
	for (int i = 0; i < SEGMENT_COUNT; i++)
		sum += items[i].wanted ? items[i].bytes : 0;
	assert_true(sum <= (4ull << 30) / 5 * 4);
	assert_true(sum > (4ull << 30) / 5 * 4 - (16 << 20));
	assert_true(items[SEGMENT_RLS].bytes > items[SEGMENT_RMS].bytes * 3);
}

static void test_budgets_that_cannot_fit_are_refused_with_the_figures(void **state)
{
	(void)state;
	struct memory_budget_item items[SEGMENT_COUNT];
	struct err err;
	bool scaled;
	table_budget(items);
	for (int i = 0; i < SEGMENT_COUNT; i++)
		items[i].chosen = true;
	assert_int_equal(memory_budget_fit(items, 4ull << 30, &scaled, &err), STATUS_RANGE);
	assert_non_null(strstr(err.text, "6912 MB"));
	assert_non_null(strstr(err.text, "4096 MB"));
	table_budget(items);
	assert_int_equal(memory_budget_fit(items, 128 << 20, &scaled, &err), STATUS_RANGE);
}

static void put(const char *folder, const char *path, const char *text)
{
	char full[512];
	struct err err;
	snprintf(full, sizeof full, "%s/%s", folder, path);
	*strrchr(full, '/') = 0;
	assert_int_equal(files_make_folder(full, 0700, &err), STATUS_OK);
	snprintf(full, sizeof full, "%s/%s", folder, path);
	assert_int_equal(files_write_atomic(full, str_of(text), 0600, &err), STATUS_OK);
}

static uint64_t available(const char *root)
{
	uint64_t bytes = 0;
	struct err err;
	assert_int_equal(memory_available(root, &bytes, &err), STATUS_OK);
	return bytes;
}

static void test_the_least_limit_of_machine_and_cgroups_counts(void **state)
{
	(void)state;
	char *root = fixture_folder();
	uint64_t bytes;
	struct err err;
	assert_int_equal(memory_available(root, &bytes, &err), STATUS_UNAVAILABLE);
	put(root, "proc/meminfo", "MemFree: 1 kB\nMemTotal:       8000000 kB\n");
	assert_int_equal(available(root), 8000000ull * 1024);
	put(root, "proc/self/cgroup", "0::/a/b\n");
	put(root, "sys/fs/cgroup/a/b/memory.max", "max\n");
	assert_int_equal(available(root), 8000000ull * 1024);
	put(root, "sys/fs/cgroup/a/memory.max", "5000000000\n"); /* the parent's binds too */
	assert_int_equal(available(root), 5000000000);
	put(root, "sys/fs/cgroup/memory.max", "4000000000\n"); /* a container's own root */
	assert_int_equal(available(root), 4000000000);
	put(root, "proc/self/cgroup", "9:cpu,memory:/x\n1:name=systemd:/y\n");
	put(root, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "3000000000\n");
	put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(available(root), 3000000000);
	fixture_remove(root);
}

/* ---- back-off ---- */

static void test_waits_double_to_the_longest_and_are_spread(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	struct backoff backoff = { 50, 5000, 0 };
	int64_t ceiling = 50, least = INT64_MAX, most = 0;
	for (int i = 0; i < 1000; i++) {
		int64_t wait = backoff_next_ns(&backoff, &rng);
		assert_in_range(wait, ceiling / 2, ceiling);
		ceiling = ceiling * 2 < 5000 ? ceiling * 2 : 5000;
		if (i > 10) {
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
	}
	assert_in_range(least, 2500, 2600);
	assert_in_range(most, 4900, 5000);
	backoff_reset(&backoff);
	assert_in_range(backoff_next_ns(&backoff, &rng), 25, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_segment_is_found_by_its_name),
		cmocka_unit_test(test_money_is_never_evicted_and_always_appended),
		cmocka_unit_test(test_the_configuration_says_what_the_table_says),
		cmocka_unit_test(test_a_path_cannot_break_out_of_its_line),
		cmocka_unit_test(test_every_directive_is_known_to_redis),
		cmocka_unit_test(test_users_file_holds_hashes_and_the_default_user_is_off),
		cmocka_unit_test(test_logins_are_read_and_bad_lines_named),
		cmocka_unit_test(test_urls_are_taken_apart),
		cmocka_unit_test(test_bad_urls_are_refused_without_their_password),
		cmocka_unit_test(test_a_url_of_any_bytes_is_taken_or_refused),
		cmocka_unit_test(test_budgets_that_fit_are_left_alone),
		cmocka_unit_test(test_default_budgets_shrink_to_the_machine_and_chosen_ones_do_not),
		cmocka_unit_test(test_budgets_that_cannot_fit_are_refused_with_the_figures),
		cmocka_unit_test(test_the_least_limit_of_machine_and_cgroups_counts),
		cmocka_unit_test(test_waits_double_to_the_longest_and_are_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
