/* The recorded trades give the minutes that were worked out beside them, to the last
 * digit, and so does the recording split between two processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "codec/decoder.h"
#include "market/markets.h"

enum { FIELDS = 15, LINE_BYTES = FRAME_BYTES_MAX + DECODE_PADDING };

static char line[LINE_BYTES];
static struct event events[EVENTS_PER_FRAME];

static struct markets *new_markets(void)
{
	struct markets *markets = markets_create(&(struct market_config){ .whale_quote = 500000 });
	assert_non_null(markets);
	return markets;
}

static void take(struct markets *markets, enum kind kind, const struct event *event)
{
	struct trade out;
	if (event->type != EVENT_TRADE)
		return;
	struct market *market = markets_get(markets, VENUE_BINANCE, kind, event->symbol);
	assert_non_null(market);
	assert_int_equal(market_take_trade(market, &event->trade, event->t_ms, &out), MARKET_NEW);
}

/* State and minutes into new markets, as after a restart. */
static struct markets *restart(struct markets *markets)
{
	struct markets *next = new_markets();
	for (size_t i = 0; i < markets_count(markets); i++) {
		struct market *old = markets_at(markets, i);
		const struct market_id *id = market_id(old);
		struct market *market = markets_get(next, id->venue, id->kind, str_of(id->symbol));
		char bytes[MARKET_STATE_BYTES];
		struct buf buf = buf_over(bytes, sizeof bytes);
		struct market_cursor cursor = { 0 };
		struct bar bar;
		int32_t ps, qs;
		market_scales(old, &ps, &qs);
		market_state_pack(old, &buf);
		assert_int_equal(market_state_restore(market, buf_str(&buf)), STATUS_OK);
		while (market_next_minute(old, &cursor, &bar)) {
			assert_int_equal(market_minute(old, bar.minute_ms, &bar), STATUS_OK);
			assert_int_equal(market_restore_bar(market, &bar, ps, qs), STATUS_OK);
		}
	}
	markets_destroy(markets);
	return next;
}

/* False when the recording is not there. restart_at: after so many frames. */
static bool replay(struct markets **markets, const char *name, enum kind kind, size_t restart_at)
{
	char path[512];
	snprintf(path, sizeof path, "%s/market/%s.gz", TEST_SHARED_DIR, name);
	gzFile file = gzopen(path, "rb");
	if (!file)
		return false;
	struct decoder *decoder = decoder_create(VENUE_BINANCE, kind, DECODE_AUTO);
	assert_non_null(decoder);
	for (size_t frames = 0; gzgets(file, line, FRAME_BYTES_MAX); frames++) {
		const char *begin = strchr(line, '{');
		assert_non_null(begin);
		size_t n = decoder_decode(decoder, str_trim(str_of(begin)), events);
		for (size_t i = 0; i < n; i++)
			take(*markets, kind, &events[i]);
		if (frames + 1 == restart_at)
			*markets = restart(*markets);
	}
	decoder_destroy(decoder);
	gzclose(file);
	return true;
}

static void same_decimal(struct str text, i128 mantissa, int32_t scale)
{
	char got[64];
	struct buf buf = buf_over(got, sizeof got);
	struct str digits = text;
	decimal_print_trim(&buf, mantissa, scale);
	while (digits.len && digits.ptr[digits.len - 1] == '0' &&
	       str_find_char(text, '.') < text.len)
		digits.len--;
	if (digits.len && digits.ptr[digits.len - 1] == '.')
		digits.len--;
	if (digits.len == 0)
		digits = STR("0");
	if (!str_eq(buf_str(&buf), digits))
		print_error("%.*s is not %.*s\n", STR_ARG(buf_str(&buf)), STR_ARG(digits));
	assert_true(str_eq(buf_str(&buf), digits));
}

