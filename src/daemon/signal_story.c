#include "daemon/signal_story.h"

#include <stdlib.h>

#include "base/json_out.h"

enum { ID_MAX = 64, SQL_MAX = 4096, ANSWER_MAX = 4 << 20, STORY_MS = 10000 };

struct story {
	serve_text_fn done;
	void *done_ctx;
	char id[ID_MAX + 1];
	uint64_t sid;
	bool flying; /* it is in the trade core now */
	struct buf answer;
};

/* ---- now ---- */

static void put_flying(void *ctx, const struct delivery_view *view)
{
	static const char *const states[] = { "waiting", "sent", "received", "ending", "ended" };
	struct json_out *json = ctx;
	json_out_open(json, NULL, '{');
	json_out_str(json, "instance", view->instance);
	json_out_str(json, "state", str_of(states[view->state]));
	json_out_i64(json, "sent", view->sent);
	json_out_i64(json, "expires_ms", view->expires_ms);
	json_out_close(json, '}');
}

static void put_now(struct story *story, const struct deliveries *deliveries)
{
	struct json_out json = { .out = &story->answer };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "id", str_of(story->id));
	if (story->sid)
		json_out_i64(&json, "sid", (int64_t)story->sid);
	json_out_open(&json, "now", '[');
	if (deliveries && story->sid)
		story->flying = deliveries_each(deliveries, story->sid, put_flying, &json) > 0;
	json_out_close(&json, ']');
	buf_printf(&story->answer, ",\"story\":");
}

/* ---- what the archive has ---- */

/* The id has been checked: nothing in it needs quoting. */
static void put_sql(struct buf *sql, const struct story *story)
{
	char sid[160];
	struct buf text = buf_over(sid, sizeof sid - 1);
	if (story->sid)
		buf_u64(&text, story->sid);
	else
		buf_printf(&text, "(SELECT max(sid) FROM signals WHERE signal_id = '%s')",
			   story->id);
	sid[text.len] = 0;
	buf_printf(
	    sql,
	    "SELECT * FROM (SELECT at_us, instance, step AS what, coalesce(detail, '') AS detail "
	    "FROM trade_execution_log WHERE sid = %s "
	    "UNION ALL SELECT received_us, instance, 'result ' || status, concat_ws(' ', "
	    "result_id, "
	    "'rc ' || retcode, side, volume, symbol, 'at ' || price, 'deal ' || deal_ticket, "
	    "'position ' "
	    "|| position_id, reason) FROM trade_results WHERE sid = %s "
	    "UNION ALL SELECT began_us, instance, 'unknown', coalesce(cause, '') FROM "
	    "reconciliation "
	    "WHERE sid = %s "
	    "UNION ALL SELECT t.closed_us, t.instance, 'trade closed', concat_ws(' ', t.trade_id, "
	    "'pnl', "
	    "t.pnl) FROM trades t WHERE (t.instance, t.position_id) IN (SELECT instance, "
	    "position_id FROM "
	    "trade_results WHERE sid = %s AND position_id IS NOT NULL)) ORDER BY at_us",
	    sid, sid, sid, sid);
}

static void end(struct story *story, enum status status)
{
	story->done(story->done_ctx, status, buf_str(&story->answer), false);
	buf_deinit(&story->answer);
	free(story);
}

static void finish(struct story *story, struct str rows)
{
	bool none = str_eq(str_trim(rows), STR("[]")) || !rows.len;
	if (none && !story->flying && !story->sid) {
		buf_clear(&story->answer);
		buf_printf(&story->answer, "no signal is called '%s'", story->id);
		end(story, STATUS_NOT_FOUND);
		return;
	}
	buf_str_put(&story->answer, rows.len ? str_trim(rows) : STR("[]"));
	buf_printf(&story->answer, "}\n");
	end(story, STATUS_OK);
}

static void on_rows(void *ctx, enum status status, struct str answer, bool truncated)
{
	struct story *story = ctx;
	(void)truncated;
	if (!status) {
		finish(story, answer);
		return;
	}
	buf_clear(&story->answer);
	buf_str_put(&story->answer, answer);
	end(story, status);
}

static enum status ask_archive(struct story *story, struct writer *writer)
{
	char storage[SQL_MAX];
	struct buf sql = buf_over(storage, sizeof storage);
	put_sql(&sql, story);
	const struct writer_query query = {
		.sql = buf_str(&sql),
		.format = WRITER_JSON,
		.deadline_ms = STORY_MS,
		.done = on_rows,
		.ctx = story,
	};
	return writer_query(writer, &query);
}

/* ---- */

static bool is_name(struct str id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
		if (!good)
			return false;
	}
	return id.len > 0 && id.len <= ID_MAX;
}

/* A producer's key first; what no producer used may be a sid. */
static uint64_t sid_of(const struct deliveries *deliveries, struct str id)
{
	uint64_t sid;
	if (deliveries && deliveries_known(deliveries, id, &sid))
		return sid;
	return str_to_u64(id, &sid) == STATUS_OK && sid > UINT64_C(1) << 40 ? sid : 0;
}

void signal_story(const struct signal_story_sources *sources, struct str id, serve_text_fn done,
		  void *done_ctx)
{
	struct story *story = is_name(id) ? calloc(1, sizeof *story) : NULL;
	if (!story) {
		done(done_ctx, STATUS_NOT_FOUND, STR("no signal is called so"), false);
		return;
	}
	story->done = done;
	story->done_ctx = done_ctx;
	memcpy(story->id, id.ptr, id.len);
	story->sid = sid_of(sources->deliveries, id);
	buf_init(&story->answer, ANSWER_MAX);
	put_now(story, sources->deliveries);
	enum status status =
	    sources->writer ? ask_archive(story, sources->writer) : STATUS_UNAVAILABLE;
	if (status == STATUS_UNAVAILABLE)
		finish(story, STR(""));
	else if (status)
		on_rows(story, status, STR("too many questions at once: ask again"), false);
}
