/* weir archive query | export | status | verify | dead. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json_rows.h"
#include "cli/running.h"
#include "codec/mfp.h"
#include "os/files.h"

enum {
	REQUEST_MAX = 60 << 10,
	ANSWER_LIMIT = 32 << 20,
	QUERY_MS = 15000,
	LONG_MS = 610000, /* an export; every row counted */
};

/* ---- answers for people ---- */

static void put_facts(struct buf *out, const char *group, const json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value)
	{
		if (json_is_object(value)) {
			buf_printf(out, "%s%s\n", out->len ? "\n" : "", name);
			put_facts(out, name, value);
		} else if (json_is_array(value)) {
			buf_printf(out, "\n%s\n", name);
			json_rows_print(out, TABLE_TABLE, value);
		} else {
			char *text = json_dumps(value, JSON_ENCODE_ANY);
			size_t len = strlen(text);
			bool quoted = json_is_string(value);
			buf_printf(out, "  %-22s %.*s\n", name, (int)(quoted ? len - 2 : len),
				   quoted ? text + 1 : text);
			free(text);
		}
	}
	(void)group;
}

static int print_parsed(const struct args *args, struct buf *answer, struct buf *out)
{
	struct err err = { 0 };
	json_error_t fault;
	json_t *root = json_loadb(answer->ptr, answer->len, 0, &fault);
	if (!root) {
		err_set(&err, STATUS_FORMAT, "weir's answer is not JSON: %s", fault.text);
		return cli_fail(args, &err);
	}
	enum table_format format = json_rows_format(args);
	if (json_is_array(root))
		json_rows_print(out, format, root);
	else if (format != TABLE_TABLE)
		json_facts_print(out, format, root);
	else
		put_facts(out, "", root);
	json_decref(root);
	return cli_print(args, out);
}

/* ---- requests ---- */

static enum status put_words(const struct args *args, size_t from, struct buf *request)
{
	for (size_t i = from; i < args->n_operands; i++) {
		if (i > from)
			buf_printf(request, "%%20");
		mfp_escape(request, str_of(args->operands[i]));
	}
	return request->overflow ? STATUS_RANGE : STATUS_OK;
}

/* A table of the archive is as good as a SELECT of all of it. */
static void put_sql(const struct args *args, struct buf *request)
{
	const char *only = args->operands[0];
	if (args->n_operands == 1 &&
	    strspn(only, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(only)) {
		mfp_escape(request, STR("SELECT * FROM "));
		mfp_escape(request, str_of(only));
		return;
	}
	(void)!put_words(args, 0, request);
}

/* What the daemon prints by itself; the other forms are made here of its JSON. */
static const char *wire_format(const struct args *args)
{
	struct str format = args_str(args, FLAG_format);
	if (args_has(args, FLAG_json))
		return "json";
	if (str_eq(format, STR("csv")))
		return "csv";
	return str_eq(format, STR("table")) ? "table" : "json";
}

static enum status write_request(const struct args *args, const char *staged, struct buf *request,
				 struct err *err)
{
	switch (args->command) {
	case COMMAND_archive_query:
		buf_printf(request, "archive query %s ", wire_format(args));
		put_sql(args, request);
		break;
	case COMMAND_archive_export:
		buf_printf(request, "archive export %s ",
			   str_eq(args_str(args, FLAG_format), STR("csv")) ? "csv" : "parquet");
		mfp_escape(request, str_of(staged));
		buf_char(request, ' ');
		put_sql(args, request);
		break;
	case COMMAND_archive_status: buf_printf(request, "archive status"); break;
	case COMMAND_archive_verify:
		buf_printf(request, "archive verify%s", args_has(args, FLAG_deep) ? " deep" : "");
		break;
	default:
		buf_printf(request, "archive dead %s",
			   args->n_operands ? args->operands[0] : "list");
		if (args->n_operands > 1) {
			buf_char(request, ' ');
			(void)!put_words(args, 1, request);
		}
		break;
	}
	return request->overflow ? err_set(err, STATUS_USAGE, "the question is too long")
				 : STATUS_OK;
}

/* ---- export: weir writes into its own folder, the file is brought where it is wanted ---- */

static enum status stage(const struct args *args, char path[PATH_BYTES_MAX], struct err *err)
{
	char folder[PATH_BYTES_MAX], *whole;
	enum status status = path_format(folder, err, "%s/export", args_str(args, FLAG_state).ptr);
	if (!status)
		status = files_make_folder(folder, 0700, err);
	if (status)
		return status;
	whole = realpath(folder, NULL);
	if (!whole)
		return err_set(err, STATUS_IO, "%s: %m", folder);
	status = path_format(path, err, "%s/%d.part", whole, (int)getpid());
	free(whole);
	return status;
}

static int bring(const struct args *args, const char *staged)
{
	struct err err = { 0 };
	const char *to = args_str(args, FLAG_out).ptr;
	if (files_move(staged, to, &err)) {
		unlink(staged);
		return cli_fail(args, &err);
	}
	return CLI_DONE;
}

/* ---- */

static int finish(const struct args *args, int exit_status, const char *staged, struct buf *answer,
		  struct buf *out)
{
	bool verify = args->command == COMMAND_archive_verify;
	if (exit_status && !(verify && exit_status == CLI_NO)) { /* it says why, in a line */
		fprintf(stderr, "weir archive: %.*s", (int)answer->len, answer->ptr);
		return exit_status;
	}
	if (args->command == COMMAND_archive_export)
		return bring(args, staged);
	bool parsed = args->command == COMMAND_archive_query
			  ? strcmp(wire_format(args), "json") == 0 && !args_has(args, FLAG_json) &&
				!str_eq(args_str(args, FLAG_format), STR("json"))
			  : !args_has(args, FLAG_json);
	if (args->command == COMMAND_archive_dead && args->n_operands &&
	    strcmp(args->operands[0], "list") != 0 && strcmp(args->operands[0], "show") != 0)
		parsed = false;
	int printed = parsed ? print_parsed(args, answer, out) : cli_print(args, answer);
	return printed ? printed : exit_status;
}

int cmd_archive(const struct args *args)
{
	static char storage[REQUEST_MAX], staged[PATH_BYTES_MAX];
	struct buf request = buf_over(storage, sizeof storage), answer, out;
	struct err err = { 0 };
	int exit_status = 0;
	bool export = args->command == COMMAND_archive_export;
	bool is_long =
	    export || (args->command == COMMAND_archive_verify && args_has(args, FLAG_deep));
	enum status status = export ? stage(args, staged, &err) : STATUS_OK;
	buf_init(&answer, ANSWER_LIMIT);
	buf_init(&out, ANSWER_LIMIT);
	if (!status)
		status = write_request(args, staged, &request, &err);
	if (!status)
		status =
		    running_or_started_ask(args, buf_str(&request), is_long ? LONG_MS : QUERY_MS,
					   &exit_status, &answer, &err);
	exit_status =
	    status ? cli_fail(args, &err) : finish(args, exit_status, staged, &answer, &out);
	buf_deinit(&answer);
	buf_deinit(&out);
	return exit_status;
}
