/* Keys of somebody else's Redis as rows: each shape in which people keep series, trades and
 * records, exactly, and the same whenever it is done again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "archive/num.h"
#include "base/check.h"
#include "migrate/moved.h"

struct world {
	struct moved *moved;
	struct archive_rows rows;
	struct migrate_family family;
	struct pattern_match match;
	struct buf text; /* the rows, printed */
	struct err err;
};

static void begin(struct world *world, const char *table, const char *match)
{
	*world = (struct world){ .family = { .match = match,
					     .to = "",
					     .rule = "",
					     .table = table,
					     .time = "",
					     .sink = MIGRATE_POSTGRES } };
	assert_int_equal(moved_create(&world->moved), STATUS_OK);
	archive_rows_init(&world->rows, 64 << 20);
	buf_init(&world->text, 16 << 20);
}

static void end(struct world *world)
{
	moved_destroy(world->moved);
	archive_rows_deinit(&world->rows);
	buf_deinit(&world->text);
}

/* "a|b|…" of the columns that are named, a line a row. */
static const char *print(struct world *world, const char *columns)
{
	buf_clear(&world->text);
	for (const struct archive_row *row = NULL; (row = archive_rows_next(&world->rows, row));) {
		const struct archive_table_row *table =
		    archive_table_row((enum archive_table)row->table);
		struct str rest = str_of(columns), word;
		for (const char *bar = ""; str_split(&rest, ' ', &word); bar = "|") {
			unsigned i = 0;
			while (!str_eq(
			    word,
			    str_of(
				archive_column_row((enum archive_column)(table->first + i))->name)))
				CHECK(++i < table->columns);
			buf_printf(&world->text, "%s", bar);
			archive_cell_print(&world->text, row,
					   (enum archive_column)(table->first + i));
		}
		buf_char(&world->text, '\n');
	}
	buf_char(&world->text, 0);
	return world->text.ptr;
}

static enum status make(struct world *world, const char *name, enum audit_type type,
			const struct audit_element *elements, size_t count)
{
	const struct moved_key key = { .family = &world->family,
				       .name = str_of(name),
				       .match = &world->match,
				       .type = type,
				       .expires_ms = -1 };
	assert_int_equal(moved_check(&world->family, &world->err), STATUS_OK);
	assert_true(pattern_matches(str_of(world->family.match), str_of(name), &world->match));
	archive_rows_clear(&world->rows);
	moved_begin(world->moved, &key, &world->rows);
	enum status status = moved_elements(world->moved, elements, count, &world->err);
	return status ? status : moved_end(world->moved, &world->err);
}

static const char *series = "symbol timeframe ts name value value_text seq";

static void string_is(struct world *world, const char *name, const char *value, const char *columns,
		      const char *wanted)
{
	const struct audit_element whole = { .value = str_of(value) };
	assert_int_equal(make(world, name, AUDIT_STRING, &whole, 1), STATUS_OK);
	assert_string_equal(print(world, columns), wanted);
}

#define EXPECT(type, name, columns, wanted, ...)                                                   \
	do {                                                                                       \
		const struct audit_element at[] = { __VA_ARGS__ };                                 \
		assert_int_equal(make(&world, name, type, at, ARRAY_LEN(at)), STATUS_OK);          \
		assert_string_equal(print(&world, columns), wanted);                               \
	} while (0)

/* ---- numbers, times ---- */

