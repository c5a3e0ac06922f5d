/* weir clean: out of somebody's Redis with what an audit found dead, and back again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "daemon/config_file.h"
#include "def/config.h"
#include "migrate/clean.h"

enum { REPORT_BYTES_MAX = 4 << 20, DAY_MS = 86400000, WAIT_MS = 200 };

struct cleaning {
	const struct args *args;
	struct config *config;
	struct progress progress;
	bool rules[FINDING_RULES];
	int64_t every_ms; /* 0: once */
};

static bool stop;

static void on_signal(int number)
{
	(void)number;
	stop = true;
}

/* ---- what was asked for ---- */

static void name_rules(struct buf *out)
{
	const char *between = "";
	for (int i = 0; i < FINDING_RULES; i++) {
		if (!clean_can((enum finding_rule)i))
			continue;
		buf_printf(out, "%s%s", between, finding_row((enum finding_rule)i)->name);
		between = ", ";
	}
}

static enum status bad_rule(struct str name, struct err *err)
{
	char text[200];
	struct buf all = buf_over(text, sizeof text - 1);
	name_rules(&all);
	text[all.len] = 0;
	return err_set(err, STATUS_USAGE, "--rule: '%.*s' is none of %s", (int)name.len, name.ptr,
		       text);
}

static enum status read_rules(struct cleaning *cleaning, struct err *err)
{
	struct str rest = args_str(cleaning->args, FLAG_rule), name;
	while (str_split(&rest, ',', &name)) {
		enum finding_rule rule = finding_rule_find(str_trim(name));
		if (rule == FINDING_RULES || !clean_can(rule))
			return bad_rule(name, err);
		cleaning->rules[rule] = true;
	}
	return STATUS_OK;
}

static enum status check_flags(struct cleaning *cleaning, struct err *err)
{
	const struct args *args = cleaning->args;
	bool restore = args_has(args, FLAG_restore), purge = args_has(args, FLAG_purge);
	bool rule = args_has(args, FLAG_rule), every = args_has(args, FLAG_every);
	if (restore && (purge || rule || every || args_has(args, FLAG_apply)))
		return err_set(err, STATUS_USAGE, "--restore goes alone");
	if (!restore && !purge && !rule)
		return err_set(err, STATUS_USAGE,
			       "--rule says which keys; --restore and --purge need none");
	if (every && config_duration(args_str(args, FLAG_every), &cleaning->every_ms))
		return err_set(err, STATUS_USAGE, "--every: '%s' is no time (30m, 12h, 7d)",
			       args_str(args, FLAG_every).ptr);
	if (every && cleaning->every_ms < 1000)
		return err_set(err, STATUS_USAGE, "--every: at least 1s");
	return rule ? read_rules(cleaning, err) : STATUS_OK;
}

static void on_line(void *ctx, const char *line)
{
	struct cleaning *cleaning = ctx;
	progress_end(&cleaning->progress);
	fprintf(stderr, "weir clean: %s\n", line);
}

static void on_progress(void *ctx, const char *what, int64_t done, int64_t total)
{
	struct cleaning *cleaning = ctx;
	progress_step(&cleaning->progress, what, done, total);
}

static struct clean_config config_of(struct cleaning *cleaning)
{
	const struct args *args = cleaning->args;
	struct clean_config config = {
		.url = str_of(args->operands[0]),
		.folder = args_str(args, FLAG_clean_dir).ptr,
		.limits = audit_limits_of(cleaning->config),
		.rate = args_i64(args, FLAG_rate),
		.quarantine_ms = args_i64(args, FLAG_quarantine) * DAY_MS,
		.on_line = on_line,
		.on_progress = on_progress,
		.stop = &stop,
		.ctx = cleaning,
	};
	memcpy(config.rules, cleaning->rules, sizeof config.rules);
	if (args_has(args, FLAG_purge))
		config.quarantine_ms = 0;
	return config;
}

/* ---- the report ---- */

static void put_json_rows(struct buf *out, const struct clean_row *rows, size_t n)
{
	buf_str_put(out, STR("\"rules\":["));
	for (size_t i = 0; i < n; i++) {
		const struct clean_row *row = &rows[i];
		buf_printf(out, "%s{\"rule\":\"%s\",\"family\":", i ? "," : "",
			   finding_row(row->rule)->name);
		buf_json_str(out, str_of(row->pattern));
		buf_printf(out, ",\"keys\":%lld,\"bytes\":%lld,\"examples\":[",
			   (long long)row->keys, (long long)row->bytes);
		for (size_t j = 0; j < row->n_examples; j++) {
			buf_str_put(out, j ? STR(",") : STR(""));
			buf_json_str(out, str_of(row->examples[j]));
		}
		buf_str_put(out, STR("]}"));
	}
	buf_str_put(out, STR("],"));
}

