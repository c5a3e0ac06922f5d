/* The settings: what the reader takes, what it refuses and how it says so, where a
 * value comes from, and what a reload may change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/rng.h"
#include "def/config.h"

static struct config_problems problems;

static enum status create(const char *text, const char *const *environ, struct config **config)
{
	struct config_source source = { .file_name = STR("weir.conf"),
					.file_text = str_of(text),
					.environ = environ };
	return config_create(&source, config, &problems);
}

static struct config *accepted(const char *text)
{
	struct config *config = NULL;
	enum status status = create(text, NULL, &config);
	if (status)
		print_error("%s\n", problems.lines[0]);
	assert_int_equal(status, STATUS_OK);
	return config;
}

/* The text has exactly this one fault, and *config stays untouched. */
static void refused(const char *text, const char *line)
{
	struct config *config = NULL;
	assert_int_equal(create(text, NULL, &config), STATUS_INVALID);
	assert_null(config);
	assert_string_equal(problems.lines[0], line);
	assert_int_equal(problems.count, 1);
}

static void assert_str(struct str s, const char *text)
{
	char copy[2048];
	assert_int_equal(str_copy(s, copy, sizeof copy), STATUS_OK);
	assert_string_equal(copy, text);
}

static void no_file_gives_the_defaults(void **state)
{
	(void)state;
	struct config *config = accepted(NULL);
	assert_int_equal(config_i64(config, CONFIG_market_whale_quote), 500000);
	assert_int_equal(config_i64(config, CONFIG_market_flush_ms), 1000);
	assert_int_equal(config_i64(config, CONFIG_segment_rls_maxmemory), 2ll << 30);
	assert_str(config_str(config, CONFIG_market_symbols), "BTC,ETH,SOL,BNB,XRP");
	assert_str(config_str(config, CONFIG_segment_rtrs_appendfsync), "always");
	assert_int_equal(config_origin(config, CONFIG_market_feed).kind, CONFIG_FROM_DEFAULT);
	config_destroy(config);
}

static void values_are_read_by_their_type(void **state)
{
	(void)state;
	struct config *config = accepted("[market]\n"
					 "symbols = btc , eth,SOL\n"
					 "stale_ms = 15s\n"
					 "flush_ms=250\n"
					 "feed\t=\tsim\n"
					 "[segment.rms]\n"
					 "maxmemory = 64MB\n"
					 "accept_unsafe = true\n"
					 "[log]\n"
					 "level = debug\n");
	assert_str(config_str(config, CONFIG_market_symbols), "btc,eth,SOL");
	assert_int_equal(config_i64(config, CONFIG_market_stale_ms), 15000);
	assert_int_equal(config_i64(config, CONFIG_market_flush_ms), 250);
	assert_str(config_str(config, CONFIG_market_feed), "sim");
	assert_int_equal(config_i64(config, CONFIG_market_feed), 2);
	assert_int_equal(config_i64(config, CONFIG_segment_rms_maxmemory), 64 << 20);
	assert_true(config_bool(config, CONFIG_segment_rms_accept_unsafe));
	assert_int_equal(config_i64(config, CONFIG_log_level), 3);
	config_destroy(config);
}