static void numbers_are_read_exactly(void **state)
{
	static const struct {
		const char *text, *e16, *plain;
	} good[] = {
		{ "1.10", "11000000000000000", "1.10" },
		{ "-0.5", "-5000000000000000", "-0.5" },
		{ "1e3", "10000000000000000000", "1000" },
		{ "1.25e-2", "125000000000000", "0.0125" },
		{ "007.50", "75000000000000000", "7.50" },
		{ "0", "0", "0" },
		{ "0.00000000000000005", "1", "0.00000000000000005" }, /* rounded away from zero */
		{ "-0.00000000000000004", "0", "-0.00000000000000004" },
		{ "0.30000000000000004", "3000000000000000", "0.30000000000000004" },
		{ "9007199254740993", "90071992547409930000000000000000", "9007199254740993" },
		{ "9999999999999999999999.9999999999999999",
		  "99999999999999999999999999999999999999",
		  "9999999999999999999999.9999999999999999" },
		{ ".5", "5000000000000000", "0.5" },
		{ "5.", "50000000000000000", "5" },
		{ "+2E+1", "200000000000000000", "20" },
	};
	static const char *const bad[] = { "",     ".",   "-",   "1e", "1.2.3",
					   "0x10", "nan", "inf", " 1", "1 " };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct num num;
		i128 e16;
		char text[200], plain_text[200];
		struct buf out = buf_over(text, sizeof text), plain = buf_over(plain_text, 200);
		assert_true(num_parse(str_of(good[i].text), &num));
		assert_true(num_e16(&num, &e16));
		decimal_print(&out, e16, 0);
		buf_char(&out, 0);
		num_print(&plain, &num);
		buf_char(&plain, 0);
		assert_string_equal(text, good[i].e16);
		assert_string_equal(plain_text, good[i].plain);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(num_parse(str_of(bad[i]), &(struct num){ 0 }));
	struct num large;
	i128 e16;
	assert_true(num_parse(STR("1e22"), &large));
	assert_false(num_e16(&large, &e16));
	assert_false(num_parse(STR("1e400"), &large));
}

static void times_are_read_in_every_usual_form(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
		bool exact;
	} good[] = {
		{ "1700000000", 1700000000000000, true },
		{ "1700000000.25", 1700000000250000, true },
		{ "1700000000.1234567", 1700000000123456, false },
		{ "1700000000123", 1700000000123000, true },
		{ "1700000000123456", 1700000000123456, true },
		{ "1700000000123456000", 1700000000123456, true },
		{ "1700000000123456789", 1700000000123456, false },
		{ "1.7e9", 1700000000000000, true },
		{ "2023-11-14T22:13:20Z", 1700000000000000, true },
		{ "2023-11-14 22:13:20", 1700000000000000, true },
		{ "2023-11-14T23:13:20.5+01:00", 1700000000500000, true },
		{ "2023-11-14T22:13:20.123456789", 1700000000123456, false },
		{ "2024-02-29", 1709164800000000, true },
		{ "1970-01-01", 0, true },
	};
	static const char *const bad[] = { "",
					   "56.2",
					   "123",
					   "-1",
					   "2023-02-29",
					   "2023-13-01",
					   "2300-01-01",
					   "9300000000123456789",
					   "2023-11-14T25:00",
					   "2023-11-14x",
					   "20231114" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t us = -1;
		bool exact = false;
		assert_true(moved_time(str_of(good[i].text), &us, &exact));
		assert_int_equal(us, good[i].us);
		assert_int_equal(exact, good[i].exact);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t us;
		bool exact;
		assert_false(moved_time(str_of(bad[i]), &us, &exact));
	}
}

/* ---- series ---- */

static void a_number_is_a_row_named_by_what_its_pattern_says(void **state)
{
	struct world world;
	(void)state;
	begin(&world, "indicator_data", "{symbol}_{tf}_RSI14");
	string_is(&world, "BTC_1h_RSI14", "56.25", series, "BTC|1h|0|RSI14|56.25||0\n");
	string_is(&world, "BTC_1h_RSI14", "1.10", series, "BTC|1h|0|RSI14|1.1|1.10|0\n");
	string_is(&world, "BTC_1h_RSI14", "0.30000000000000004", series,
		  "BTC|1h|0|RSI14|0.3|0.30000000000000004|0\n");
	string_is(&world, "BTC_1h_RSI14", "1e30", series, "BTC|1h|0|RSI14||1e30|0\n");
	string_is(&world, "BTC_1h_RSI14", "bullish", series, "BTC|1h|0|RSI14||bullish|0\n");
	world.family.fields = &(const struct migrate_field){ "rsi", "value" };
	world.family.n_fields = 1;
	string_is(&world, "BTC_1h_RSI14", "7", series, "BTC|1h|0|rsi|7||0\n");
	end(&world);
	begin(&world, "indicator_data", "ind:{symbol}:{tf}:{word}");
	string_is(&world, "ind:BTC:1h:ema", "7", series, "BTC|1h|0|ind_ema|7||0\n");
	end(&world);
	begin(&world, "indicator_data", "{symbol}_{tf}");
	string_is(&world, "BTC_1h", "7", series, "BTC|1h|0|value|7||0\n");
	end(&world);
}

