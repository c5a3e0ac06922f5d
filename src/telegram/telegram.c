#include "telegram/telegram.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "telegram/telegram_impl.h"

enum { SECRET_MIN = 8, PIECE_MIN = 4 };

static const char *const state_texts[] = {
	[TELEGRAM_STARTING] = "starting", [TELEGRAM_OK] = "ok",       [TELEGRAM_AWAY] = "away",
	[TELEGRAM_CONFLICT] = "conflict", [TELEGRAM_TOKEN] = "token",
};

const char *telegram_state_text(enum telegram_state state)
{
	CHECK(state < ARRAY_LEN(state_texts));
	return state_texts[state];
}

/* ---- texts without the token ---- */

/* The part behind the colon is the secret; the whole token says whose it is, too. */
static struct str secret_of(struct str token)
{
	size_t colon = str_find_char(token, ':');
	struct str secret = str_skip(token, colon < token.len ? colon + 1 : 0);
	return secret.len < SECRET_MIN ? token : secret;
}

/* How much of the front of a text is the word, or the begin of it where the text was cut. */
static size_t hidden_len(struct str text, struct str word)
{
	if (str_starts(text, word))
		return word.len;
	return text.len >= PIECE_MIN && str_starts(word, text) ? text.len : 0;
}

static void redact(const struct telegram *telegram, const char *from, char *out, size_t size)
{
	struct str rest = str_of(from), secret = secret_of(telegram->token);
	struct buf to = buf_over(out, size - 1);
	while (rest.len && to.len < to.cap) {
		size_t hidden = hidden_len(rest, telegram->token);
		if (!hidden)
			hidden = hidden_len(rest, secret);
		if (hidden)
			buf_str_put(&to, STR("***"));
		else
			buf_char(&to, rest.ptr[0]);
		rest = str_skip(rest, hidden ? hidden : 1);
	}
	out[to.len] = 0;
}

/* ---- requests ---- */

enum status telegram_ask(struct telegram *telegram, struct telegram_slot *slot, int64_t deadline_ns,
			 size_t answer_bytes, http_answer_fn fn)
{
	struct request *request = &telegram->request;
	char url[TELEGRAM_ROOT_BYTES + TELEGRAM_METHOD_BYTES];
	int len = snprintf(url, sizeof url, "%s%s", telegram->root, request->method);
	CHECK(!slot->under_way && len > 0 && (size_t)len < sizeof url);
	struct http_request ask = { .method = "POST",
				    .url = str_make(url, (size_t)len),
				    .headers = { { STR("Content-Type"),
						   str_of(request->content_type) } },
				    .n_headers = 1,
				    .body = buf_str(&request->body),
				    .deadline_ns = deadline_ns,
				    .body_bytes_max = answer_bytes };
	enum status status = http_request(telegram->config.http, &ask, fn, slot);
	explicit_bzero(url, sizeof url);
	slot->under_way = status == STATUS_OK;
	return status;
}

static void count_verdict(struct telegram_counts *counts, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_AGAIN: counts->failures++; break;
	case VERDICT_LIMITED: counts->limited++; break;
	case VERDICT_CONFLICT: counts->conflicts++; break;
	case VERDICT_TOKEN: counts->refused++; break;
	default: break;
	}
}

void telegram_judge(struct telegram *telegram, enum status status, const struct http_answer *answer,
		    const char *why, struct verdict_told *told)
{
	char line[VERDICT_WHY_BYTES];
	verdict_read(status, answer ? answer->code : 0, answer ? answer->body : STR(""), told);
	redact(telegram, status == STATUS_OK || !why[0] ? told->why : why, line, sizeof line);
	memcpy(told->why, line, sizeof line);
	count_verdict(&telegram->counts, told->verdict);
}

/* ---- state ---- */

static bool either(const struct telegram *telegram, enum telegram_state state)
{
	return telegram->poll.state == state || telegram->sends.state == state;
}

static enum telegram_state state_of(const struct telegram *telegram)
{
	static const enum telegram_state worst_first[] = { TELEGRAM_TOKEN, TELEGRAM_CONFLICT,
							   TELEGRAM_AWAY, TELEGRAM_STARTING };
	for (size_t i = 0; i < ARRAY_LEN(worst_first); i++)
		if (either(telegram, worst_first[i]))
			return worst_first[i];
	return TELEGRAM_OK;
}

static const char *why_of(const struct telegram *telegram)
{
	enum telegram_state state = telegram->state;
	if (state == TELEGRAM_OK || state == TELEGRAM_STARTING)
		return "";
	return telegram->poll.state == state ? telegram->poll.why : telegram->sends.why;
}

void telegram_tell_state(struct telegram *telegram)
{
	enum telegram_state state = state_of(telegram);
	if (state == telegram->state)
		return;
	telegram->state = state;
	telegram->config.hooks.on_state(telegram->config.hooks.ctx, state, why_of(telegram));
}

/* ---- life ---- */