static void numbers_are_exact_to_six_places(void **state)
{
	(void)state;
	static const struct {
		const char *text, *printed;
		int64_t millionths;
	} cases[] = {
		{ "0", "0", 0 },
		{ "0.05", "0.05", 50000 },
		{ "30.000000", "30", 30000000 },
		{ "0.000001", "0.000001", 1 },
		{ "007.50", "7.5", 7500000 },
		{ "12.3400000000", "12.34", 12340000 },
		{ "1000000000000", "1000000000000", 1000000000000000000 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[128];
		struct buf out = buf_over(text, sizeof text), printed;
		buf_printf(&out, "[alert.funding_extreme]\nclear = 0\nfire = %s\n", cases[i].text);
		buf_char(&out, 0);
		struct config *config = accepted(text);
		char storage[64];
		printed = buf_over(storage, sizeof storage);
		assert_int_equal(config_i64(config, CONFIG_alert_funding_extreme_fire),
				 cases[i].millionths);
		config_print_value(&printed, config, CONFIG_alert_funding_extreme_fire);
		assert_str(buf_str(&printed), cases[i].printed);
		config_destroy(config);
	}
	struct config *config = accepted("[liquidations]\ncascade_high = 0.85\n");
	assert_true(config_number(config, CONFIG_liquidations_cascade_high) == 0.85);
	config_destroy(config);
}

static void what_is_no_number_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = { "",   "x",    "1.",        ".5",  "1e3", "1,5",
					     "+1", "0x10", "0.0000001", "nan", "5 %" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char text[128], line[200];
		snprintf(text, sizeof text, "[alert.price_move]\nfire = %s\n", wrong[i]);
		snprintf(line, sizeof line,
			 "weir.conf:2:8: alert.price_move.fire: '%s' is not a number: digits, with "
			 "at most six behind a point",
			 wrong[i]);
		refused(text, line);
	}
	refused("[alert.price_move]\nfire = -1\n",
		"weir.conf:2:8: alert.price_move.fire: '-1' is not 0..1000000000000");
	refused("[liquidations]\ncascade_high = 1.000001\n",
		"weir.conf:2:16: liquidations.cascade_high: '1.000001' is not 0..1");
	refused("[alert.price_move]\nfire = 99999999999999999999\n",
		"weir.conf:2:8: alert.price_move.fire: '99999999999999999999' is not "
		"0..1000000000000");
}

static void a_list_may_be_empty_where_its_row_says_so(void **state)
{
	(void)state;
	struct config *config = accepted("[market]\noi_alert_percent =\n");
	assert_int_equal(config_str(config, CONFIG_market_oi_alert_percent).len, 0);
	config_destroy(config);
	refused("[market]\nsymbols =\n",
		"weir.conf:2:10: market.symbols: '' has 0 words, not 1..64");
}

