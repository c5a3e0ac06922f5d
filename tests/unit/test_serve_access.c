/* Who may do what: the tokens file, scopes over all routes, addresses that guess. */
#include "serve_stage.h"

#include "serve/access.h"
#include "serve/guard.h"

/* A path of the row, with its placeholder filled. */
static const char *path_of(const struct route_row *row, const char *param)
{
	static char path[400];
	const char *open = strchr(row->path, '{'), *end = strchr(row->path, '}');
	if (!open)
		return row->path;
	snprintf(path, sizeof path, "%.*s%s%s", (int)(open - row->path), row->path, param, end + 1);
	return path;
}

static const char *body_of(const struct route_row *row)
{
	return row->body == ROUTE_BODY_NONE ? NULL : "{\"id\":\"a\"}";
}

/* What came of the scope: neither 401 nor 403 is passed. */
static int ask_row(struct world *world, const struct route_row *row, const char *token,
		   const char *param)
{
	world->token = row->scope == ROUTE_SCOPE_HOOK ? NULL : token;
	if (row->scope == ROUTE_SCOPE_HOOK)
		param = token ? token : "no-token-at-all-00001";
	int code = ask(world, row->method, path_of(row, param), body_of(row));
	assert_int_equal(world->call->answers, 1);
	return code;
}

static void test_each_route_wants_its_scope(void **state)
{
	struct world *world = *state;
	/* By scope of the row: who may (viewer, bot, root, anna@desk). */
	static const bool may[][4] = {
		[ROUTE_SCOPE_OPEN] = { true, true, true, true },
		[ROUTE_SCOPE_READ] = { true, false, true, true },
		[ROUTE_SCOPE_SIGNAL] = { false, true, true, true },
		[ROUTE_SCOPE_OWN] = { false, false, true, false },
		[ROUTE_SCOPE_ADMIN] = { false, false, true, false },
		[ROUTE_SCOPE_HOOK] = { false, true, true, true },
	};
	static const char *const tokens[] = { READ_TOKEN, SIGNAL_TOKEN, ADMIN_TOKEN, OWN_TOKEN };
	int rows_of[6] = { 0 };
	open_with_tokens(world);
	for (int i = 0; i < ROUTE_COUNT; i++) {
		const struct route_row *row = route_row((enum route_id)i);
		rows_of[row->scope]++;
		for (int who = 0; who < 4; who++) {
			int code = ask_row(world, row, tokens[who], "somebody");
			if ((code != 403) != may[row->scope][who])
				fail_msg("%s %s by %d: %d", row->method, row->path, who, code);
			assert_int_not_equal(code, 401);
			if (code == 403)
				assert_string_equal(world->noted, "");
		}
		bool open = row->scope == ROUTE_SCOPE_OPEN;
		world->now_ns += 60000000000; /* the webhook's is a wrong one */
		assert_int_equal(ask_row(world, row, NULL, "somebody") == 401, !open);
		if (!open)
			assert_string_equal(world->call->headers,
					    "WWW-Authenticate: Bearer realm=\"weir\"\n");
	}
	for (int i = 0; i < 6; i++)
		assert_true(rows_of[i] > 0);
}

static void test_a_user_may_change_what_is_its_own(void **state)
{
	struct world *world = *state;
	open_with_tokens(world);
	world->token = OWN_TOKEN;
	assert_int_equal(ask(world, "PUT", "/api/v1/preferences/anna@desk", "{}"), 200);
	assert_int_equal(ask(world, "DELETE", "/api/v1/sessions/anna@desk", NULL), 200);
	assert_int_equal(ask(world, "PUT", "/api/v1/preferences/anna@des", "{}"), 403);
	assert_int_equal(ask(world, "GET", "/api/v1/preferences/bob", NULL), 200);
}

static void test_only_the_whole_token_is_right(void **state)
{
	struct world *world = *state;
	static const char *const wrong[] = { "read-token-000000000",
					     READ_TOKEN "1",
					     "Read-token-0000000001",
					     "x",
					     "Bearer",
					     "viewer",
					     "\xff" };
	open_with_tokens(world);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		world->token = wrong[i];
		ask(world, "GET", "/metrics", NULL);
		expect_error(world, 401, "nobody's");
	}
	world->token = "";
	ask(world, "GET", "/metrics", NULL);
	expect_error(world, 401, "needed");
	assert_int_equal(serve_counts(world->serve)->bad_token, 7);
	world->token = " " READ_TOKEN; /* blanks around it are none of it */
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
}

