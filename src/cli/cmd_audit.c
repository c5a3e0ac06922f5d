/* weir audit: what is wrong with somebody's Redis, from the server, a dump, or the source code. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/report.h"
#include "base/check.h"
#include "cli/audit_lines.h"
#include "cli/audit_source.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "daemon/config_file.h"
#include "os/files.h"
#include "survey/spill.h"
#include "survey/tree.h"
#include "survey/trial.h"

enum { SHOWN_BYTES = 1024 };

struct auditing {
	const struct args *args;
	struct config *config;
	struct audit_source source;
	struct progress progress;
	struct audit *audit;
	struct code *code;
	struct tree_totals tree;
	struct survey_spill *spill;
	struct audit_lines findings;
	struct private_redis redis; /* for trials */
	int64_t now_ms, started_ms;
	int64_t made_ms;         /* when the keys were as they were read: a dump's own time */
	char shown[SHOWN_BYTES]; /* the sources, for the report */
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what was asked for ---- */

static const char *text_of(const struct args *args, enum flag flag)
{
	return args_has(args, flag) ? args_str(args, flag).ptr : NULL;
}

/* --keys is a list of keys and nothing else. */
static enum status check_flags(const struct args *args, struct err *err)
{
	static const enum flag others[] = { FLAG_json,  FLAG_html_file, FLAG_source_dir,
					    FLAG_since, FLAG_findings,  FLAG_fail_on };
	bool keys = args_has(args, FLAG_list_keys);
	if (!args->n_operands && !args_has(args, FLAG_source_dir))
		return err_set(err, STATUS_USAGE,
			       "what is to be audited: a URL, a dump (FILE.rdb), or --source DIR");
	if (keys && !args->n_operands)
		return err_set(err, STATUS_USAGE, "--keys: of which server or dump?");
	for (size_t i = 0; keys && i < ARRAY_LEN(others); i++)
		if (args_has(args, others[i]))
			return err_set(err, STATUS_USAGE, "--keys does not go with --%s",
				       flag_row(others[i])->name);
	if (args_has(args, FLAG_json) && args_has(args, FLAG_html_file))
		return err_set(err, STATUS_USAGE, "--json does not go with --html");
	return STATUS_OK;
}

static enum status prepare_source(struct auditing *auditing, struct err *err)
{
	const struct args *args = auditing->args;
	struct audit_source *source = &auditing->source;
	bool no_values = args_has(args, FLAG_no_values), keys = args_has(args, FLAG_list_keys);
	source->depth = no_values ? LIVE_METADATA : keys ? LIVE_LENGTHS : LIVE_VALUES;
	source->rate = args_i64(args, FLAG_rate);
	source->now_ms = auditing->now_ms;
	source->stale_ms = config_i64(auditing->config, CONFIG_audit_stale_hours) * 3600000;
	source->tls_ca = text_of(args, FLAG_server_ca);
	source->tls_thumbprint = text_of(args, FLAG_server_thumbprint);
	source->n_excludes = args_count(args, FLAG_exclude);
	source->progress = &auditing->progress;
	for (size_t i = 0; i < source->n_excludes; i++)
		source->excludes[i] = args_at(args, FLAG_exclude, i);
	return audit_source_choose(source, args->n_operands ? args->operands[0] : NULL, err);
}

/* ---- --keys ---- */

static enum status list_key(void *ctx, const struct audit_key *key)
{
	struct audit_lines *lines = ctx;
	audit_lines_key(lines, key);
	return lines->number ? STATUS_CLOSED : STATUS_OK;
}

static int list_keys(struct auditing *auditing)
{
	struct audit_source *source = &auditing->source;
	struct audit_lines lines;
	struct err err = { 0 }, written = { 0 };
	enum status status = audit_lines_open(&lines, NULL, &err);
	CHECK(!status);
	audit_lines_header(&lines);
	source->on_key = list_key;
	source->ctx = &lines;
	status = audit_source_read(source, &err);
	progress_end(&auditing->progress);
	bool closed = lines.number != 0;
	if (audit_lines_close(&lines, &written))
		return cli_fail(auditing->args, &written);
	if (closed)
		return CLI_DONE;
	if (status)
		return cli_fail(auditing->args, &err);
	audit_source_tell(source);
	return source->stopped.status ? CLI_ENVIRONMENT : CLI_DONE;
}