static void an_object_is_a_row_a_member(void **state)
{
	struct world world;
	(void)state;
	begin(&world, "indicator_data", "{symbol}_{tf}");
	string_is(&world, "BTC_1h",
		  "{\"ts\": 1700000000123, \"RSI14\": 56.2, \"trend\": \"b\\u00fcll\", "
		  "\"ok\": true, \"none\": null, \"macd\": {\"hist\": -1e-3, \"x\": {\"y\": 2}}, "
		  "\"l\": [1, 2]}",
		  series,
		  "BTC|1h|1700000000123000|RSI14|56.2||0\n"
		  "BTC|1h|1700000000123000|trend||b\xc3\xbcll|0\n"
		  "BTC|1h|1700000000123000|ok||true|0\n"
		  "BTC|1h|1700000000123000|none||null|0\n"
		  "BTC|1h|1700000000123000|macd.hist|-0.001|-1e-3|0\n"
		  "BTC|1h|1700000000123000|macd.x.y|2||0\n"
		  "BTC|1h|1700000000123000|l||[1, 2]|0\n");
	/* a name that is there twice is two rows; a time of more than µs is kept as it is */
	string_is(&world, "BTC_1h", "{\"a\":1,\"a\":2,\"t\":1700000000123456789}", series,
		  "BTC|1h|1700000000123456|a|1||0\nBTC|1h|1700000000123456|a|2||1\n"
		  "BTC|1h|1700000000123456|t|1700000000123456789||0\n");
	world.family.time = ".when";
	world.family.fields = &(const struct migrate_field){ "rsi", ".RSI14" };
	world.family.n_fields = 1;
	string_is(&world, "BTC_1h", "{\"RSI14\":1,\"ts\":1,\"when\":\"2023-11-14\"}", series,
		  "BTC|1h|1699920000000000|rsi|1||0\nBTC|1h|1699920000000000|ts|1||0\n");
	end(&world);
	begin(&world, "indicator_data", "last:{word}");
	world.family.tags = &(const struct migrate_field){ "timeframe", ".frame" };
	world.family.n_tags = 1;
	string_is(&world, "last:x", "{\"symbol\":\"ETH\",\"frame\":\"5m\",\"v\":1}", series,
		  "ETH|5m|0|symbol||ETH|0\nETH|5m|0|frame||5m|0\nETH|5m|0|v|1||0\n");
	end(&world);
}

static void candles_are_rows_by_name(void **state)
{
	struct world world;
	(void)state;
	begin(&world, "indicator_data", "klines:{symbol}:{tf}");
	string_is(&world, "klines:BTCUSDT:1m",
		  "[[1700000000000,\"1.10\",\"2\",\"0.5\",\"1.5\",\"100\"],"
		  "[1700000060000,1,2,3,4,5]]",
		  series,
		  "BTCUSDT|1m|1700000000000000|open|1.1|1.10|0\n"
		  "BTCUSDT|1m|1700000000000000|high|2||0\n"
		  "BTCUSDT|1m|1700000000000000|low|0.5||0\n"
		  "BTCUSDT|1m|1700000000000000|close|1.5||0\n"
		  "BTCUSDT|1m|1700000000000000|volume|100||0\n"
		  "BTCUSDT|1m|1700000060000000|open|1||0\n"
		  "BTCUSDT|1m|1700000060000000|high|2||0\n"
		  "BTCUSDT|1m|1700000060000000|low|3||0\n"
		  "BTCUSDT|1m|1700000060000000|close|4||0\n"
		  "BTCUSDT|1m|1700000060000000|volume|5||0\n");
	string_is(&world, "klines:BTCUSDT:1m", "[[1700000000,7],[1700000060,8]]", series,
		  "BTCUSDT|1m|1700000000000000|value|7||0\n"
		  "BTCUSDT|1m|1700000060000000|value|8||0\n");
	string_is(&world, "klines:BTCUSDT:1m", "[1,2,2]", series,
		  "BTCUSDT|1m|0|klines|1||0\nBTCUSDT|1m|0|klines|2||1\n"
		  "BTCUSDT|1m|0|klines|2||2\n");
	EXPECT(AUDIT_LIST, "klines:BTCUSDT:1m", series,
	       "BTCUSDT|1m|1700000000000000|open|1||0\nBTCUSDT|1m|1700000000000000|high|2||0\n"
	       "BTCUSDT|1m|1700000000000000|low|3||0\nBTCUSDT|1m|1700000000000000|close|4||0\n"
	       "BTCUSDT|1m|1700000000000000|volume|5||0\nBTCUSDT|1m|1700000060000000|c|9||0\n",
	       { .value = STR("[1700000000000,1,2,3,4,5]") },
	       { .value = STR("{\"t\":1700000060,\"c\":9}") });
	end(&world);
}