static void put_json(struct buf *out, const struct clean_row *rows, size_t n,
		     const struct clean_counts *counts, bool applied)
{
	const struct {
		const char *name;
		int64_t value;
	} figures[] = {
		{ "found", counts->found },
		{ "bytes", counts->bytes },
		{ "beyond", counts->beyond },
		{ "taken", counts->taken },
		{ "taken_bytes", counts->taken_bytes },
		{ "used", counts->used },
		{ "changed", counts->changed },
		{ "gone", counts->gone },
		{ "large", counts->large },
		{ "untold", counts->untold },
		{ "waiting", counts->waiting },
		{ "purged", counts->purged },
		{ "purged_bytes", counts->purged_bytes },
		{ "touched", counts->touched },
		{ "restored", counts->restored },
		{ "in_the_way", counts->in_the_way },
		{ "expired", counts->expired },
	};
	buf_printf(out, "{\"applied\":%s,", applied ? "true" : "false");
	put_json_rows(out, rows, n);
	for (size_t i = 0; i < ARRAY_LEN(figures); i++)
		buf_printf(out, "%s\"%s\":%lld", i ? "," : "", figures[i].name,
			   (long long)figures[i].value);
	buf_str_put(out, STR("}\n"));
}

static void put_rows(struct buf *out, const struct clean_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct clean_row *row = &rows[i];
		buf_printf(out, "%-10s %8lld keys %10lld bytes  %s\n", finding_row(row->rule)->name,
			   (long long)row->keys, (long long)row->bytes, row->pattern);
		for (size_t j = 0; j < row->n_examples; j++)
			buf_printf(out, "           %s\n", row->examples[j]);
	}
}

/* Lines of what is not zero. */
static void put_counts(struct buf *out, const struct clean_counts *counts)
{
	const struct {
		int64_t value;
		const char *what;
	} lines[] = {
		{ counts->taken, "put into quarantine" },
		{ counts->used, "left alone: used since" },
		{ counts->changed, "left alone: changed meanwhile" },
		{ counts->gone, "gone by themselves" },
		{ counts->large, "left alone: too large for the quarantine file" },
		{ counts->untold, "left alone: the server tells no idle times (an LFU policy)" },
		{ counts->beyond, "more than one run takes: for the next one" },
		{ counts->purged, "removed for good: their days in quarantine are over" },
		{ counts->touched, "left in quarantine: changed there" },
		{ counts->restored, "put back" },
		{ counts->in_the_way, "not put back: the name has a key again" },
		{ counts->expired, "expired in quarantine" },
		{ counts->waiting, "in quarantine" },
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (lines[i].value)
			buf_printf(out, "%8lld keys %s\n", (long long)lines[i].value,
				   lines[i].what);
}

static int print(struct cleaning *cleaning, struct clean *clean, bool applied)
{
	const struct clean_counts *counts = clean_counts(clean);
	const struct clean_row *rows;
	size_t n = clean_rows(clean, &rows);
	struct buf out;
	buf_init(&out, REPORT_BYTES_MAX);
	if (args_has(cleaning->args, FLAG_json)) {
		put_json(&out, rows, n, counts, applied);
	} else {
		put_rows(&out, rows, n);
		put_counts(&out, counts);
		if (!applied)
			buf_printf(&out,
				   "%lld keys, %lld bytes would go. Nothing was changed: --apply "
				   "puts them into quarantine.\n",
				   (long long)counts->found, (long long)counts->bytes);
		else if (!out.len)
			buf_str_put(&out, STR("Nothing to do.\n"));
	}
	int exit_status = cli_print(cleaning->args, &out);
	buf_deinit(&out);
	return exit_status;
}

/* ---- a run ---- */

static enum status work(struct cleaning *cleaning, struct clean *clean, bool *applied,
			struct err *err)
{
	const struct args *args = cleaning->args;
	bool apply = args_has(args, FLAG_apply), purge = args_has(args, FLAG_purge);
	enum status status = STATUS_OK;
	*applied = apply || purge || args_has(args, FLAG_restore);
	if (args_has(args, FLAG_restore))
		return clean_restore(clean, err);
	if (args_has(args, FLAG_rule))
		status = clean_find(clean, err);
	if (!status && (apply || purge))
		status = clean_purge(clean, err);
	if (!status && apply && args_has(args, FLAG_rule))
		status = clean_take(clean, err);
	return status;
}

static int run_once(struct cleaning *cleaning)
{
	struct clean_config config = config_of(cleaning);
	struct clean *clean = NULL;
	struct err err = { 0 };
	bool applied = false;
	progress_begin(&cleaning->progress, "clean");
	enum status status = clean_open(&config, &clean, &err);
	if (!status)
		status = work(cleaning, clean, &applied, &err);
	progress_end(&cleaning->progress);
	int exit_status = clean ? print(cleaning, clean, applied) : CLI_DONE;
	clean_close(clean);
	if (status == STATUS_CANCELLED && stop)
		return exit_status;
	return status ? cli_fail(cleaning->args, &err) : exit_status;
}

static void wait_for_next(const struct cleaning *cleaning)
{
	for (int64_t left = cleaning->every_ms; left > 0 && !stop; left -= WAIT_MS)
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_MS * 1000000L }, NULL);
}

/* On a schedule a server that is away is not the end: it is said, and tried again. */
static int run(struct cleaning *cleaning)
{
	const struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	int exit_status = run_once(cleaning);
	while (cleaning->every_ms && !stop) {
		wait_for_next(cleaning);
		if (!stop)
			exit_status = run_once(cleaning);
	}
	return exit_status;
}

int cmd_clean(const struct args *args)
{
	struct cleaning cleaning = { .args = args };
	struct err err = { 0 };
	if (check_flags(&cleaning, &err))
		return cli_fail(args, &err);
	if (config_file_load(cli_config_path(args), &cleaning.config, NULL, &err))
		return cli_fail(args, &err);
	int exit_status = run(&cleaning);
	config_destroy(cleaning.config);
	return exit_status;
}
