/* An entry of trade_results as a row: what becomes of each field, what is refused and by
 * which name; and the payload that a refused entry is kept as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "archive/results_row.h"
#include "base/check.h"
#include "base/rng.h"
#include "def/archive.h"

enum { PAIRS = 300 };

struct made {
	struct archive_rows rows;
	struct redis_reply items[2 * PAIRS];
	struct results_entry entry;
	struct results_told told;
	const struct archive_row *row; /* NULL: none */
};

static int64_t offset(void *ctx, struct str instance)
{
	(void)ctx;
	return str_eq(instance, STR("mt5-1")) ? 10800000 : INT64_MIN;
}

static bool account(void *ctx, struct str instance, struct str *server, int64_t *login)
{
	(void)ctx;
	*server = STR("Broker-Live");
	*login = 42;
	return str_eq(instance, STR("mt5-1"));
}

static const struct results_world world = { offset, account, NULL };

static void put(struct made *made, struct str name, struct str value)
{
	assert_true(made->entry.count + 2 <= 2 * PAIRS);
	made->items[made->entry.count++] = (struct redis_reply){ .type = REDIS_BULK, .text = name };
	made->items[made->entry.count++] =
	    (struct redis_reply){ .type = REDIS_BULK, .text = value };
}

/* "rid=1 st=done": values without blanks. */
static void fields(struct made *made, const char *text)
{
	struct str rest = str_of(text), word;
	made->entry = (struct results_entry){ .id_ms = 1784046190600, .items = made->items };
	while (rest.len && str_split(&rest, ' ', &word)) {
		size_t at = str_find_char(word, '=');
		put(made, str_make(word.ptr, at), str_skip(word, at + 1));
	}
}

static enum status convert(struct made *made)
{
	archive_rows_clear(&made->rows);
	enum status status = results_row_add(&made->rows, &made->entry, &world, &made->told);
	made->row = archive_rows_next(&made->rows, NULL);
	assert_true((status == STATUS_OK) == (made->row != NULL));
	return status;
}

static void make(struct made *made, const char *text)
{
	fields(made, text);
	assert_int_equal(convert(made), STATUS_OK);
}

static int setup(void **state)
{
	static struct made made;
	archive_rows_init(&made.rows, 1 << 20);
	*state = &made;
	return 0;
}

static int teardown(void **state)
{
	archive_rows_deinit(&((struct made *)*state)->rows);
	return 0;
}

static void check_text(const struct made *made, enum archive_column column, const char *text)
{
	char storage[2048];
	struct buf out = buf_over(storage, sizeof storage);
	archive_cell_print(&out, made->row, column);
	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(out.ptr, text, out.len);
}

#define CHECK_CELL(made, name, text) check_text(made, COLUMN_trade_results_##name, text)

/* ---- rows ---- */

static void every_field_has_its_column(void **state)
{
	struct made *made = *state;
	make(made, "rid=77-mt5-1-9 id=order-1 sid=77 ins=mt5-1 st=done rc=10009 ord=5 deal=9 pos=6 "
		   "sym=EURUSD sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 com=-0.35 swp=0.01 "
		   "fee=-0.02 pnl=12.5 ex=316 sv=1784056990412 t=1784046190500 try=1 why=ok en=in "
		   "rs=expert mg=77 cm=x");
	CHECK_CELL(made, result_id, "77-mt5-1-9");
	CHECK_CELL(made, signal_id, "order-1");
	CHECK_CELL(made, sid, "77");
	CHECK_CELL(made, instance, "mt5-1");
	CHECK_CELL(made, server, "Broker-Live");
	CHECK_CELL(made, login, "42");
	CHECK_CELL(made, status, "done");
	CHECK_CELL(made, retcode, "10009");
	CHECK_CELL(made, order_ticket, "5");
	CHECK_CELL(made, deal_ticket, "9");
	CHECK_CELL(made, position_id, "6");
	CHECK_CELL(made, symbol, "EURUSD");
	CHECK_CELL(made, side, "buy");
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_volume, 0), 10000000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_price_requested, 0),
			 108512000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_price, 0), 108514000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_slippage_points, 0),
			 200000000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_commission, 0),
			 -35000000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_swap, 0), 1000000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_fee, 0), -2000000);
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_pnl, 0), 1250000000);
	CHECK_CELL(made, execution_ms, "316");
	CHECK_CELL(made, server_time_ms, "1784056990412");
	CHECK_CELL(made, received_us, "1784046190500000");
	CHECK_CELL(made, attempt, "1");
	CHECK_CELL(made, reason, "ok");
	CHECK_CELL(made, entry, "in");
	CHECK_CELL(made, deal_reason, "expert");
	CHECK_CELL(made, magic, "77");
	CHECK_CELL(made, comment, "x");
	CHECK_CELL(made, event_us, "1784046190412000");
}