static void hashes_streams_and_scores_have_their_times(void **state)
{
	struct world world;
	static const char entry[] = "\3\0\0\0rsi\2\0\0\0"
				    "56";
	(void)state;
	begin(&world, "indicator_data", "ind:{symbol}:{tf}");
	EXPECT(AUDIT_HASH, "ind:BTC:1h", series,
	       "BTC|1h|1700000000000000|ema|2||0\nBTC|1h|1700000000000000|rsi|1||0\n",
	       { .field = STR("rsi"), .value = STR("1") },
	       { .field = STR("ts"), .value = STR("1700000000") },
	       { .field = STR("ema"), .value = STR("2") },
	       { .field = STR("rsi"), .value = STR("1") }); /* a walk saw it twice */
	EXPECT(AUDIT_HASH, "ind:BTC:1h", series,
	       "BTC|1h|1700000000000000|ind|1||0\nBTC|1h|1700000060000000|ind|2||0\n",
	       { .field = STR("1700000060"), .value = STR("2") },
	       { .field = STR("1700000000"), .value = STR("1") });
	EXPECT(AUDIT_STREAM, "ind:BTC:1h", series,
	       "BTC|1h|1700000000000000|rsi|56||0\nBTC|1h|1700000000000000|rsi|56||1\n",
	       { .field = STR("1700000000000-0"), .value = str_make(entry, sizeof entry - 1) },
	       { .field = STR("1700000000000-1"), .value = str_make(entry, sizeof entry - 1) });
	EXPECT(AUDIT_ZSET, "ind:BTC:1h", series,
	       "BTC|1h|1700000000000000|ind|5.5||0\nBTC|1h|1700000060000000|ind|6||0\n"
	       "BTC|1h|1700000120000000|v|1||0\n",
	       { .field = STR("1700000000"), .value = STR("5.5") },
	       { .field = STR("1700000060"), .value = STR("1700000060:6") },
	       { .field = STR("1700000120"), .value = STR("{\"v\":1}") });
	EXPECT(AUDIT_ZSET, "ind:BTC:1h", series, "BTC|1h|0|ETH|0.75||0\n",
	       { .field = STR("0.75"), .value = STR("ETH") });
	end(&world);
}

static void what_would_not_come_back_is_refused_with_its_reason(void **state)
{
	struct world world;
	char name[600];
	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	begin(&world, "indicator_data", "*");
	assert_int_equal(make(&world, "a", AUDIT_STRING,
			      &(struct audit_element){ .value = STR("\x80\x04\x95") }, 1),
			 STATUS_INVALID);
	assert_string_equal(world.err.text, "bytes that are not UTF-8");
	assert_int_equal(
	    make(&world, name, AUDIT_STRING, &(struct audit_element){ .value = STR("1") }, 1),
	    STATUS_INVALID);
	assert_non_null(strstr(world.err.text, "400 bytes"));
	end(&world);
	begin(&world, "trades", "*");
	assert_int_equal(
	    make(&world, "a", AUDIT_LIST, &(struct audit_element){ .value = STR("\xff") }, 1),
	    STATUS_INVALID);
	end(&world);
}