static void words_with_numbers_are_read_apart(void **state)
{
	(void)state;
	struct str name;
	int64_t number;
	assert_int_equal(config_word_number(STR("BTC:15.25"), &name, &number), STATUS_OK);
	assert_str(name, "BTC");
	assert_int_equal(number, 15250000);
	static const char *const wrong[] = { "BTC", ":15", "BTC:", "BTC:x", "BTC:1:2", "" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(config_word_number(str_of(wrong[i]), &name, &number),
				 STATUS_FORMAT);
}

static void amounts_of_a_list_may_be_equal(void **state)
{
	(void)state;
	const char *const environ[] = { NULL };
	struct config *config = NULL;
	assert_int_equal(create("[archive]\nretry = 1s, 1s,2s\n", environ, &config), STATUS_OK);
	assert_str(config_str(config, CONFIG_archive_retry), "1s,1s,2s");
	config_destroy(config);
}

/* Others pass them on to C libraries: a shorter value leaves nothing of a longer one. */
static void texts_end_with_a_nul_byte(void **state)
{
	(void)state;
	const char *const environ[] = { "WEIR_REDIS_SERVER=/e", "WEIR_MARKET_SYMBOLS=A", NULL };
	struct config *config = NULL;
	assert_int_equal(
	    create("[redis]\nserver = /file\n[segment.rms]\nappendfsync = no\n", environ, &config),
	    STATUS_OK);
	assert_string_equal(config_str(config, CONFIG_redis_server).ptr, "/e");
	assert_string_equal(config_str(config, CONFIG_market_symbols).ptr, "A");
	assert_string_equal(config_str(config, CONFIG_segment_rms_appendfsync).ptr, "no");
	assert_string_equal(config_str(config, CONFIG_segment_rtss_appendfsync).ptr, "always");
	assert_string_equal(config_str(config, CONFIG_segment_rms_url).ptr, "");
	config_destroy(config);
}

static void comments_blanks_and_line_ends_are_as_documented(void **state)
{
	(void)state;
	struct config *config = accepted("; first\r\n"
					 "\r\n"
					 "  # second [not] = a section\r\n"
					 " [ redis ]  # a section\r\n"
					 "server = /opt/a#b;c  # a comment\r\n"
					 "[log]\n"
					 "file = \" a \\\"b\\\\ # ; \" ; a comment\n"
					 "max_mb = 7");
	assert_str(config_str(config, CONFIG_redis_server), "/opt/a#b;c");
	assert_str(config_str(config, CONFIG_log_file), " a \"b\\ # ; ");
	assert_int_equal(config_i64(config, CONFIG_log_max_mb), 7);
	assert_int_equal(config_origin(config, CONFIG_log_max_mb).line, 8);
	config_destroy(config);
}

static void each_fault_is_told_with_line_column_and_reason(void **state)
{
	(void)state;
	refused("\n[segment.rts]\nport = 65536\n",
		"weir.conf:3:8: segment.rts.port: '65536' is not 0..65535");
	refused("[segment.rts]\nport = 1x\n",
		"weir.conf:2:8: segment.rts.port: '1x' is not a whole number");
	refused("[segment.rts]\nport =\n",
		"weir.conf:2:7: segment.rts.port: '' is not a whole number");
	refused(
	    "[segment.rts]\nmaxmemory = 1g\n",
	    "weir.conf:2:13: segment.rts.maxmemory: '1g' is not a size: bytes, or a number with "
	    "kb, mb or gb");
	refused("[segment.rts]\nmaxmemory = 1mb\n",
		"weir.conf:2:13: segment.rts.maxmemory: '1mb' is not 16mb..1024gb");
	refused("[segment.rts]\nmaxmemory = 99999999999gb\n",
		"weir.conf:2:13: segment.rts.maxmemory: '99999999999gb' is not 16mb..1024gb");
	refused(
	    "[market]\nstale_ms = 2 s\n",
	    "weir.conf:2:12: market.stale_ms: '2 s' is not a duration: milliseconds, or a number "
	    "with ms, s, m, h or d");
	refused("[market]\nfeed = lvie\n", "weir.conf:2:8: market.feed: 'lvie' is not one of auto "
					   "live sim off, did you mean 'live'?");
	refused("[market]\nsymbols = BTC,,ETH\n",
		"weir.conf:2:11: market.symbols: 'BTC,,ETH' has an empty word");
	refused("[market]\nsymbols = BTC,ETH,BTC\n",
		"weir.conf:2:11: market.symbols: 'BTC' is in the list twice");
	refused("[segment.rss]\naccept_unsafe = maybe\n",
		"weir.conf:2:17: segment.rss.accept_unsafe: 'maybe' is not yes or no");
	refused("[segment.rss]\nurl = http://x\n",
		"weir.conf:2:7: segment.rss.url: not a URL of scheme redis unix");
	refused("[redis]\nserver =\n", "weir.conf:2:9: redis.server: '' is empty");
}

static void unknown_and_repeated_names_are_faults(void **state)
{
	(void)state;
	refused("[segmnt.rts]\nport = 1\n",
		"weir.conf:1:2: unknown section 'segmnt.rts', did you mean 'segment.rts'?");
	refused("[weather]\n", "weir.conf:1:2: unknown section 'weather'");
	refused("[market]\n  simbols = BTC\n",
		"weir.conf:2:3: market: unknown key 'simbols', did you mean 'symbols'?");
	refused("[market]\nfeed = sim\n[log]\n[market]\n",
		"weir.conf:4:2: section 'market' stands twice, first in line 1");
	refused("[market]\nfeed = sim\nfeed = off\n",
		"weir.conf:3:1: market.feed: stands twice, first in line 2");
	refused("feed = sim\n", "weir.conf:1:1: a key before any [section]");
}

static void broken_lines_are_faults(void **state)
{
	(void)state;
	refused("[market\n", "weir.conf:1:8: ']' expected");
	refused("[]\n", "weir.conf:1:2: a section's name is of letters, digits and _ . - : @");
	refused("[market] x\n", "weir.conf:1:10: nothing may follow ']' but a comment");
	refused("[market]\nfeed sim\n", "weir.conf:2:6: '=' expected after the key");
	refused("[market]\n= sim\n", "weir.conf:2:1: a [section] or 'key = value' expected");
	refused("[log]\nfile = \"x\n", "weir.conf:2:8: the quote is not closed");
	refused("[log]\nfile = \"x\" y\n",
		"weir.conf:2:12: nothing may follow the closing quote but a comment");
	refused("[log]\nfile = \"x\\n\"\n",
		"weir.conf:2:10: in quotes, only \\\" and \\\\ begin with a backslash");
	refused("[log]\nfile = a\x01"
		"b\n",
		"weir.conf:2:9: a control character, or a byte that is not UTF-8");
	refused("# \xC3(\n", "weir.conf:1:3: a control character, or a byte that is not UTF-8");
	/* columns count characters, not bytes */
	refused("[log]\nfile = \"\xC3\xA4\xC3\xA4\" y\n",
		"weir.conf:2:13: nothing may follow the closing quote but a comment");
}

static void a_nul_byte_is_a_fault(void **state)
{
	(void)state;
	struct config *config = NULL;
	struct config_source source = { .file_name = STR("f"),
					.file_text = STR("[log]\nfile = a\0b\n") };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_INVALID);
	assert_string_equal(problems.lines[0],
			    "f:2:9: a control character, or a byte that is not UTF-8");
}

