/* The command line: what is taken, what is refused with which line, and that getters
 * give what was typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/check.h"
#include "def/args.h"

static struct args args;
static struct err err;

/* "weir" and the words of a line, split at blanks; "''" stands for the empty word. */
static enum status parse(const char *line)
{
	static char storage[1024];
	static char *argv[64];
	int argc = 0;
	snprintf(storage, sizeof storage, "weir %s", line);
	for (char *word = strtok(storage, " "); word; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	return args_parse(argc, argv, &args, &err);
}

static void refused(const char *line, const char *why)
{
	assert_int_equal(parse(line), STATUS_USAGE);
	assert_string_equal(err.text, why);
}

static void assert_str(struct str s, const char *text) { assert_true(str_eq(s, str_of(text))); }

static void flags_and_operands_come_in_any_order(void **state)
{
	(void)state;
	enum venue venue;
	enum kind kind;
	assert_int_equal(parse("replay a.gz --as binance:perp --json b.gz --speed=2.5 -- --c"),
			 STATUS_OK);
	assert_int_equal(args.command, COMMAND_replay);
	assert_int_equal(args.n_operands, 3);
	assert_string_equal(args.operands[0], "a.gz");
	assert_string_equal(args.operands[1], "b.gz");
	assert_string_equal(args.operands[2], "--c");
	assert_true(args_has(&args, FLAG_json));
	assert_false(args_has(&args, FLAG_no_store));
	assert_true(args_source(&args, FLAG_as, &venue, &kind));
	assert_int_equal(venue, VENUE_BINANCE);
	assert_int_equal(kind, KIND_PERP);
	assert_true(args_speed(&args, FLAG_speed, 1) == 2.5);
}

static void a_flag_of_one_letter_has_one_dash(void **state)
{
	(void)state;
	assert_int_equal(parse("sim fleet -n 7 --tokens t"), STATUS_OK);
	assert_int_equal(args_i64(&args, FLAG_n), 7);
	assert_int_equal(parse("sim fleet -n=8"), STATUS_OK);
	assert_int_equal(args_i64(&args, FLAG_n), 8);
	refused("sim fleet -n 0", "-n: '0' is not a whole number from 1");
	refused("sim fleet -n", "-n needs N");
	refused("sim fleet -nn 5", "unknown flag '-nn'");
	refused("sim fleet -x 5", "unknown flag '-x'");
	refused("replay -n 5 x", "unknown flag '-n'"); /* another command's */
}

static void absent_flags_give_their_presets(void **state)
{
	(void)state;
	struct market_id market;
	assert_int_equal(parse("tape cat"), STATUS_OK);
	assert_str(args_str(&args, FLAG_state), "./var");
	assert_int_equal(args_i64(&args, FLAG_from), 0);
	assert_true(args_i64(&args, FLAG_to) == INT64_MAX);
	assert_false(args_market(&args, FLAG_market, &market));
	assert_int_equal(parse("up"), STATUS_OK);
	assert_true(args_speed(&args, FLAG_speed, 1) == 1);
	assert_int_equal(args_count(&args, FLAG_replay), 0);
}

static void a_repeated_flag_keeps_all_and_the_last_wins(void **state)
{
	(void)state;
	assert_int_equal(parse("up --replay a --state x --replay b --state y"), STATUS_OK);
	assert_int_equal(args_count(&args, FLAG_replay), 2);
	assert_str(args_at(&args, FLAG_replay, 0), "a");
	assert_str(args_at(&args, FLAG_replay, 1), "b");
	assert_str(args_str(&args, FLAG_state), "y");
}

static void a_command_of_two_words_is_found_by_both(void **state)
{
	(void)state;
	assert_int_equal(parse("tape verify --as bybit:spot x"), STATUS_OK);
	assert_int_equal(args.command, COMMAND_tape_verify);
	refused("tape", "tape: needs one of stat, verify, cat, minutes");
	refused("config shwo",
		"config: 'shwo' is not one of show, check, diff, did you mean 'show'?");
	refused("config zzzz", "config: 'zzzz' is not one of show, check, diff");
	refused(
	    "top --pane flet",
	    "--pane: 'flet' is not one of overview|fleet|markets|segments|ledger|alerts, did you "
	    "mean 'fleet'?");
}

static void what_follows_the_segment_is_the_servers(void **state)
{
	(void)state;
	assert_int_equal(parse("redis --state d rts SET k --help -x --state y"), STATUS_OK);
	assert_int_equal(args.n_operands, 7);
	assert_string_equal(args.operands[0], "rts");
	assert_string_equal(args.operands[3], "--help");
	assert_str(args_str(&args, FLAG_state), "d");
}

static void a_lone_dash_is_an_operand(void **state)
{
	(void)state;
	assert_int_equal(parse("decode -"), STATUS_OK);
	assert_string_equal(args.operands[0], "-");
}

static void help_is_asked_for_in_every_usual_way(void **state)
{
	(void)state;
	static const char *const all[] = { "--help", "-h", "help" };
	static const char *const command[] = { "help replay", "replay --help", "replay x -h" };
	static const char *const group[] = { "help tape", "tape --help" };
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(parse(all[i]), STATUS_OK);
		assert_int_equal(args.wish, ARGS_HELP_ALL);
	}
	for (size_t i = 0; i < ARRAY_LEN(command); i++) {
		assert_int_equal(parse(command[i]), STATUS_OK);
		assert_int_equal(args.wish, ARGS_HELP_COMMAND);
		assert_int_equal(args.command, COMMAND_replay);
		assert_false(args.whole_group);
	}
	for (size_t i = 0; i < ARRAY_LEN(group); i++) {
		assert_int_equal(parse(group[i]), STATUS_OK);
		assert_int_equal(args.wish, ARGS_HELP_COMMAND);
		assert_true(args.whole_group);
	}
	assert_int_equal(parse("tape cat --help"), STATUS_OK);
	assert_int_equal(args.command, COMMAND_tape_cat);
	assert_int_equal(parse("--version"), STATUS_OK);
	assert_int_equal(args.command, COMMAND_version);
}