static bool is_token(struct str token)
{
	for (size_t i = 0; i < token.len; i++) {
		char c = token.ptr[i], letter = (char)(c | 32);
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != ':' &&
		    c != '_' && c != '-')
			return false;
	}
	return token.len > 0 && token.len <= TELEGRAM_TOKEN_MAX;
}

static bool is_url(struct str url)
{
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f ||
		    strchr("?#@", url.ptr[i]))
			return false;
	bool is_http = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
	return is_http && url.len > 8 && url.len <= TELEGRAM_URL_MAX;
}

static enum status take_root(struct telegram *telegram, struct err *err)
{
	struct str url = telegram->config.api_url, token = telegram->config.token;
	struct buf root = buf_over(telegram->root, sizeof telegram->root - 1);
	while (url.len && url.ptr[url.len - 1] == '/')
		url.len--;
	if (!is_url(url))
		return err_set(err, STATUS_INVALID, "the Bot API's URL is none");
	if (!is_token(token))
		return err_set(err, STATUS_INVALID, "the bot's token is none");
	buf_str_put(&root, url);
	buf_str_put(&root, STR("/bot"));
	telegram->token = str_make(telegram->root + root.len, token.len);
	buf_str_put(&root, token);
	buf_char(&root, '/');
	CHECK(!root.overflow);
	telegram->root[root.len] = 0;
	telegram->config.api_url = telegram->config.token = STR("");
	return STATUS_OK;
}

static void free_telegram(struct telegram *telegram)
{
	queue_destroy(telegram->queue);
	buf_deinit(&telegram->request.body);
	explicit_bzero(telegram->root, sizeof telegram->root);
	free(telegram);
}

enum status telegram_open(const struct telegram_config *config, struct telegram **out,
			  struct err *err)
{
	struct telegram *telegram = calloc(1, sizeof *telegram);
	const struct telegram_hooks *hooks = &config->hooks;
	CHECK(hooks->on_update && hooks->on_offset && hooks->on_end && hooks->on_name &&
	      hooks->on_state);
	if (!telegram)
		return err_set(err, STATUS_NO_MEMORY, "telegram: out of memory");
	telegram->config = *config;
	buf_init(&telegram->request.body, REQUEST_BODY_BYTES);
	rng_init(&telegram->rng, config->seed);
	telegram->queue = queue_create(&(struct queue_config){ .messages_max = config->messages_max,
							       .bytes_max = config->bytes_max });
	enum status status = take_root(telegram, err);
	if (status == STATUS_OK && !telegram->queue)
		status = err_set(err, STATUS_NO_MEMORY, "out of memory");
	if (status != STATUS_OK) {
		free_telegram(telegram);
		return err_wrap(err, status, "telegram");
	}
	telegram->sends.state = TELEGRAM_OK;
	telegram_chores_open(telegram);
	telegram_sends_open(telegram);
	telegram_poll_open(telegram);
	*out = telegram;
	return STATUS_OK;
}

void telegram_close(struct telegram *telegram)
{
	if (!telegram)
		return;
	telegram_poll_close(telegram);
	telegram_sends_close(telegram);
	telegram_chores_close(telegram);
	free_telegram(telegram);
}

/* ---- looked at ---- */

const struct telegram_counts *telegram_counts(struct telegram *telegram)
{
	const struct queue_counts *queue = queue_counts(telegram->queue);
	struct telegram_counts *counts = &telegram->counts;
	counts->accepted = queue->accepted;
	counts->full = queue->refused;
	counts->sent = queue->sent;
	counts->ended[TELEGRAM_END_DISPLACED] = queue->displaced;
	counts->ended[TELEGRAM_END_EXPIRED] = queue->expired;
	counts->ended[TELEGRAM_END_BLOCKED] = queue->blocked;
	counts->ended[TELEGRAM_END_GONE] = queue->gone;
	counts->ended[TELEGRAM_END_INVALID] = queue->invalid;
	counts->ended[TELEGRAM_END_GIVEN_UP] = queue->given_up;
	counts->requests = queue->requests;
	counts->parts = queue->parts;
	counts->coalesced = queue->coalesced;
	counts->cut = queue->cut;
	counts->retries = queue->retries;
	counts->plain = queue->plain;
	counts->not_html = queue->not_html;
	return counts;
}

struct telegram_view telegram_view(struct telegram *telegram)
{
	struct queue_view queue = queue_view(telegram->queue);
	int64_t now_ns = telegram_now_ns(telegram);
	return (struct telegram_view){
		.state = telegram->state,
		.why = why_of(telegram),
		.waiting = queue.waiting,
		.under_way = queue.under_way,
		.chats = queue.chats,
		.bytes = queue.bytes,
		.oldest_ns = queue.oldest_ns ? now_ns - queue.oldest_ns : 0,
		.hold_ns = queue.hold_ns > now_ns ? queue.hold_ns - now_ns : 0,
	};
}
