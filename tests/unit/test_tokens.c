#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "gate/tokens.h"

static struct tokens *parsed(const char *text)
{
	struct tokens *tokens = NULL;
	struct err err = { 0 };
	enum status status = tokens_parse(str_of(text), "tokens", &tokens, &err);
	if (status)
		print_error("%s\n", err.text);
	assert_int_equal(status, STATUS_OK);
	return tokens;
}

static void check_refused(const char *text, enum status wanted, const char *why)
{
	struct tokens *tokens = NULL;
	struct err err = { 0 };
	assert_int_equal(tokens_parse(str_of(text), "/etc/tokens", &tokens, &err), wanted);
	assert_null(tokens);
	assert_string_equal(err.text, why);
}

static void a_file_of_every_form_is_read(void **state)
{
	(void)state;
	struct tokens *tokens = parsed("# who may connect\n"
				       "\n"
				       "mt5-017 s3cr3t-mt5-017 vps-1 gold,fx   # the first\n"
				       "\t mt5-018\ts3cr3t-mt5-018\r\n"
				       "mt5-019 s3cr3t#mt5-019 - gold\n"
				       "vps-1 s3cr3t-of-vps-1");
	assert_int_equal(tokens_count(tokens), 4);
	const struct token *token = tokens_find(tokens, STR("mt5-017"));
	assert_true(str_eq(token->secret, STR("s3cr3t-mt5-017")));
	assert_string_equal(token->identity.id, "mt5-017");
	assert_string_equal(token->identity.host, "vps-1");
	assert_int_equal(token->identity.group_count, 2);
	assert_string_equal(token->identity.groups[0], "gold");
	assert_string_equal(token->identity.groups[1], "fx");
	token = tokens_find(tokens, STR("mt5-018"));
	assert_true(str_eq(token->secret, STR("s3cr3t-mt5-018")));
	assert_string_equal(token->identity.host, "");
	assert_int_equal(token->identity.group_count, 0);
	token = tokens_find(tokens, STR("mt5-019"));
	assert_true(str_eq(token->secret, STR("s3cr3t#mt5-019")));
	assert_string_equal(token->identity.host, "");
	assert_string_equal(token->identity.groups[0], "gold");
	assert_null(tokens_find(tokens, STR("mt5-02")));
	assert_null(tokens_find(tokens, STR("")));
	assert_string_equal(tokens_at(tokens, 3)->identity.id, "vps-1");
	tokens_destroy(tokens);
}

static void nothing_is_a_file_too(void **state)
{
	(void)state;
	struct tokens *tokens = parsed("");
	assert_int_equal(tokens_count(tokens), 0);
	assert_null(tokens_find(tokens, STR("x")));
	tokens_destroy(tokens);
	tokens_destroy(NULL);
}

static void what_is_wrong_is_said_with_its_line_and_without_the_token(void **state)
{
	(void)state;
	check_refused("a 0123456789ab\nb\n", STATUS_FORMAT, "/etc/tokens:2: no token after the id");
	check_refused("a # 0123456789ab", STATUS_FORMAT, "/etc/tokens:1: no token after the id");
	check_refused("a 0123456789a", STATUS_INVALID,
		      "/etc/tokens:1: the token is not 12 to 255 printable characters");
	check_refused("a 0123456789\xc3\xa4", STATUS_INVALID,
		      "/etc/tokens:1: the token is not 12 to 255 printable characters");
	check_refused("a/b 0123456789ab", STATUS_INVALID,
		      "/etc/tokens:1: the id is not 1 to 64 of A-Z a-z 0-9 . _ -");
	check_refused("a 0123456789ab h\xc3\xa4", STATUS_INVALID,
		      "/etc/tokens:1: the host is not 1 to 64 of A-Z a-z 0-9 . _ -");
	check_refused("a 0123456789ab h g,,g", STATUS_INVALID,
		      "/etc/tokens:1: the group is not 1 to 64 of A-Z a-z 0-9 . _ -");
	check_refused("a 0123456789ab h 1,2,3,4,5,6,7,8,9", STATUS_RANGE,
		      "/etc/tokens:1: more than 8 groups");
	check_refused("a 0123456789ab h g x", STATUS_FORMAT,
		      "/etc/tokens:1: more than ID TOKEN HOST GROUP,GROUP");
	check_refused("a 0123456789ab\n\nb 0123456789ab\na ba9876543210\n", STATUS_EXISTS,
		      "/etc/tokens:4: a stands twice");
}

