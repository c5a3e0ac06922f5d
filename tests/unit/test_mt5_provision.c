/* weir mt5 provision: the tokens file, and what a terminal's folder gets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "cli/mt5_terminal.h"
#include "cli/mt5_tokens.h"
#include "gate/tokens.h"
#include "os/files.h"
#include "redis_fixture.h"

static const char *folder;

static int setup(void **state)
{
	(void)state;
	umask(022);
	folder = fixture_folder();
	return folder && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	fixture_remove((char *)folder);
	return 0;
}

/* Runs the command line; what it prints goes to the files out and err. */
static int weir(const char *line)
{
	static struct args args;
	char copy[1024], *argv[40];
	int argc = 0, saved[2] = { dup(1), dup(2) };
	struct err err;
	snprintf(copy, sizeof copy, "weir %s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(stdout);
	assert_non_null(freopen("out", "w", stdout));
	assert_non_null(freopen("err", "w", stderr));
	int status = args_parse(argc, argv, &args, &err) ? 2 : cmd_mt5(&args);
	fflush(stdout);
	fflush(stderr);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	return status;
}

static const char *text_of(const char *path)
{
	static char texts[4][64 * 1024];
	static int turn;
	char *text = texts[turn++ % 4];
	FILE *file = fopen(path, "r");
	text[0] = '\0';
	if (!file)
		return text;
	size_t n = fread(text, 1, sizeof texts[0] - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

/* UTF-16, little end first, with its mark, of ASCII; else the test fails. */
static const char *wide_text_of(const char *path)
{
	static char text[64 * 1024];
	unsigned char wide[128 * 1024];
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(wide, 1, sizeof wide, file), used = 0;
	fclose(file);
	assert_true(n >= 2 && n % 2 == 0 && wide[0] == 0xff && wide[1] == 0xfe);
	for (size_t i = 2; i < n; i += 2) {
		assert_int_equal(wide[i + 1], 0);
		text[used++] = (char)wide[i];
	}
	text[used] = '\0';
	return text;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void write_tokens(const char *text)
{
	struct err err;
	assert_int_equal(files_write_atomic("tokens", str_of(text), 0600, &err), STATUS_OK);
}

/* The secret of an id, by the reader that weir uses. */
static const char *secret_of(const char *id, struct token *out)
{
	static char secret[TOKEN_MAX + 1];
	struct tokens *tokens;
	struct err err = { 0 };
	assert_int_equal(tokens_read("tokens", &tokens, &err), STATUS_OK);
	const struct token *token = tokens_find(tokens, str_of(id));
	secret[0] = '\0';
	if (token) {
		assert_int_equal(str_copy(token->secret, secret, sizeof secret), STATUS_OK);
		*out = *token;
	}
	tokens_destroy(tokens);
	return secret;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void test_a_new_terminal_gets_a_token_and_its_files(void **state)
{
	struct token token;
	(void)state;
	assert_int_equal(weir("mt5 provision mt5-017 --tokens tokens --dir a/b/t17"), 0);
	const char *secret = secret_of("mt5-017", &token);
	assert_int_equal(strlen(secret), 64);
	assert_int_equal(mode_of("tokens"), 0600);
	assert_string_equal(token.identity.host, "");

	char line[128];
	snprintf(line, sizeof line, "\r\nToken=%s\r\n", secret);
	assert_has(text_of("a/b/t17/MQL5/Presets/weir.set"), line);
	assert_has(wide_text_of("a/b/t17/MQL5/Profiles/Charts/weir/chart01.chr"), line);
	assert_int_equal(mode_of("a/b/t17/MQL5/Presets/weir.set"), 0600);
	assert_int_equal(mode_of("a/b/t17/MQL5/Profiles/Charts/weir/chart01.chr"), 0600);
	assert_int_equal(mode_of("a/b/t17/weir/chart01.chr"), 0600);
	assert_int_equal(mode_of("a/b/t17/weir-start.sh"), 0700);
	/* Nowhere else, and never said. */
	assert_null(strstr(text_of("out"), secret));
	assert_null(strstr(text_of("err"), secret));
	assert_null(strstr(text_of("a/b/t17/weir.ini"), secret));
	assert_null(strstr(text_of("a/b/t17/weir-start.cmd"), secret));
}

static void test_the_start_up_configuration_switches_all_off_but_trading(void **state)
{
	static const char *const lines[] = {
		"\r\n[Common]\r\n",
		"\r\nLogin=90000001\r\n",
		"\r\nServer=FPMarketsSC-Live\r\n",
		"\r\nNewsEnable=0\r\n",
		"\r\n[Charts]\r\n",
		"\r\nProfileLast=weir\r\n",
		"\r\nMaxBars=5000\r\n",
		"\r\n[Experts]\r\n",
		"\r\nAllowLiveTrading=1\r\n",
		"\r\nEnabled=1\r\n",
		"\r\nAllowDllImport=0\r\n",
		"\r\n[StartUp]\r\n",
	};
	(void)state;
	assert_int_equal(
	    weir("mt5 provision a --tokens tokens --dir d --login 90000001 "
		 "--server FPMarketsSC-Live --connect 10.8.0.1:7411 --symbol EURUSD.r"),
	    0);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_has(text_of("d/weir.ini"), lines[i]);
	/* A second expert would follow. */
	assert_null(strstr(text_of("d/weir.ini"), "\nExpert="));
	assert_has(text_of("d/weir-start.cmd"), "/portable /profile:weir");
	assert_has(text_of("d/weir-start.sh"), "/portable /profile:weir");
	const char *chart = wide_text_of("d/MQL5/Profiles/Charts/weir/chart01.chr");
	assert_has(chart, "\r\nsymbol=EURUSD.r\r\n");
	assert_has(chart, "\r\npath=Experts\\weir\\WeirExpert.ex5\r\n");
	assert_has(chart, "\r\nWeirHost=10.8.0.1\r\nWeirPort=7411\r\n");
	assert_string_equal(wide_text_of("d/MQL5/Profiles/Charts/weir/order.wnd"),
			    "chart01.chr\r\n");
}

/* What is set is what the expert's source declares, no more and no less. */
static void test_the_inputs_are_the_experts(void **state)
{
	const char *source = text_of(TEST_DATA_DIR "/../../mt5/WeirExpert.mq5");
	int declared = 0, set = 0;
	(void)state;
	assert_int_equal(weir("mt5 provision a --tokens tokens --dir d"), 0);
	const char *preset = text_of("d/MQL5/Presets/weir.set");
	for (const char *at = source; (at = strstr(at, "\ninput ")); at++) {
		char type[16], name[32], find[40];
		assert_int_equal(sscanf(at, " input %15s %31s =", type, name), 2);
		snprintf(find, sizeof find, "\n%s=", name);
		assert_has(preset, find);
		declared++;
	}
	for (const char *at = preset; (at = strchr(at, '=')); at++)
		set++;
	assert_int_equal(declared, 7);
	assert_int_equal(set, declared);
}

static void test_a_second_token_needs_to_be_asked_for(void **state)
{
	struct token token;
	char first[128];
	(void)state;
	assert_int_equal(weir("mt5 provision a --tokens tokens --dir d --host vps-3 --group x,y"),
			 0);
	snprintf(first, sizeof first, "%s", secret_of("a", &token));
	char before[4096];
	snprintf(before, sizeof before, "%s", text_of("d/MQL5/Presets/weir.set"));
	assert_int_equal(weir("mt5 provision a --tokens tokens --dir d"), 1);
	assert_has(text_of("err"), "--renew");
	assert_string_equal(secret_of("a", &token), first);
	assert_string_equal(text_of("d/MQL5/Presets/weir.set"), before);

	assert_int_equal(weir("mt5 provision a --tokens tokens --dir d --renew"), 0);
	assert_string_not_equal(secret_of("a", &token), first);
	assert_string_equal(token.identity.host, "vps-3");
	assert_int_equal(token.identity.group_count, 2);
	assert_has(text_of("d/MQL5/Presets/weir.set"), secret_of("a", &token));
	assert_null(strstr(text_of("tokens"), first));
}

static void test_the_rest_of_the_file_stays_as_it_is(void **state)
{
	static const char before[] = "# the fleet\n\n  a  0123456789abcdef  -  fx # old one\n"
				     "b\tfedcba9876543210\n\n\n# end";
	struct token token;
	char secret[128], expected[1024];
	(void)state;
	write_tokens(before);
	assert_int_equal(weir("mt5 provision c --tokens tokens --dir c --group g"), 0);
	snprintf(secret, sizeof secret, "%s", secret_of("c", &token));
	snprintf(expected, sizeof expected, "%s\nc %s - g\n", before, secret);
	assert_string_equal(text_of("tokens"), expected);
	assert_string_equal(token.identity.groups[0], "g");

	assert_int_equal(weir("mt5 provision a --tokens tokens --dir a --renew --host h"), 0);
	snprintf(expected, sizeof expected,
		 "# the fleet\n\na %s h fx # old one\nb\tfedcba9876543210\n\n\n# end\nc %s - g\n",
		 secret_of("a", &token), secret);
	assert_string_equal(text_of("tokens"), expected);
}

static void test_a_tokens_file_that_others_can_read_is_refused(void **state)
{
	(void)state;
	write_tokens("b fedcba9876543210\n");
	assert_int_equal(chmod("tokens", 0644), 0);
	assert_int_equal(weir("mt5 provision a --tokens tokens --dir d"), 3);
	assert_has(text_of("err"), "chmod 600");
	assert_string_equal(text_of("tokens"), "b fedcba9876543210\n");
	assert_int_not_equal(access("d", F_OK), 0);
}

static void test_a_tokens_file_that_weir_would_refuse_is_not_touched(void **state)
{
	static const char *const bad[] = { "b short\n", "b\n", "b fedcba9876543210 h g extra\n",
					   "b fedcba9876543210\nb fedcba9876543210\n" };
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		write_tokens(bad[i]);
		assert_int_equal(weir("mt5 provision a --tokens tokens --dir d"), 3);
		assert_has(text_of("err"), "tokens:");
		assert_string_equal(text_of("tokens"), bad[i]);
	}
}

static void test_what_no_file_can_hold_is_a_usage_error(void **state)
{
	static const char *const bad[] = {
		"mt5 provision a --tokens tokens",
		"mt5 provision a --dir d",
		"mt5 provision a/b --tokens tokens --dir d",
		"mt5 provision a --tokens tokens --dir d --connect 127.0.0.1",
		"mt5 provision a --tokens tokens --dir d --connect 127.0.0.1:0",
		"mt5 provision a --tokens tokens --dir d --connect 127.0.0.1:65536",
		"mt5 provision a --tokens tokens --dir d --connect 127.0.0.1:443",
		"mt5 provision a --tokens tokens --dir d --connect :7410",
		"mt5 provision a --tokens tokens --dir d --host a/b",
		"mt5 provision a --tokens tokens --dir d --group a,,b",
		"mt5 provision a --tokens tokens --dir d --group a,b,c,d,e,f,g,h,i",
		"mt5 provision a --tokens tokens --dir d --login 17",
		"mt5 provision a --tokens tokens --dir d --server X",
		"mt5 provision a --tokens tokens --dir d --login 1 --server a\r\nb",
		"mt5 provision a --tokens tokens --dir d --symbol E=U",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(weir(bad[i]), 2);
		assert_int_not_equal(access("tokens", F_OK), 0);
		assert_int_not_equal(access("d", F_OK), 0);
	}
}

static void test_a_folder_that_cannot_be_made_leaves_no_token(void **state)
{
	struct err err;
	(void)state;
	assert_int_equal(files_write_atomic("d", STR("a file"), 0600, &err), STATUS_OK);
	assert_int_equal(weir("mt5 provision a --tokens tokens --dir d"), 3);
	assert_int_not_equal(access("tokens", F_OK), 0);
	assert_int_equal(weir("mt5 provision a --tokens no/where --dir e"), 3);
}

static void test_many_at_once_lose_no_token(void **state)
{
	enum { MANY = 16 };
	struct token token;
	char id[16], line[128];
	(void)state;
	for (int i = 0; i < MANY; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid)
			continue;
		/* its own out and err, and no test of its own */
		snprintf(id, sizeof id, "w%d", i);
		if (mkdir(id, 0700) || chdir(id))
			_exit(9);
		snprintf(line, sizeof line, "mt5 provision t%d --tokens ../tokens --dir d", i);
		_exit(weir(line));
	}
	for (int i = 0; i < MANY; i++) {
		int status;
		assert_true(wait(&status) > 0 || errno == EINTR);
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "t%d", i);
		assert_int_equal(strlen(secret_of(id, &token)), 64);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_new_terminal_gets_a_token_and_its_files),
		T(test_the_start_up_configuration_switches_all_off_but_trading),
		T(test_the_inputs_are_the_experts),
		T(test_a_second_token_needs_to_be_asked_for),
		T(test_the_rest_of_the_file_stays_as_it_is),
		T(test_a_tokens_file_that_others_can_read_is_refused),
		T(test_a_tokens_file_that_weir_would_refuse_is_not_touched),
		T(test_what_no_file_can_hold_is_a_usage_error),
		T(test_a_folder_that_cannot_be_made_leaves_no_token),
		T(test_many_at_once_lose_no_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