static void test_an_address_that_guesses_is_held_off(void **state)
{
	struct world *world = *state;
	open_with_tokens(world);
	world->token = "not-a-token-at-all-1";
	for (int i = 0; i < SERVE_FAILURES; i++)
		assert_int_equal(ask(world, "GET", "/metrics", NULL), 401);
	ask(world, "GET", "/metrics", NULL);
	expect_error(world, 429, "wrong tokens");
	assert_string_equal(world->call->headers, "Retry-After: 7\n");
	/* With a right one too: else it could go on guessing. */
	world->token = READ_TOKEN;
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 429);
	assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	assert_int_equal(ask(world, "POST", "/hook/" SIGNAL_TOKEN, "{\"id\":\"a\"}"), 429);
	/* Others are not held off. */
	world->peer = "127.0.0.2";
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	/* One comes back at a time. */
	world->peer = "127.0.0.1";
	world->now_ns += SERVE_FORGIVE_MS * 1000000LL;
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	world->token = "not-a-token-at-all-2";
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 401);
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 429);
	assert_int_equal(serve_counts(world->serve)->held_off, 4);
}

static void test_no_token_counts_as_no_guess(void **state)
{
	struct world *world = *state;
	open_with_tokens(world);
	for (int i = 0; i < 3 * SERVE_FAILURES; i++)
		assert_int_equal(ask(world, "GET", "/metrics", NULL), 401);
	world->token = READ_TOKEN;
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
}

static void test_the_webhook(void **state)
{
	struct world *world = *state;
	/* Without tokens anybody's page could send signals through it. */
	assert_int_equal(ask(world, "POST", "/hook/" SIGNAL_TOKEN, "{\"id\":\"a\"}"), 403);
	open_with_tokens(world);
	world->type = "text/plain; charset=utf-8";
	assert_int_equal(ask(world, "POST", "/hook/" SIGNAL_TOKEN, "{\"id\":\"a\",\"vol\":0.10}"),
			 202);
	assert_string_equal(world->noted, "id=a vol=0.10 | ");
	world->type = NULL;
	assert_int_equal(ask(world, "POST", "/hook/" OWN_TOKEN, "{\"id\":\"b\"}"), 202);
	ask(world, "POST", "/hook/not-a-token-at-all-1", "{\"id\":\"c\"}");
	expect_error(world, 401, "nobody's");
	assert_null(strstr(world->call->body, "not-a-token"));
	ask(world, "POST", "/hook/" READ_TOKEN, "{\"id\":\"c\"}");
	expect_error(world, 403, "may not");
	assert_null(strstr(world->call->body, READ_TOKEN));
	assert_string_equal(world->noted, "");
}

static void test_tokens_are_read_anew_or_stay(void **state)
{
	struct world *world = *state;
	open_with_tokens(world);
	world->token = READ_TOKEN;
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	put_file(world->tokens, "viewer another-token-0000001 read\n", 0600);
	assert_int_equal(serve_set_tokens(world->serve, world->tokens, &world->err), STATUS_OK);
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 401);
	world->token = "another-token-0000001";
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	put_file(world->tokens, "viewer short read\n", 0600);
	assert_int_not_equal(serve_set_tokens(world->serve, world->tokens, &world->err), STATUS_OK);
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	put_file(world->tokens, "viewer third-token-000000001 read\n", 0644);
	assert_int_equal(serve_set_tokens(world->serve, world->tokens, &world->err),
			 STATUS_REFUSED);
	assert_int_equal(serve_set_tokens(world->serve, "", &world->err), STATUS_REFUSED);
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	put_file(world->tokens, "", 0600); /* nobody may anything */
	assert_int_equal(serve_set_tokens(world->serve, world->tokens, &world->err), STATUS_OK);
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 401);
}

/* ---- the file ---- */

