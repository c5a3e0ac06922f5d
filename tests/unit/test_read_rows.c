/* Lines of `weir read`: plain entries, packed rows, the last of a repeated position. */
#include "cli/read_last.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

struct stage {
	struct read_rows rows;
	struct buf out;
	char storage[1 << 16];
};

static struct stage *stage_create(bool json)
{
	struct stage *stage = calloc(1, sizeof *stage);
	assert_non_null(stage);
	stage->out = buf_over(stage->storage, sizeof stage->storage - 1);
	stage->rows.out = &stage->out;
	stage->rows.json = json;
	stage->rows.to_ms = INT64_MAX;
	return stage;
}

static void expect(struct stage *stage, const char *text)
{
	assert_false(stage->out.overflow);
	stage->storage[stage->out.len] = 0;
	assert_string_equal(stage->storage, text);
	buf_clear(&stage->out);
}

static struct redis_reply bulk(const char *text)
{
	return (struct redis_reply){ .type = REDIS_BULK, .text = str_of(text) };
}

static void a_plain_entry_is_its_names_and_values(void **state)
{
	(void)state;
	const struct redis_reply items[] = { bulk("rid"), bulk("7-t1-3"), bulk("why"),
					     bulk(""),    bulk("cm"),     bulk("a b\n\"c\""),
					     bulk("ex"),  bulk("k=v"),    bulk("odd") };
	const struct redis_reply fields = { .type = REDIS_ARRAY,
					    .count = ARRAY_LEN(items),
					    .items = items };
	struct stage *text = stage_create(false), *json = stage_create(true);
	read_entry(&text->rows, STR("5-0"), &fields);
	expect(text, "entry=5-0 rid=7-t1-3 why= cm=\"a b\\n\\\"c\\\"\" ex=\"k=v\"\n");
	read_entry(&json->rows, STR("5-0"), &fields);
	expect(json, "{\"entry\":\"5-0\",\"rid\":\"7-t1-3\",\"why\":\"\","
		     "\"cm\":\"a b\\n\\\"c\\\"\",\"ex\":\"k=v\"}\n");
	free(text);
	free(json);
}

static void rows_of_a_packed_entry_are_told_as_plain_ones(void **state)
{
	static const struct {
		enum entries_table table;
		const char *names[3], *values[2][3];
		const char *text, *json;
	} tables[] = {
		{ ENTRIES_RESULTS,
		  { "rid", "vol", "why" },
		  { { "7-t1-3", "0.10", "" }, { "7-t1-4", NULL, "a b" } },
		  "entry=5-0 rid=7-t1-3 vol=0.10 why=\nentry=5-0 rid=7-t1-4 why=\"a b\"\n",
		  "{\"entry\":\"5-0\",\"rid\":\"7-t1-3\",\"vol\":\"0.10\",\"why\":\"\"}\n"
		  "{\"entry\":\"5-0\",\"rid\":\"7-t1-4\",\"why\":\"a b\"}\n" },
		{ ENTRIES_SIGNALS,
		  { "id", "to", "sym" },
		  { { "s-1", "t1", "EURUSD" }, { "s-2", "all", NULL } },
		  "entry=5-0 id=s-1 to=t1 sym=EURUSD\nentry=5-0 id=s-2 to=all\n",
		  "{\"entry\":\"5-0\",\"id\":\"s-1\",\"to\":\"t1\",\"sym\":\"EURUSD\"}\n"
		  "{\"entry\":\"5-0\",\"id\":\"s-2\",\"to\":\"all\"}\n" },
	};
	struct entries_packer *packer = entries_packer_create();
	struct entries_reader *reader = entries_reader_create();
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct str values[2 * ENTRIES_FIELDS_MAX] = { 0 };
		char bytes[ENTRIES_CHUNK_BYTES];
		struct buf chunk = buf_over(bytes, sizeof bytes);
		size_t fields;
		entries_fields(tables[i].table, &fields);
		for (size_t at = 0; at < 6; at++) {
			size_t field =
			    entries_field_find(tables[i].table, str_of(tables[i].names[at % 3]));
			const char *value = tables[i].values[at / 3][at % 3];
			if (value)
				values[at / 3 * fields + field] = str_of(value);
		}
		assert_int_equal(entries_pack(packer, tables[i].table, values, 2, &chunk),
				 STATUS_OK);
		for (int json = 0; json < 2; json++) {
			struct stage *stage = stage_create(json);
			assert_int_equal(read_packed(&stage->rows, reader, tables[i].table,
						     STR("5-0"), buf_str(&chunk)),
					 STATUS_OK);
			expect(stage, json ? tables[i].json : tables[i].text);
			bytes[chunk.len - 1] ^= 1;
			assert_int_not_equal(read_packed(&stage->rows, reader, tables[i].table,
							 STR("5-0"), buf_str(&chunk)),
					     STATUS_OK);
			bytes[chunk.len - 1] ^= 1;
			expect(stage, "");
			free(stage);
		}
	}
	entries_packer_destroy(packer);
	entries_reader_destroy(reader);
}