static void bounds_are_what_they_say(void **state)
{
	(void)state;
	char text[512];
	struct tokens *tokens = NULL;
	struct err err;
	snprintf(text, sizeof text, "%064d %0255d %064d", 1, 2, 3);
	tokens = parsed(text);
	assert_int_equal(tokens_at(tokens, 0)->secret.len, TOKEN_MAX);
	tokens_destroy(tokens);
	snprintf(text, sizeof text, "%065d %0255d", 1, 2);
	assert_int_equal(tokens_parse(str_of(text), "f", &tokens, &err), STATUS_INVALID);
	snprintf(text, sizeof text, "%064d %0256d", 1, 2);
	assert_int_equal(tokens_parse(str_of(text), "f", &tokens, &err), STATUS_INVALID);
}

static void as_many_as_there_may_be_are_found(void **state)
{
	(void)state;
	struct tokens *tokens = tokens_create();
	struct token token = { .secret = STR("0123456789ab") };
	for (int i = 0; i < TOKENS_MAX; i++) {
		snprintf(token.identity.id, sizeof token.identity.id, "t-%d", i);
		assert_int_equal(tokens_add(tokens, &token), STATUS_OK);
		assert_int_equal(tokens_add(tokens, &token), STATUS_EXISTS);
	}
	snprintf(token.identity.id, sizeof token.identity.id, "one-more");
	assert_int_equal(tokens_add(tokens, &token), STATUS_FULL);
	for (size_t i = 0; i < TOKENS_MAX; i++) {
		const struct token *row = tokens_at(tokens, i);
		assert_ptr_equal(tokens_find(tokens, str_of(row->identity.id)), row);
	}
	tokens_destroy(tokens);
}

static void what_is_added_is_checked(void **state)
{
	(void)state;
	struct tokens *tokens = tokens_create();
	struct token good = { .identity = { .id = "a", .host = "h" },
			      .secret = STR("0123456789ab") };
	struct token bad = good;
	bad.identity.id[0] = 0;
	assert_int_equal(tokens_add(tokens, &bad), STATUS_INVALID);
	bad = good;
	bad.secret = STR("0123456789 ab");
	assert_int_equal(tokens_add(tokens, &bad), STATUS_INVALID);
	bad = good;
	bad.identity.host[0] = '/';
	assert_int_equal(tokens_add(tokens, &bad), STATUS_INVALID);
	bad = good;
	bad.identity.group_count = 1;
	assert_int_equal(tokens_add(tokens, &bad), STATUS_INVALID);
	assert_int_equal(tokens_count(tokens), 0);
	assert_int_equal(tokens_add(tokens, &good), STATUS_OK);
	tokens_destroy(tokens);
}

static void a_file_must_be_ours_alone(void **state)
{
	(void)state;
	char path[] = "/tmp/weir-tokens-XXXXXX";
	struct tokens *tokens = NULL;
	struct err err;
	int fd = mkstemp(path);
	static const char text[] = "mt5-017 s3cr3t-mt5-017\n";
	assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	assert_int_equal(tokens_read(path, &tokens, &err), STATUS_OK);
	assert_int_equal(tokens_count(tokens), 1);
	tokens_destroy(tokens);
	tokens = NULL;
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(tokens_read(path, &tokens, &err), STATUS_REFUSED);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(write(fd, "bad", 3), 3);
	assert_int_equal(tokens_read(path, &tokens, &err), STATUS_FORMAT);
	assert_non_null(strstr(err.text, ":2: no token after the id"));
	close(fd);
	unlink(path);
	assert_int_equal(tokens_read(path, &tokens, &err), STATUS_NOT_FOUND);
	assert_null(tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_every_form_is_read),
		cmocka_unit_test(nothing_is_a_file_too),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line_and_without_the_token),
		cmocka_unit_test(bounds_are_what_they_say),
		cmocka_unit_test(as_many_as_there_may_be_are_found),
		cmocka_unit_test(what_is_added_is_checked),
		cmocka_unit_test(a_file_must_be_ours_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