static void every_mistake_has_its_line(void **state)
{
	(void)state;
	refused("", "needs a command; `weir --help` lists them");
	refused("replya x", "unknown command 'replya', did you mean 'replay'?");
	refused("zzzzzz", "unknown command 'zzzzzz'");
	refused("replay --sped 2 x", "unknown flag '--sped', did you mean '--speed'?");
	refused("replay -x", "unknown flag '-x'");
	refused("decode --json", "unknown flag '--json'");
	refused("replay", "needs FILE…");
	refused("up now", "'now': takes no operand");
	refused("config check a b", "'b': at most 1 operands");
	refused("replay x --speed", "--speed needs max|N");
	refused("replay x --json=1", "--json takes no value");
	refused("replay x --speed 0", "--speed: '0' is not max or a number above 0");
	refused("replay x --speed 1e3", "--speed: '1e3' is not max or a number above 0");
	refused("replay x --as binance",
		"--as: 'binance' is not VENUE:KIND: binance or bybit, spot or perp");
	refused("replay x --state ''", "--state: DIR is empty");
	refused("tape cat --market BTC",
		"--market: 'BTC' is not VENUE:KIND:SYMBOL, as binance:perp:ETHUSDT");
	refused("tape cat --from -1", "--from: '-1' is not a whole number from 0");
	refused("keys --format xml",
		"--format: 'xml' is not one of table|json|jsonl|csv|tsv|markdown");
}

static void operands_and_flags_are_bounded(void **state)
{
	(void)state;
	static char *argv[ARGS_OPERANDS_MAX + 4];
	static char program[] = "weir", command[] = "replay", operand[] = "x", flag[] = "--json";
	argv[0] = program;
	argv[1] = command;
	for (size_t i = 2; i < ARRAY_LEN(argv); i++)
		argv[i] = operand;
	assert_int_equal(args_parse(ARGS_OPERANDS_MAX + 2, argv, &args, &err), STATUS_OK);
	assert_int_equal(args_parse(ARGS_OPERANDS_MAX + 3, argv, &args, &err), STATUS_USAGE);
	assert_string_equal(err.text, "'x': at most 1024 operands");
	for (size_t i = 2; i < ARRAY_LEN(argv); i++)
		argv[i] = flag;
	assert_int_equal(args_parse(ARGS_FLAGS_MAX + 3, argv, &args, &err), STATUS_USAGE);
	assert_string_equal(err.text, "more than 64 flags");
}

static void words_for_commands_that_wait_are_taken(void **state)
{
	(void)state;
	assert_int_equal(parse("takeover --once --anything here"), STATUS_OK);
	assert_int_equal(args.command, COMMAND_takeover);
	assert_int_equal(args.wish, ARGS_RUN);
	assert_int_equal(parse("takeover --help"), STATUS_OK);
	assert_int_equal(args.wish, ARGS_HELP_COMMAND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_and_operands_come_in_any_order),
		cmocka_unit_test(a_flag_of_one_letter_has_one_dash),
		cmocka_unit_test(absent_flags_give_their_presets),
		cmocka_unit_test(a_repeated_flag_keeps_all_and_the_last_wins),
		cmocka_unit_test(a_command_of_two_words_is_found_by_both),
		cmocka_unit_test(what_follows_the_segment_is_the_servers),
		cmocka_unit_test(a_lone_dash_is_an_operand),
		cmocka_unit_test(help_is_asked_for_in_every_usual_way),
		cmocka_unit_test(every_mistake_has_its_line),
		cmocka_unit_test(operands_and_flags_are_bounded),
		cmocka_unit_test(words_for_commands_that_wait_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
