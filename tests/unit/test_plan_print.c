/* A plan as text, JSON and HTML: figures as written by hand, hostile texts, widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/check.h"
#include "daemon/calibration.h"
#include "cli/plan_inputs.h"
#include "daemon/planned.h"
#include "cli/plan_json.h"
#include "cli/plan_page.h"
#include "cli/plan_text.h"
#include "os/files.h"

enum { OUT_MAX = 1 << 20 };

struct stage {
	struct plan plan, filled;
	struct measure_result measured;
	struct plan_view view;
	struct buf out;
	char text[OUT_MAX];
};

static const struct plan_figures nothing = {
	.items = -1,
	.bytes_per_item_1000 = -1,
	.original = -1,
	.corrected = -1,
	.optimised = -1,
	.optimised_corrected = -1,
	.planned = -1,
	.measured = -1,
	.bound = -1,
	.within = true,
};

/* A plan of three components: within its bound, over it, and an estimate without one. */
static struct stage *stage_create(void)
{
	struct stage *stage = calloc(1, sizeof *stage);
	assert_non_null(stage);
	struct plan *plan = &stage->plan;
	snprintf(plan->title, sizeof plan->title, "a plan");
	snprintf(plan->summary, sizeof plan->summary, "It fits, nearly.");
	plan->load = plan_load_usual();
	plan->count = 3;
	for (size_t i = 0; i < plan->count; i++)
		plan->figures[i] = nothing;
	struct plan_figures *ris = &plan->figures[0], *rtrs = &plan->figures[1],
			    *mt5 = &plan->figures[2];
	snprintf(ris->id, sizeof ris->id, "ris");
	snprintf(ris->name, sizeof ris->name, "RIS, states");
	ris->items = 144000;
	ris->bytes_per_item_1000 = 844125;
	ris->original = 18000000000;
	ris->corrected = 19440000000;
	ris->planned = 121554000;
	ris->measured = 120000000;
	ris->bound = 150000000;
	ris->stream = true;
	snprintf(ris->how, sizeof ris->how, "144,000 x 840 B");
	snprintf(ris->how_corrected, sizeof ris->how_corrected, "100 x 86,400 x 2.25 kB");
	snprintf(rtrs->id, sizeof rtrs->id, "rtrs");
	snprintf(rtrs->name, sizeof rtrs->name, "RTRS");
	rtrs->planned = 4000000;
	rtrs->bound = 3000000;
	rtrs->within = false;
	snprintf(mt5->id, sizeof mt5->id, "mt5");
	snprintf(mt5->name, sizeof mt5->name, "MT5 terminals");
	mt5->planned = 6000000000;
	plan->original = 18000000000;
	plan->corrected = 19440000000;
	plan->planned = 125554000;
	plan->measured = -1;
	plan->bound = 300000000;
	plan->everything_planned = 300000000;
	plan->everything_measured = -1;
	plan->everything_bound = 650000000;
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		plan->segments[i] = (struct plan_segment){
			.measured = -1, .maxmemory = 16 << 20, .full_in_s = -1, .sink = ""
		};
	plan->segments[SEGMENT_RTRS].full_in_s = 3120;
	plan->segments[SEGMENT_RTRS].sink = "DuckDB";
	plan->faults = 1;
	plan->found[0].rule = PLAN_FAULT_wrong_product;
	snprintf(plan->found[0].where, sizeof plan->found[0].where, "RTRS live");
	snprintf(plan->found[0].original, sizeof plan->found[0].original, "3.6 GB");
	snprintf(plan->found[0].corrected, sizeof plan->found[0].corrected,
		 "1,000/s x 600 B x 60 s = 36 MB");
	stage->view = (struct plan_view){ .plan = plan, .table = "The shipped table." };
	return stage;
}

static void add_measurement(struct stage *stage)
{
	stage->filled = stage->plan;
	snprintf(stage->measured.version, sizeof stage->measured.version, "7.0.15");
	stage->measured.load = plan_load_usual();
	stage->measured.load.instances = 10;
	stage->measured.took_ns = 12000000000;
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		stage->measured.segments[i] = (struct measure_segment){
			.idle = 900000, .used = 2000000, .rss = 3000000, .fragmentation_1000 = 1500
		};
	stage->view.measured = &stage->measured;
	stage->view.filled = &stage->filled;
	stage->view.scale_1000 = 100;
}

typedef void print_fn(struct buf *out, const struct plan_view *view);

static void print_plain(struct buf *out, const struct plan_view *view)
{
	plan_text_print(out, view, false);
}