static void rid_and_status_are_enough(void **state)
{
	struct made *made = *state;
	make(made, "rid=x st=exp");
	CHECK_CELL(made, received_us, "1784046190600000"); /* of the entry's id */
	CHECK_CELL(made, event_us, "1784046190600000");
	assert_false(archive_cell_there(made->row, COLUMN_trade_results_server));
	assert_false(archive_cell_there(made->row, COLUMN_trade_results_volume));
}

static void order_unknown_fields_and_empty_values_do_not_matter(void **state)
{
	struct made *made = *state;
	make(made, "zz=1 st=part longername=2 rid=x vol= =3 px=1.5 rid2=y");
	CHECK_CELL(made, result_id, "x");
	CHECK_CELL(made, status, "part");
	assert_false(archive_cell_there(made->row, COLUMN_trade_results_volume));
	assert_int_equal(archive_cell_int(made->row, COLUMN_trade_results_price, 0), 150000000);
}

static void a_deal_is_of_the_account_in_its_rid(void **state)
{
	struct made *made = *state;
	make(made, "rid=deal:Some:Server-Demo:90000001:391774213 st=done ins=mt5-1");
	CHECK_CELL(made, server, "Some:Server-Demo");
	CHECK_CELL(made, login, "90000001");
	make(made, "rid=deal:1:2 st=done ins=mt5-1");
	CHECK_CELL(made, server, "Broker-Live");
	make(made, "rid=deal::2:3 st=done");
	assert_false(archive_cell_there(made->row, COLUMN_trade_results_server));
}

static void without_an_offset_it_happened_when_it_was_received(void **state)
{
	struct made *made = *state;
	make(made, "rid=x st=done ins=mt5-2 sv=1784056990412 t=1784046190500");
	CHECK_CELL(made, event_us, "1784046190500000");
	make(made, "rid=x st=done ins=mt5-1 sv=0 t=1784046190500");
	CHECK_CELL(made, event_us, "1784046190500000");
}

/* ---- what is refused ---- */

static void check_fault(struct made *made, const char *text, const char *reason)
{
	fields(made, text);
	if (convert(made) != STATUS_FORMAT || strcmp(made->told.fault, reason) != 0)
		fail_msg("%s: %s, expected %s", text, made->told.fault, reason);
}

