/* weir plan: what a load costs, what a document gets wrong about it, and what real servers say. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/plan_inputs.h"
#include "cli/plan_json.h"
#include "cli/plan_page.h"
#include "cli/plan_text.h"
#include "daemon/calibration.h"
#include "daemon/config_file.h"
#include "daemon/planned.h"
#include "os/files.h"

enum { OUT_LIMIT = 4 << 20, TABLE_WORDS = 1024, WHOLE_1000 = 1000 };

static const int64_t patience_ns = 2000000000; /* before progress is shown */
static const int64_t redraw_ns = 100000000;

struct planning {
	const struct args *args;
	struct config *config;
	struct plan_load load;
	struct plan_costs costs;
	struct plan plan, filled;
	struct measure_result measured;
	char table[TABLE_WORDS];
	struct plan_view view;
};

/* ---- progress ---- */

struct progress {
	int64_t started_ns, drawn_ns;
	char what[64];
	bool terminal, shown;
};

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* On a terminal one line that is drawn anew; elsewhere a line for each thing that is filled. */
static void on_progress(void *ctx, const char *what, int64_t done, int64_t total)
{
	struct progress *progress = ctx;
	int64_t now = now_ns(),
		percent = total > 0 ? (int64_t)((double)done * 100 / (double)total) : 0;
	bool other = strncmp(progress->what, what, sizeof progress->what - 1) != 0;
	if (now - progress->started_ns < patience_ns)
		return;
	if (!other && (!progress->terminal || now - progress->drawn_ns < redraw_ns))
		return;
	snprintf(progress->what, sizeof progress->what, "%s", what);
	progress->drawn_ns = now;
	progress->shown = true;
	if (progress->terminal)
		fprintf(stderr, "\rweir plan: measuring %s, %lld %%\033[K", what,
			(long long)percent);
	else
		fprintf(stderr, "weir plan: measuring %s\n", what);
}

/* ---- measuring ---- */

/* The plan of the whole load is to have room for what is filled, too. */
static enum status set_maxmemory(const struct planning *planning, struct measure_config *config,
				 struct err *err)
{
	struct plan *plan = calloc(1, sizeof *plan);
	CHECK(plan);
	enum status status = plan_make(&planning->load, &planning->costs, NULL, plan, err);
	for (size_t i = 0; !status && i < SEGMENT_COUNT; i++)
		config->maxmemory[i] = plan->segments[i].maxmemory;
	free(plan);
	return status;
}

static enum status fill_servers(struct planning *planning, struct err *err)
{
	const struct args *args = planning->args;
	struct progress progress = { .started_ns = now_ns(), .terminal = isatty(STDERR_FILENO) };
	struct measure_config config = {
		.load = planning->load,
		.scale_1000 = args_i64(args, FLAG_scale) * 10,
		.redis_server = config_str(planning->config, CONFIG_redis_server).ptr,
	};
	enum status status = set_maxmemory(planning, &config, err);
	if (!status)
		status = measure_run(&config, on_progress, &progress, &planning->measured, err);
	if (progress.shown && progress.terminal)
		fprintf(stderr, "\r\033[K");
	if (status)
		return err_wrap(err, status, "--measure");
	planning->view.measured = &planning->measured;
	planning->view.filled = &planning->filled;
	planning->view.scale_1000 = config.scale_1000;
	return STATUS_OK;
}

/* What was measured of a part of the load stands for the whole by what each item cost. */
static void extrapolate(const struct planning *planning, int64_t bytes[PLAN_COMPONENTS])
{
	const struct measure_result *measured = &planning->measured;
	for (size_t i = 0; i < PLAN_COMPONENTS; i++) {
		enum plan_component component = (enum plan_component)i;
		int64_t whole = plan_bytes(&planning->load, &measured->costs, component);
		bytes[i] = measured->bytes[i];
		if (planning->view.scale_1000 < WHOLE_1000 && bytes[i] >= 0 && whole >= 0)
			bytes[i] = whole;
	}
}

static enum status store_costs(struct planning *planning, struct err *err)
{
	const char *state_dir = args_str(planning->args, FLAG_state).ptr;
	enum status status = calibration_store(state_dir, &planning->measured.costs, err);
	size_t len = strlen(planning->table);
	if (!status)
		snprintf(planning->table + len, sizeof planning->table - len,
			 " What was measured now, on Redis %s, is in %s/calibration.",
			 planning->measured.version, state_dir);
	return status;
}