static void lines_values_and_files_are_bounded(void **state)
{
	(void)state;
	static char text[CONFIG_FILE_BYTES + 2];
	struct config *config = NULL;
	struct config_source source = { .file_name = STR("f"), .file_text = { text, 0 } };

	memset(text, '\n', sizeof text);
	source.file_text.len = CONFIG_FILE_BYTES;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	config_destroy(config);
	source.file_text.len = CONFIG_FILE_BYTES + 1;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_INVALID);
	assert_string_equal(problems.lines[0], "f: the file has 1048577 bytes, more than 1048576");

	memcpy(text, "[log]\nfile = ", 13);
	memset(text + 13, 'x', CONFIG_VALUE_BYTES + 1);
	source.file_text.len = 13 + CONFIG_VALUE_BYTES;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	assert_int_equal(config_str(config, CONFIG_log_file).len, CONFIG_VALUE_BYTES);
	config_destroy(config);
	source.file_text.len++;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_INVALID);
	assert_string_equal(problems.lines[0],
			    "f:2:8: log.file: the value has 1024 bytes, more than 1023");

	memset(text, '#', CONFIG_LINE_BYTES + 1);
	source.file_text.len = CONFIG_LINE_BYTES;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	config_destroy(config);
	source.file_text.len++;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_INVALID);
	assert_string_equal(problems.lines[0], "f:1:1: the line is longer than 4096 bytes");
}

static void all_faults_are_counted_and_twenty_are_kept(void **state)
{
	(void)state;
	char text[1024] = "[log]\n";
	struct config *config = NULL;
	for (int i = 0; i < 25; i++)
		strcat(text, "nonsense = 1\n");
	assert_int_equal(create(text, NULL, &config), STATUS_INVALID);
	assert_int_equal(problems.count, 25);
	assert_string_equal(problems.lines[19], "weir.conf:21:1: log: unknown key 'nonsense'");
}

static void the_environment_wins_over_the_file(void **state)
{
	(void)state;
	const char *const environ[] = { "PATH=/bin", "WEIR_SEGMENT_RTS_PORT=7000",
					"WEIR_LOG_FILE=", "WEIR_SOMETHING_ELSE=1", NULL };
	struct config *config = NULL;
	char storage[128];
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(create("[segment.rts]\nport = 6000\n[log]\nfile = x\n", environ, &config),
			 STATUS_OK);
	assert_int_equal(config_i64(config, CONFIG_segment_rts_port), 7000);
	assert_int_equal(config_str(config, CONFIG_log_file).len, 0);
	config_print_origin(&out, config, CONFIG_segment_rts_port);
	assert_str(buf_str(&out), "environment WEIR_SEGMENT_RTS_PORT");
	config_destroy(config);
}