static const char *print(struct stage *stage, print_fn *fn)
{
	stage->out = buf_over(stage->text, OUT_MAX - 1);
	fn(&stage->out, &stage->view);
	assert_false(stage->out.overflow);
	stage->text[stage->out.len] = 0;
	return stage->text;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part))
		return;
	print_error("no '%s' in:\n%s\n", part, text);
	fail();
}

static void has_not(const char *text, const char *part)
{
	if (!strstr(text, part))
		return;
	print_error("'%s' in:\n%s\n", part, text);
	fail();
}

/* ---- words ---- */

static void bytes_have_three_digits(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = { { -1, "–" },
		     { 0, "0 B" },
		     { 999, "999 B" },
		     { 1000, "1.00 kB" },
		     { 9994, "9.99 kB" },
		     { 9995, "10.0 kB" },
		     { 99949, "99.9 kB" },
		     { 99950, "100 kB" },
		     { 999499, "999 kB" },
		     { 999500, "1.00 MB" },
		     { 18000000000, "18.0 GB" },
		     { INT64_MAX, "9.22 EB" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char storage[32];
		struct buf out = buf_over(storage, sizeof storage - 1);
		plan_put_bytes(&out, rows[i].bytes);
		storage[out.len] = 0;
		assert_string_equal(storage, rows[i].text);
	}
}

static void times_have_the_unit_that_fits(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = { { -1, "never" },
		     { 0, "0 s" },
		     { 59, "59 s" },
		     { 90, "1.5 min" },
		     { 3120, "52 min" },
		     { 3600, "1 h" },
		     { 36061, "10 h" },
		     { 172800, "2 d" },
		     { 86400 * 400LL, "over a year" },
		     { INT64_MAX, "over a year" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char storage[32];
		struct buf out = buf_over(storage, sizeof storage - 1);
		plan_put_seconds(&out, rows[i].seconds);
		storage[out.len] = 0;
		assert_string_equal(storage, rows[i].text);
	}
}

static void a_projection_is_held_to_five_percent_and_a_streams_to_ten(void **state)
{
	(void)state;
	struct plan_deviation deviation = plan_view_deviation(105, 100, false);
	assert_true(deviation.known && deviation.within);
	assert_int_equal(deviation.permille, 50);
	deviation = plan_view_deviation(1051, 1000, false);
	assert_true(deviation.known && !deviation.within);
	deviation = plan_view_deviation(900, 1000, true);
	assert_true(deviation.within);
	assert_int_equal(deviation.permille, -100);
	assert_false(plan_view_deviation(899, 1000, true).within);
	assert_false(plan_view_deviation(-1, 1000, true).known);
	assert_false(plan_view_deviation(5, 0, true).known);
	assert_true(plan_view_deviation(INT64_MAX, 1, true).known);
}

/* ---- text ---- */

static void the_text_shows_every_figure_and_its_verdict(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	const char *text = print(stage, print_plain);
	has(text, "a plan\n");
	has(text, "RIS, states");
	has(text,
	    "144,000     844.125   18.0 GB    19.4 GB   122 MB    120 MB   150 MB        ok\n");
	has(text, "OVER");
	has(text, "estimate");
	has(text, "   52 min     DuckDB\n");
	has(text, "  corrected  100 x 86,400 x 2.25 kB = 19.4 GB\n"
		  "  planned    144,000 x 840 B = 122 MB\n");
	has(text, "  1  RTRS live: items x bytes is not the figure claimed\n"
		  "     says  3.6 GB\n     is    1,000/s x 600 B x 60 s = 36 MB\n");
	has(text, "\nIt fits, nearly.\n");
	has_not(text, "\033");
	has_not(text, "deviation");
	free(stage);
}

static void a_measurement_stands_beside_its_projection(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	add_measurement(stage);
	const char *text = print(stage, print_plain);
	has(text, "Redis 7.0.15, 10 % of the load in throwaway servers (10 terminals");
	has(text, "extrapolated");
	has(text, "122 MB    120 MB     +1.2 %     10 %       ok");
	has(text, "fragmentation");
	stage->filled.figures[0].planned = 140000000;
	has(print(stage, print_plain), "BEYOND");
	free(stage);
}

static size_t width_of(struct str line)
{
	size_t width = 0;
	for (size_t i = 0; i < line.len; i++)
		width += (line.ptr[i] & 0xc0) != 0x80;
	return width;
}

static void no_line_is_wider_than_the_page(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	struct plan_figures *figures = &stage->plan.figures[0];
	add_measurement(stage);
	memset(figures->name, 'W', sizeof figures->name - 1);
	figures->items = figures->bytes_per_item_1000 = INT64_MAX / 1000;
	for (size_t i = 0; i < 20; i++)
		strcat(stage->plan.summary, " words that go on");
	struct str rest = str_of(print(stage, print_plain)), line;
	while (str_split(&rest, '\n', &line))
		assert_true(width_of(line) <= PLAN_TEXT_COLUMNS);
	has(stage->text, "…");
	free(stage);
}

static void colours_are_for_terminals(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	stage->out = buf_over(stage->text, OUT_MAX - 1);
	plan_text_print(&stage->out, &stage->view, true);
	stage->text[stage->out.len] = 0;
	has(stage->text, "\033[1;31m");
	free(stage);
}

/* ---- JSON ---- */

static void the_json_has_the_keys_of_the_contract(void **state)
{
	static const char *const top[] = { "components", "totals", "faults", "within_bounds",
					   "summary" };
	static const char *const of_component[] = { "name",     "items",     "bytes_per_item",
						    "original", "corrected", "planned",
						    "measured", "bound",     "within" };
	static const char *const of_fault[] = { "rule", "where", "original", "corrected" };
	(void)state;
	struct stage *stage = stage_create();
	json_t *root = json_loads(print(stage, plan_json_print), 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_object_size(root), ARRAY_LEN(top));
	for (size_t i = 0; i < ARRAY_LEN(top); i++)
		assert_non_null(json_object_get(root, top[i]));
	json_t *row = json_array_get(json_object_get(root, "components"), 0);
	assert_int_equal(json_object_size(row), ARRAY_LEN(of_component));
	for (size_t i = 0; i < ARRAY_LEN(of_component); i++)
		assert_non_null(json_object_get(row, of_component[i]));
	assert_int_equal(json_integer_value(json_object_get(row, "planned")), 121554000);
	assert_true(json_real_value(json_object_get(row, "bytes_per_item")) == 844.125);
	row = json_array_get(json_object_get(root, "components"), 1);
	assert_true(json_is_null(json_object_get(row, "original")));
	assert_true(json_is_null(json_object_get(row, "bytes_per_item")));
	assert_true(json_is_false(json_object_get(row, "within")));
	row = json_array_get(json_object_get(root, "faults"), 0);
	assert_int_equal(json_object_size(row), ARRAY_LEN(of_fault));
	for (size_t i = 0; i < ARRAY_LEN(of_fault); i++)
		assert_non_null(json_object_get(row, of_fault[i]));
	assert_string_equal(json_string_value(json_object_get(row, "rule")), "wrong_product");
	json_decref(root);
	free(stage);
}

static void the_json_of_a_measurement_names_version_scale_and_deviation(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	add_measurement(stage);
	json_t *root = json_loads(print(stage, plan_json_print), 0, NULL);
	assert_non_null(root);
	const json_t *totals = json_object_get(root, "totals");
	const json_t *server = json_object_get(totals, "server");
	assert_string_equal(json_string_value(json_object_get(server, "version")), "7.0.15");
	assert_int_equal(json_integer_value(json_object_get(server, "scale_percent")), 10);
	assert_int_equal(json_array_size(json_object_get(server, "segments")), SEGMENT_COUNT);
	const json_t *filled = json_object_get(totals, "filled");
	assert_int_equal(json_array_size(filled), 1); /* of three, one was measured */
	assert_true(json_real_value(
			json_object_get(json_array_get(filled, 0), "deviation_percent")) == 1.2);
	json_decref(root);
	free(stage);
}

/* ---- HTML ---- */

static void the_page_stands_alone_and_shows_the_arithmetic(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	add_measurement(stage);
	const char *page = print(stage, plan_page_print);
	has(page, "<!DOCTYPE html>");
	has(page, "prefers-color-scheme:dark");
	has(page, "logarithmic scale");
	has(page, "corrected: 100 x 86,400 x 2.25 kB = 19.4 GB</p>");
	has(page, "1,000/s x 600 B x 60 s = 36 MB");
	has(page, "<span class=\"mark none\">estimate</span>");
	has(page, "<span class=\"mark over\">over 3.00 MB</span>");
	has(page, "52 min <small>without DuckDB</small>");
	has(page, "+1.2 %");
	has_not(page, "://");
	has_not(page, "<script");
	has_not(page, "url(");
	free(stage);
}

static void bars_stand_on_a_logarithmic_scale(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	stage->plan.count = 1; /* 120 MB to 19.4 GB: an axis from 1 MB to 100 GB */
	stage->plan.figures[0].planned = 10000000;
	stage->plan.figures[0].measured = 100000000;
	const char *page = print(stage, plan_page_print);
	has(page, "<rect class=\"planned\" x=\"0\" y=\"49\" width=\"200.0\"");
	has(page, "<rect class=\"measured\" x=\"0\" y=\"71\" width=\"400.0\"");
	free(stage);
}

static void what_a_document_says_is_text_and_nothing_else(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	struct plan *plan = &stage->plan;
	snprintf(plan->figures[0].name, sizeof plan->figures[0].name, "<b>\033[2J&\"\xff\x80");
	snprintf(plan->found[0].where, sizeof plan->found[0].where, "a\nb\tc\x7f");
	snprintf(plan->title, sizeof plan->title, "</title>");
	plan_view_clean(plan);
	const char *page = print(stage, plan_page_print);
	has(page, "&lt;b&gt; [2J&amp;&quot;??");
	has(page, "<h3>a b c </h3>");
	has(page, "<h1>&lt;/title&gt;</h1>");
	has_not(print(stage, print_plain), "\033");
	json_t *root = json_loads(print(stage, plan_json_print), 0, NULL);
	assert_non_null(root);
	json_decref(root);
	free(stage);
}

static void a_plan_of_nothing_prints_in_every_form(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	stage->plan.count = stage->plan.faults = 0;
	print(stage, print_plain);
	print(stage, plan_page_print);
	json_t *root = json_loads(print(stage, plan_json_print), 0, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "components")), 0);
	json_decref(root);
	free(stage);
}

