#include "telegram/request.h"

#include <stdio.h>

#include "base/check.h"
#include "bot/bot.h"

enum { BOUNDARY_BYTES = 32 };

static void begin(struct request *request, const char *method)
{
	request->method = method;
	buf_clear(&request->body);
	snprintf(request->content_type, sizeof request->content_type, "application/json");
}

/* ---- JSON ---- */

static void put_key(struct buf *out, const char *key)
{
	buf_char(out, out->len ? ',' : '{');
	buf_json_str(out, str_of(key));
	buf_char(out, ':');
}

static void put_i64(struct buf *out, const char *key, int64_t value)
{
	put_key(out, key);
	buf_i64(out, value);
}

static void put_text(struct buf *out, const char *key, struct str value)
{
	put_key(out, key);
	buf_json_str(out, value);
}

static void put_raw(struct buf *out, const char *key, struct str json)
{
	put_key(out, key);
	buf_str_put(out, json);
}

/* Where a new message goes, and how loud. */
static void put_place(struct buf *out, const struct queue_job *job)
{
	put_i64(out, "chat_id", job->chat_id);
	if (job->thread_id)
		put_i64(out, "message_thread_id", job->thread_id);
	if (job->silent)
		put_raw(out, "disable_notification", STR("true"));
}

static void put_words(struct buf *out, const char *key, const struct queue_job *job)
{
	put_text(out, key, job->text);
	if (!job->plain)
		put_text(out, "parse_mode", STR("HTML"));
}

static void put_end(struct buf *out, const struct queue_job *job)
{
	if (job->markup.len)
		put_raw(out, "reply_markup", job->markup);
	buf_char(out, '}');
}

static void put_preview_off(struct buf *out)
{
	put_raw(out, "link_preview_options", STR("{\"is_disabled\":true}"));
}

static void text(struct request *request, const struct queue_job *job)
{
	begin(request, "sendMessage");
	put_place(&request->body, job);
	put_words(&request->body, "text", job);
	put_preview_off(&request->body);
	put_end(&request->body, job);
}

static void edit(struct request *request, const struct queue_job *job)
{
	begin(request, job->caption ? "editMessageCaption" : "editMessageText");
	put_i64(&request->body, "chat_id", job->chat_id);
	put_i64(&request->body, "message_id", job->message_id);
	put_words(&request->body, job->caption ? "caption" : "text", job);
	if (!job->caption)
		put_preview_off(&request->body);
	put_end(&request->body, job);
}

static void typing(struct request *request, const struct queue_job *job)
{
	begin(request, "sendChatAction");
	put_i64(&request->body, "chat_id", job->chat_id);
	if (job->thread_id)
		put_i64(&request->body, "message_thread_id", job->thread_id);
	put_text(&request->body, "action", STR("typing"));
	buf_char(&request->body, '}');
}

static void notice(struct request *request, const struct queue_job *job)
{
	begin(request, "answerCallbackQuery");
	put_text(&request->body, "callback_query_id", job->button_id);
	if (job->text.len)
		put_text(&request->body, "text", job->text);
	buf_char(&request->body, '}');
}

/* ---- multipart ---- */

struct form {
	struct buf *out;
	const char *boundary;
};

static void put_clean(struct buf *out, struct str text)
{
	while (text.len) {
		size_t n = str_utf8_len(text);
		buf_str_put(out, n ? str_make(text.ptr, n) : STR("\xEF\xBF\xBD"));
		text = str_skip(text, n ? n : 1);
	}
}

static void put_field(const struct form *form, const char *name, struct str value)
{
	buf_printf(form->out, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
		   form->boundary, name);
	put_clean(form->out, value);
	buf_str_put(form->out, STR("\r\n"));
}

static void put_field_i64(const struct form *form, const char *name, int64_t value)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%lld", (long long)value);
	put_field(form, name, str_of(digits));
}

static void put_file(const struct form *form, struct str png)
{
	buf_printf(form->out,
		   "--%s\r\nContent-Disposition: form-data; name=\"photo\"; "
		   "filename=\"weir.png\"\r\nContent-Type: image/png\r\n\r\n",
		   form->boundary);
	buf_str_put(form->out, png);
	buf_printf(form->out, "\r\n--%s--\r\n", form->boundary);
}