/* ---- the audit ---- */

/* A page is written beside its place and then moved there. */
static enum status check_page(const char *path, struct err *err)
{
	char folder[PATH_BYTES_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash == path ? 1 : slash ? (int)(slash - path) : 1;
	enum status status = path_format(folder, err, "%.*s", len, slash ? path : ".");
	if (!status && files_is_folder(path))
		return err_errno(err, EISDIR, "%s", path);
	if (!status && access(folder, W_OK) != 0)
		return err_errno(err, errno, "%s", path);
	return status;
}

/* Who cannot write what was found need not look for it for an hour. */
static enum status open_outputs(struct auditing *auditing, struct err *err)
{
	const char *findings = text_of(auditing->args, FLAG_findings);
	const char *page = text_of(auditing->args, FLAG_html_file);
	enum status status = page ? check_page(page, err) : STATUS_OK;
	if (!status && findings)
		status = audit_lines_open(&auditing->findings, findings, err);
	return status;
}

/* A dump of last month is judged as of last month. */
static void take_time(struct auditing *auditing)
{
	struct audit_source *source = &auditing->source;
	int64_t created_ms = source->kind == AUDIT_SOURCE_DUMP ? dump_created_ms(source->name) : -1;
	auditing->made_ms = created_ms > 0 ? created_ms : auditing->now_ms;
	source->now_ms = auditing->made_ms;
}

static enum status create(struct auditing *auditing, struct err *err)
{
	enum status status = survey_spill_open(NULL, 0, &auditing->spill, err);
	if (status)
		return status;
	struct audit_config config = { .limits = audit_limits_of(auditing->config),
				       .now_ms = auditing->made_ms,
				       .spill = survey_spill_port(auditing->spill) };
	status = audit_create(&config, &auditing->audit);
	return status ? err_set(err, status, "%s", status_text(status)) : STATUS_OK;
}

static enum status take_since(struct auditing *auditing, struct err *err)
{
	const char *path = text_of(auditing->args, FLAG_since);
	struct buf text;
	if (!path)
		return STATUS_OK;
	buf_init(&text, AUDIT_REPORT_BYTES_MAX + 1);
	enum status status = files_read(path, AUDIT_REPORT_BYTES_MAX, &text, err);
	if (!status) {
		status = audit_since(auditing->audit, buf_str(&text), err);
		if (status)
			status = err_wrap(err, status, "%s", path);
	}
	buf_deinit(&text);
	return status;
}

/* The spill knows more of a failure than a status. */
static enum status explain(const struct auditing *auditing, enum status status, struct err *err)
{
	const struct err *why = auditing->spill ? survey_spill_why(auditing->spill) : NULL;
	if (why && why->status)
		*err = *why;
	else if (!err->text[0])
		err_set(err, status, "%s", status_text(status));
	return status;
}

static enum status take_key(void *ctx, const struct audit_key *key)
{
	struct auditing *auditing = ctx;
	return audit_key(auditing->audit, key);
}

static void look_at_key(void *ctx, const struct audit_key *key, struct audit_look *out)
{
	audit_look(ctx, key, out);
}

static void key_comes_soon(void *ctx, const struct audit_look *look) { audit_soon(ctx, look); }

static enum status take_keys(struct auditing *auditing, struct err *err)
{
	struct audit_source *source = &auditing->source;
	if (source->kind == AUDIT_SOURCE_NONE)
		return STATUS_OK;
	source->on_key = take_key;
	source->ctx = auditing;
	source->look = look_at_key;
	source->soon = key_comes_soon;
	source->look_ctx = auditing->audit;
	enum status status = audit_source_read(source, err);
	if (status)
		return explain(auditing, status, err);
	if (source->kind == AUDIT_SOURCE_LIVE) {
		audit_vanished(auditing->audit, source->live.vanished);
		audit_server(auditing->audit, &source->live.server);
	}
	return STATUS_OK;
}

static void on_files(void *ctx, int64_t files)
{
	struct auditing *auditing = ctx;
	progress_step(&auditing->progress, "reading source files", files, 0);
}

static enum status take_code(struct auditing *auditing, struct err *err)
{
	const char *folder = text_of(auditing->args, FLAG_source_dir);
	if (!folder)
		return STATUS_OK;
	if (code_create(&auditing->code))
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	const struct tree_config config = {
		.folder = folder, .code = auditing->code, .on_progress = on_files, .ctx = auditing
	};
	enum status status = tree_walk(&config, &auditing->tree, err);
	if (!status && code_settle(auditing->code))
		status = err_set(err, STATUS_NO_MEMORY, "%s: out of memory", folder);
	if (!status)
		audit_code(auditing->audit, auditing->code);
	return status;
}

static void on_hit(void *ctx, const struct audit_hit *hit)
{
	struct auditing *auditing = ctx;
	audit_lines_hit(&auditing->findings, hit);
}

static void on_trial(void *ctx, size_t done, size_t total)
{
	struct auditing *auditing = ctx;
	progress_step(&auditing->progress, "trying savings on copies", (int64_t)done,
		      (int64_t)total);
}

/* It starts while the audit is settled. What goes wrong is told when it is wanted. */
static void expect_trials(struct auditing *auditing)
{
	if (audit_trials_likely(auditing->audit) &&
	    private_redis_spawn(config_str(auditing->config, CONFIG_redis_server).ptr,
				&auditing->redis, NULL))
		auditing->redis.pid = 0;
}

/* Without a redis-server the model's figures stay, and say that they are estimates. */
static void try_savings(struct auditing *auditing)
{
	const struct survey_trial_config config = {
		.redis_server = config_str(auditing->config, CONFIG_redis_server).ptr,
		.redis = auditing->redis.pid ? &auditing->redis : NULL,
		.server = auditing->source.kind == AUDIT_SOURCE_LIVE ? &auditing->source.live.server
								     : NULL,
		.on_progress = on_trial,
		.ctx = auditing,
	};
	struct survey_trial_totals totals;
	struct err err = { 0 };
	if (survey_trials(auditing->audit, &config, &totals, &err)) {
		progress_end(&auditing->progress);
		fprintf(stderr, "weir audit: savings are estimated, not measured: %s\n", err.text);
	}
}

static enum status settle(struct auditing *auditing, struct err *err)
{
	const char *path = text_of(auditing->args, FLAG_findings);
	expect_trials(auditing);
	progress_step(&auditing->progress, "settling families and findings", 0, 0);
	enum status status = audit_run(auditing->audit, path ? on_hit : NULL, auditing);
	if (status)
		return explain(auditing, status, err);
	if (path)
		status = audit_lines_close(&auditing->findings, err);
	if (!status)
		try_savings(auditing);
	return status;
}

/* ---- the report ---- */

static void show_sources(struct auditing *auditing)
{
	const char *folder = text_of(auditing->args, FLAG_source_dir);
	const char *keys = auditing->source.kind ? auditing->source.shown : NULL;
	struct buf out = buf_over(auditing->shown, sizeof auditing->shown - 1);
	buf_printf(&out, "%s%s%s", keys ? keys : "", keys && folder ? ", " : "",
		   folder ? folder : "");
	auditing->shown[out.len] = 0;
}

static enum status write_page(const char *path, const struct buf *page, struct err *err)
{
	return page->overflow ? err_set(err, STATUS_FULL, "%s: the page is too long", path)
			      : files_write_atomic(path, buf_str(page), 0644, err);
}

static int64_t left_out(const struct tree_totals *tree)
{
	return tree->too_large + tree->unreadable + tree->too_deep + tree->full;
}

static int print(struct auditing *auditing)
{
	const struct args *args = auditing->args;
	const char *path = text_of(args, FLAG_html_file);
	const struct audit_report_about about = {
		.source = str_of(auditing->shown),
		.now_ms = auditing->now_ms,
		.took_ms = clock_ms(CLOCK_MONOTONIC) - auditing->started_ms,
		.stopped = str_of(auditing->source.stopped.text),
		.files_left_out = left_out(&auditing->tree),
	};
	struct err err = { 0 };
	struct buf out;
	buf_init(&out, AUDIT_REPORT_BYTES_MAX);
	int exit_status = CLI_DONE;
	if (path) {
		audit_report_html(auditing->audit, &about, &out);
		if (write_page(path, &out, &err))
			exit_status = cli_fail(args, &err);
		buf_clear(&out);
	}
	if (args_has(args, FLAG_json))
		audit_report_json(auditing->audit, &about, &out);
	else
		audit_report_text(auditing->audit, &about, isatty(STDOUT_FILENO), &out);
	if (!exit_status)
		exit_status = cli_print(args, &out);
	buf_deinit(&out);
	return exit_status;
}

/* --fail-on: is there a finding as bad, or worse? */
static bool fails(const struct auditing *auditing)
{
	const struct audit_finding *findings;
	size_t n = audit_findings(auditing->audit, &findings);
	if (!args_has(auditing->args, FLAG_fail_on))
		return false;
	enum severity bound = severity_find(args_str(auditing->args, FLAG_fail_on));
	for (size_t i = 0; i < n; i++)
		if (findings[i].severity >= bound)
			return true;
	return false;
}

static void tell(int64_t count, const char *what)
{
	if (count)
		fprintf(stderr, "weir audit: %lld %s\n", (long long)count, what);
}

/* What was there and is not in the report. */
static void tell_left_out(const struct auditing *auditing)
{
	const struct tree_totals *tree = &auditing->tree;
	const struct audit_totals *totals = audit_totals(auditing->audit);
	tell(tree->too_large, "source files are larger than 4 MB, and are left out");
	tell(tree->unreadable, "files or folders of source cannot be read, and are left out");
	tell(tree->too_deep, "folders of source are too deep, and are left out");
	tell(tree->full, "source files came after the first 100,000, and are left out");
	if (auditing->code)
		tell(code_summary(auditing->code)->lost,
		     "places in the code had no room, and are left out");
	tell(totals->names_lost, "keys had no room in a family of their own");
	tell(totals->findings_left_out, "findings came after the first 4,096, and are left out");
}

static int audit_all(struct auditing *auditing)
{
	struct err err = { 0 };
	enum status status = open_outputs(auditing, &err);
	take_time(auditing);
	if (!status)
		status = create(auditing, &err);
	if (!status)
		status = take_since(auditing, &err);
	if (!status)
		status = take_code(auditing, &err);
	if (!status)
		status = take_keys(auditing, &err);
	if (!status)
		status = settle(auditing, &err);
	progress_end(&auditing->progress);
	if (status)
		return cli_fail(auditing->args, &err);
	audit_source_tell(&auditing->source);
	tell_left_out(auditing);
	show_sources(auditing);
	int exit_status = print(auditing);
	if (exit_status)
		return exit_status;
	if (auditing->source.stopped.status)
		return CLI_ENVIRONMENT;
	return fails(auditing) ? CLI_NO : CLI_DONE;
}

int cmd_audit(const struct args *args)
{
	struct err err = { 0 };
	struct auditing *auditing = calloc(1, sizeof *auditing);
	CHECK(auditing);
	auditing->args = args;
	auditing->now_ms = clock_ms(CLOCK_REALTIME);
	auditing->started_ms = clock_ms(CLOCK_MONOTONIC);
	progress_begin(&auditing->progress, "audit");
	enum status status = check_flags(args, &err);
	if (!status)
		status = config_file_load(cli_config_path(args), &auditing->config, NULL, &err);
	if (!status)
		status = prepare_source(auditing, &err);
	int exit_status;
	if (status)
		exit_status = cli_fail(args, &err);
	else if (args_has(args, FLAG_list_keys))
		exit_status = list_keys(auditing);
	else
		exit_status = audit_all(auditing);
	audit_destroy(auditing->audit);
	code_destroy(auditing->code);
	if (audit_lines_close(&auditing->findings, NULL))
		exit_status = exit_status ? exit_status : CLI_ENVIRONMENT;
	private_redis_stop(&auditing->redis);
	survey_spill_close(auditing->spill);
	config_destroy(auditing->config);
	free(auditing);
	return exit_status;
}