static void plans_that_cannot_be_are_named(void **state)
{
	static const struct {
		const char *table, *time, *tag, *field;
		enum audit_type from;
		bool good;
	} plans[] = {
		{ "indicator_data", "", NULL, NULL, AUDIT_STRING, true },
		{ "", "", NULL, NULL, AUDIT_STRING, true },
		{ "indicators", "", NULL, NULL, AUDIT_STRING, false },
		{ "indicator_data", "now", NULL, NULL, AUDIT_STRING, false },
		{ "indicator_data", ".ts", "symbol", NULL, AUDIT_STRING, true },
		{ "indicator_data", "", "colour", NULL, AUDIT_STRING, false },
		{ "indicator_data", "", NULL, NULL, AUDIT_SET, false },
		{ "records", "", NULL, "x", AUDIT_STRING, false },
		{ "trades", "", "symbol", "price", AUDIT_STRING, true },
		{ "trades", "", NULL, "colour", AUDIT_STRING, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		const struct migrate_field tag = { plans[i].tag, "{symbol}" },
					   field = { plans[i].field, ".x" };
		const struct migrate_family family = { .match = "{symbol}",
						       .table = plans[i].table,
						       .time = plans[i].time,
						       .from = plans[i].from,
						       .tags = &tag,
						       .n_tags = plans[i].tag != NULL,
						       .fields = &field,
						       .n_fields = plans[i].field != NULL,
						       .sink = MIGRATE_POSTGRES };
		struct err err = { 0 };
		assert_int_equal(moved_check(&family, &err) == STATUS_OK, plans[i].good);
		assert_int_equal(err.text[0] == 0, plans[i].good);
	}
}

/* ---- trades ---- */

static const char *trades = "trade_id symbol side price price_text quantity pnl ts seq raw";

static void trades_are_found_where_people_keep_them(void **state)
{
	struct world world;
	(void)state;
	begin(&world, "trades", "FINAL_TRADES");
	EXPECT(AUDIT_LIST, "FINAL_TRADES", trades,
	       "7|BTC|buy|1.1|1.10|2||1700000000000000|0|"
	       "{\"id\":7,\"symbol\":\"BTC\",\"side\":\"buy\",\"price\":1.10,\"qty\":2,"
	       "\"time\":1700000000}\n"
	       "7||||||||1|{\"id\":7}\n",
	       { .value = STR("{\"id\":7,\"symbol\":\"BTC\",\"side\":\"buy\",\"price\":1.10,"
			      "\"qty\":2,\"time\":1700000000}") },
	       { .value = STR("{\"id\":7}") });
	EXPECT(
	    AUDIT_HASH, "FINAL_TRADES", trades,
	    "BTC|BTC||5|||-1.5||0|{\"pnl\":-1.5,\"price\":5,\"symbol\":\"BTC\"}\n"
	    "ETH||||||||0|{\"x\":null}\n",
	    { .field = STR("ETH"), .value = STR("{\"x\":null}") },
	    { .field = STR("BTC"), .value = STR("{\"pnl\":-1.5,\"price\":5,\"symbol\":\"BTC\"}") });
	EXPECT(AUDIT_HASH, "FINAL_TRADES", trades,
	       "FINAL_TRADES|BTC||5|||||0|{\"price\":\"5\",\"symbol\":\"BTC\"}\n",
	       { .field = STR("symbol"), .value = STR("BTC") },
	       { .field = STR("price"), .value = STR("5") });
	EXPECT(AUDIT_STRING, "FINAL_TRADES", "trade_id raw", "1|{\"id\":1}\n2|{\"id\":2}\n",
	       { .value = STR("[{\"id\":1},") }, { .value = STR("{\"id\":2}]") }); /* in pieces */
	EXPECT(AUDIT_ZSET, "FINAL_TRADES", "trade_id ts raw", "9|1700000000000000|{\"id\":9}\n",
	       { .field = STR("1700000000"), .value = STR("{\"id\":9}") });
	world.family.key[0] = "a";
	world.family.key[1] = ".b";
	world.family.n_key = 2;
	world.family.fields = &(const struct migrate_field){ "price", ".px" };
	world.family.n_fields = 1;
	EXPECT(AUDIT_SET, "FINAL_TRADES", "trade_id price price_text", "1:two|1.5|1.50\n",
	       { .value = STR("{\"a\":1,\"b\":\"two\",\"px\":\"1.50\",\"price\":9}") });
	end(&world);
}

static void a_trade_without_an_id_is_told_by_its_content(void **state)
{
	struct world world;
	char first[200];
	(void)state;
	begin(&world, "trades", "T");
	EXPECT(AUDIT_LIST, "T", "seq raw", "0|x\n1|x\n0|y\n", { .value = STR("x") },
	       { .value = STR("x") }, { .value = STR("y") });
	snprintf(first, sizeof first, "%s", print(&world, "trade_id"));
	const struct audit_element shifted[] = { { .value = STR("x") }, { .value = STR("y") } };
	assert_int_equal(make(&world, "T", AUDIT_LIST, shifted, 2), STATUS_OK);
	print(&world, "trade_id"); /* the first x is gone: the others are who they were */
	assert_memory_equal(world.text.ptr, first, 34);
	assert_string_equal(world.text.ptr + 34, first + 68);
	assert_int_equal(first[0], '~');
	end(&world);
}

static const char *standing = "trade_id kind element field position score score_text";

/* What is not in the record itself has a column, or it would be lost with the key. */
static void where_a_trade_stood_is_kept(void **state)
{
	struct world world;
	static const char entry[] = "\4\0\0\0json\10\0\0\0{\"id\":5}";
	(void)state;
	begin(&world, "trades", "T");
	EXPECT(AUDIT_ZSET, "T", standing, "9|zset||||2.5|\n8|zset|||||inf\n",
	       { .field = STR("2.5"), .value = STR("{\"id\":9}") },
	       { .field = STR("inf"), .value = STR("{\"id\":8}") });
	EXPECT(AUDIT_HASH, "T", standing, "7|hash|slot 3||||\n",
	       { .field = STR("slot 3"), .value = STR("{\"id\":7}") });
	EXPECT(AUDIT_STREAM, "T", standing, "5|stream|17-1|json|||\n",
	       { .field = STR("17-1"), .value = str_make(entry, sizeof entry - 1) });
	EXPECT(AUDIT_LIST, "T", "position raw", "0|{\"id\":2}\n1|{\"id\":1}\n2|[{\"id\":3},4]\n",
	       { .value = STR("{\"id\":2}") }, { .value = STR("{\"id\":1}") },
	       { .value = STR("[{\"id\":3},4]") }); /* one element is one record */
	string_is(&world, "T", "[{\"id\":2},{\"id\":1}]", "trade_id position", "2|0\n1|1\n");
	string_is(&world, "T", "{\"id\":2}", "trade_id position kind", "2||string\n");
	end(&world);
}

static void expiry_is(struct world *world, int64_t expires_ms, const char *wanted)
{
	const struct audit_element whole = { .value = STR("{\"id\":1}") };
	const struct moved_key key = { .family = &world->family,
				       .name = STR("T"),
				       .match = &world->match,
				       .type = AUDIT_STRING,
				       .expires_ms = expires_ms };
	assert_true(pattern_matches(STR("T"), STR("T"), &world->match));
	archive_rows_clear(&world->rows);
	moved_begin(world->moved, &key, &world->rows);
	assert_int_equal(moved_elements(world->moved, &whole, 1, &world->err), STATUS_OK);
	assert_int_equal(moved_end(world->moved, &world->err), wanted ? STATUS_OK : STATUS_INVALID);
	if (wanted)
		assert_string_equal(print(world, "expires"), wanted);
	else
		assert_non_null(strstr(world->err.text, "expires"));
}

static void when_a_key_goes_is_kept_as_far_as_sinks_know_time(void **state)
{
	static const char *const tables[] = { "trades", "records" };
	struct world world;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		begin(&world, tables[i], "T");
		expiry_is(&world, -1, "\n");
		expiry_is(&world, 1900000000123, "1900000000123000\n");
		expiry_is(&world, INT64_C(9214646400000) + 1, NULL);
		expiry_is(&world, INT64_MAX, NULL);
		end(&world);
	}
}

