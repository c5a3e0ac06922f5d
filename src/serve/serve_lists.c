/* Lists of the archive, a page at a time: results, ended deliveries, and dead letters beside
 * the ledger. */
#include <stdlib.h>

#include "serve/paging.h"
#include "serve/serve_impl.h"

enum { NAME_BYTES_MAX = 64, LIST_SQL_BYTES = 8 * 1024 };

/* From the question to the page. */
struct list_ask {
	struct serve *serve;
	struct http_call *call;
	struct paging paging;
	struct buf body; /* what stands before the list in the answer */
	struct buf sql;
	char storage[LIST_SQL_BYTES];
};

static void drop(struct list_ask *ask)
{
	buf_deinit(&ask->body);
	free(ask);
}

static void on_rows(void *ctx, enum status status, struct str text, bool cut)
{
	struct list_ask *ask = ctx;
	struct buf *out = &ask->body;
	if (status) {
		serve_error_status(ask->call, status, text);
		drop(ask);
		return;
	}
	status = paging_put(&ask->paging, text, cut, out);
	buf_char(out, '}');
	if (status || out->overflow)
		serve_error(ask->call, 503, "the page is too long, or its rows cannot be read");
	else
		serve_json(ask->call, 200, buf_str(out));
	drop(ask);
}

/* NULL: it was answered. `from`: what is behind FROM, with its WHERE; where: it has one. */
static struct list_ask *begin(struct serve_request *request, const struct paging *list,
			      struct str from, bool where)
{
	struct paging paging = *list;
	struct str cursor;
	if (!serve_number(request, "limit", 1, SERVE_LIST_MAX, SERVE_LIST_USUAL, &paging.limit) ||
	    !serve_parameter(request, "cursor", &cursor))
		return NULL;
	struct list_ask *ask = calloc(1, sizeof *ask);
	if (!ask) {
		serve_error_status(request->call, STATUS_NO_MEMORY, STR(""));
		return NULL;
	}
	ask->serve = request->serve;
	ask->call = request->call;
	ask->paging = paging;
	ask->sql = buf_over(ask->storage, sizeof ask->storage);
	buf_init(&ask->body, SERVE_ANSWER_BYTES);
	buf_char(&ask->body, '{');
	buf_printf(&ask->sql, "SELECT * FROM %.*s", STR_ARG(from));
	if (cursor.len) {
		buf_printf(&ask->sql, where ? " AND" : " WHERE");
		if (paging_condition(&ask->paging, cursor, &ask->sql)) {
			serve_error(request->call, 400, "this cursor is none of this list's");
			drop(ask);
			return NULL;
		}
	}
	paging_order(&ask->paging, &ask->sql);
	return ask;
}

static void ask_rows(struct list_ask *ask)
{
	const struct serve_hooks *hooks = &ask->serve->hooks;
	hooks->query(hooks->ctx, buf_str(&ask->sql), false, on_rows, ask);
}

/* ---- results, signals ---- */

/* Nothing else may stand between quotes. */
static bool is_name(struct str text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	for (size_t i = 0; i < text.len; i++)
		if (!text.ptr[i] || !strchr(allowed, text.ptr[i]))
			return false;
	return text.len <= NAME_BYTES_MAX;
}

static void put_condition(struct buf *sql, const char *column, struct str value, bool first)
{
	if (value.len)
		buf_printf(sql, "%s %s = '%.*s'", first ? " WHERE" : " AND", column,
			   STR_ARG(value));
}

void serve_results(struct serve_request *request)
{
	static const struct paging list = { "results", { "received_us", "result_id" }, 2, 0 };
	char storage[512];
	struct buf from = buf_over(storage, sizeof storage);
	struct str id, instance;
	if (!serve_parameter(request, "id", &id) ||
	    !serve_parameter(request, "instance", &instance))
		return;
	if (!is_name(id) || !is_name(instance)) {
		serve_error(request->call, 400, "id and instance are of A-Z a-z 0-9 . _ -");
		return;
	}
	if (!request->serve->hooks.query) {
		serve_not_here(request->call, "an archive");
		return;
	}
	buf_printf(&from, "trade_results");
	put_condition(&from, "signal_id", id, true);
	put_condition(&from, "instance", instance, !id.len);
	struct list_ask *ask = begin(request, &list, buf_str(&from), id.len || instance.len);
	if (ask)
		ask_rows(ask);
}

void serve_signals_list(struct serve_request *request)
{
	static const struct paging list = { "signals", { "ended_us", "sid", "instance" }, 3, 0 };
	if (!request->serve->hooks.query) {
		serve_not_here(request->call, "an archive");
		return;
	}
	struct list_ask *ask = begin(request, &list, STR("signals"), false);
	if (ask)
		ask_rows(ask);
}

/* ---- the ledger ---- */

static void on_ledger(void *ctx, enum status status, struct str text, bool cut)
{
	struct list_ask *ask = ctx;
	(void)cut;
	if (status) {
		serve_error_status(ask->call, status, text);
		drop(ask);
		return;
	}
	buf_printf(&ask->body, "\"ledger\":%.*s,", STR_ARG(str_trim(text)));
	ask_rows(ask);
}

void serve_ledger(struct serve_request *request)
{
	static const struct paging list = { "dead", { "t_ms", "id", "stream" }, 3, 0 };
	static const char letters[] =
	    "(SELECT letter_id AS id, origin AS stream, entry_id AS entry, reason, "
	    "at_us // 1000 AS t_ms, attempts AS tries FROM dead_letters)";
	const struct serve_hooks *hooks = &request->serve->hooks;
	if (!hooks->query || !hooks->ledger) {
		serve_json(request->call, 200, STR("{\"ledger\":null,\"dead\":[],\"next\":null}"));
		return;
	}
	struct list_ask *ask = begin(request, &list, str_of(letters), false);
	if (ask)
		hooks->ledger(hooks->ctx, on_ledger, ask);
}
