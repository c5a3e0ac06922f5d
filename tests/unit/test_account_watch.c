/* How long states of positions take, as who watches the store is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/account_stage.h"

enum { TOLD_MAX = 256 };

struct told {
	char instance[16];
	uint64_t position;
	int64_t whole_ns, set_ns;
};

static struct stage *clock_of;
static struct told updates[TOLD_MAX], reads[TOLD_MAX];
static size_t n_updates, n_reads;

static int64_t precise_ns(void) { return clock_monotonic_ns(&clock_of->clock) + 40; }

static struct told told_of(struct str instance, uint64_t position, int64_t whole_ns, int64_t set_ns)
{
	struct told told = { .position = position, .whole_ns = whole_ns, .set_ns = set_ns };
	assert_int_equal(str_copy(instance, told.instance, sizeof told.instance), STATUS_OK);
	return told;
}

static void on_update(void *ctx, struct str instance, uint64_t position, int64_t whole_ns,
		      int64_t set_ns)
{
	(void)ctx;
	assert_true(n_updates < TOLD_MAX);
	updates[n_updates++] = told_of(instance, position, whole_ns, set_ns);
}

static void on_quiet(void *ctx, struct str instance, uint64_t position)
{
	(void)ctx;
	assert_true(n_updates < TOLD_MAX);
	updates[n_updates++] = told_of(instance, position, -2, -2);
}

static void on_read(void *ctx, struct str instance, uint64_t position, int64_t took_ns)
{
	(void)ctx;
	assert_true(n_reads < TOLD_MAX);
	reads[n_reads++] = told_of(instance, position, took_ns, 0);
}

static void watch(struct accounts *t)
{
	const struct account_watch what = { on_update, on_quiet, on_read, precise_ns, NULL };
	clock_of = &t->stage;
	n_updates = n_reads = 0;
	account_store_watch(t->store, &what);
}

static void begin(struct accounts *t)
{
	accounts_init(t, 3, FAKE_ALWAYS);
	watch(t);
}

static void open_position(struct accounts *t, uint32_t slot, int ticket)
{
	char line[256];
	snprintf(line, sizeof line,
		 "o 0 ev=new tk=%d id=%d sym=EURUSD sd=buy vol=0.10 po=1.08512 pc=1.08514 "
		 "sl=1.08200 tp=1.08900 sw=0.00 pl=1.00 mg=0 sv=1785100000123",
		 ticket, ticket);
	accounts_position(t, slot, line);
}

static size_t timed(void)
{
	size_t count = 0;
	for (size_t i = 0; i < n_updates; i++)
		count += updates[i].whole_ns >= 0;
	return count;
}

static void a_write_is_timed_from_its_word_to_its_answer(void **state)
{
	(void)state;
	struct accounts t;
	begin(&t);
	open_position(&t, 1, 7);
	assert_int_equal(n_updates, 0);
	stage_run(&t.stage, 50 * stage_ms_ns);
	assert_int_equal(n_updates, 1);
	assert_string_equal(updates[0].instance, "mt5-001");
	assert_int_equal(updates[0].position, 7);
	assert_true(updates[0].whole_ns > 40 && updates[0].whole_ns < 50 * stage_ms_ns);
	assert_int_equal(updates[0].whole_ns - updates[0].set_ns, 40);
	accounts_position(&t, 1, "o 0 ev=del tk=7");
	stage_run(&t.stage, 50 * stage_ms_ns);
	assert_int_equal(timed(), 2);
	assert_int_equal(account_store_counts(t.store).updates, 2);
	accounts_deinit(&t);
}

static void one_of_a_terminal_at_a_time_is_timed_and_all_are_told(void **state)
{
	(void)state;
	struct accounts t;
	begin(&t);
	for (int i = 0; i < 10; i++)
		open_position(&t, 1, 100 + i);
	open_position(&t, 2, 300);
	stage_run(&t.stage, 50 * stage_ms_ns);
	assert_int_equal(n_updates, 11);
	assert_int_equal(timed(), 2); /* the first of each */
	open_position(&t, 1, 200);
	stage_run(&t.stage, 50 * stage_ms_ns);
	assert_int_equal(timed(), 3);
	assert_int_equal(updates[11].position, 200);
	accounts_position(&t, 1, "o 0 ev=mod tk=200 pc=1.08600 pl=2.00"); /* quiet */
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_int_equal(n_updates, 13);
	assert_int_equal(updates[12].whole_ns, -2);
	assert_int_equal(timed(), 3);
	accounts_deinit(&t);
}

static void a_start_tells_how_long_each_trade_took_to_be_read(void **state)
{
	(void)state;
	struct accounts t;
	begin(&t);
	for (int i = 0; i < 5; i++)
		open_position(&t, 1, 100 + i);
	stage_run(&t.stage, 50 * stage_ms_ns);
	accounts_restart(&t, 3);
	watch(&t);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	assert_int_equal(n_reads, 5);
	for (size_t i = 0; i < n_reads; i++)
		assert_true(reads[i].whole_ns >= 0 && reads[i].position >= 100);
	accounts_deinit(&t);
}

static void nobody_need_watch(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 2, FAKE_ALWAYS);
	open_position(&t, 1, 7);
	stage_run(&t.stage, 50 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	accounts_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_timed_from_its_word_to_its_answer),
		cmocka_unit_test(one_of_a_terminal_at_a_time_is_timed_and_all_are_told),
		cmocka_unit_test(a_start_tells_how_long_each_trade_took_to_be_read),
		cmocka_unit_test(nobody_need_watch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