static void test_the_tokens_file_is_read_as_it_is_written(void **state)
{
	(void)state;
	struct access *access = NULL;
	struct err err;
	assert_int_equal(access_parse(STR("# none\n\n  a\tabcdefghijklmnop read,signal # b\r\n"
					  "b@x.y_z-1 ABCDEFGHIJKLMNOP admin"),
				      "f", &access, &err),
			 STATUS_OK);
	assert_int_equal(access_count(access), 2);
	const struct access_user *a = access_find(access, STR("abcdefghijklmnop"));
	const struct access_user *b = access_find(access, STR("ABCDEFGHIJKLMNOP"));
	assert_string_equal(a->name, "a");
	assert_string_equal(b->name, "b@x.y_z-1");
	assert_true(access_may(a, ACCESS_READ) && access_may(a, ACCESS_SIGNAL));
	assert_false(access_may(a, ACCESS_ADMIN));
	assert_true(access_may(b, ACCESS_READ) && access_may(b, ACCESS_SIGNAL) &&
		    access_may(b, ACCESS_ADMIN));
	assert_null(access_find(access, STR("")));
	assert_null(access_find(access, STR("abcdefghijklmno")));
	access_destroy(access);
}

static void test_lines_that_are_wrong_say_where_and_no_token(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "a", "f:1: a line is" },
		{ "a topsecret-topsecret", "f:1: a line is" },
		{ "\na topsecret-topsecret read x", "f:2: a line is" },
		{ "a topsecret read", "f:1: the token" },
		{ "a topsecret-top\x01secret read", "f:1: the token" },
		{ "a topsecret-topsecret write", "f:1: the scopes" },
		{ "a topsecret-topsecret read,", "f:1: the scopes" },
		{ "a topsecret-topsecret READ", "f:1: the scopes" },
		{ "a/b topsecret-topsecret read", "f:1: the name" },
		{ "a topsecret-topsecret read\na topsecret-topsecreu read",
		  "f:2: the name stands twice" },
		{ "a topsecret-topsecret read\nb topsecret-topsecret read",
		  "f:2: the token stands twice" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct access *access = NULL;
		struct err err = { 0 };
		assert_int_equal(access_parse(str_of(rows[i].text), "f", &access, &err),
				 STATUS_INVALID);
		assert_null(access);
		if (strncmp(err.text, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("'%s', not '%s'", err.text, rows[i].why);
		assert_null(strstr(err.text, "topsecret"));
	}
}

/* ---- the guard ---- */

static void test_an_ipv6_address_counts_as_its_network(void **state)
{
	(void)state;
	static struct guard guard;
	guard_init(&guard, 2, 100);
	guard_failed(&guard, STR("2001:db8::1"), 1000);
	guard_failed(&guard, STR("2001:db8::2"), 1000);
	assert_int_equal(guard_wait_ns(&guard, STR("2001:db8::ffff:3"), 1000), 100);
	assert_int_equal(guard_wait_ns(&guard, STR("2001:db8:0:1::1"), 1000), 0);
	assert_int_equal(guard_wait_ns(&guard, STR("::1"), 1000), 0);
	assert_int_equal(guard_wait_ns(&guard, STR("2001:db8::1"), 1100), 0);
	guard_failed(&guard, STR("::1"), 1000);
	guard_failed(&guard, STR("::1"), 1000);
	assert_int_equal(guard_wait_ns(&guard, STR("::1"), 1000), 100);
	assert_int_equal(guard_wait_ns(&guard, STR("not an address"), 1000), 0);
}

static void test_the_guard_keeps_who_failed_most(void **state)
{
	(void)state;
	static struct guard guard;
	char peer[32];
	guard_init(&guard, 5, 1000000);
	for (int i = 0; i < 50; i++)
		guard_failed(&guard, STR("10.0.0.1"), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(peer, sizeof peer, "11.0.%d.%d", i / 256, i % 256);
		guard_failed(&guard, str_of(peer), 0);
	}
	assert_true(guard.pushed_out > 3000);
	assert_int_equal(guard_wait_ns(&guard, STR("10.0.0.1"), 0), 46 * 1000000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_each_route_wants_its_scope),
		TEST(test_a_user_may_change_what_is_its_own),
		TEST(test_only_the_whole_token_is_right),
		TEST(test_an_address_that_guesses_is_held_off),
		TEST(test_no_token_counts_as_no_guess),
		TEST(test_the_webhook),
		TEST(test_tokens_are_read_anew_or_stay),
		cmocka_unit_test(test_the_tokens_file_is_read_as_it_is_written),
		cmocka_unit_test(test_lines_that_are_wrong_say_where_and_no_token),
		cmocka_unit_test(test_an_ipv6_address_counts_as_its_network),
		cmocka_unit_test(test_the_guard_keeps_who_failed_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