static void a_fault_names_the_field(void **state)
{
	struct made *made = *state;
	check_fault(made, "st=done", "rid: missing");
	check_fault(made, "rid= st=done", "rid: missing");
	check_fault(made, "rid=x", "st: missing");
	check_fault(made, "rid=x st=filled", "st: not one of done part fail exp refused unk");
	check_fault(made, "rid=x st=done rid=y", "rid: stands twice");
	check_fault(made, "rid=x st=done vol=NaN", "vol: not a number");
	check_fault(made, "rid=x st=done vol=1e400", "vol: not a number");
	check_fault(made, "rid=x st=done pnl=1e2", "pnl: not a number");
	check_fault(made, "rid=x st=done vol=+1", "vol: not a number");
	check_fault(made, "rid=x st=done vol=1,5", "vol: not a number");
	check_fault(made, "rid=x st=done px=0.123456789", "px: out of range");
	check_fault(made, "rid=x st=done px=99999999999999999999", "px: out of range");
	check_fault(made, "rid=x st=done sid=1.5", "sid: not a number");
	check_fault(made, "rid=x st=done sid=9223372036854775808", "sid: out of range");
	check_fault(made, "rid=x st=done t=soon", "t: not a number of ms");
	check_fault(made, "rid=x st=done t=253402300800000", "t: out of range");
	check_fault(made, "rid=x st=done sv=-1", "sv: out of range");
	check_fault(made, "rid=x st=done why=\xff", "why: not UTF-8");
	check_fault(made, "rid=x st=done sym=EURUSD.abcdefgh\xc3", "sym: not UTF-8");
	check_fault(made, "", "rid: missing");
}

static void a_text_that_is_too_long_or_holds_a_nul_is_refused(void **state)
{
	static char text[RESULTS_TEXT_MAX + 1];
	struct made *made = *state;
	memset(text, 'a', sizeof text);
	fields(made, "rid=x st=done");
	put(made, STR("why"), str_make(text, RESULTS_TEXT_MAX));
	assert_int_equal(convert(made), STATUS_OK);
	fields(made, "rid=x st=done");
	put(made, STR("why"), str_make(text, RESULTS_TEXT_MAX + 1));
	assert_int_equal(convert(made), STATUS_FORMAT);
	assert_string_equal(made->told.fault, "why: too long");
	fields(made, "st=done");
	put(made, STR("rid"), str_make(text, 192));
	assert_int_equal(convert(made), STATUS_FORMAT);
	assert_string_equal(made->told.fault, "rid: too long");
	assert_int_equal(results_row_rid(&made->entry).len, 0);
	for (size_t at = 0; at < 20; at++) {
		memset(text, 'a', 20);
		text[at] = 0;
		fields(made, "rid=x st=done");
		put(made, STR("cm"), str_make(text, 20));
		assert_int_equal(convert(made), STATUS_FORMAT);
		assert_string_equal(made->told.fault, "cm: not UTF-8");
	}
}

static void the_one_field_p_is_a_chunk(void **state)
{
	struct made *made = *state;
	struct str chunk;
	fields(made, "p=abc");
	assert_true(results_row_is_packed(&made->entry, &chunk));
	assert_true(str_eq(chunk, STR("abc")));
	fields(made, "p=abc st=done");
	assert_false(results_row_is_packed(&made->entry, &chunk));
	fields(made, "rid=x");
	assert_false(results_row_is_packed(&made->entry, &chunk));
}

static void a_chunk_that_is_not_read_says_why(void **state)
{
	static const struct {
		struct str chunk;
		enum status status;
		const char *fault;
	} wrong[] = {
		{ { "\x07zzz", 4 }, STATUS_VERSION, "codec: 7 is not known" },
		{ { "", 0 }, STATUS_TRUNCATED, "codec: missing" },
		{ { "\x01", 1 }, STATUS_TRUNCATED, "codec: input ends too early" },
		{ { "\x01zz", 3 }, STATUS_CHECKSUM, "codec: checksum does not match" },
	};
	struct results_told told;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(results_row_fault_of_chunk(&told, wrong[i].chunk, wrong[i].status),
				 STATUS_FORMAT);
		assert_string_equal(told.fault, wrong[i].fault);
	}
}

