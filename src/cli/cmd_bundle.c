/* weir bundle: a support file without secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "cli/bundle.h"
#include "cli/bundle_secrets.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config_text.h"
#include "cli/doctor_facts.h"
#include "cli/running.h"
#include "cli/segment_visit.h"
#include "daemon/config_file.h"
#include "os/files.h"

enum { ANSWER_LIMIT = 32 << 20, LOG_BYTES = 4 << 20, ASK_MS = 15000 };

struct bundling {
	const struct args *args;
	const char *state_dir;
	struct config *config; /* NULL: it is wrong */
	struct doctor_reading reading;
	struct bundle bundle;
	struct buf text; /* of one file */
};

/* ---- what the running weir says ---- */

static const struct {
	const char *file, *request;
} requests[] = {
	{ "version.txt", "version" },
	{ "status.txt", "status" },
	{ "ready.json", "ready" },
	{ "now.json", "now" },
	{ "fleet.json", "fleet list" },
	{ "markets.json", "markets" },
	{ "memory.json", "ask json /memory" },
	{ "ledger.json", "archive verify" },
	{ "dead.json", "archive dead list" },
	{ "archive.json", "archive status" },
	{ "alerts.json", "ask json /alerts" },
	{ "metrics.txt", "metrics" },
};

static void add_answer(struct bundling *bundling, const char *file, const char *request)
{
	struct err err = { 0 };
	int exit_status = 0;
	buf_clear(&bundling->text);
	if (running_ask_within(bundling->state_dir, str_of(request), ASK_MS, &exit_status,
			       &bundling->text, &err)) {
		bundle_add_absent(&bundling->bundle, file, err.text);
	} else if (exit_status > CLI_NO) {
		buf_char(&bundling->text, 0);
		bundle_add_absent(&bundling->bundle, file, bundling->text.ptr);
	} else {
		bundle_add(&bundling->bundle, file, buf_str(&bundling->text));
	}
}

static void on_info(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type != REDIS_ERROR)
		buf_str_put(ctx, reply->text);
}

/* Only of servers that run: nothing is started for a support file. */
static void add_info(struct bundling *bundling, enum segment segment)
{
	static const struct str argv[] = { { "INFO", 4 }, { "everything", 10 } };
	struct segment_visit *visit = NULL;
	struct err err = { 0 };
	char name[64];
	snprintf(name, sizeof name, "info/%s.txt", segment_row(segment)->name);
	buf_clear(&bundling->text);
	enum status status =
	    segment_visit_open(bundling->state_dir, bundling->config, segment, &visit, &err);
	if (!status)
		status = segment_visit_call(visit, argv, ARRAY_LEN(argv), on_info, &bundling->text,
					    &err);
	segment_visit_close(visit);
	if (status)
		bundle_add_absent(&bundling->bundle, name, err.text);
	else
		bundle_add(&bundling->bundle, name, buf_str(&bundling->text));
}

static void add_running(struct bundling *bundling)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		add_answer(bundling, requests[i].file, requests[i].request);
	for (enum segment segment = 0; bundling->config && segment < SEGMENT_COUNT; segment++)
		add_info(bundling, segment);
}

/* ---- what is on the disk ---- */

/* The newest of it, from the beginning of a line. */
static void add_log(struct bundling *bundling, const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char *room = buf_reserve(&bundling->text, LOG_BYTES);
	buf_clear(&bundling->text);
	if (!file || !room) {
		bundle_add_absent(&bundling->bundle, name, "there is no such log");
		if (file)
			fclose(file);
		return;
	}
	bool cut = fseek(file, -LOG_BYTES, SEEK_END) == 0;
	if (!cut)
		rewind(file);
	struct str text = str_make(room, fread(room, 1, LOG_BYTES, file));
	fclose(file);
	if (cut)
		text = str_skip(text, str_find_char(text, '\n') + 1);
	bundle_add(&bundling->bundle, name, text);
}

