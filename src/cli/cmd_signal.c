/* weir signal send | trace. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"
#include "cli/table.h"
#include "codec/mfp.h"

enum { REQUEST_MAX = 16 << 10, ANSWER_LIMIT = 8 << 20, TIMEOUT_MS = 15000, TIME_BYTES = 32 };

/* ---- send ---- */

static bool has_key(const struct args *args, const char *key)
{
	size_t len = strlen(key);
	for (size_t i = 0; i < args->n_operands; i++)
		if (strncmp(args->operands[i], key, len) == 0 && args->operands[i][len] == '=')
			return true;
	return false;
}

/* One that nobody else uses, printed, so that the order can be followed. */
static void put_own_id(struct buf *request, char *id, size_t size)
{
	uint64_t random = 0;
	ssize_t n = getrandom(&random, sizeof random, 0);
	(void)n;
	snprintf(id, size, "cli-%llx-%llx", (unsigned long long)time(NULL),
		 (unsigned long long)random);
	buf_printf(request, " id=%s", id);
}

static enum status write_send(const struct args *args, struct buf *request, char *id, size_t size,
			      struct err *err)
{
	buf_printf(request, "signal send");
	for (size_t i = 0; i < args->n_operands; i++) {
		const char *word = args->operands[i], *equals = strchr(word, '=');
		if (!equals)
			return err_set(err, STATUS_USAGE, "'%.64s' is not KEY=VALUE", word);
		buf_printf(request, " %.*s=", (int)(equals - word), word);
		mfp_escape(request, str_of(equals + 1));
		if (strncmp(word, "id=", 3) == 0)
			snprintf(id, size, "%s", equals + 1);
	}
	if (!has_key(args, "id"))
		put_own_id(request, id, size);
	return request->overflow ? err_set(err, STATUS_USAGE, "the signal is too long") : STATUS_OK;
}

/* ---- trace ---- */

static void put_time(char out[TIME_BYTES], int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	size_t len = strftime(out, TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out + len, TIME_BYTES - len, ".%03d", (int)(us / 1000 % 1000));
}

static struct str text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return str_of(text ? text : "");
}

static void put_story(struct buf *out, enum table_format format, const json_t *root)
{
	static const char *const names[] = { "time UTC", "terminal", "what", "detail" };
	struct table table;
	size_t index;
	json_t *row;
	table_begin(&table, out, format, names, ARRAY_LEN(names));
	json_array_foreach(json_object_get(root, "story"), index, row)
	{
		char when[TIME_BYTES];
		put_time(when, json_integer_value(json_object_get(row, "at_us")));
		const struct str cells[] = { str_of(when), text_of(row, "instance"),
					     text_of(row, "what"), text_of(row, "detail") };
		table_row(&table, cells);
	}
	table_end(&table);
}

static void put_now(struct buf *out, const json_t *root)
{
	size_t index;
	json_t *row;
	json_array_foreach(json_object_get(root, "now"), index, row)
	    buf_printf(out, "now: %.*s at %.*s, sent %lld times\n", STR_ARG(text_of(row, "state")),
		       STR_ARG(text_of(row, "instance")),
		       (long long)json_integer_value(json_object_get(row, "sent")));
}

static int print_story(const struct args *args, const struct buf *answer, struct buf *out)
{
	struct err err = { 0 };
	json_error_t fault;
	if (args_has(args, FLAG_json))
		return cli_print(args, answer);
	json_t *root = json_loadb(answer->ptr, answer->len, 0, &fault);
	if (!root) {
		err_set(&err, STATUS_FORMAT, "weir's answer is not JSON: %s", fault.text);
		return cli_fail(args, &err);
	}
	enum table_format format = table_format_of(args_str(args, FLAG_format));
	bool people = format == TABLE_TABLE; /* for programs the steps alone */
	if (people)
		buf_printf(out, "signal %.*s, sid %lld\n", STR_ARG(text_of(root, "id")),
			   (long long)json_integer_value(json_object_get(root, "sid")));
	if (!people || json_array_size(json_object_get(root, "story")))
		put_story(out, format, root);
	if (people)
		put_now(out, root);
	json_decref(root);
	return cli_print(args, out);
}

/* ---- */

static int finish(const struct args *args, int exit_status, const char *id, struct buf *answer,
		  struct buf *out)
{
	if (exit_status) {
		fprintf(stderr, "weir signal: %.*s", (int)answer->len, answer->ptr);
		return exit_status;
	}
	if (args->command == COMMAND_signal_trace)
		return print_story(args, answer, out);
	buf_printf(out, "%s: %.*s", id, (int)answer->len, answer->ptr);
	return cli_print(args, out);
}

int cmd_signal(const struct args *args)
{
	static char storage[REQUEST_MAX];
	char id[128] = "";
	struct buf request = buf_over(storage, sizeof storage), answer, out;
	struct err err = { 0 };
	enum status status = STATUS_OK;
	int exit_status = 0;
	buf_init(&answer, ANSWER_LIMIT);
	buf_init(&out, ANSWER_LIMIT);
	if (args->command == COMMAND_signal_send) {
		status = write_send(args, &request, id, sizeof id, &err);
		if (!status)
			status =
			    running_ask_within(args_str(args, FLAG_state).ptr, buf_str(&request),
					       TIMEOUT_MS, &exit_status, &answer, &err);
	} else {
		buf_printf(&request, "signal trace %.200s", args->operands[0]);
		status = running_or_started_ask(args, buf_str(&request), TIMEOUT_MS, &exit_status,
						&answer, &err);
	}
	exit_status = status ? cli_fail(args, &err) : finish(args, exit_status, id, &answer, &out);
	buf_deinit(&answer);
	buf_deinit(&out);
	return exit_status;
}
