#include <stdlib.h>

#include "base/check.h"
#include "telegram/queue_impl.h"

enum { NOTICE_UNITS = 200, MARKUP_BYTES = 32 << 10 };

/* ---- what is put ---- */

static bool has_text(enum bot_out_kind kind)
{
	return kind != BOT_OUT_TYPING && kind != BOT_OUT_NOTICE;
}

static bool has_photo(enum bot_out_kind kind)
{
	return kind == BOT_OUT_PHOTO || kind == BOT_OUT_REPHOTO;
}

static bool is_edit(enum bot_out_kind kind)
{
	return kind == BOT_OUT_EDIT || kind == BOT_OUT_REPHOTO;
}

static enum status check_buttons(const struct bot_out *out)
{
	if (out->row_count > BOT_ROWS_MAX)
		return STATUS_RANGE;
	for (size_t i = 0; i < out->row_count; i++) {
		const struct bot_row *row = &out->rows[i];
		if (row->count > BOT_BUTTONS_MAX)
			return STATUS_RANGE;
		for (size_t k = 0; k < row->count; k++) {
			if (!row->buttons[k].text.len || !row->buttons[k].data.len)
				return STATUS_INVALID;
			if (row->buttons[k].data.len > BOT_DATA_MAX)
				return STATUS_RANGE;
		}
	}
	return STATUS_OK;
}

static enum status check_out(const struct bot_out *out)
{
	if (out->kind != BOT_OUT_NOTICE && !out->chat_id)
		return STATUS_INVALID;
	if (out->kind == BOT_OUT_NOTICE && !out->button_id.len)
		return STATUS_INVALID;
	if (is_edit(out->kind) && out->message_id <= 0)
		return STATUS_INVALID;
	if (has_photo(out->kind) && !out->photo.len)
		return STATUS_INVALID;
	if (out->text.len > QUEUE_TEXT_MAX || out->photo.len > BOT_PHOTO_MAX)
		return STATUS_RANGE;
	return has_text(out->kind) ? check_buttons(out) : STATUS_OK;
}

void queue_put_markup(struct buf *out, const struct bot_row *rows, size_t count)
{
	buf_str_put(out, STR("{\"inline_keyboard\":["));
	for (size_t i = 0; i < count; i++) {
		buf_str_put(out, i ? STR(",[") : STR("["));
		for (size_t k = 0; k < rows[i].count; k++) {
			buf_str_put(out, k ? STR(",{\"text\":") : STR("{\"text\":"));
			buf_json_str(out, rows[i].buttons[k].text);
			buf_str_put(out, STR(",\"callback_data\":"));
			buf_json_str(out, rows[i].buttons[k].data);
			buf_char(out, '}');
		}
		buf_char(out, ']');
	}
	buf_str_put(out, STR("]}"));
}

/* ---- making ---- */

static struct str store(char **at, struct str text)
{
	struct str stored = str_make(*at, text.len);
	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return stored;
}

/* Text as HTML in `scratch`, with the buttons behind it. */
static enum status prepare(struct queue *queue, const struct bot_out *out, struct buf *scratch,
			   size_t *text_len)
{
	bool is_html = parts_are_html(out->text);
	if (is_html)
		buf_str_put(scratch, out->text);
	else
		buf_html(scratch, out->text);
	queue->counts.not_html += !is_html;
	*text_len = scratch->len;
	struct parts parts = { .rest = buf_str(scratch) };
	if (!scratch->overflow && !parts_more(&parts) &&
	    (out->kind == BOT_OUT_TEXT || out->kind == BOT_OUT_EDIT))
		return STATUS_INVALID;
	if (out->row_count && has_text(out->kind))
		queue_put_markup(scratch, out->rows, out->row_count);
	return scratch->overflow ? STATUS_NO_MEMORY : STATUS_OK;
}

static struct queue_message *build(const struct bot_out *out, struct str text, struct str markup)
{
	bool pictured = has_photo(out->kind);
	size_t bytes = text.len + markup.len + (pictured ? out->photo.len : 0) +
		       out->button_id.len + out->coalesce.len;
	struct queue_message *message = malloc(sizeof *message + bytes + 1);
	if (!message)
		return NULL;
	char *at = message->storage;
	*message = (struct queue_message){ .kind = out->kind,
					   .lane = out->alert ? QUEUE_ALERTS : QUEUE_ANSWERS,
					   .silent = out->silent,
					   .chat_id = out->chat_id,
					   .thread_id = out->thread_id,
					   .message_id = is_edit(out->kind) ? out->message_id : 0,
					   .tag = out->tag,
					   .bytes = sizeof *message + bytes };
	message->text = store(&at, text);
	message->markup = store(&at, markup);
	message->photo = store(&at, pictured ? out->photo : STR(""));
	message->button_id = store(&at, out->button_id);
	message->coalesce = store(&at, out->coalesce);
	parts_init(&message->parts, message->text);
	return message;
}