/* The projection of what was filled stands beside it with the costs that were known before. */
static enum status measure(struct planning *planning, int64_t bytes[PLAN_COMPONENTS],
			   struct err *err)
{
	enum status status = fill_servers(planning, err);
	if (!status)
		status = plan_make(&planning->measured.load, &planning->costs,
				   planning->measured.bytes, &planning->filled, err);
	if (!status && args_has(planning->args, FLAG_calibrate))
		status = store_costs(planning, err);
	if (!status)
		extrapolate(planning, bytes);
	return status;
}

/* ---- planning ---- */

static bool is_measured(const struct args *args)
{
	return args_has(args, FLAG_measure) || args_has(args, FLAG_calibrate);
}

static enum status plan_load_given(struct planning *planning, struct err *err)
{
	int64_t bytes[PLAN_COMPONENTS];
	enum status status = planned_load(
	    planning->config, args_i64(planning->args, FLAG_instances), &planning->load, err);
	bool measured = is_measured(planning->args);
	if (!status && measured)
		status = measure(planning, bytes, err);
	if (!status)
		status = plan_make(&planning->load, &planning->costs, measured ? bytes : NULL,
				   &planning->plan, err);
	return status;
}

static enum status measure_document(struct planning *planning, struct err *err)
{
	int64_t bytes[PLAN_COMPONENTS];
	struct plan *own = calloc(1, sizeof *own);
	CHECK(own);
	planning->load = planning->plan.load;
	enum status status = measure(planning, bytes, err);
	if (!status)
		status = plan_make(&planning->load, &planning->costs, bytes, own, err);
	if (!status)
		plan_add_measured(&planning->plan, own);
	free(own);
	return status;
}

static enum status plan_document(struct planning *planning, struct err *err)
{
	const char *name = args_str(planning->args, FLAG_document).ptr;
	struct buf text;
	if (args_has(planning->args, FLAG_instances))
		return err_set(err, STATUS_USAGE,
			       "--instances: a document has its own (its section [load])");
	buf_init(&text, PLAN_SCENARIO_BYTES_MAX + 1);
	enum status status = plan_inputs_scenario(name, &text, err);
	if (!status) {
		status = plan_scenario(buf_str(&text), &planning->costs, &planning->plan, err);
		if (status)
			status = err_wrap(err, status, "--scenario %s", name);
	}
	buf_deinit(&text);
	if (!status && is_measured(planning->args))
		status = measure_document(planning, err);
	return status;
}

static enum status make(struct planning *planning, struct err *err)
{
	const struct args *args = planning->args;
	struct buf words = buf_over(planning->table, sizeof planning->table - 1);
	enum status status = config_file_load(cli_config_path(args), &planning->config, NULL, err);
	if (status)
		return status;
	calibration_choose(args_str(args, FLAG_state).ptr,
			   config_str(planning->config, CONFIG_redis_server).ptr, &planning->costs,
			   &words);
	planning->table[words.len] = 0;
	status = args_has(args, FLAG_document) ? plan_document(planning, err)
					       : plan_load_given(planning, err);
	if (status)
		return status;
	plan_view_clean_text(planning->table);
	plan_view_clean(&planning->plan);
	return STATUS_OK;
}

/* ---- printing ---- */

static enum status write_page(const struct planning *planning, const char *path, struct err *err)
{
	struct buf page;
	buf_init(&page, OUT_LIMIT);
	plan_page_print(&page, &planning->view);
	enum status status = page.overflow ? err_set(err, STATUS_FULL, "%s: too long", path)
					   : files_write_atomic(path, buf_str(&page), 0644, err);
	buf_deinit(&page);
	return status;
}

static int print(const struct planning *planning)
{
	const struct args *args = planning->args;
	const char *path =
	    args_has(args, FLAG_html_file) ? args_str(args, FLAG_html_file).ptr : NULL;
	struct err err = { 0 };
	struct buf out;
	if (path && write_page(planning, path, &err))
		return cli_fail(args, &err);
	buf_init(&out, OUT_LIMIT);
	if (args_has(args, FLAG_json))
		plan_json_print(&out, &planning->view);
	else if (path)
		buf_printf(&out, "%s: %s\n", path, planning->plan.summary);
	else
		plan_text_print(&out, &planning->view, isatty(STDOUT_FILENO));
	int exit_status = cli_print(args, &out);
	buf_deinit(&out);
	if (exit_status)
		return exit_status;
	return planning->plan.within_bounds ? CLI_DONE : CLI_NO;
}

int cmd_plan(const struct args *args)
{
	struct err err = { 0 };
	struct planning *planning = calloc(1, sizeof *planning);
	CHECK(planning);
	planning->args = args;
	planning->view.plan = &planning->plan;
	planning->view.table = planning->table;
	int exit_status = make(planning, &err) ? cli_fail(args, &err) : print(planning);
	config_destroy(planning->config);
	free(planning);
	return exit_status;
}