static void trades_of_a_chunk_are_told_within_the_time(void **state)
{
	(void)state;
	struct market_id market;
	assert_int_equal(market_id_parse(STR("binance:perp:ETHUSDT"), &market), STATUS_OK);
	struct tape_writer *writer = tape_writer_create();
	tape_writer_begin(writer, &market, 2, 3);
	for (int64_t i = 0; i < 3; i++) {
		const struct trade trade = { .t_ms = 1700000000000 + i,
					     .id = 100 + i,
					     .price = 268380 + i,
					     .qty = 1500,
					     .side = i % 2 ? SIDE_SELL : SIDE_BUY };
		assert_int_equal(tape_writer_add(writer, &trade), STATUS_OK);
	}
	char bytes[TAPE_CHUNK_BYTES];
	struct buf chunk = buf_over(bytes, sizeof bytes);
	tape_writer_chunk(writer, &chunk);
	tape_writer_destroy(writer);
	struct stage *stage = stage_create(true);
	stage->rows.from_ms = 1700000000001;
	stage->rows.to_ms = 1700000000002;
	assert_int_equal(read_tape(&stage->rows, buf_str(&chunk)), STATUS_OK);
	expect(stage, "{\"t_ms\":1700000000001,\"price\":\"2683.81\",\"qty\":\"1.5\","
		      "\"side\":\"sell\",\"id\":101}\n");
	bytes[chunk.len - 1] ^= 1;
	assert_int_not_equal(read_tape(&stage->rows, buf_str(&chunk)), STATUS_OK);
	expect(stage, "");
	free(stage);
}

static void a_minute_is_told_once(void **state)
{
	(void)state;
	struct market_id market;
	assert_int_equal(market_id_parse(STR("bybit:perp:ETHUSDT"), &market), STATUS_OK);
	const struct bar bars[] = {
		{ .minute_ms = 60000,
		  .open = 10,
		  .high = 12,
		  .low = 9,
		  .close = 11,
		  .buy = 5,
		  .sell = 3,
		  .buy_quote = 55,
		  .sell_quote = 33,
		  .n_buy = 2,
		  .n_sell = 1 },
		{ .minute_ms = 120000,
		  .open = 11,
		  .high = 11,
		  .low = 11,
		  .close = 11,
		  .buy = 1,
		  .buy_quote = 11,
		  .n_buy = 1,
		  .flags = BAR_PARTIAL | BAR_REPAIRED },
	};
	char one[BARS_CHUNK_BYTES], both[BARS_CHUNK_BYTES];
	struct buf first = buf_over(one, sizeof one), second = buf_over(both, sizeof both);
	bars_pack(&market, 1, 0, bars, 1, &first);
	bars_pack(&market, 1, 0, bars, 2, &second);
	struct stage *stage = stage_create(false);
	assert_int_equal(read_bars(&stage->rows, buf_str(&first)), STATUS_OK);
	expect(stage, "minute_ms=60000 open=1 high=1.2 low=0.9 close=1.1 taker_buy=5 taker_sell=3 "
		      "taker_buy_quote=5.5 taker_sell_quote=3.3 n_buy=2 n_sell=1 flags=complete\n");
	assert_int_equal(read_bars(&stage->rows, buf_str(&second)), STATUS_OK);
	expect(stage, "minute_ms=120000 open=1.1 high=1.1 low=1.1 close=1.1 taker_buy=1 "
		      "taker_sell=0 taker_buy_quote=1.1 taker_sell_quote=0 n_buy=1 n_sell=0 "
		      "flags=partial+repaired\n");
	free(stage);
}

