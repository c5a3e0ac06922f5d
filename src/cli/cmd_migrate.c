/* weir migrate plan | apply | dual | verify | finish | rollback | status. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/migrate_audit.h"
#include "cli/migrate_report.h"
#include "cli/progress.h"
#include "os/files.h"

enum { OUT_LIMIT = 64 << 20, LINES_MAX = 200 };

static bool stop; /* set by the signal */

static void on_signal(int number)
{
	(void)number;
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
}

static enum status plan_path(const struct args *args, const char **path, struct err *err)
{
	if (!args_has(args, FLAG_plan_file))
		return err_set(err, STATUS_USAGE, "--plan FILE is missing");
	*path = args_str(args, FLAG_plan_file).ptr;
	return STATUS_OK;
}

/* ---- plan ---- */

/* "clickhouse=http://127.0.0.1:8123/desk" */
static enum status take_sinks(const struct args *args, struct plan_make *wishes, struct err *err)
{
	for (size_t i = 0; i < args_count(args, FLAG_sink); i++) {
		struct str text = args_at(args, FLAG_sink, i);
		size_t equals = str_find_char(text, '=');
		int sink = 1;
		while (sink < MIGRATE_SINKS &&
		       !str_eq(str_make(text.ptr, equals),
			       str_of(migrate_sink_text((enum migrate_sink)sink))))
			sink++;
		if (sink == MIGRATE_SINKS || equals + 1 >= text.len)
			return err_set(err, STATUS_USAGE,
				       "--sink '%.100s' is not influx=URL, clickhouse=URL, "
				       "postgres=URL or duckdb=FILE",
				       text.ptr);
		wishes->sink_urls[sink] = text.ptr + equals + 1;
	}
	return STATUS_OK;
}

static enum status write_plan(const struct args *args, const char *path, struct plan_made *made,
			      struct err *err)
{
	int databases[MIGRATE_DATABASES_MAX];
	struct plan_make wishes = { .databases = databases };
	struct buf audit, out;
	buf_init(&audit, OUT_LIMIT);
	buf_init(&out, MIGRATE_PLAN_BYTES_MAX);
	enum status status = take_sinks(args, &wishes, err);
	if (!status && migrate_audit_is_url(args->operands[0])) {
		wishes.source = str_of(args->operands[0]);
		status =
		    migrate_audit_databases(args->operands[0], databases, &wishes.n_databases, err);
	}
	if (!status)
		status = migrate_audit_json(args, &audit, err);
	if (!status) {
		status = plan_file_make(buf_str(&audit), &wishes, &out, made, err);
		if (status)
			err_wrap(err, status, "%.200s", args->operands[0]);
	}
	if (!status)
		status = files_write_atomic(path, buf_str(&out), 0600, err);
	buf_deinit(&audit);
	buf_deinit(&out);
	return status;
}

static int make_plan(const struct args *args)
{
	struct err err = { 0 };
	struct plan_made made;
	const char *path = NULL;
	enum status status = plan_path(args, &path, &err);
	if (!status)
		status = write_plan(args, path, &made, &err);
	if (status)
		return cli_fail(args, &err);
	struct buf out;
	buf_init(&out, OUT_LIMIT);
	migrate_report_plan(&out, args_has(args, FLAG_json), path, &made);
	int exit_status = cli_print(args, &out);
	buf_deinit(&out);
	return exit_status;
}

/* ---- the steps ---- */

struct stepping {
	struct progress progress;
	int64_t lines;
};

static void on_line(void *ctx, const char *line)
{
	struct stepping *stepping = ctx;
	if (stepping->lines++ < LINES_MAX) {
		progress_end(&stepping->progress);
		fprintf(stderr, "weir migrate: %s\n", line);
	}
}

static void on_progress(void *ctx, const char *phase, int64_t done)
{
	struct stepping *stepping = ctx;
	progress_step(&stepping->progress, phase, done, 0);
}

static const struct step_row {
	enum command command;
	const char *name;
	enum status (*run)(struct migrate *migrate, struct err *err);
} steps[] = {
	{ COMMAND_migrate_apply, "apply", migrate_apply },
	{ COMMAND_migrate_dual, "dual", migrate_dual },
	{ COMMAND_migrate_verify, "verify", migrate_verify },
	{ COMMAND_migrate_finish, "finish", migrate_finish },
	{ COMMAND_migrate_rollback, "rollback", migrate_rollback },
	{ COMMAND_migrate_status, "status", migrate_status },
};

static const struct step_row *step_of(enum command command)
{
	size_t i = 0;
	while (i < ARRAY_LEN(steps) && steps[i].command != command)
		i++;
	CHECK(i < ARRAY_LEN(steps));
	return &steps[i];
}

static bool is_no(enum command command, const struct migrate *migrate)
{
	bool no = false;
	for (size_t i = 0; i < migrate_plan_of(migrate)->n_families; i++) {
		const struct migrate_counts *counts = migrate_counts(migrate, i);
		no |= counts->conflicts > 0 && command != COMMAND_migrate_status;
		no |= command == COMMAND_migrate_rollback && (counts->kept || counts->missing);
	}
	bool holds = command == COMMAND_migrate_verify || command == COMMAND_migrate_finish;
	return no || (holds && !migrate_holds(migrate));
}

static int print_step(const struct args *args, const struct step_row *row,
		      const struct migrate *migrate)
{
	struct buf out;
	buf_init(&out, OUT_LIMIT);
	if (args_has(args, FLAG_json))
		migrate_report_json(&out, row->name, migrate);
	else
		migrate_report_text(&out, row->name, migrate);
	int exit_status = cli_print(args, &out);
	buf_deinit(&out);
	return exit_status ? exit_status : is_no(args->command, migrate) ? CLI_NO : CLI_DONE;
}

static int run_step(const struct args *args)
{
	const struct step_row *row = step_of(args->command);
	struct stepping stepping = { .lines = 0 };
	struct migrate_config config = {
		.stop = &stop, .on_line = on_line, .on_progress = on_progress, .ctx = &stepping
	};
	struct migrate *migrate = NULL;
	struct err err = { 0 };
	enum status status = plan_path(args, &config.plan_path, &err);
	if (args->n_operands)
		config.url = str_of(args->operands[0]);
	config.reads =
	    args->command == COMMAND_migrate_status || args->command == COMMAND_migrate_verify;
	config.force =
	    args->command == COMMAND_migrate_status ? false : args_has(args, FLAG_force_over);
	if (args->command == COMMAND_migrate_dual) {
		config.for_ns = args_i64(args, FLAG_for) * 1000000000;
		config.rescan_ns = args_i64(args, FLAG_rescan) * 1000000000;
	}
	progress_begin(&stepping.progress, "migrate");
	if (!status)
		status = migrate_open(&config, &migrate, &err);
	if (!status)
		status = row->run(migrate, &err);
	progress_end(&stepping.progress);
	if (stepping.lines > LINES_MAX)
		fprintf(stderr, "weir migrate: %lld lines more\n",
			(long long)(stepping.lines - LINES_MAX));
	int exit_status = status ? cli_fail(args, &err) : print_step(args, row, migrate);
	migrate_close(migrate);
	return exit_status;
}

int cmd_migrate(const struct args *args)
{
	struct sigaction action = { .sa_handler = on_signal };
	if (args->command == COMMAND_migrate_plan)
		return make_plan(args);
	umask(077); /* a DuckDB file that a sink makes holds what only its reader may see */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return run_step(args);
}
