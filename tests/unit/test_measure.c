/* The measurement, on real servers, of a small part of the 100-terminal load: what half of it
 * cost projects all of it; what things cost stays under the bounds of the whole load; and
 * nothing is left behind, however it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "measure/measure.h"
#include "redis_fixture.h"

#define BIT(id) (1u << PLAN_##id)

enum { TERMINALS_4 = 40, TERMINALS_2 = 20, MARKETS_8 = 200, MARKETS_4 = 100 };

static char *folder;

static int make_folder(void **state)
{
	(void)state;
	folder = fixture_folder();
	return folder ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	fixture_remove(folder);
	return 0;
}

/* ---- what is left ---- */

static size_t files_in_folder(void)
{
	size_t count = 0;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static bool names_folder(const char *pid)
{
	char path[64], text[4096];
	snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file)
		fclose(file);
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : ' ';
	text[n] = 0;
	return strstr(text, folder) != NULL;
}

static size_t servers_of_folder(void)
{
	size_t count = 0;
	DIR *dir = opendir("/proc");
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			 names_folder(entry->d_name);
	closedir(dir);
	return count;
}

static void assert_nothing_left(void)
{
	assert_int_equal(files_in_folder(), 0);
	assert_int_equal(servers_of_folder(), 0);
}

/* ---- a run ---- */

static struct measure_config config_of(int64_t scale_1000, uint32_t components)
{
	return (struct measure_config){ .load = plan_load_usual(),
					.scale_1000 = scale_1000,
					.dir = folder,
					.components = components };
}

static void run(const struct measure_config *config, struct measure_result *out)
{
	struct err err = { 0 };
	enum status status = measure_run(config, NULL, NULL, out, &err);
	if (status)
		fail_msg("%s", err.text);
	assert_nothing_left();
	assert_true(out->version[0] >= '1');
	assert_string_equal(out->version, out->costs.version);
}

/* In thousandths of the bound. */
struct bounded {
	enum plan_component component;
	int64_t most_1000;
};

static const struct plan_figures *figures_of(const struct plan *plan, enum plan_component component)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->figures[i].id, plan_component_row(component)->id) == 0)
			return &plan->figures[i];
	fail_msg("no row of %s", plan_component_row(component)->id);
	return NULL;
}

static struct plan *plan_of(const struct measure_result *result, const struct plan_costs *costs)
{
	struct plan *plan = calloc(1, sizeof *plan);
	struct err err;
	assert_non_null(plan);
	for (size_t i = 0; i < PLAN_ITEMS; i++)
		if (costs->bytes_1000[i] < 0)
			fail_msg("%s costs %lld thousandths of a byte", plan_item_row(i)->id,
				 (long long)costs->bytes_1000[i]);
	if (plan_make(&result->load, costs, result->bytes, plan, &err))
		fail_msg("%s", err.text);
	return plan;
}

static void assert_bounds(const struct measure_result *result, const struct bounded *rows,
			  size_t count)
{
	struct plan *plan = plan_of(result, &result->costs);
	for (size_t i = 0; i < count; i++) {
		const struct plan_figures *figures = figures_of(plan, rows[i].component);
		print_message("%s: %lld bytes, bound %lld\n", figures->name,
			      (long long)figures->measured, (long long)figures->bound);
		assert_in_range(figures->measured, 1, figures->bound * rows[i].most_1000 / 1000);
	}
	free(plan);
}

/* What the costs of one run say of the other, which is twice as large. */
static void assert_projected(const struct measure_result *whole, const struct measure_result *half,
			     const struct bounded *rows, size_t count)
{
	struct plan *plan = plan_of(whole, &half->costs);
	for (size_t i = 0; i < count; i++) {
		const struct plan_figures *figures = figures_of(plan, rows[i].component);
		int64_t off = figures->planned - figures->measured;
		int64_t most = figures->measured * (figures->stream ? 10 : 5) / 100;
		print_message("%s: %lld planned, %lld measured\n", figures->name,
			      (long long)figures->planned, (long long)figures->measured);
		assert_true(off <= most && -off <= most);
	}
	free(plan);
}

/* ---- the tests ---- */

/* rts_closed: a day's chunk is written anew for each of its trades, and the one it replaces
 * stays in the stream's node as a hole. */
static const struct bounded terminals[] = {
	{ PLAN_ris, 1000 },  { PLAN_rts_open, 1000 }, { PLAN_rts_closed, 1000 },
	{ PLAN_rtss, 1000 }, { PLAN_rtrs, 1000 },     { PLAN_rss, 1000 },
	{ PLAN_rls, 1000 },
};

static void costs_of_half_the_terminals_project_all_of_them(void **state)
{
	const uint32_t components = BIT(ris) | BIT(rts_open) | BIT(rts_closed) | BIT(rtss) |
				    BIT(rtrs) | BIT(rss) | BIT(rls) | BIT(idle);
	const struct measure_config whole_config = config_of(TERMINALS_4, components);
	const struct measure_config half_config = config_of(TERMINALS_2, components);
	struct measure_result whole, half;
	(void)state;
	run(&whole_config, &whole);
	run(&half_config, &half);
	assert_int_equal(whole.load.instances, 4);
	assert_int_equal(half.load.instances, 2);
	assert_bounds(&whole, terminals, ARRAY_LEN(terminals));
	assert_projected(&whole, &half, terminals, ARRAY_LEN(terminals));
}