static void a_wrong_variable_is_a_fault_when_it_begins_like_ours(void **state)
{
	(void)state;
	const char *const environ[] = { "WEIR_SEGMENT_RTS_PROT=1", "WEIR_LOG_LEVEL=loud",
					"WEIR_LOG_FILE=a\nb", NULL };
	struct config *config = NULL;
	assert_int_equal(create(NULL, environ, &config), STATUS_INVALID);
	assert_int_equal(problems.count, 3);
	assert_string_equal(problems.lines[0],
			    "WEIR_SEGMENT_RTS_PROT: names no setting, did you mean "
			    "'WEIR_SEGMENT_RTS_PORT'?");
	assert_string_equal(problems.lines[1],
			    "WEIR_LOG_LEVEL: 'loud' is not one of error warn info debug");
	assert_string_equal(problems.lines[2],
			    "WEIR_LOG_FILE: a control character, or a byte that is not UTF-8");
}

static void settings_that_contradict_each_other_are_faults(void **state)
{
	(void)state;
	refused("[segment.rts]\nmode = external\n",
		"segment.rts.mode (weir.conf:2): an external segment needs a url");
	refused("[segment.ris]\nurl = redis://h\n",
		"segment.ris.url (weir.conf:2): a managed segment has no url: set mode = external");
	refused("[segment.rms]\nmode = external\nurl = redis://h\nport = 1\n",
		"segment.rms.port (weir.conf:4): an external segment's port stands in its url");
	refused("[segment.rts]\nport = 7000\n[segment.rms]\nport = 7000\n",
		"segment.rms.port (weir.conf:4): another segment has the same port");
}

static void thresholds_that_contradict_each_other_are_faults(void **state)
{
	(void)state;
	refused("[alert.price_move]\nfire = 5\nclear = 5.1\n",
		"alert.price_move.clear (weir.conf:3): more than fire, where the alert begins");
	refused("[alert.feed_stale]\nfire = 9\n",
		"alert.feed_stale.clear (default): more than fire, where the alert begins");
	refused("[market]\noi_alert_percent = BTC:15,ETH\n",
		"market.oi_alert_percent (weir.conf:2): 'ETH' is not ASSET:PERCENT, as BTC:15");
	refused("[market]\noi_alert_percent = BTC:15,*:0\n",
		"market.oi_alert_percent (weir.conf:2): '*:0' is not ASSET:PERCENT, as BTC:15");
	refused(
	    "[market]\noi_alert_percent = BTC:15,ETH:1,btc:20\n",
	    "market.oi_alert_percent (weir.conf:2): 'btc:20' names an asset that stands before");
	refused("[liquidations]\ncascade_high = 0.65\n",
		"liquidations.cascade_high (weir.conf:2): less than cascade_moderate");
	refused("[liquidations]\nsize_large = 500001\n",
		"liquidations.size_institutional (default): less than size_large");
}

static void alert_rules_count_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(config_of_alert(CONFIG_alert_oi_move_fire, ALERT_oi_move),
			 CONFIG_alert_oi_move_fire);
	assert_int_equal(config_of_alert(CONFIG_alert_oi_move_cooldown, ALERT_price_move),
			 CONFIG_alert_price_move_cooldown);
	assert_int_equal(config_of_alert(CONFIG_alert_oi_move_on, ALERT_venue_limited),
			 CONFIG_alert_venue_limited_on);
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		char section[64];
		snprintf(section, sizeof section, "alert.%s", alert_row(rule)->id);
		assert_string_equal(
		    config_row(config_of_alert(CONFIG_alert_oi_move_on, rule))->section, section);
	}
}