/* ---- records ---- */

static const char *records = "element field kind position score encoding value seq";

static void records_hold_every_type_whole(void **state)
{
	struct world world;
	static const char entry[] = "\1\0\0\0a\1\0\0\0"
				    "1\1\0\0\0a\1\0\0\0"
				    "2";
	(void)state;
	begin(&world, "records", "user:{id}");
	string_is(&world, "user:1", "{\"n\":1.10}", records, "||string|||text|{\"n\":1.10}|0\n");
	EXPECT(AUDIT_STRING, "user:1", records, "||string|||base64|gASV|0\n",
	       { .value = STR("\x80\x04\x95") });
	EXPECT(AUDIT_STRING, "user:1", records, "||string|||base64|YQBi|0\n",
	       { .value = str_make("a\0b", 3) });
	EXPECT(AUDIT_HASH, "user:1", records, "name||hash|||text|x|0\n\\xff\\x5c||hash|||text||0\n",
	       { .field = STR("name"), .value = STR("x") },
	       { .field = STR("\xff\\"), .value = STR("") },
	       { .field = STR("name"), .value = STR("x") });
	EXPECT(AUDIT_ZSET, "user:1", records, "m||zset||1.5|text|m|0\n",
	       { .field = STR("1.5"), .value = STR("m") });
	EXPECT(AUDIT_ZSET, "user:1", "score score_text", "|inf\n",
	       { .field = STR("inf"), .value = STR("m") });
	EXPECT(AUDIT_SET, "user:1", records, "a||set|||text|a|0\n", { .value = STR("a") },
	       { .value = STR("a") });
	EXPECT(AUDIT_STREAM, "user:1", records,
	       "5-1|a|stream|||text|1|0\n5-1|a|stream|||text|2|1\n",
	       { .field = STR("5-1"), .value = str_make(entry, sizeof entry - 1) });
	EXPECT(AUDIT_LIST, "user:1", "kind position value seq",
	       "list|0|a|0\nlist|1|b|0\nlist|2|a|1\n", { .value = STR("a") }, { .value = STR("b") },
	       { .value = STR("a") });
	EXPECT(AUDIT_STRING, "user:1", "ts value", "1700000000000000|{\"created_at\":1700000000}\n",
	       { .value = STR("{\"created_at\":1700000000}") });
	end(&world);
}

