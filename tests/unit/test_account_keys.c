/* Which keys of RTS there are: quotes of the brokers in use, nothing of terminals that are
 * gone; and what a drain leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/account_stage.h"

static const char first_broker[] = "broker_state:FPMarketsSC-Live:";

static void quote(struct accounts *t, uint32_t slot, const char *symbol, int price)
{
	char line[160];
	snprintf(line, sizeof line, "Q 0 sym=%s bid=1.%05d ask=1.%05d spr=4 dg=5 st=open sv=1",
		 symbol, price, price + 4);
	accounts_quote(t, slot, line);
}

static void field_is(struct accounts *t, const char *key, const char *field, const char *value)
{
	char text[64];
	stage_field(&t->stage, str_of(key), str_of(field), text, sizeof text);
	assert_string_equal(text, value);
}

static void position(struct accounts *t, uint32_t slot, int ticket)
{
	char line[200];
	snprintf(
	    line, sizeof line,
	    "o 0 ev=new tk=%d id=%d sym=EURUSD sd=buy vol=0.10 po=1.08512 pc=1.08514 sl=0 tp=0 "
	    "sw=0.00 pl=1.00 mg=0 sv=1",
	    ticket, ticket);
	accounts_position(t, slot, line);
}

/* ---- quotes ---- */

static void test_a_symbol_is_written_once_a_second_over_all_terminals_of_a_broker(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 20, FAKE_ALWAYS); /* ten at each of two brokers */
	t.stage.commands = 0;
	int64_t told_ms = 0;
	for (int i = 0; i < 1000; i++) { /* ten seconds */
		quote(&t, (uint32_t)i % 20, "EURUSD", i);
		told_ms = stage_wall_ms(&t.stage);
		stage_run(&t.stage, 10 * stage_ms_ns);
	}
	assert_in_range(t.stage.commands, 18, 20);
	assert_int_equal(account_store_counts(t.store).quotes, t.stage.commands);
	/* the newest of all is what stays */
	stage_run(&t.stage, 1100 * stage_ms_ns);
	char ms[24];
	snprintf(ms, sizeof ms, "%lld", (long long)told_ms);
	field_is(&t, "broker_state:Broker:Two-Live:EURUSD", "bid", "1.00999");
	field_is(&t, "broker_state:Broker:Two-Live:EURUSD", "ask", "1.01003");
	field_is(&t, "broker_state:Broker:Two-Live:EURUSD", "t", ms);
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "bid", "1.00998");
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "spr", "4");
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "dg", "5");
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "st", "open");
	accounts_quote(&t, 0, "Q 0 sym=EURUSD bid=1.10 ask=1.2000 st=halt");
	stage_run(&t.stage, 1100 * stage_ms_ns);
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "bid", "1.10"); /* its own digits */
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "ask", "1.2000");
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "st", "halt");
	accounts_deinit(&t);
}

static void test_quotes_are_bounded(void **state)
{
	(void)state;
	struct accounts t;
	char symbol[64];
	accounts_init(&t, 2, FAKE_ALWAYS);
	for (int i = 0; i < ACCOUNT_STORE_QUOTES + 50; i++) {
		snprintf(symbol, sizeof symbol, "SYM%d", i);
		quote(&t, 0, symbol, i);
	}
	assert_int_equal(account_store_counts(t.store).quotes_refused, 50);
	quote(&t, 0, "A-symbol-of-more-than-thirty-one-bytes", 1);
	strcpy(stage_instance(&t.stage, 1)->server,
	       "A-broker-whose-name-is-longer-than-any-that-a-hello-may-carry-and-more");
	quote(&t, 1, "EURUSD", 1);
	stage_instance(&t.stage, 1)->server[0] = 0;
	quote(&t, 1, "EURUSD", 1); /* nobody knows where */
	assert_int_equal(account_store_counts(t.store).quotes_refused, 52);
	stage_run(&t.stage, 2200 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, str_of(first_broker)), ACCOUNT_STORE_QUOTES);
	/* those that are held go on */
	quote(&t, 0, "SYM4095", 7);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	field_is(&t, "broker_state:FPMarketsSC-Live:SYM4095", "bid", "1.00007");
	/* there is room again when the broker's last terminal has gone */
	account_store_forget(t.store, stage_instance(&t.stage, 0));
	fleet_remove(t.stage.fleet, 0);
	stage_run(&t.stage, 2200 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, str_of(first_broker)), 0);
	strcpy(stage_instance(&t.stage, 1)->server, "Other");
	for (int i = 0; i < 100; i++) {
		snprintf(symbol, sizeof symbol, "SYM%d", i);
		quote(&t, 1, symbol, i);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, STR("broker_state:Other:")), 100);
	accounts_deinit(&t);
}