static void put_photo_fields(const struct form *form, const struct queue_job *job)
{
	put_field_i64(form, "chat_id", job->chat_id);
	if (job->thread_id)
		put_field_i64(form, "message_thread_id", job->thread_id);
	if (job->silent)
		put_field(form, "disable_notification", STR("true"));
	if (job->text.len)
		put_field(form, "caption", job->text);
	if (job->text.len && !job->plain)
		put_field(form, "parse_mode", STR("HTML"));
}

/* {"type":"photo","media":"attach://photo",…}: the file of the form's part "photo". */
static void put_media(const struct form *form, const struct queue_job *job, struct buf *scratch)
{
	put_field_i64(form, "chat_id", job->chat_id);
	put_field_i64(form, "message_id", job->message_id);
	put_text(scratch, "type", STR("photo"));
	put_text(scratch, "media", STR("attach://photo"));
	if (job->text.len)
		put_words(scratch, "caption", job);
	buf_char(scratch, '}');
	form->out->overflow |= scratch->overflow;
	put_field(form, "media", buf_str(scratch));
}

static void put_form(struct request *request, const struct queue_job *job, const char *boundary)
{
	const struct form form = { &request->body, boundary };
	struct buf scratch;
	buf_clear(&request->body);
	if (job->kind == BOT_OUT_PHOTO) {
		put_photo_fields(&form, job);
	} else {
		buf_init(&scratch, REQUEST_BODY_BYTES);
		put_media(&form, job, &scratch);
		buf_deinit(&scratch);
	}
	if (job->markup.len)
		put_field(&form, "reply_markup", job->markup);
	put_file(&form, job->photo);
}

static bool holds(struct str text, const char *word)
{
	return text.len && memmem(text.ptr, text.len, word, strlen(word));
}

static void photo(struct request *request, const struct queue_job *job, struct rng *rng)
{
	char boundary[BOUNDARY_BYTES];
	begin(request, job->kind == BOT_OUT_PHOTO ? "sendPhoto" : "editMessageMedia");
	do {
		snprintf(boundary, sizeof boundary, "weir%016llx",
			 (unsigned long long)rng_next(rng));
	} while (holds(job->text, boundary) || holds(job->photo, boundary) ||
		 holds(job->markup, boundary));
	put_form(request, job, boundary);
	snprintf(request->content_type, sizeof request->content_type,
		 "multipart/form-data; boundary=%s", boundary);
}

/* ---- requests ---- */

bool request_send(struct request *request, const struct queue_job *job, struct rng *rng)
{
	switch (job->kind) {
	case BOT_OUT_TEXT: text(request, job); break;
	case BOT_OUT_EDIT: edit(request, job); break;
	case BOT_OUT_TYPING: typing(request, job); break;
	case BOT_OUT_NOTICE: notice(request, job); break;
	case BOT_OUT_PHOTO:
	case BOT_OUT_REPHOTO: photo(request, job, rng); break;
	}
	return !request->body.overflow;
}

bool request_name(struct request *request)
{
	begin(request, "getMe");
	buf_str_put(&request->body, STR("{}"));
	return !request->body.overflow;
}

bool request_updates(struct request *request, int64_t offset, int limit, int timeout_s)
{
	struct buf *body = &request->body;
	begin(request, "getUpdates");
	if (offset)
		put_i64(body, "offset", offset);
	put_i64(body, "limit", limit);
	put_i64(body, "timeout", timeout_s);
	put_raw(body, "allowed_updates", STR("[\"message\",\"callback_query\"]"));
	buf_char(body, '}');
	return !body->overflow;
}

static void put_command(struct buf *out, const struct bot_command *command, bool first)
{
	buf_str_put(out, first ? STR("{\"command\":") : STR(",{\"command\":"));
	buf_json_str(out, str_of(command->name));
	buf_str_put(out, STR(",\"description\":"));
	buf_json_str(out, str_of(command->help));
	buf_char(out, '}');
}

bool request_menu(struct request *request, int64_t chat_id, enum role role)
{
	struct buf *body = &request->body;
	begin(request, role == ROLE_NONE ? "deleteMyCommands" : "setMyCommands");
	put_key(body, "scope");
	if (chat_id)
		buf_printf(body, "{\"type\":\"chat\",\"chat_id\":%lld}", (long long)chat_id);
	else
		buf_str_put(body, STR("{\"type\":\"default\"}"));
	if (role != ROLE_NONE) {
		put_key(body, "commands");
		buf_char(body, '[');
		struct bot_command command;
		for (size_t i = 0; bot_command_at(i, role, &command); i++)
			put_command(body, &command, i == 0);
		buf_char(body, ']');
	}
	buf_char(body, '}');
	return !body->overflow;
}