static void a_full_plan_fits(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	struct plan *plan = &stage->plan;
	for (size_t i = 1; i < PLAN_FIGURES_MAX; i++)
		plan->figures[i] = plan->figures[0];
	for (size_t i = 1; i < PLAN_FOUND_MAX; i++)
		plan->found[i] = plan->found[0];
	plan->count = PLAN_FIGURES_MAX;
	plan->faults = PLAN_FOUND_MAX;
	plan->faults_more = 3;
	has(print(stage, print_plain), "and 3 more");
	has(print(stage, plan_page_print), "and 3 more");
	print(stage, plan_json_print);
	free(stage);
}

/* ---- calibration ---- */

struct folder {
	char path[64], server[96];
};

/* A redis-server that only tells its version. */
static void folder_make(struct folder *folder, const char *answer)
{
	struct err err;
	char script[256];
	snprintf(folder->path, sizeof folder->path, "/tmp/weir-plan-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->server, sizeof folder->server, "%s/redis-server", folder->path);
	snprintf(script, sizeof script, "#!/bin/sh\necho '%s'\n", answer);
	assert_int_equal(files_write_atomic(folder->server, str_of(script), 0755, &err), STATUS_OK);
}

static void folder_remove(const struct folder *folder)
{
	char path[128];
	snprintf(path, sizeof path, "%s/calibration", folder->path);
	unlink(path);
	unlink(folder->server);
	assert_int_equal(rmdir(folder->path), 0);
}

static void choose(const struct folder *folder, struct plan_costs *costs, char words[1024])
{
	struct buf out = buf_over(words, 1023);
	calibration_choose(folder->path, folder->server, costs, &out);
	words[out.len] = 0;
}

static void a_calibration_counts_for_the_version_it_was_made_on(void **state)
{
	(void)state;
	struct folder folder;
	struct err err;
	char words[1024];
	struct plan_costs made = plan_costs_shipped(), costs;
	snprintf(made.version, sizeof made.version, "7.2.4");
	made.bytes_1000[PLAN_ITEM_session] = 123456;
	folder_make(&folder, "Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0");
	choose(&folder, &costs, words);
	has(words, "The shipped table");
	assert_int_equal(calibration_store(folder.path, &made, &err), STATUS_OK);
	choose(&folder, &costs, words);
	has(words, "calibration, measured on Redis 7.2.4.");
	assert_int_equal(costs.bytes_1000[PLAN_ITEM_session], 123456);
	folder_remove(&folder);
	folder_make(&folder, "Redis server v=7.0.15 sha=00000000:0");
	assert_int_equal(calibration_store(folder.path, &made, &err), STATUS_OK);
	choose(&folder, &costs, words);
	has(words, "it is of Redis 7.2.4, redis-server is 7.0.15.");
	assert_true(costs.bytes_1000[PLAN_ITEM_session] != 123456);
	folder_remove(&folder);
}

static void a_broken_calibration_or_server_leads_to_the_shipped_table(void **state)
{
	(void)state;
	struct folder folder;
	struct err err;
	char words[1024], path[128];
	struct plan_costs shipped = plan_costs_shipped(), costs;
	folder_make(&folder, "what?");
	assert_int_equal(calibration_store(folder.path, &shipped, &err), STATUS_OK);
	choose(&folder, &costs, words);
	has(words, "names no version");
	snprintf(path, sizeof path, "%s/calibration", folder.path);
	assert_int_equal(files_write_atomic(path, STR("[items]\nsession = much\n"), 0600, &err),
			 STATUS_OK);
	choose(&folder, &costs, words);
	has(words, "a calibration is not used: ");
	assert_memory_equal(&costs.bytes_1000, &shipped.bytes_1000, sizeof costs.bytes_1000);
	folder_remove(&folder);
}

/* ---- the load of a configuration ---- */

static struct plan_load load_of(const char *text, int64_t instances)
{
	struct config *config;
	struct config_problems problems;
	struct err err;
	struct plan_load load;
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = str_of(text) };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	assert_int_equal(planned_load(config, instances, &load, &err), STATUS_OK);
	config_destroy(config);
	return load;
}

