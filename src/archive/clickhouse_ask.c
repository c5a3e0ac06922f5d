#include "archive/clickhouse_impl.h"
#include "base/check.h"
#include "base/crash.h"

static void answered(void *ctx, enum status status, const struct http_answer *answer,
		     const char *why)
{
	struct clickhouse_call *call = ctx;
	char text[CLICKHOUSE_WHY_BYTES];
	struct clickhouse_answer all = { status, answer, why, 0, 0, 0 };
	if (call->is_insert) {
		all.sent = call->sent;
		all.whole = call->kept.body.len;
		all.rows = call->kept.rows;
	}
	enum sink_outcome outcome = call->is_insert ? clickhouse_insert_verdict(&all, text)
						    : clickhouse_ask_verdict(&all, text);
	call->next(call, outcome, text, answer ? answer->body : (struct str){ "", 0 });
}

/* A call that could not even be made ends as if nobody had been there. */
void clickhouse_later(void *ctx)
{
	answered(ctx, STATUS_CLOSED, NULL, "the HTTP client has no room for the request");
}

static void half_sent(void *ctx, size_t bytes)
{
	struct clickhouse_call *call = ctx;
	size_t half = (call->kept.body.len + 1) / 2;
	if (call->sent < half && call->sent + bytes >= half)
		crash_point(CRASH_http_half);
	call->sent += bytes;
}

static void add_users(struct clickhouse *ch, struct http_request *request)
{
	const struct http_header headers[] = {
		{ STR("X-ClickHouse-User"), str_of(ch->user) },
		{ STR("X-ClickHouse-Key"), str_of(ch->password) },
	};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		if (headers[i].value.len)
			request->headers[request->n_headers++] = headers[i];
}

static void ask(struct clickhouse_call *call, struct http_request *request)
{
	struct clickhouse *ch = call->owner;
	request->method = "POST";
	add_users(ch, request);
	call->sent = 0;
	if (http_request(ch->config.http, request, answered, call) != STATUS_OK)
		timers_arm(ch->config.timers, &call->later, 0);
}

void clickhouse_ask(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	struct http_request request = { .url = str_of(ch->root),
					.body = buf_str(&ch->sql),
					.deadline_ns = ch->config.deadline_ns / 3,
					.body_bytes_max = call->answer_max
							      ? call->answer_max
							      : CLICKHOUSE_LOOK_BYTES };
	CHECK(!ch->sql.overflow);
	call->answer_max = 0;
	call->is_insert = false;
	ask(call, &request);
}

static void put_escaped(struct buf *out, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
		if (!plain) {
			buf_char(out, '%');
			buf_char(out, digits[c >> 4]);
			buf_char(out, digits[c & 15]);
		} else {
			buf_char(out, (char)c);
		}
	}
}

void clickhouse_put(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	char text[8192];
	struct buf url = buf_over(text, sizeof text);
	buf_str_put(&url, str_of(ch->root));
	buf_char(&url, '?');
	if (ch->major >= CLICKHOUSE_TOKENS)
		buf_printf(&url, "async_insert=0&insert_deduplication_token=weir-%lld&",
			   (long long)call->kept.batch_id);
	buf_str_put(&url, STR("query="));
	put_escaped(&url, buf_str(&ch->sql));
	CHECK(!url.overflow && !ch->sql.overflow);
	struct http_request request = { .url = buf_str(&url),
					.body = call->kept.body,
					.deadline_ns = ch->config.deadline_ns,
					.body_bytes_max = CLICKHOUSE_LOOK_BYTES,
					.on_sent = half_sent };
	call->is_insert = true;
	ask(call, &request);
}