enum status queue_message_make(struct queue *queue, const struct bot_out *out,
			       struct queue_message **message)
{
	enum status status = check_out(out);
	if (status != STATUS_OK)
		return status;
	struct buf scratch;
	size_t text_len = 0;
	buf_init(&scratch, 8 * (size_t)QUEUE_TEXT_MAX + MARKUP_BYTES);
	status = prepare(queue, out, &scratch, &text_len);
	if (status == STATUS_OK) {
		*message = build(out, str_make(scratch.ptr, text_len),
				 str_skip(buf_str(&scratch), text_len));
		status = *message ? STATUS_OK : STATUS_NO_MEMORY;
	}
	buf_deinit(&scratch);
	return status;
}

int64_t queue_message_dies_ns(const struct queue_message *message)
{
	if (message->kind == BOT_OUT_TYPING)
		return message->put_ns + QUEUE_TYPING_NS;
	if (message->kind == BOT_OUT_NOTICE)
		return message->put_ns + QUEUE_NOTICE_NS;
	return message->lane == QUEUE_ALERTS ? INT64_MAX : message->put_ns + QUEUE_ANSWER_NS;
}

/* ---- parts ---- */

static size_t units_max(const struct queue_message *message)
{
	if (message->kind == BOT_OUT_NOTICE)
		return NOTICE_UNITS;
	bool is_caption = (has_photo(message->kind) && message->part == 0) || message->caption;
	return is_caption ? BOT_CAPTION_MAX : BOT_TEXT_MAX;
}

/* False: no more behind it. */
static bool render(struct queue *queue, struct queue_message *message, struct queue_job *job)
{
	struct buf *part = &queue->part;
	bool plain = message->plain || message->kind == BOT_OUT_NOTICE;
	buf_clear(part);
	message->after = message->parts;
	parts_next(&message->after, units_max(message), part);
	CHECK(!part->overflow);
	size_t html_len = part->len;
	if (plain) {
		CHECK(buf_reserve(part, html_len + 1)); /* the source does not move */
		parts_plain(str_make(part->ptr, html_len), part);
	}
	job->plain = plain;
	job->text = plain ? str_skip(buf_str(part), html_len) : buf_str(part);
	return parts_more(&message->after);
}

void queue_message_part(struct queue *queue, struct queue_message *message, struct queue_job *job)
{
	*job = (struct queue_job){ .message = message,
				   .kind = message->part ? BOT_OUT_TEXT : message->kind,
				   .caption = message->caption,
				   .silent = message->silent,
				   .chat_id = message->chat_id,
				   .thread_id = message->thread_id,
				   .message_id = message->message_id,
				   .photo = message->part ? STR("") : message->photo,
				   .button_id = message->button_id,
				   .markup = STR("") };
	bool more = render(queue, message, job);
	if (more && is_edit(message->kind)) {
		queue->counts.cut += message->tries == 0;
		message->after.rest = STR("");
		more = false;
	}
	if (!more)
		job->markup = message->markup;
}

/* ---- ends ---- */

static void count_end(struct queue_counts *counts, enum status status)
{
	switch (status) {
	case STATUS_OK: counts->sent++; break;
	case STATUS_FULL: counts->displaced++; break;
	case STATUS_TIMEOUT: counts->expired++; break;
	case STATUS_REFUSED: counts->blocked++; break;
	case STATUS_NOT_FOUND: counts->gone++; break;
	case STATUS_INVALID: counts->invalid++; break;
	case STATUS_UNAVAILABLE: counts->given_up++; break;
	default: counts->coalesced++; break;
	}
}

static void leave_lists(struct queue *queue, struct queue_message *message)
{
	struct queue_chat *chat = message->chat;
	if (!chat) {
		queue_list_remove(message->under_way ? &queue->flying : &queue->quick, message);
		return;
	}
	if (chat->started == message)
		chat->started = NULL;
	else
		queue_list_remove(&chat->lanes[message->lane], message);
	if (--chat->count == 0)
		queue_chat_leave(queue, chat);
}

void queue_message_end(struct queue *queue, struct queue_message *message, enum status status)
{
	bool sent = status == STATUS_OK && has_text(message->kind);
	leave_lists(queue, message);
	count_end(&queue->counts, status);
	queue->messages--;
	queue->bytes -= message->bytes;
	if (!message->tag) {
		free(message);
		return;
	}
	message->end = (struct queue_end){ message->tag, status, sent ? message->message_id : 0 };
	/* Its texts are not needed any more. */
	struct queue_message *less = realloc(message, sizeof *message);
	queue_list_append(&queue->ended, less ? less : message);
}