static void items_are_those_of_the_load(void **state)
{
	const uint32_t components = BIT(rtss) | BIT(rtrs) | BIT(rss) | BIT(rls);
	const enum plan_item items[] = { PLAN_ITEM_signal,    PLAN_ITEM_signal_hash,
					 PLAN_ITEM_result,    PLAN_ITEM_fleet_up,
					 PLAN_ITEM_session,   PLAN_ITEM_preference,
					 PLAN_ITEM_execution, PLAN_ITEM_alert };
	const struct measure_config config = config_of(TERMINALS_2, components);
	struct measure_result result;
	(void)state;
	run(&config, &result);
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		assert_int_equal(result.items[items[i]], plan_items(&result.load, items[i]));
		assert_true(result.costs.bytes_1000[items[i]] > 0);
	}
	assert_int_equal(result.items[PLAN_ITEM_trade_open], -1);
	assert_int_equal(result.bytes[PLAN_rts_open], -1);
}

static const struct bounded markets[] = { { PLAN_tape, 1000 }, { PLAN_bars, 1000 } };

static void costs_of_half_the_markets_project_all_of_them(void **state)
{
	struct measure_config whole_config = config_of(MARKETS_8, BIT(tape) | BIT(bars));
	struct measure_config half_config = config_of(MARKETS_4, BIT(tape) | BIT(bars));
	struct measure_result whole, half;
	(void)state;
	whole_config.load.market_hours = half_config.load.market_hours = 24;
	run(&whole_config, &whole);
	run(&half_config, &half);
	assert_int_equal(whole.load.markets, 8);
	assert_int_equal(half.load.markets, 4);
	assert_bounds(&whole, markets, ARRAY_LEN(markets));
	assert_projected(&whole, &half, markets, ARRAY_LEN(markets));
}

static void live_outputs_are_under_their_bound(void **state)
{
	static const struct bounded outputs[] = { { PLAN_outputs, 1000 } };
	struct measure_config config = config_of(MARKETS_4, BIT(outputs));
	struct measure_result result;
	(void)state;
	config.load.market_hours = 1;
	run(&config, &result);
	assert_bounds(&result, outputs, ARRAY_LEN(outputs));
}

/* ---- ends ---- */

static void a_server_that_is_not_there_is_said(void **state)
{
	struct measure_config config = config_of(TERMINALS_2, 0);
	struct measure_result result;
	struct err err;
	(void)state;
	config.redis_server = "no-such-redis-server";
	assert_int_equal(measure_run(&config, NULL, NULL, &result, &err), STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "no-such-redis-server"));
	assert_nothing_left();
}

static void a_load_that_cannot_be_is_refused(void **state)
{
	struct measure_config config = config_of(TERMINALS_2, 0);
	struct measure_result result;
	struct err err;
	(void)state;
	config.load.instances = 0;
	assert_int_equal(measure_run(&config, NULL, NULL, &result, &err), STATUS_INVALID);
	config.load.instances = INT64_MAX;
	assert_int_equal(measure_run(&config, NULL, NULL, &result, &err), STATUS_INVALID);
	config = config_of(1001, 0);
	assert_int_equal(measure_run(&config, NULL, NULL, &result, &err), STATUS_INVALID);
	assert_nothing_left();
}

static void signal_self(void *ctx, const char *what, int64_t done, int64_t total)
{
	(void)what, (void)done, (void)total;
	kill(getpid(), *(const int *)ctx);
}

static void a_signal_ends_it_and_nothing_is_left(void **state)
{
	const struct measure_config config = config_of(TERMINALS_2, BIT(rtss) | BIT(rls));
	struct measure_result result;
	struct err err;
	int number = SIGTERM;
	(void)state;
	assert_int_equal(measure_run(&config, signal_self, &number, &result, &err), STATUS_CLOSED);
	assert_non_null(strstr(err.text, "signal 15"));
	assert_nothing_left();
}

static void one_that_is_killed_leaves_nothing(void **state)
{
	const struct measure_config config = config_of(TERMINALS_2, BIT(rtss) | BIT(rls));
	int number = SIGKILL, how;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct measure_result result;
		_exit(measure_run(&config, signal_self, &number, &result, NULL) == STATUS_OK);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
	for (int i = 0; i < 2000 && (files_in_folder() || servers_of_folder()); i++)
		usleep(5000);
	assert_nothing_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(costs_of_half_the_terminals_project_all_of_them),
		cmocka_unit_test(items_are_those_of_the_load),
		cmocka_unit_test(costs_of_half_the_markets_project_all_of_them),
		cmocka_unit_test(live_outputs_are_under_their_bound),
		cmocka_unit_test(a_server_that_is_not_there_is_said),
		cmocka_unit_test(a_load_that_cannot_be_is_refused),
		cmocka_unit_test(a_signal_ends_it_and_nothing_is_left),
		cmocka_unit_test(one_that_is_killed_leaves_nothing),
	};
	if (!fixture_has_redis())
		return 77;
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