static void the_load_is_the_usual_one_where_nothing_else_is_said(void **state)
{
	(void)state;
	struct plan_load usual = plan_load_usual(), load = load_of("", 0);
	assert_int_equal(load.mix, usual.mix);
#define PLAN_LOAD(id, preset, most, what) assert_int_equal(load.id, usual.id);
#include "def/plan.def"
	load = load_of("", 7);
	assert_int_equal(load.instances, 7);
	assert_int_equal(load.markets, usual.markets);
}

static void symbols_venues_and_checkpoints_of_the_configuration_count(void **state)
{
	(void)state;
	struct plan_load load = load_of("[market]\nsymbols = BTC,ETH,SOL\n[archive]\n"
					"checkpoint = 1500ms\n",
					0);
	assert_int_equal(load.symbols, 3);
	assert_int_equal(load.markets, 12);
	assert_int_equal(load.results_kept_s, 2);
	load = load_of("[market]\nsymbols = BTC\n[venue.bybit_spot]\non = no\n", 0);
	assert_int_equal(load.markets, 3);
}

static void terminals_of_the_tokens_file_count_and_agents_do_not(void **state)
{
	(void)state;
	char path[] = "/tmp/weir-plan-tokens-XXXXXX", text[128];
	const struct str tokens = STR("mt5-1 0123456789abcdef host-1 fx\n"
				      "mt5-2 0123456789abcdef host-1\n"
				      "host-1 0123456789abcdef\n");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, tokens.ptr, tokens.len), tokens.len);
	close(fd);
	snprintf(text, sizeof text, "[fleet]\ntokens_file = %s\n", path);
	assert_int_equal(load_of(text, 0).instances, 2);
	assert_int_equal(load_of(text, 5).instances, 5);
	unlink(path);
}

