/* Results: what frames and weir's own decisions become in trade_results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "trade/result.h"

static const struct result_owner owner = {
	.instance = { "mt5-017", 7 },
	.server = { "FPMarketsSC-Live", 16 },
	.login = 90000001,
};

static enum status make(struct result *result, const char *line)
{
	static struct mfp_frame frame;
	struct mfp_fault fault;
	assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
	return result_of_frame(result, &frame, &owner, 1784046190500);
}

static void expect(const struct result *result, enum result_field field, const char *text)
{
	char got[512];
	struct str value = result->fields[field];
	assert_int_equal(str_copy(value, got, sizeof got), STATUS_OK);
	assert_string_equal(got, text);
}

static void a_filled_order_keeps_every_field_as_it_was_sent(void **state)
{
	(void)state;
	struct result result;
	static const struct {
		enum result_field field;
		const char *text;
	} fields[] = {
		{ RESULT_rid, "5629499534213121-mt5-017-391774213" },
		{ RESULT_id, "" },
		{ RESULT_sid, "5629499534213121" },
		{ RESULT_ins, "mt5-017" },
		{ RESULT_st, "done" },
		{ RESULT_rc, "10009" },
		{ RESULT_ord, "573338240" },
		{ RESULT_deal, "391774213" },
		{ RESULT_pos, "573338241" },
		{ RESULT_sym, "EURUSD" },
		{ RESULT_sd, "buy" },
		{ RESULT_vol, "0.10" },
		{ RESULT_rq, "1.08512" },
		{ RESULT_px, "1.08514" },
		{ RESULT_slp, "2.0" },
		{ RESULT_com, "-0.35" },
		{ RESULT_swp, "0.00" },
		{ RESULT_fee, "0.01" },
		{ RESULT_pnl, "-0.02" },
		{ RESULT_ex, "316" },
		{ RESULT_sv, "1784046190412" },
		{ RESULT_t, "1784046190500" },
		{ RESULT_try, "1" },
		{ RESULT_why, "" },
		{ RESULT_en, "" },
		{ RESULT_rs, "" },
		{ RESULT_mg, "" },
		{ RESULT_cm, "" },
	};
	assert_int_equal(ARRAY_LEN(fields), RESULT_FIELDS);
	assert_int_equal(
	    make(&result, "R 16 sid=5629499534213121 st=done rc=10009 ord=573338240 deal=391774213 "
			  "pos=573338241 sym=EURUSD sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 "
			  "com=-0.35 swp=0.00 fee=0.01 pl=-0.02 sv=1784046190412 ex=316 try=1"),
	    STATUS_OK);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		expect(&result, fields[i].field, fields[i].text);
	assert_true(result.final);
	assert_true(result.deal == 391774213 && result.server_ms == 1784046190412);
	assert_true(result.rid_hash == str_hash(result.fields[RESULT_rid]));
}

static void a_refusal_says_why_unescaped(void **state)
{
	(void)state;
	struct result result;
	assert_int_equal(make(&result, "R 17 sid=77 st=fail rc=10019 sym=EUR%20USD vol=5.00 ex=141 "
				       "try=1 msg=No%20money%3D0%25"),
			 STATUS_OK);
	expect(&result, RESULT_rid, "77-mt5-017-0");
	expect(&result, RESULT_why, "No money=0%");
	expect(&result, RESULT_sym, "EUR USD");
	assert_true(result.final && result.deal == 0 && result.server_ms == 0);
}

static void the_outcome_decides_the_rid_and_whether_it_is_final(void **state)
{
	(void)state;
	static const struct {
		const char *line, *rid;
		bool final;
	} cases[] = {
		{ "R 1 sid=5 st=done", "5-mt5-017-0", true },
		{ "R 1 sid=5 st=done deal=0", "5-mt5-017-0", true },
		{ "R 1 sid=05 st=done deal=007", "5-mt5-017-7", true },
		{ "R 1 sid=5 st=exp", "5-mt5-017-0", true },
		{ "R 1 sid=5 st=fail", "5-mt5-017-0", true },
		{ "R 1 sid=5 st=part deal=7", "5-mt5-017-7", false },
		{ "R 1 sid=5 st=part", "5-mt5-017-p", false },
		{ "R 1 sid=5 st=unk", "5-mt5-017-u", false },
		{ "R 1 sid=5 st=unk deal=7", "5-mt5-017-u", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result result;
		assert_int_equal(make(&result, cases[i].line), STATUS_OK);
		expect(&result, RESULT_rid, cases[i].rid);
		assert_int_equal(result.final, cases[i].final);
	}
}

static void a_deal_is_known_by_its_account_and_ticket(void **state)
{
	(void)state;
	struct result result;
	assert_int_equal(
	    make(&result,
		 "D 18 deal=391781246 ord=573345696 pos=573338240 sym=BTCUSD sd=buy en=out "
		 "rs=sl vol=1.00 px=63450.64 lvl=63450.42 slp=22.0 com=-19.04 swp=0.00 "
		 "fee=0.00 pl=-107.16 mg=12 sv=1783436662781 cm=%5Bsl%2063450.42%5D"),
	    STATUS_OK);
	expect(&result, RESULT_rid, "deal:FPMarketsSC-Live:90000001:391781246");
	expect(&result, RESULT_st, "done");
	expect(&result, RESULT_sid, "");
	expect(&result, RESULT_ins, "mt5-017");
	expect(&result, RESULT_rq, "63450.42");
	expect(&result, RESULT_pnl, "-107.16");
	expect(&result, RESULT_en, "out");
	expect(&result, RESULT_rs, "sl");
	expect(&result, RESULT_mg, "12");
	expect(&result, RESULT_cm, "[sl 63450.42]");
	assert_false(result.final);
	assert_true(result.deal == 391781246 && result.server_ms == 1783436662781);
}

static void weirs_own_results_name_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *st, *instance, *rid;
		bool final;
	} cases[] = {
		{ "exp", "mt5-017", "9-mt5-017-0", true },
		{ "fail", "mt5-017", "9-mt5-017-0", true },
		{ "refused", "", "9--0", true },
		{ "unk", "mt5-017", "9-mt5-017-u", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result result;
		result_of_weir(&result, 9, STR("order-1"), str_of(cases[i].instance), cases[i].st,
			       STR("vol"), 3, 1784046190500);
		expect(&result, RESULT_try, "3");
		expect(&result, RESULT_rid, cases[i].rid);
		expect(&result, RESULT_sid, "9");
		expect(&result, RESULT_id, "order-1");
		expect(&result, RESULT_ins, cases[i].instance);
		expect(&result, RESULT_st, cases[i].st);
		expect(&result, RESULT_why, "vol");
		expect(&result, RESULT_t, "1784046190500");
		assert_int_equal(result.final, cases[i].final);
	}
}

/* The longest frame a terminal can send, and one byte more of identity. */
static void what_does_not_fit_is_refused_not_cut(void **state)
{
	(void)state;
	static struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	char server[256], line[2048];
	struct buf out = buf_over(line, sizeof line);
	memset(server, 's', sizeof server);
	buf_str_put(&out, STR("D 1 deal=9223372036854775807 sym="));
	for (size_t i = 0; i < 85; i++)
		buf_str_put(&out, STR("%C3"));
	buf_str_put(&out, STR(" cm="));
	for (size_t i = 0; i < 255; i++)
		buf_str_put(&out, STR("%20"));
	assert_int_equal(mfp_read(buf_str(&out), MFP_PEER, &frame, &fault), STATUS_OK);
	struct result_owner far = { STR("mt5-017"), str_make(server, 0), 90000001 };
	size_t fixed = strlen("deal::90000001:9223372036854775807");
	far.server.len = RESULT_RID_MAX - fixed;
	assert_int_equal(result_of_frame(&result, &frame, &far, INT64_MAX), STATUS_OK);
	assert_int_equal(result.fields[RESULT_rid].len, RESULT_RID_MAX);
	assert_int_equal(result.fields[RESULT_cm].len, 255);
	far.server.len++;
	assert_int_equal(result_of_frame(&result, &frame, &far, INT64_MAX), STATUS_FORMAT);
}

/* Every slice lies in the line, the owner or the result itself: nothing dangles. */
static void slices_point_into_what_the_caller_holds(void **state)
{
	(void)state;
	static const char line[] = "R 3 sid=5 st=done deal=7 sym=A%20B px=1.5 msg=x";
	static struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
	assert_int_equal(result_of_frame(&result, &frame, &owner, 5), STATUS_OK);
	for (size_t i = 0; i < RESULT_FIELDS; i++) {
		const char *at = result.fields[i].ptr;
		bool in_line = at >= line && at < line + sizeof line;
		bool in_result = at >= result.storage && at < result.storage + RESULT_STORAGE;
		assert_true(!result.fields[i].len || in_line || in_result ||
			    at == owner.instance.ptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filled_order_keeps_every_field_as_it_was_sent),
		cmocka_unit_test(a_refusal_says_why_unescaped),
		cmocka_unit_test(the_outcome_decides_the_rid_and_whether_it_is_final),
		cmocka_unit_test(a_deal_is_known_by_its_account_and_ticket),
		cmocka_unit_test(weirs_own_results_name_the_reason),
		cmocka_unit_test(what_does_not_fit_is_refused_not_cut),
		cmocka_unit_test(slices_point_into_what_the_caller_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
