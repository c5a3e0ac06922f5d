/* What HTTP is answered when a store has answered. */
#include <stdlib.h>

#include "base/json_out.h"
#include "daemon/budgets.h"
#include "daemon/picturing.h"
#include "daemon/serving_impl.h"
#include "daemon/signal_story.h"

enum { QUERY_MS = 10000, STATE_BYTES_MAX = 16 * 1024 };

/* ---- what ends in a text ---- */

struct asking {
	struct serving *serving;
	serve_text_fn done;
	void *done_ctx;
};

/* NULL: it was answered. */
static struct asking *begin(struct serving *serving, serve_text_fn done, void *done_ctx)
{
	struct asking *asking = malloc(sizeof *asking);
	if (!asking) {
		done(done_ctx, STATUS_NO_MEMORY, STR(""), false);
		return NULL;
	}
	*asking = (struct asking){ serving, done, done_ctx };
	serving_begin(serving);
	return asking;
}

static void end(void *ctx, enum status status, struct str text, bool cut)
{
	struct asking *asking = ctx;
	struct serving *serving = asking->serving;
	asking->done(asking->done_ctx, status, text, cut);
	free(asking);
	serving_end(serving);
}

void serving_trace(void *ctx, struct str id, serve_text_fn done, void *done_ctx)
{
	struct serving *serving = ctx;
	struct asking *asking = begin(serving, done, done_ctx);
	const struct signal_story_sources sources = { serving->config.writer,
						      serving->sink.deliveries };
	if (asking)
		signal_story(&sources, id, end, asking);
}

void serving_query(void *ctx, struct str sql, bool csv, serve_text_fn done, void *done_ctx)
{
	struct serving *serving = ctx;
	if (serving->is_closing) { /* the writer may be closing, and takes no question then */
		done(done_ctx, STATUS_UNAVAILABLE, STR("weir is ending"), false);
		return;
	}
	struct asking *asking = begin(serving, done, done_ctx);
	if (!asking)
		return;
	const struct writer_query query = { .sql = sql,
					    .format = csv ? WRITER_CSV : WRITER_JSON,
					    .deadline_ms = QUERY_MS,
					    .done = end,
					    .ctx = asking };
	enum status status = writer_query(serving->config.writer, &query);
	if (status)
		end(asking, status, STR("too many questions to the archive at once"), false);
}

/* ---- pictures ---- */

static void on_png(void *ctx, enum status status, struct str png) { end(ctx, status, png, false); }

static void no_picture(struct asking *asking, const struct picturing *picturing,
		       struct str question, enum status status)
{
	char storage[1024];
	struct buf why = buf_over(storage, sizeof storage);
	if (status == STATUS_NOT_FOUND)
		status = picturing_why(picturing, question, &why);
	end(asking, status, why.overflow ? STR("") : buf_str(&why), false);
}

void serving_chart(void *ctx, struct str question, bool light, serve_text_fn done, void *done_ctx)
{
	struct serving *serving = ctx;
	struct asking *asking = begin(serving, done, done_ctx);
	if (!asking)
		return;
	struct picturing *picturing = daemon_picturing(serving->config.daemon);
	enum picture_theme theme = light ? PICTURE_LIGHT : PICTURE_DARK;
	enum status status = !picturing ? STATUS_NO_MEMORY
					: picturing_ask(picturing, question, theme, on_png, asking);
	if (status)
		no_picture(asking, picturing, question, status);
}

/* ---- sessions and preferences ---- */

static enum session_kind kind_of(bool preference)
{
	return preference ? SESSION_PREFERENCE : SESSION_SESSION;
}

static void on_fields(void *ctx, enum status status, const struct session_fields *fields)
{
	struct buf out;
	struct json_out json = { .out = &out };
	buf_init(&out, STATE_BYTES_MAX);
	if (!status) {
		json_out_open(&json, NULL, '{');
		for (size_t i = 0; i < fields->count; i++) /* names are the table's texts */
			json_out_str(&json, fields->names[i].ptr, fields->values[i]);
		json_out_close(&json, '}');
	}
	end(ctx, status,
	    status == STATUS_NOT_FOUND ? STR("there is none of this user") : buf_str(&out), false);
	buf_deinit(&out);
}

static void on_done(void *ctx, enum status status)
{
	struct str text = STR("");
	if (!status)
		text = STR("{\"ok\":true}");
	else if (status == STATUS_NOT_FOUND)
		text = STR("there is none of this user");
	else if (status == STATUS_FULL)
		text = STR("no room: as many sessions and preferences are kept as may be");
	else if (status == STATUS_REFUSED)
		text = STR("no new sessions: segment rss is nearly full");
	if (status == STATUS_REFUSED) {
		end(ctx, STATUS_FULL, text, false); /* to be tried again */
		return;
	}
	/* It stays so until some end: nothing to be tried again in a second. */
	end(ctx, status == STATUS_FULL ? STATUS_REDIS_OOM : status, text, false);
}

/* What a call of the store that was not begun comes to. */
static void not_begun(struct asking *asking, enum status status)
{
	if (status == STATUS_INVALID)
		end(asking, STATUS_RANGE, STR("user"), false);
	else if (status)
		end(asking, status == STATUS_FULL ? STATUS_UNAVAILABLE : status, STR(""), false);
}

void serving_state_get(void *ctx, bool preference, struct str user, serve_text_fn done,
		       void *done_ctx)
{
	struct serving *serving = ctx;
	struct asking *asking = begin(serving, done, done_ctx);
	if (asking)
		not_begun(asking, session_store_get(serving->sessions, kind_of(preference), user,
						    on_fields, asking));
}

void serving_state_put(void *ctx, bool preference, struct str user, const struct str *names,
		       const struct str *values, size_t count, serve_text_fn done, void *done_ctx)
{
	struct serving *serving = ctx;
	struct session_fields fields = { .count = count };
	for (size_t i = 0; i < count; i++) {
		fields.names[i] = names[i];
		fields.values[i] = values[i];
	}
	struct str fault;
	if (!session_fields_are_good(kind_of(preference), user, &fields, &fault)) {
		done(done_ctx, STATUS_RANGE, fault, false);
		return;
	}
	struct asking *asking = begin(serving, done, done_ctx);
	session_store_refuse_new(
	    serving->sessions,
	    budgets_acts(daemon_budgets(serving->config.daemon), VALVE_BIT_sessions));
	if (asking)
		not_begun(asking, session_store_put(serving->sessions, kind_of(preference), user,
						    &fields, on_done, asking));
}

void serving_session_end(void *ctx, struct str user, serve_text_fn done, void *done_ctx)
{
	struct serving *serving = ctx;
	struct asking *asking = begin(serving, done, done_ctx);
	if (asking)
		not_begun(asking, session_store_end(serving->sessions, user, on_done, asking));
}
