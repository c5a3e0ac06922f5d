#include "telegram/updates.h"

#include <jansson.h>

#include "base/buf.h"
#include "base/check.h"

static struct str text_of(const json_t *json)
{
	return json_is_string(json) ? str_make(json_string_value(json), json_string_length(json))
				    : STR("");
}

static bool read_i64(const json_t *object, const char *key, int64_t *out)
{
	const json_t *json = json_object_get(object, key);
	if (!json_is_integer(json))
		return false;
	*out = json_integer_value(json);
	return true;
}

static bool is_there(const json_t *object, const char *key)
{
	const json_t *json = json_object_get(object, key);
	return json && !json_is_null(json) && !json_is_false(json);
}

/* ---- who and where ---- */

/* Whole characters as far as they fit. */
static void put_words(struct buf *out, struct str words)
{
	if (out->len && words.len && out->len < out->cap)
		buf_char(out, ' ');
	while (words.len) {
		size_t n = str_utf8_len(words);
		bool plain = n > 0 && (unsigned char)words.ptr[0] >= ' ' && words.ptr[0] != 0x7f;
		if (out->len + (n ? n : 1) > out->cap)
			return;
		buf_str_put(out, plain ? str_make(words.ptr, n) : STR(" "));
		words = str_skip(words, n ? n : 1);
	}
}

/* "Ann Lee @ann" */
static void read_name(const json_t *from, struct updates_row *row)
{
	struct buf name = buf_over(row->name, sizeof row->name - 1);
	put_words(&name, text_of(json_object_get(from, "first_name")));
	put_words(&name, text_of(json_object_get(from, "last_name")));
	struct str user = text_of(json_object_get(from, "username"));
	if (user.len && name.len + user.len + 2 <= name.cap) {
		put_words(&name, STR("@"));
		buf_str_put(&name, user);
	}
	row->name[name.len] = 0;
}

static enum updates_kind read_from(const json_t *from, struct updates_row *row)
{
	if (!read_i64(from, "id", &row->update.user_id))
		return UPDATES_MALFORMED;
	row->update.from_bot = is_there(from, "is_bot");
	read_name(from, row);
	return UPDATES_TOLD;
}

static enum updates_kind read_chat(const json_t *message, struct bot_update *update)
{
	const json_t *chat = json_object_get(message, "chat");
	struct str type = text_of(json_object_get(chat, "type"));
	if (!read_i64(chat, "id", &update->chat_id) || !update->chat_id)
		return UPDATES_MALFORMED;
	update->group = str_eq(type, STR("group")) || str_eq(type, STR("supergroup"));
	/* Without a type an id says it: those of groups and channels are negative. */
	if (!type.len)
		update->group = update->chat_id < 0;
	return update->group || !type.len || str_eq(type, STR("private")) ? UPDATES_TOLD
									  : UPDATES_OTHER;
}

/* ---- kinds ---- */

/* What every message says of itself. */
static enum updates_kind read_place(const json_t *message, struct bot_update *update)
{
	enum updates_kind kind = read_chat(message, update);
	if (kind != UPDATES_TOLD)
		return kind;
	if (!read_i64(message, "message_id", &update->message_id) ||
	    !read_i64(message, "date", &update->date_s))
		return UPDATES_MALFORMED;
	if (is_there(message, "is_topic_message"))
		read_i64(message, "message_thread_id", &update->thread_id);
	return UPDATES_TOLD;
}

static bool is_forwarded(const json_t *message)
{
	return is_there(message, "forward_origin") || is_there(message, "forward_date") ||
	       is_there(message, "forward_from") || is_there(message, "forward_from_chat") ||
	       is_there(message, "forward_sender_name");
}