static void passwords_are_never_printed(void **state)
{
	(void)state;
	struct config *config =
	    accepted("[segment.rts]\nmode = external\nurl = redis://weir:s3c:r@t@host:1/0\n"
		     "[segment.rms]\nmode = external\nurl = unix:///run/a:b@c\n");
	char storage[128];
	struct buf out = buf_over(storage, sizeof storage);
	config_print_value(&out, config, CONFIG_segment_rts_url);
	assert_str(buf_str(&out), "redis://weir:***@host:1/0");
	buf_clear(&out);
	config_print_value(&out, config, CONFIG_segment_rms_url);
	assert_str(buf_str(&out), "unix:///run/a:b@c");
	config_destroy(config);
	config = accepted("[notify]\nwebhook_url = https://u:p@ss@hooks.example?key=S3CRET\n"
			  "deadman_url = https://ping.example/S3CRET\n");
	buf_clear(&out);
	config_print_value(&out, config, CONFIG_notify_webhook_url);
	assert_str(buf_str(&out), "https://hooks.example/***");
	buf_clear(&out);
	config_print_value(&out, config, CONFIG_notify_deadman_url);
	assert_str(buf_str(&out), "https://ping.example/***");
	assert_true(config_file_has_secret(config));
	config_destroy(config);
	/* nor in the line that refuses such a URL */
	struct config *none = NULL;
	assert_int_equal(create("[segment.rts]\nurl = http://u:s3cret@h\n", NULL, &none),
			 STATUS_INVALID);
	assert_null(strstr(problems.lines[0], "s3cret"));
}

static void a_reload_changes_live_rows_only(void **state)
{
	(void)state;
	char storage[256];
	struct buf why = buf_over(storage, sizeof storage);
	struct config *old = accepted("[log]\nlevel = warn\n");
	struct config *live = accepted("[market]\nflush_ms = 2s\n[log]\nlevel = debug\n");
	struct config *alert = accepted("[log]\nlevel = warn\n[alert.oi_move]\nfire = 40\n");
	struct config *more = accepted("[segment.rts]\nport = 7000\n[redis]\nserver = /x\n"
				       "[log]\nlevel = debug\n");
	assert_int_equal(config_reload_check(old, live, &why), STATUS_OK);
	assert_int_equal(config_reload_check(old, alert, &why), STATUS_OK);
	assert_false(config_value_eq(old, alert, CONFIG_alert_oi_move_fire));
	assert_int_equal(why.len, 0);
	assert_int_equal(config_reload_check(old, more, &why), STATUS_REFUSED);
	assert_str(buf_str(&why), "redis.server, segment.rts.port");
	config_destroy(old);
	config_destroy(live);
	config_destroy(alert);
	config_destroy(more);
}

static void segments_count_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(SEGMENT_COUNT, 7);
	assert_int_equal(config_of_segment(CONFIG_segment_rts_port, SEGMENT_RTS),
			 CONFIG_segment_rts_port);
	assert_int_equal(config_of_segment(CONFIG_segment_rts_mode, SEGMENT_RTSS),
			 CONFIG_segment_rtss_mode);
	assert_int_equal(config_of_segment(CONFIG_segment_rts_accept_unsafe, SEGMENT_RMS),
			 CONFIG_segment_rms_accept_unsafe);
}

/* ---- properties ---- */

static void print_as_file(struct buf *out, const struct config *config)
{
	const char *section = "";
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		const struct config_row *row = config_row(id);
		if (strcmp(section, row->section) != 0)
			buf_printf(out, "[%s]\n", row->section);
		section = row->section;
		buf_printf(out, "%s = ", row->key);
		config_print_value(out, config, id);
		buf_char(out, '\n');
	}
	buf_char(out, 0);
}