static void compare_row(const struct market *market, const struct market_cursor *cursor,
			const struct bar *bar, struct str row)
{
	struct str field[FIELDS];
	int32_t ps, qs;
	market_scales(market, &ps, &qs);
	for (size_t i = 0; i < FIELDS; i++)
		assert_true(str_split(&row, ',', &field[i]));
	const struct {
		i128 value;
		int32_t scale;
	} want[FIELDS] = {
		{ bar->minute_ms, 0 },
		{ bar->open, ps },
		{ bar->high, ps },
		{ bar->low, ps },
		{ bar->close, ps },
		{ bar->buy, qs },
		{ bar->sell, qs },
		{ (i128)bar->buy - bar->sell, qs },
		{ cursor->cvd, qs },
		{ bar->buy_quote, ps + qs },
		{ bar->sell_quote, ps + qs },
		{ cursor->cvd_quote, ps + qs },
		{ bar->n_buy, 0 },
		{ bar->n_sell, 0 },
		{ bar->id_first, 0 },
	};
	for (size_t i = 0; i < FIELDS; i++)
		same_decimal(field[i], want[i].value, want[i].scale);
	same_decimal(row, bar->id_last, 0);
}

/* The rows of the file are the market's minutes, one for one. */
static void compare_minutes(const struct market *market, const char *name)
{
	char path[512], text[1024];
	struct market_cursor cursor = { 0 };
	struct bar bar;
	snprintf(path, sizeof path, "%s/market/%s.minutes.csv", TEST_SHARED_DIR, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof text, file)); /* the names */
	while (fgets(text, sizeof text, file)) {
		assert_true(market_next_minute(market, &cursor, &bar));
		compare_row(market, &cursor, &bar, str_trim(str_of(text)));
	}
	assert_false(market_next_minute(market, &cursor, &bar));
	fclose(file);
}

static void recording_equals_its_minutes(const char *name, enum kind kind, size_t restart_at)
{
	struct markets *markets = new_markets();
	if (!replay(&markets, name, kind, restart_at)) {
		print_message("no recording %s: skipped\n", name);
		markets_destroy(markets);
		skip();
	}
	assert_int_equal(markets_count(markets), 1);
	compare_minutes(markets_at(markets, 0), name);
	markets_destroy(markets);
}

static void recordings_equal_their_minutes(void **state)
{
	(void)state;
	recording_equals_its_minutes("spot_ethusdt_20240808", KIND_SPOT, 0);
	recording_equals_its_minutes("spot_ethusdt_20240809", KIND_SPOT, 0);
	recording_equals_its_minutes("usdm_ethusdt_20240808", KIND_PERP, 0);
}

static void a_restart_in_the_middle_changes_nothing(void **state)
{
	(void)state;
	recording_equals_its_minutes("spot_ethusdt_20240808", KIND_SPOT, 12345);
	recording_equals_its_minutes("usdm_ethusdt_20240808", KIND_PERP, 40000);
}

/* The second spot recording goes on with the next id: the minute in which one ends
 * and the other begins is complete. */
static void consecutive_recordings_join(void **state)
{
	(void)state;
	struct markets *markets = new_markets();
	if (!replay(&markets, "spot_ethusdt_20240808", KIND_SPOT, 0) ||
	    !replay(&markets, "spot_ethusdt_20240809", KIND_SPOT, 0)) {
		print_message("no recordings: skipped\n");
		markets_destroy(markets);
		skip();
	}
	struct market *market = markets_at(markets, 0);
	struct window window;
	market_window(market, 60, &window);
	assert_int_equal(window.present, 12);
	assert_int_equal(window.partial, 1);
	assert_int_equal(window.flow.n_buy + window.flow.n_sell, 6106 + 8409);
	assert_int_equal(market_counts(market)->gaps, 0);
	markets_destroy(markets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_equal_their_minutes),
		cmocka_unit_test(a_restart_in_the_middle_changes_nothing),
		cmocka_unit_test(consecutive_recordings_join),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