static enum updates_kind read_message(const json_t *message, bool edited, struct updates_row *row)
{
	struct bot_update *update = &row->update;
	update->kind = BOT_UPDATE_MESSAGE;
	update->edited = edited;
	enum updates_kind kind = read_place(message, update);
	if (kind != UPDATES_TOLD)
		return kind;
	const json_t *from = json_object_get(message, "from");
	if (!from)
		return UPDATES_OTHER;
	update->forwarded = is_forwarded(message);
	update->has_photo = is_there(message, "photo");
	update->text = text_of(json_object_get(message, "text"));
	if (!update->text.len)
		update->text = text_of(json_object_get(message, "caption"));
	kind = read_from(from, row);
	return kind == UPDATES_TOLD && !update->text.len ? UPDATES_OTHER : kind;
}

static enum updates_kind read_button(const json_t *query, struct updates_row *row)
{
	struct bot_update *update = &row->update;
	const json_t *message = json_object_get(query, "message");
	update->kind = BOT_UPDATE_BUTTON;
	update->button_id = text_of(json_object_get(query, "id"));
	update->text = text_of(json_object_get(query, "data"));
	enum updates_kind kind = read_from(json_object_get(query, "from"), row);
	if (kind != UPDATES_TOLD)
		return kind;
	if (!update->button_id.len)
		return UPDATES_MALFORMED;
	if (!json_is_object(message) || !update->text.len)
		return UPDATES_OTHER;
	update->has_photo = is_there(message, "photo");
	return read_place(message, update);
}

static enum updates_kind read_update(const json_t *json, struct updates_row *row)
{
	const json_t *part = json_object_get(json, "message");
	if (part)
		return read_message(part, false, row);
	part = json_object_get(json, "edited_message");
	if (part)
		return read_message(part, true, row);
	part = json_object_get(json, "callback_query");
	return part ? read_button(part, row) : UPDATES_OTHER;
}

/* ---- the answer ---- */

/* A place for an id; those above it move up. */
static struct updates_row *insert_row(struct updates *updates, int64_t id)
{
	size_t at = updates->count++;
	while (at > 0 && updates->rows[at - 1].id > id) {
		updates->rows[at] = updates->rows[at - 1];
		at--;
	}
	updates->rows[at] = (struct updates_row){ .id = id };
	return &updates->rows[at];
}

static void read_rows(struct updates *updates, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *json = json_array_get(list, i);
		int64_t id;
		if (!read_i64(json, "update_id", &id) || id <= 0 || id >= INT64_MAX) {
			updates->nameless++;
			continue;
		}
		struct updates_row *row = insert_row(updates, id);
		row->kind = read_update(json, row);
	}
	for (size_t i = 0; i < updates->count; i++) { /* they do not move any more */
		struct updates_row *row = &updates->rows[i];
		row->update.update_id = row->id;
		row->update.name = str_of(row->name);
	}
}

enum status updates_init(struct updates *updates, struct str body)
{
	json_t *json = body.len ? json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, NULL) : NULL;
	const json_t *list = json_object_get(json, "result");
	enum status status = STATUS_OK;
	if (!json || json_array_size(list) > UPDATES_MAX)
		status = STATUS_FORMAT;
	else if (!json_is_true(json_object_get(json, "ok")) || !json_is_array(list))
		status = STATUS_INVALID;
	if (status != STATUS_OK) {
		json_decref(json);
		return status;
	}
	updates->count = updates->nameless = 0;
	updates->json = json;
	read_rows(updates, list);
	return STATUS_OK;
}

void updates_deinit(struct updates *updates)
{
	json_decref(updates->json);
	updates->json = NULL;
	updates->count = 0;
}

static int64_t leading_id(struct str text)
{
	while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == ':'))
		text = str_skip(text, 1);
	size_t n = 0;
	while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
		n++;
	int64_t id;
	return str_to_i64(str_make(text.ptr, n), &id) || id == INT64_MAX ? 0 : id;
}

int64_t updates_find_id(struct str body)
{
	static const char key[] = "\"update_id\"";
	const size_t key_len = sizeof key - 1;
	int64_t highest = 0;
	while (body.len > key_len) {
		const char *at = memmem(body.ptr, body.len, key, key_len);
		if (!at)
			break;
		body = str_skip(body, (size_t)(at - body.ptr) + key_len);
		int64_t id = leading_id(body);
		highest = id > highest ? id : highest;
	}
	return highest;
}