/* An empty value stands in it, an absent one does not. */
static void a_row_of_a_chunk_is_the_plain_entry_that_it_would_be(void **state)
{
	struct redis_reply items[2 * RESULT_FIELDS];
	struct str values[RESULT_FIELDS] = { [RESULT_rid] = STR("x"),
					     [RESULT_st] = STR("done"),
					     [RESULT_vol] = STR("NaN"),
					     [RESULT_cm] = STR("") };
	struct made *made = *state;
	char storage[200];
	struct buf json = buf_over(storage, sizeof storage);
	archive_rows_clear(&made->rows);
	assert_int_equal(results_row_put(&made->rows, values, 5, &world, &made->told),
			 STATUS_FORMAT);
	made->entry = results_row_entry(values, 5, items);
	assert_int_equal(convert(made), STATUS_FORMAT);
	assert_string_equal(made->told.fault, "vol: not a number");
	results_payload_write(&json, &made->entry);
	assert_true(str_eq(buf_str(&json),
			   STR("{\"rid\":\"x\",\"st\":\"done\",\"vol\":\"NaN\",\"cm\":\"\"}")));
	values[RESULT_vol] = STR("0.5");
	assert_int_equal(results_row_put(&made->rows, values, 5, &world, &made->told), STATUS_OK);
	made->row = archive_rows_next(&made->rows, NULL);
	CHECK_CELL(made, received_us, "5000");
}

static void a_row_that_does_not_fit_leaves_nothing(void **state)
{
	struct made *made = *state;
	struct archive_rows rows;
	archive_rows_init(&rows, 2048);
	fields(made, "rid=x st=done why=some-words");
	size_t added = 0;
	while (results_row_add(&rows, &made->entry, &world, &made->told) == STATUS_OK)
		added++;
	assert_in_range(added, 1, 20);
	assert_int_equal(rows.count, added);
	archive_rows_deinit(&rows);
}

/* ---- the payload ---- */

static bool same_entries(const struct results_entry *entry, const struct results_payload *payload)
{
	if (entry->count != payload->count)
		return false;
	for (size_t i = 0; i < entry->count; i++)
		if (!str_eq(entry->items[i].text, payload->items[i].text))
			return false;
	return true;
}

static void a_payload_brings_every_byte_back(void **state)
{
	static struct results_payload payload;
	static char out[RESULTS_PAYLOAD_MAX], bytes[64][16];
	struct made *made = *state;
	struct rng rng;
	rng_init(&rng, 5);
	for (int round = 0; round < 2000; round++) {
		struct buf buf = buf_over(out, sizeof out);
		uint64_t pairs = rng_below(&rng, 20);
		fields(made, "");
		for (uint64_t i = 0; i < 2 * pairs; i++)
			for (size_t j = 0; j < sizeof bytes[i]; j++)
				bytes[i][j] = (char)(rng_below(&rng, 3) ? 32 + rng_below(&rng, 90)
									: rng_below(&rng, 256));
		for (uint64_t i = 0; i < pairs; i++)
			put(made, str_make(bytes[2 * i], 1 + rng_below(&rng, 15)),
			    str_make(bytes[2 * i + 1], rng_below(&rng, 16)));
		results_payload_write(&buf, &made->entry);
		assert_false(buf.overflow);
		assert_int_equal(results_payload_read(&payload, buf_str(&buf)), STATUS_OK);
		assert_false(payload.cut);
		assert_true(same_entries(&made->entry, &payload));
		for (size_t left = buf.len; left > 0;) { /* it is UTF-8, and so a text */
			size_t n = str_utf8_len(str_make(out + buf.len - left, left));
			assert_true(n > 0);
			left -= n;
		}
	}
}

