/* Requests about the archive: `archive query FORMAT SQL`, `archive export FILE SQL`,
 * `archive status`, `archive verify [deep]`, `archive dead list|show|retry|drop [ID]`. */
#include <stdlib.h>

#include "archive/ledger.h"
#include "base/check.h"
#include "codec/mfp.h"
#include "daemon/archive_view.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/dead_letters.h"
#include "daemon/terminals.h"
#include "os/files.h"

enum { SQL_MAX = 64 << 10, QUERY_MS = 10000, EXPORT_MS = 600000 };

struct archive_request {
	const struct control_request *asked;
	struct archiving *archiving;
	struct str rest;
	struct buf *answer;
};

/* ---- query, export ---- */

static void on_answer(void *ctx, enum status status, struct str answer, bool truncated)
{
	struct control_later *later = ctx;
	struct buf text;
	buf_init(&text, CONTROL_ANSWER_MAX);
	buf_str_put(&text, answer);
	if (status && (!answer.len || answer.ptr[answer.len - 1] != '\n'))
		buf_char(&text, '\n');
	int exit_status = !status                                                ? 0
			  : status == STATUS_TIMEOUT || status == STATUS_INVALID ? 1
										 : 3;
	if (truncated) { /* a cut table is no answer: programs would take it for the whole */
		exit_status = 1;
		buf_clear(&text);
		buf_printf(&text,
			   "the answer is longer than %d MB: narrow the question, or use 'weir "
			   "archive export'\n",
			   WRITER_QUERY_BYTES >> 20);
	}
	control_answer(later, exit_status, buf_str(&text));
	buf_deinit(&text);
}

static int run_query(const struct archive_request *request, struct writer_query *query,
		     struct str escaped)
{
	static char sql[SQL_MAX];
	struct buf text = buf_over(sql, sizeof sql);
	if (mfp_unescape(escaped, &text)) {
		buf_printf(request->answer, "the question is longer than %d bytes\n", SQL_MAX);
		return 2;
	}
	struct control_later *later = control_later(request->asked->control);
	if (!later)
		return 3;
	query->sql = buf_str(&text);
	query->done = on_answer;
	query->ctx = later;
	if (writer_query(archiving_writer(request->archiving), query) == STATUS_OK)
		return CONTROL_LATER;
	control_answer(later, 1, STR("too many questions at once: ask again\n"));
	return CONTROL_LATER;
}

static int on_query(struct archive_request *request)
{
	static const char *const formats[] = { "table", "csv", "json" };
	struct writer_query query = { .deadline_ms = QUERY_MS };
	struct str format;
	if (!str_split(&request->rest, ' ', &format) || !request->rest.ptr)
		return 2;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (!str_eq(format, str_of(formats[i])))
			continue;
		query.format = (enum writer_format)i;
		return run_query(request, &query, request->rest);
	}
	buf_printf(request->answer, "archive query: the format is table, csv or json\n");
	return 2;
}

static int on_export(struct archive_request *request)
{
	static char path[PATH_BYTES_MAX];
	struct writer_query query = { .deadline_ms = EXPORT_MS, .parquet = path };
	struct buf text = buf_over(path, sizeof path - 1);
	struct str file, format;
	if (!str_split(&request->rest, ' ', &format) || !request->rest.ptr ||
	    !str_split(&request->rest, ' ', &file) || !request->rest.ptr ||
	    mfp_unescape(file, &text))
		return 2;
	path[text.len] = 0;
	query.format = str_eq(format, STR("csv")) ? WRITER_CSV : WRITER_TABLE;
	return run_query(request, &query, request->rest);
}

/* ---- status, verify ---- */

static int on_status(struct archive_request *request)
{
	archive_view_print(request->archiving, request->answer);
	return 0;
}

struct verify {
	struct daemon *daemon;
	struct control_later *later;
	bool deep;
};

static void on_ledger(void *ctx, const struct ledger *ledger, const char *why)
{
	struct verify *verify = ctx;
	struct buf text;
	buf_init(&text, CONTROL_ANSWER_MAX);
	if (why)
		buf_printf(&text, "%s\n", why);
	else
		ledger_print(&text, ledger);
	control_answer(verify->later, why ? 3 : ledger->balanced ? 0 : 1, buf_str(&text));
	buf_deinit(&text);
	free(verify);
}

static void on_settled(void *ctx)
{
	struct verify *verify = ctx;
	struct archiving *archiving = daemon_archiving(verify->daemon);
	struct terminals *terminals = daemon_terminals(verify->daemon);
	const struct ledger_sources sources = {
		.writer = archiving_writer(archiving),
		.results = archiving_results(archiving),
		.sinks = archiving_sinks(archiving),
		.deliveries = terminals ? terminals_deliveries(terminals) : NULL,
	};
	ledger_read(&sources, verify->deep, on_ledger, verify);
}

static int on_verify(struct archive_request *request)
{
	struct verify *verify = malloc(sizeof *verify);
	struct control_later *later = verify ? control_later(request->asked->control) : NULL;
	if (!later) {
		free(verify);
		return 3;
	}
	*verify =
	    (struct verify){ request->asked->daemon, later, str_eq(request->rest, STR("deep")) };
	archiving_settle(request->archiving, on_settled, verify);
	return CONTROL_LATER;
}

/* ---- dead letters ---- */

static int on_dead(struct archive_request *request)
{
	struct control_later *later = control_later(request->asked->control);
	struct str verb, id = STR("");
	if (!later)
		return 3;
	if (!str_split(&request->rest, ' ', &verb))
		verb = STR("list");
	else if (request->rest.ptr)
		id = request->rest;
	dead_letters_run(request->archiving, verb, id, later);
	return CONTROL_LATER;
}

/* ---- */

static const struct {
	struct str name;
	int (*fn)(struct archive_request *request);
} verbs[] = {
	{ { "dead", 4 }, on_dead },     { { "export", 6 }, on_export },
	{ { "query", 5 }, on_query },   { { "status", 6 }, on_status },
	{ { "verify", 6 }, on_verify },
};

int control_archive(const struct control_request *asked, struct str rest)
{
	struct archive_request request = { .asked = asked,
					   .archiving = daemon_archiving(asked->daemon),
					   .answer = asked->answer };
	struct str verb;
	if (!request.archiving) {
		buf_printf(asked->answer, "this weir keeps no archive (archive.duckdb is empty)\n");
		return 1;
	}
	if (!str_split(&rest, ' ', &verb))
		verb = STR("");
	request.rest = rest.ptr ? rest : STR("");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(verb, verbs[i].name))
			return verbs[i].fn(&request);
	buf_printf(asked->answer, "unknown request\n");
	return 2;
}
