#include "cli/migrate_audit.h"

#include <stdlib.h>
#include <time.h>

#include "audit/report.h"
#include "cli/audit_source.h"
#include "cli/cli.h"
#include "daemon/config_file.h"
#include "migrate/server.h"
#include "os/files.h"
#include "survey/spill.h"
#include "survey/tree.h"

struct run {
	const struct args *args;
	struct config *config;
	struct audit_source source;
	struct progress progress;
	struct audit *audit;
	struct code *code;
	struct survey_spill *spill;
};

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool migrate_audit_is_url(const char *operand)
{
	struct str text = str_of(operand);
	return str_starts(text, STR("redis://")) || str_starts(text, STR("rediss://")) ||
	       str_starts(text, STR("unix://"));
}

static enum status on_key(void *ctx, const struct audit_key *key)
{
	struct run *run = ctx;
	return audit_key(run->audit, key);
}

static enum status begin(struct run *run, struct err *err)
{
	enum status status = config_file_load(cli_config_path(run->args), &run->config, NULL, err);
	if (!status)
		status = survey_spill_open(NULL, 0, &run->spill, err);
	if (status)
		return status;
	const struct audit_config config = { .limits = audit_limits_of(run->config),
					     .now_ms = wall_ms(),
					     .spill = survey_spill_port(run->spill) };
	status = audit_create(&config, &run->audit);
	return status ? err_set(err, status, "%s", status_text(status)) : STATUS_OK;
}

static enum status take_code(struct run *run, struct err *err)
{
	struct tree_totals totals;
	if (!args_has(run->args, FLAG_source_dir))
		return STATUS_OK;
	if (code_create(&run->code))
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	const struct tree_config config = { .folder = args_str(run->args, FLAG_source_dir).ptr,
					    .code = run->code };
	enum status status = tree_walk(&config, &totals, err);
	if (!status && code_settle(run->code))
		status = err_set(err, STATUS_NO_MEMORY, "out of memory");
	if (!status)
		audit_code(run->audit, run->code);
	return status;
}

static enum status take_keys(struct run *run, struct err *err)
{
	struct audit_source *source = &run->source;
	*source =
	    (struct audit_source){ .depth = LIVE_VALUES,
				   .rate = args_i64(run->args, FLAG_rate),
				   .now_ms = wall_ms(),
				   .stale_ms =
				       config_i64(run->config, CONFIG_audit_stale_hours) * 3600000,
				   .progress = &run->progress,
				   .on_key = on_key,
				   .ctx = run };
	enum status status = audit_source_choose(source, run->args->operands[0], err);
	if (!status)
		status = audit_source_read(source, err);
	if (!status && source->stopped.status)
		status = err_set(err, source->stopped.status, "the audit ended early: %.300s",
				 source->stopped.text);
	if (!status)
		audit_server(run->audit, &source->live.server);
	return status;
}

static enum status run_all(struct run *run, struct buf *out, struct err *err)
{
	enum status status = begin(run, err);
	if (!status)
		status = take_code(run, err);
	if (!status)
		status = take_keys(run, err);
	if (!status && audit_run(run->audit, NULL, NULL))
		status = err_set(err, STATUS_NO_MEMORY, "the audit cannot be settled");
	if (status)
		return status;
	const struct audit_report_about about = { .source = str_of(run->source.shown),
						  .now_ms = wall_ms(),
						  .took_ms = -1 };
	audit_report_json(run->audit, &about, out);
	return STATUS_OK;
}

enum status migrate_audit_json(const struct args *args, struct buf *out, struct err *err)
{
	if (!migrate_audit_is_url(args->operands[0])) {
		if (args_has(args, FLAG_source_dir))
			return err_set(err, STATUS_USAGE,
				       "--source goes with a URL: an audit's JSON has its code");
		return files_read(args->operands[0], AUDIT_REPORT_BYTES_MAX, out, err);
	}
	struct run *run = calloc(1, sizeof *run);
	if (!run)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	run->args = args;
	progress_begin(&run->progress, "migrate");
	enum status status = run_all(run, out, err);
	progress_end(&run->progress);
	audit_destroy(run->audit);
	code_destroy(run->code);
	survey_spill_close(run->spill);
	config_destroy(run->config);
	free(run);
	return status;
}

/* ---- databases ---- */

struct databases {
	int *numbers;
	size_t count;
};

/* "db0:keys=1,expires=0,avg_ttl=0" a line */
static void on_keyspace(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct databases *databases = ctx;
	struct str rest = reply ? reply->text : STR(""), line;
	if (status || !rest.ptr)
		return;
	while (str_split(&rest, '\n', &line)) {
		int64_t number;
		if (str_starts(line, STR("db")) &&
		    str_to_i64(str_make(line.ptr + 2, str_find_char(line, ':') - 2), &number) ==
			STATUS_OK &&
		    databases->count < MIGRATE_DATABASES_MAX)
			databases->numbers[databases->count++] = (int)number;
	}
}

static bool names_database(const char *url)
{
	struct str text = str_of(url);
	size_t slashes = 0;
	for (size_t i = 0; i < text.len; i++)
		slashes += text.ptr[i] == '/';
	return str_starts(text, STR("redis://")) && slashes > 2 && text.ptr[text.len - 1] != '/';
}

enum status migrate_audit_databases(const char *url, int databases[MIGRATE_DATABASES_MAX],
				    size_t *count, struct err *err)
{
	const struct str info[] = { STR("INFO"), STR("keyspace") };
	struct databases found = { databases, 0 };
	struct redis_url parsed;
	struct migrate_server *server = NULL;
	enum status status = redis_url_parse(str_of(url), &parsed, err);
	if (status)
		return STATUS_USAGE;
	if (names_database(url)) {
		databases[0] = parsed.database;
		*count = 1;
		return STATUS_OK;
	}
	status = migrate_server_open(&parsed, 0, &server, err);
	if (!status)
		status = migrate_server_call(server, info, 2, on_keyspace, &found, err);
	migrate_server_close(server);
	if (!status && !found.count)
		databases[found.count++] = 0;
	*count = found.count;
	return status;
}