static void an_unknown_document_is_one_clear_line(void **state)
{
	(void)state;
	struct err err;
	struct buf text;
	buf_init(&text, 1024);
	assert_int_equal(plan_inputs_scenario("no_such_document", &text, &err), STATUS_NOT_FOUND);
	has(err.text, "'no_such_document' is neither a file nor a shipped document");
	buf_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_three_digits),
		cmocka_unit_test(times_have_the_unit_that_fits),
		cmocka_unit_test(a_projection_is_held_to_five_percent_and_a_streams_to_ten),
		cmocka_unit_test(the_text_shows_every_figure_and_its_verdict),
		cmocka_unit_test(a_measurement_stands_beside_its_projection),
		cmocka_unit_test(no_line_is_wider_than_the_page),
		cmocka_unit_test(colours_are_for_terminals),
		cmocka_unit_test(the_json_has_the_keys_of_the_contract),
		cmocka_unit_test(the_json_of_a_measurement_names_version_scale_and_deviation),
		cmocka_unit_test(the_page_stands_alone_and_shows_the_arithmetic),
		cmocka_unit_test(bars_stand_on_a_logarithmic_scale),
		cmocka_unit_test(what_a_document_says_is_text_and_nothing_else),
		cmocka_unit_test(a_plan_of_nothing_prints_in_every_form),
		cmocka_unit_test(a_full_plan_fits),
		cmocka_unit_test(a_calibration_counts_for_the_version_it_was_made_on),
		cmocka_unit_test(a_broken_calibration_or_server_leads_to_the_shipped_table),
		cmocka_unit_test(the_load_is_the_usual_one_where_nothing_else_is_said),
		cmocka_unit_test(symbols_venues_and_checkpoints_of_the_configuration_count),
		cmocka_unit_test(terminals_of_the_tokens_file_count_and_agents_do_not),
		cmocka_unit_test(an_unknown_document_is_one_clear_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