static void test_quotes_go_with_the_brokers_last_terminal(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 4, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 4; slot++) {
		quote(&t, slot, "EURUSD", 1);
		quote(&t, slot, "GBPUSD", 2);
		accounts_account(&t, slot, 100);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, STR("broker_state:")), 4);
	account_store_forget(t.store, stage_instance(&t.stage, 0));
	fleet_remove(t.stage.fleet, 0);
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, STR("broker_state:")), 4); /* another is there */
	/* the other logs in at a third broker */
	strcpy(stage_instance(&t.stage, 2)->server, "Third");
	accounts_account(&t, 2, 200);
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, str_of(first_broker)), 0);
	assert_int_equal(accounts_keys(&t, STR("broker_state:Broker:Two-Live:")), 2);
	quote(&t, 1, "EURUSD", 3); /* those that stay are still found */
	quote(&t, 3, "GBPUSD", 4);
	quote(&t, 2, "EURUSD", 5);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, STR("broker_state:")), 3);
	field_is(&t, "broker_state:Broker:Two-Live:GBPUSD", "bid", "1.00004");
	field_is(&t, "broker_state:Third:EURUSD", "bid", "1.00005");
	/* and back */
	strcpy(stage_instance(&t.stage, 2)->server, "FPMarketsSC-Live");
	accounts_account(&t, 2, 300);
	quote(&t, 2, "GBPUSD", 7);
	quote(&t, 2, "EURUSD", 6);
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, STR("broker_state:")), 4);
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "bid", "1.00006");
	field_is(&t, "broker_state:FPMarketsSC-Live:GBPUSD", "bid", "1.00007");
	accounts_deinit(&t);
}

static void test_quotes_are_right_when_the_server_is_back(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 2, FAKE_EVERYSEC);
	quote(&t, 0, "EURUSD", 1);
	quote(&t, 0, "GBPUSD", 2);
	stage_run(&t.stage, 1500 * stage_ms_ns);
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "bid", "1.00001");
	fake_redis_kill(t.stage.redis); /* what it had of the last second is lost */
	quote(&t, 0, "EURUSD", 3);
	stage_run(&t.stage, 5 * stage_second_ns);
	stage_heal(&t.stage);
	stage_run(&t.stage, 4300 * stage_ms_ns);
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "bid", "1.00003");
	field_is(&t, "broker_state:FPMarketsSC-Live:GBPUSD", "bid", "1.00002");
	/* something else stands in its place */
	STAGE_DO(&t.stage, STR("DEL"), STR("broker_state:FPMarketsSC-Live:GBPUSD"));
	STAGE_DO(&t.stage, STR("SET"), STR("broker_state:FPMarketsSC-Live:GBPUSD"), STR("x"));
	quote(&t, 0, "GBPUSD", 4);
	stage_run(&t.stage, 2200 * stage_ms_ns);
	field_is(&t, "broker_state:FPMarketsSC-Live:GBPUSD", "bid", "1.00004");
	accounts_deinit(&t);
}

/* ---- forget ---- */

static void forget(struct accounts *t, uint32_t slot)
{
	account_store_forget(t->store, stage_instance(&t->stage, slot));
	fleet_remove(t->stage.fleet, slot);
	t->account_ms[slot] = 0;
}