static void add_logs(struct bundling *bundling)
{
	char path[PATH_BYTES_MAX];
	struct err err;
	struct str named =
	    bundling->config ? config_str(bundling->config, CONFIG_log_file) : STR("");
	enum status status = named.len
				 ? path_format(path, &err, "%.*s", STR_ARG(named))
				 : path_format(path, &err, "%s/log/weir.log", bundling->state_dir);
	if (status)
		return;
	add_log(bundling, path, "logs/weir.log");
	if (!path_format(path, &err, named.len ? "%.*s.1" : "%.*s/log/weir.log.1",
			 STR_ARG(named.len ? named : str_of(bundling->state_dir))))
		add_log(bundling, path, "logs/weir.log.1");
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		char name[64];
		const char *segment_name = segment_row(segment)->name;
		snprintf(name, sizeof name, "logs/%s.log", segment_name);
		if (!path_format(path, &err, "%s/segments/%s/redis.log", bundling->state_dir,
				 segment_name))
			add_log(bundling, path, name);
	}
}

static void add_own(struct bundling *bundling)
{
	struct doctor_report *report = calloc(1, sizeof *report);
	CHECK(report);
	buf_clear(&bundling->text);
	doctor_judge(&bundling->reading.facts, report);
	doctor_print_json(&bundling->text, report);
	bundle_add(&bundling->bundle, "doctor.json", buf_str(&bundling->text));
	free(report);
	buf_clear(&bundling->text);
	if (bundling->config)
		config_text_print(&bundling->text, bundling->config, true);
	if (bundling->config)
		bundle_add(&bundling->bundle, "config.txt", buf_str(&bundling->text));
	else
		bundle_add_absent(&bundling->bundle, "config.txt",
				  bundling->reading.facts.config_error);
}

/* ---- */

static enum status collect(struct bundling *bundling, struct bundle_secrets *secrets,
			   const char *path, struct err *err)
{
	uint8_t hint[REDACT_HINT_BYTES];
	const struct redact redact = {
		.known = secrets->known, .n_known = secrets->count, .hint = hint, .words = true
	};
	bool runs = bundling->reading.facts.weir_runs;
	if (secrets->is_full)
		return err_set(err, STATUS_FULL, "there are more secrets than can be looked for");
	redact_hint(secrets->known, secrets->count, hint);
	bundle_init(&bundling->bundle, &redact, time(NULL));
	add_own(bundling);
	add_logs(bundling);
	if (runs)
		add_running(bundling);
	enum status status = bundle_write(&bundling->bundle, path, WEIR_VERSION, runs, err);
	bundle_deinit(&bundling->bundle);
	return status;
}

static void name_file(const struct args *args, char path[PATH_BYTES_MAX])
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32];
	gmtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
	if (args->n_operands)
		snprintf(path, PATH_BYTES_MAX, "%s", args->operands[0]);
	else
		snprintf(path, PATH_BYTES_MAX, "weir-bundle-%s.tar.gz", when);
}

int cmd_bundle(const struct args *args)
{
	struct bundling *bundling = calloc(1, sizeof *bundling);
	struct bundle_secrets secrets;
	struct err err = { 0 };
	char path[PATH_BYTES_MAX];
	CHECK(bundling);
	name_file(args, path);
	bundling->args = args;
	bundling->state_dir = args_str(args, FLAG_state).ptr;
	buf_init(&bundling->text, ANSWER_LIMIT);
	doctor_read(cli_config_path(args), bundling->state_dir, &bundling->reading);
	if (config_file_load(cli_config_path(args), &bundling->config, NULL, &err))
		bundling->config = NULL;
	bundle_secrets_read(bundling->config, &bundling->reading.facts, &secrets);
	enum status status = collect(bundling, &secrets, path, &err);
	bundle_secrets_wipe(&secrets);
	config_destroy(bundling->config);
	buf_deinit(&bundling->text);
	free(bundling);
	if (status)
		return cli_fail(args, &err);
	printf("%s\n", path);
	return CLI_DONE;
}