/* ---- always ---- */

/* Whatever a value is: rows or a reason, and the same rows a second time. */
static void any_bytes_make_the_same_rows_twice_or_a_reason(void **state)
{
	static const char *const parts[] = {
		"[",    "]",    "{",  "}",  "\"a\":", "1.5", ",", "1700000000", "\"x\\u0041\"",
		"null", "\xff", "\"", "\\", " "
	};
	static const char *const tables[] = { "indicator_data", "trades", "records" };
	struct world world;
	uint64_t random = 12345;
	(void)state;
	for (int round = 0; round < 6000; round++) {
		char text[200];
		struct buf value = buf_over(text, sizeof text);
		begin(&world, tables[round % 3], "*");
		for (int n = round % 17; n >= 0; n--) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			buf_str_put(&value, str_of(parts[(random >> 33) % ARRAY_LEN(parts)]));
		}
		const struct audit_element at = { .field = STR("f"), .value = buf_str(&value) };
		static const enum audit_type types[] = { AUDIT_STRING, AUDIT_LIST, AUDIT_HASH,
							 AUDIT_ZSET, AUDIT_STREAM };
		enum audit_type type = types[round % 5];
		enum status status = make(&world, "k", type, &at, 1);
		uint64_t sum = 0, again = 0;
		for (const struct archive_row *row = NULL;
		     (row = archive_rows_next(&world.rows, row));)
			sum += archive_row_hash(row);
		assert_true(status == STATUS_OK || world.err.text[0]);
		assert_int_equal(make(&world, "k", type, &at, 1), status);
		for (const struct archive_row *row = NULL;
		     (row = archive_rows_next(&world.rows, row));)
			again += archive_row_hash(row);
		assert_true(sum == again);
		end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_exactly),
		cmocka_unit_test(times_are_read_in_every_usual_form),
		cmocka_unit_test(a_number_is_a_row_named_by_what_its_pattern_says),
		cmocka_unit_test(an_object_is_a_row_a_member),
		cmocka_unit_test(candles_are_rows_by_name),
		cmocka_unit_test(hashes_streams_and_scores_have_their_times),
		cmocka_unit_test(what_would_not_come_back_is_refused_with_its_reason),
		cmocka_unit_test(plans_that_cannot_be_are_named),
		cmocka_unit_test(trades_are_found_where_people_keep_them),
		cmocka_unit_test(a_trade_without_an_id_is_told_by_its_content),
		cmocka_unit_test(where_a_trade_stood_is_kept),
		cmocka_unit_test(when_a_key_goes_is_kept_as_far_as_sinks_know_time),
		cmocka_unit_test(records_hold_every_type_whole),
		cmocka_unit_test(any_bytes_make_the_same_rows_twice_or_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
