#include "cli/top_source.h"

#include <stdio.h>

#include "cli/bundle.h"
#include "cli/running.h"

enum { ANSWER_LIMIT = 32 << 20 };

enum status top_source_open(const char *state_dir, const char *file, struct top_source *source,
			    struct err *err)
{
	*source = (struct top_source){ .state_dir = state_dir, .file = file };
	return file ? bundle_read(file, &source->tar, err) : STATUS_OK;
}

void top_source_close(struct top_source *source)
{
	if (source->file)
		buf_deinit(&source->tar);
}

static enum status read_file(const struct top_source *source, const char *name, struct buf *answer,
			     struct err *err)
{
	struct str text;
	if (bundle_find(&source->tar, name, &text))
		return err_set(err, STATUS_NOT_FOUND, "%s has no %s: no weir ran then",
			       source->file, name);
	buf_str_put(answer, text);
	return STATUS_OK;
}

static enum status ask(const struct top_source *source, const char *request, struct buf *answer,
		       struct err *err)
{
	int exit_status = 0;
	enum status status = running_ask_within(source->state_dir, str_of(request), TOP_ASK_MS,
						&exit_status, answer, err);
	if (status || !exit_status || (answer->len && answer->ptr[0] == '{'))
		return status;
	struct str why = str_trim(buf_str(answer));
	return err_set(err, STATUS_UNAVAILABLE, "%.*s", STR_ARG(why));
}

static enum status get(const struct top_source *source, const char *file, const char *request,
		       json_t **root, struct err *err)
{
	struct buf answer;
	json_error_t fault;
	buf_init(&answer, ANSWER_LIMIT);
	enum status status = source->file ? read_file(source, file, &answer, err)
					  : ask(source, request, &answer, err);
	if (!status) {
		*root = json_loadb(answer.ptr, answer.len, 0, &fault);
		if (!*root)
			status = err_set(err, STATUS_FORMAT, "weir's answer is not understood");
	}
	buf_deinit(&answer);
	return status;
}

/* ---- the ledger ---- */

static void add_row(json_t *rows, const char *group, const char *name, json_t *count,
		    const char *reason)
{
	json_t *row = json_pack("{s:s, s:s}", "group", group, "name", name);
	if (count)
		json_object_set(row, "count", count);
	if (reason)
		json_object_set_new(row, "reason", json_string(reason));
	json_array_append_new(rows, row);
}

static void add_groups(json_t *rows, const json_t *ledger)
{
	const char *group, *name;
	json_t *members, *count;
	const char *fault = json_string_value(json_object_get(ledger, "fault"));
	add_row(rows, "ledger", fault ? "DOES NOT BALANCE" : "balances", NULL, fault);
	json_object_foreach((json_t *)ledger, group, members)
	{
		if (!json_is_object(members))
			continue;
		json_object_foreach(members, name, count) add_row(rows, group, name, count, NULL);
	}
}

static void add_dead(json_t *rows, const json_t *dead)
{
	size_t index;
	json_t *letter;
	json_array_foreach((json_t *)dead, index, letter)
	{
		const char *id = json_string_value(json_object_get(letter, "id"));
		const char *reason = json_string_value(json_object_get(letter, "reason"));
		add_row(rows, "dead", id ? id : "?", NULL, reason ? reason : "");
	}
}

/* The dead letters may be missing: then the counts alone are shown. */
static enum status get_ledger(const struct top_source *source, json_t **root, struct err *err)
{
	const struct top_pane_row *pane = top_pane_row(TOP_ledger);
	json_t *ledger = NULL, *dead = NULL, *rows = json_array();
	struct err ignored;
	enum status status = get(source, pane->file, pane->request, &ledger, err);
	if (status) {
		json_decref(rows);
		return status;
	}
	add_groups(rows, ledger);
	if (!get(source, "dead.json", "archive dead list", &dead, &ignored))
		add_dead(rows, dead);
	json_decref(ledger);
	json_decref(dead);
	*root = json_pack("{s:o}", "rows", rows);
	return *root ? STATUS_OK : err_set(err, STATUS_NO_MEMORY, "out of memory");
}

/* ---- */

enum status top_source_pane(struct top_source *source, enum top_pane pane, json_t **root,
			    struct err *err)
{
	const struct top_pane_row *row = top_pane_row(pane);
	return pane == TOP_ledger ? get_ledger(source, root, err)
				  : get(source, row->file, row->request, root, err);
}

enum status top_source_terminal(struct top_source *source, const char *id, json_t **root,
				struct err *err)
{
	char request[160];
	if (source->file)
		return err_set(err, STATUS_NOT_FOUND, "a recording has the terminals' rows alone");
	snprintf(request, sizeof request, "fleet show %.128s", id);
	return get(source, NULL, request, root, err);
}