static void put_random_value(struct buf *text, struct rng *rng, const struct config_row *row)
{
	static const char *const odd[] = {
		" ", "#", ";", "\\\\", "\\\"", "x", "=", "[", "\xC3\xA4"
	};
	uint64_t span = (uint64_t)row->max - (uint64_t)row->min;
	struct str rest = str_of(row->choices), word = { 0 };
	switch (row->type) {
	case CONFIG_ENUM:
		for (uint64_t n = rng_below(rng, 3) + 1; n-- && str_split(&rest, ' ', &word);)
			;
		buf_str_put(text, word);
		break;
	case CONFIG_BOOL: buf_printf(text, rng_below(rng, 2) ? "on" : "off"); break;
	case CONFIG_LIST:
		if (*row->choices && str_split(&rest, ' ', &word))
			buf_str_put(text, word);
		else if (strcmp(row->id, "market_oi_alert_percent") == 0)
			buf_printf(text, "A%llu:0.5 , *:12",
				   (unsigned long long)rng_below(rng, 99));
		else
			buf_printf(text, "A%llu , B", (unsigned long long)rng_below(rng, 99));
		break;
	case CONFIG_NUMBER:
		decimal_print(text, row->min + (int64_t)rng_below(rng, span), CONFIG_NUMBER_PLACES);
		break;
	case CONFIG_PATH:
		buf_printf(text, "\"p");
		for (uint64_t n = rng_below(rng, 12); n--;)
			buf_printf(text, "%s", odd[rng_below(rng, ARRAY_LEN(odd))]);
		buf_char(text, '"');
		break;
	case CONFIG_URL: /* of a managed segment: none */
		if (row->min && str_split(&rest, ' ', &word))
			buf_printf(text, "%.*s://h%llu/p", STR_ARG(word),
				   (unsigned long long)rng_below(rng, 99));
		break;
	case CONFIG_ADDRESS:
		buf_printf(text, "%s:%llu", rng_below(rng, 2) ? "127.0.0.1" : "[::1]",
			   (unsigned long long)rng_below(rng, 65536));
		break;
	case CONFIG_INT:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		buf_i64(text, (int64_t)((uint64_t)row->min + rng_below(rng, span ? span : 1)));
		break;
	}
}

/* Rows that other rows have a say in: a random value would contradict them. */
static bool stands_alone(const struct config_row *row)
{
	return !strstr(row->id, "_port") && !strstr(row->id, "_mode") &&
	       strcmp(row->key, "fire") != 0 && strcmp(row->key, "clear") != 0 &&
	       strcmp(row->section, "liquidations") != 0;
}

static void what_is_printed_reads_back_the_same(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 20261121);
	for (int round = 0; round < 300; round++) {
		struct buf text, printed;
		buf_init(&text, 1 << 16);
		buf_init(&printed, 1 << 16);
		const char *section = "";
		for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
			const struct config_row *row = config_row(id);
			if (!stands_alone(row) || rng_below(&rng, 2))
				continue;
			if (strcmp(section, row->section) != 0)
				buf_printf(&text, "[%s]\n", row->section);
			section = row->section;
			buf_printf(&text, "%s = ", row->key);
			put_random_value(&text, &rng, row);
			buf_char(&text, '\n');
		}
		buf_char(&text, 0);
		struct config *first = accepted(text.ptr);
		print_as_file(&printed, first);
		struct config *second = accepted(printed.ptr);
		for (enum config_id id = 0; id < CONFIG_COUNT; id++)
			assert_true(config_value_eq(first, second, id));
		config_destroy(first);
		config_destroy(second);
		buf_deinit(&text);
		buf_deinit(&printed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_gives_the_defaults),
		cmocka_unit_test(values_are_read_by_their_type),
		cmocka_unit_test(numbers_are_exact_to_six_places),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(a_list_may_be_empty_where_its_row_says_so),
		cmocka_unit_test(words_with_numbers_are_read_apart),
		cmocka_unit_test(amounts_of_a_list_may_be_equal),
		cmocka_unit_test(texts_end_with_a_nul_byte),
		cmocka_unit_test(comments_blanks_and_line_ends_are_as_documented),
		cmocka_unit_test(each_fault_is_told_with_line_column_and_reason),
		cmocka_unit_test(unknown_and_repeated_names_are_faults),
		cmocka_unit_test(broken_lines_are_faults),
		cmocka_unit_test(a_nul_byte_is_a_fault),
		cmocka_unit_test(lines_values_and_files_are_bounded),
		cmocka_unit_test(all_faults_are_counted_and_twenty_are_kept),
		cmocka_unit_test(the_environment_wins_over_the_file),
		cmocka_unit_test(a_wrong_variable_is_a_fault_when_it_begins_like_ours),
		cmocka_unit_test(settings_that_contradict_each_other_are_faults),
		cmocka_unit_test(thresholds_that_contradict_each_other_are_faults),
		cmocka_unit_test(alert_rules_count_in_their_order),
		cmocka_unit_test(passwords_are_never_printed),
		cmocka_unit_test(a_reload_changes_live_rows_only),
		cmocka_unit_test(segments_count_in_their_order),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