static void test_forget_removes_all_keys(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 3, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 3; slot++) {
		position(&t, slot, 1);
		position(&t, slot, 2);
		accounts_account(&t, slot, 100);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	forget(&t, 1);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	/* not while the server is away, then as soon as it is back */
	fake_redis_kill(t.stage.redis);
	stage_run(&t.stage, 500 * stage_ms_ns);
	forget(&t, 2);
	stage_run(&t.stage, 3 * stage_second_ns);
	stage_heal(&t.stage);
	stage_run(&t.stage, 4300 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	/* positions that are not in the fleet but on the server go too */
	STAGE_DO(&t.stage, STR("SADD"), STR("trades:open:mt5-000"), STR("77"));
	STAGE_DO(&t.stage, STR("HSET"), STR("trade_state:mt5-000-77"), STR("vol"), STR("1"));
	fake_redis_break(t.stage.redis);
	stage_run(&t.stage, 101 * stage_ms_ns); /* connected, its index is not read yet */
	forget(&t, 0);
	stage_run(&t.stage, 4300 * stage_ms_ns);
	assert_int_equal(accounts_keys(&t, STR("")), 0);
	accounts_deinit(&t);
}

/* At any moment of a sync of the old terminal its slot becomes another's. */
static void test_a_slot_is_used_again_while_replies_are_under_way(void **state)
{
	(void)state;
	for (int us = 0; us < 1200; us += 50) {
		struct accounts t;
		accounts_init(&t, 1, FAKE_ALWAYS);
		position(&t, 0, 1);
		position(&t, 0, 2);
		accounts_account(&t, 0, 100);
		stage_run(&t.stage, 1100 * stage_ms_ns);
		fake_redis_break(t.stage.redis);
		uint64_t syncs = account_store_counts(t.store).syncs;
		while (account_store_counts(t.store).syncs == syncs)
			stage_run(&t.stage, 100000);
		stage_run(&t.stage, us * 1000); /* its index has been asked for, or more */
		forget(&t, 0);
		assert_int_equal(stage_add(&t.stage, "other"), 0);
		accounts_name(&t);
		position(&t, 0, 3);
		accounts_account(&t, 0, 200);
		stage_run(&t.stage, 5 * stage_second_ns);
		assert_true(accounts_are_right(&t));
		accounts_deinit(&t);
	}
}

/* ---- what nothing stands for ---- */

static void test_keys_of_nobody_go_after_the_start(void **state)
{
	(void)state;
	struct accounts t;
	char key[64];
	accounts_init(&t, 4, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 4; slot++) {
		position(&t, slot, 1);
		accounts_account(&t, slot, 100);
		quote(&t, slot, "EURUSD", 1);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	for (int i = 0; i < 600; i++) { /* more than fit into one command, or one page */
		snprintf(key, sizeof key, "trade_state:gone-%d", i);
		STAGE_DO(&t.stage, STR("HSET"), str_of(key), STR("vol"), STR("1"));
		snprintf(key, sizeof key, "broker_state:Gone:SYM%d", i);
		STAGE_DO(&t.stage, STR("HSET"), str_of(key), STR("bid"), STR("1"));
	}
	STAGE_DO(&t.stage, STR("SADD"), STR("trades:open:gone"), STR("1"));
	STAGE_DO(&t.stage, STR("HSET"), STR("account_state:gone"), STR("bal"), STR("1"));
	STAGE_DO(&t.stage, STR("XADD"), STR("trades:closed:gone"), STR("1-1"), STR("p"), STR("x"));
	STAGE_DO(&t.stage, STR("SET"), STR("trade_state:other"), STR("not ours to judge"));
	accounts_restart(&t, 4);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	account_store_start(t.store);
	for (uint32_t slot = 0; slot < 4; slot++)
		accounts_account(&t, slot, 100);
	t.stage.full_in = 30; /* one of its steps fails: it is done again */
	stage_run(&t.stage, 6 * stage_second_ns);
	assert_int_equal(stage_exists(&t.stage, STR("trades:closed:gone")), 1);
	assert_int_equal(stage_exists(&t.stage, STR("trade_state:other")), 1);
	STAGE_DO(&t.stage, STR("DEL"), STR("trade_state:other"));
	assert_true(accounts_are_right(&t));
	assert_int_equal(accounts_keys(&t, STR("broker_state:")), 2);
	accounts_deinit(&t);
}

/* ---- drain ---- */

static void test_a_drain_writes_everything_and_ends_once(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 5, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 5; slot++) {
		position(&t, slot, 1);
		position(&t, slot, 2);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	for (uint32_t slot = 0; slot < 5; slot++) {
		accounts_account(&t, slot, 300);
		accounts_position(&t, slot, "o 0 ev=mod tk=1 pc=1.5 pl=2.00");
		quote(&t, slot, "EURUSD", 9);
	}
	t.stage.full_in = 3; /* and one of them has to be read and written as a whole */
	position(&t, 1, 3);
	assert_int_equal(accounts_drain(&t), STATUS_OK);
	assert_true(accounts_are_right(&t));
	field_is(&t, "broker_state:FPMarketsSC-Live:EURUSD", "bid", "1.00009");
	/* nothing after it */
	t.stage.commands = 0;
	position(&t, 2, 4);
	accounts_account(&t, 2, 400);
	quote(&t, 2, "EURUSD", 10);
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_int_equal(t.stage.commands, 0);
	assert_int_equal(t.stage.ended, 0);
	accounts_deinit(&t);
}

static void test_a_drain_that_cannot_write_says_so(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct accounts t;
		accounts_init(&t, 3, FAKE_ALWAYS);
		accounts_account(&t, 1, 100);
		if (i == 0)
			fake_redis_fault(t.stage.redis, FAKE_OOM);
		else if (i == 1)
			fake_redis_kill(t.stage.redis);
		else if (i == 2)
			fake_redis_hang(t.stage.redis, true);
		else
			t.stage.full_in = 1, t.stage.full_more = 100000;
		assert_int_not_equal(accounts_drain(&t), STATUS_OK);
		accounts_deinit(&t);
	}
}

static void test_a_drain_of_nothing_ends_inside_the_call(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 2, FAKE_ALWAYS);
	account_store_drain(t.store, stage_drained, &t.stage);
	assert_int_equal(t.stage.ended, 1);
	assert_int_equal(t.stage.status, STATUS_OK);
	accounts_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_symbol_is_written_once_a_second_over_all_terminals_of_a_broker),
		cmocka_unit_test(test_quotes_are_bounded),
		cmocka_unit_test(test_quotes_go_with_the_brokers_last_terminal),
		cmocka_unit_test(test_quotes_are_right_when_the_server_is_back),
		cmocka_unit_test(test_forget_removes_all_keys),
		cmocka_unit_test(test_a_slot_is_used_again_while_replies_are_under_way),
		cmocka_unit_test(test_keys_of_nobody_go_after_the_start),
		cmocka_unit_test(test_a_drain_writes_everything_and_ends_once),
		cmocka_unit_test(test_a_drain_that_cannot_write_says_so),
		cmocka_unit_test(test_a_drain_of_nothing_ends_inside_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