static void a_chunk_comes_back_from_its_payload(void **state)
{
	enum { MOST = 16000 };
	static struct results_payload payload;
	static char out[RESULTS_PAYLOAD_MAX], bytes[20000];
	static const size_t lengths[] = { 0, 1, 255, 15000, MOST };
	struct made *made = *state;
	struct buf buf = buf_over(out, sizeof out);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		fields(made, "");
		put(made, STR("p"), str_make(bytes, lengths[i]));
		buf_clear(&buf);
		results_payload_write(&buf, &made->entry);
		assert_int_equal(results_payload_read(&payload, buf_str(&buf)), STATUS_OK);
		assert_false(payload.cut);
		assert_true(same_entries(&made->entry, &payload));
	}
	fields(made, "");
	put(made, STR("p"), str_make(bytes, sizeof bytes)); /* not weir's */
	buf_clear(&buf);
	results_payload_write(&buf, &made->entry);
	assert_int_equal(results_payload_read(&payload, buf_str(&buf)), STATUS_OK);
	assert_true(payload.cut);
}

static void a_payload_that_is_cut_says_so(void **state)
{
	static struct results_payload payload;
	static char out[RESULTS_PAYLOAD_MAX], big[100000];
	struct made *made = *state;
	struct buf buf = buf_over(out, sizeof out);
	memset(big, 1, sizeof big);
	fields(made, "rid=x st=done");
	put(made, STR("why"), str_make(big, sizeof big));
	put(made, STR("sym"), STR("EURUSD"));
	results_payload_write(&buf, &made->entry);
	assert_int_equal(results_payload_read(&payload, buf_str(&buf)), STATUS_OK);
	assert_true(payload.cut);
	assert_int_equal(payload.count, 8);
	buf_clear(&buf);
	fields(made, "");
	for (int i = 0; i < PAIRS; i++)
		put(made, STR("n"), STR("v"));
	results_payload_write(&buf, &made->entry);
	assert_int_equal(results_payload_read(&payload, buf_str(&buf)), STATUS_OK);
	assert_true(payload.cut);
	buf_clear(&buf);
	fields(made, "");
	for (int i = 0; i < 20; i++)
		put(made, STR("n"), str_make(big, 2000));
	results_payload_write(&buf, &made->entry);
	assert_false(buf.overflow);
	assert_int_equal(results_payload_read(&payload, buf_str(&buf)), STATUS_OK);
	assert_true(payload.cut && payload.count < 40);
}

static void what_is_no_payload_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "{",
					   "[]",
					   "{\"a\"}",
					   "{\"a\":1}",
					   "{\"a\":\"b\"",
					   "{\"a\":\"b\"}x",
					   "{\"a\":\"\\q\"}",
					   "{\"a\":\"\\u12\"}",
					   "{\"a\":\"\\uffff\"}",
					   "{\"a\":\"b\",}",
					   "{\"p\":[\"0\"]}",
					   "{\"p\":[\"0G\"]}",
					   "{\"p\":[\"00\"}",
					   "{\"p\":[\"00",
					   "{\"p\":[]}",
					   "{\"a\":\"b" };
	static struct results_payload payload;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(results_payload_read(&payload, str_of(bad[i])), STATUS_FORMAT);
	assert_int_equal(results_payload_read(&payload, STR("{}")), STATUS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_has_its_column),
		cmocka_unit_test(rid_and_status_are_enough),
		cmocka_unit_test(order_unknown_fields_and_empty_values_do_not_matter),
		cmocka_unit_test(a_deal_is_of_the_account_in_its_rid),
		cmocka_unit_test(without_an_offset_it_happened_when_it_was_received),
		cmocka_unit_test(a_fault_names_the_field),
		cmocka_unit_test(a_text_that_is_too_long_or_holds_a_nul_is_refused),
		cmocka_unit_test(the_one_field_p_is_a_chunk),
		cmocka_unit_test(a_chunk_that_is_not_read_says_why),
		cmocka_unit_test(a_row_of_a_chunk_is_the_plain_entry_that_it_would_be),
		cmocka_unit_test(a_row_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(a_payload_brings_every_byte_back),
		cmocka_unit_test(a_chunk_comes_back_from_its_payload),
		cmocka_unit_test(a_payload_that_is_cut_says_so),
		cmocka_unit_test(what_is_no_payload_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