static void pack(const char *server, int64_t login, const int64_t *positions, uint32_t count,
		 int64_t pnl, struct buf *out)
{
	struct closed_account account = { .login = login };
	struct closed_trade trades[8] = { 0 };
	strcpy(account.server, server);
	for (uint32_t i = 0; i < count; i++) {
		struct closed_trade trade = { .position = positions[i],
					      .symbol = "EURUSD",
					      .volume = 10000000,
					      .price_open = 108514000,
					      .price_close = 108600000,
					      .pnl = pnl,
					      .opened_us = 1000000,
					      .closed_us = 2000000,
					      .deals = 2 };
		trades[i] = trade;
	}
	assert_int_equal(closed_pack(&account, trades, count, out), STATUS_OK);
}

static void the_last_of_a_repeated_position_counts(void **state)
{
	(void)state;
	static const struct {
		const char *server;
		int64_t login, positions[2];
		uint32_t count;
		int64_t pnl;
	} chunks[] = {
		{ "A", 1, { 7, 8 }, 2, 100000000 },
		{ "A", 2, { 7 }, 1, 200000000 },    /* another account's */
		{ "A", 1, { 9, 7 }, 2, 300000000 }, /* 7 again */
	};
	struct read_last *last = read_last_create();
	for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
		char bytes[CLOSED_CHUNK_BYTES];
		struct buf chunk = buf_over(bytes, sizeof bytes);
		pack(chunks[i].server, chunks[i].login, chunks[i].positions, chunks[i].count,
		     chunks[i].pnl, &chunk);
		assert_int_equal(read_last_chunk(last, buf_str(&chunk)), STATUS_OK);
		bytes[chunk.len - 1] ^= 1;
		assert_int_not_equal(read_last_chunk(last, buf_str(&chunk)), STATUS_OK);
	}
	struct stage *stage = stage_create(false);
	read_last_print(last, &stage->rows);
	static const struct {
		int64_t login, position;
		const char *pnl;
	} wanted[] = { { 1, 8, "1" }, { 2, 7, "2" }, { 1, 9, "3" }, { 1, 7, "3" } };
	struct str rest = buf_str(&stage->out), line;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char text[300];
		assert_true(str_split(&rest, '\n', &line));
		snprintf(text, sizeof text,
			 "server=A login=%lld position_id=%lld symbol=EURUSD side=buy volume=0.1 "
			 "price_open=1.08514 price_close=1.086 commission=0 swap=0 fee=0 pnl=%s "
			 "opened_us=1000000 closed_us=2000000 deals=2",
			 (long long)wanted[i].login, (long long)wanted[i].position, wanted[i].pnl);
		assert_true(str_eq(line, str_of(text)));
	}
	assert_int_equal(rest.len, 0);
	free(stage);
	read_last_destroy(last);
}

static void the_tail_is_the_newest_lines(void **state)
{
	(void)state;
	struct stage *stage = stage_create(false);
	buf_str_put(&stage->out, STR("one\ntwo\nthree\n"));
	read_tail(&stage->out, 4);
	assert_int_equal(stage->out.len, 14);
	read_tail(&stage->out, 3);
	assert_int_equal(stage->out.len, 14);
	read_tail(&stage->out, 2);
	expect(stage, "two\nthree\n");
	read_tail(&stage->out, 1);
	expect(stage, "");
	free(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_entry_is_its_names_and_values),
		cmocka_unit_test(rows_of_a_packed_entry_are_told_as_plain_ones),
		cmocka_unit_test(trades_of_a_chunk_are_told_within_the_time),
		cmocka_unit_test(a_minute_is_told_once),
		cmocka_unit_test(the_last_of_a_repeated_position_counts),
		cmocka_unit_test(the_tail_is_the_newest_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
