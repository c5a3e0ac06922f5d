/* Names and metadata, as the server tells them. */
#include <stdlib.h>

#include "base/check.h"
#include "os/redis_conn.h"
#include "base/glob.h"
#include "survey/live_impl.h"

/* ---- refusals ---- */

static void count_refusal(struct live *live, enum live_command command, struct str text)
{
	static const char *const names[] = {
#define LIVE_COMMAND(id, before, after) before,
#include "survey/live_commands.def"
#undef LIVE_COMMAND
	};
	struct live_result *result = live->result;
	if (!live->refusal_of[command]) {
		size_t len = text.len < LIVE_WHY_BYTES - 1 ? text.len : LIVE_WHY_BYTES - 1;
		struct live_refusal *refusal = &result->refused[result->n_refused++];
		*refusal = (struct live_refusal){ .command = names[command] };
		memcpy(refusal->why, text.ptr, len);
		live->refusal_of[command] = (uint32_t)result->n_refused;
	}
	result->refused[live->refusal_of[command] - 1].count++;
}

static bool holds(struct str text, struct str word)
{
	for (; text.len >= word.len; text = str_skip(text, 1))
		if (str_starts(text, word))
			return true;
	return false;
}

/* NOPERM is said of a command ("User NAME has no permissions to run the 'object|idletime'
 * command") and of a key ("… permissions to access one of the keys …", "No permissions to access
 * a key"); the user's name may hold any word. */
enum status live_refusal(struct live *live, enum live_command command, struct live_keyed *key,
			 struct str text)
{
	enum status status = redis_error_status(text);
	if (status == STATUS_REDIS_NOPERM && holds(text, STR("permissions to access"))) {
		if (!key->gone)
			live->result->hidden++;
		key->gone = true;
		return STATUS_OK;
	}
	if (str_starts(text, STR("MOVED")) || str_starts(text, STR("ASK ")) ||
	    holds(text, STR("no such key"))) {
		if (!key->gone)
			live->result->vanished++;
		key->gone = true;
		return STATUS_OK;
	}
	if (status == STATUS_REDIS_WRONGTYPE)
		return STATUS_OK; /* it became another key's meanwhile: its value is unknown */
	if (status == STATUS_REDIS_NOPERM || holds(text, STR("unknown command")) ||
	    holds(text, STR("nknown subcommand")) || holds(text, STR("LFU"))) {
		live->refused |= 1U << command;
		count_refusal(live, command, text);
		return STATUS_OK;
	}
	if (status == STATUS_REDIS_ERR && !holds(text, STR("DOWN")) &&
	    !holds(text, STR("TRYAGAIN"))) {
		count_refusal(live, command, text);
		return STATUS_OK;
	}
	return err_set(&live->err, status == STATUS_REDIS_ERR ? STATUS_REDIS_LOADING : status,
		       "%.*s", (int)(text.len < 200 ? text.len : 200), text.ptr);
}

/* ---- SCAN ---- */

static bool is_excluded(const struct live *live, struct str name)
{
	for (size_t i = 0; i < live->config.n_excludes; i++)
		if (glob_matches(live->config.excludes[i], name))
			return true;
	return false;
}

static uint64_t digest_of(const struct live *live, struct str name)
{
	return str_hash(name) ^ (uint64_t)(unsigned)live->database * 0x9e3779b97f4a7c15;
}

static enum status keep_name(struct live *live, struct live_page *page, struct str name)
{
	if (page->count == page->room) {
		size_t room = page->room ? page->room * 2 : 256;
		struct live_keyed *keys =
		    room > LIVE_PAGE_KEYS ? NULL : realloc(page->keys, room * sizeof *keys);
		if (!keys)
			return err_set(&live->err, STATUS_NO_MEMORY, "one SCAN told %zu keys",
				       page->count);
		page->keys = keys;
		page->room = room;
	}
	size_t at = page->names.len;
	buf_str_put(&page->names, name);
	if (page->names.overflow) {
		page->names.overflow = false;
		live->result->unaskable++;
		return STATUS_OK;
	}
	page->keys[page->count++] = (struct live_keyed){ .name_at = at,
							 .name_len = name.len,
							 .digest = digest_of(live, name),
							 .expires_ms = -1,
							 .bytes = -1,
							 .idle_s = -1,
							 .length = -1,
							 .stream = { .added = -1 } };
	return STATUS_OK;
}

static enum status take_name(struct live *live, struct live_page *page,
			     const struct wire_token *token)
{
	struct str name = token->text;
	if (token->number > AUDIT_NAME_MAX) {
		live->result->unaskable++;
	} else if (is_excluded(live, name)) {
		live->result->excluded++;
	} else if (seen_has(&live->seen, digest_of(live, name))) {
		live->result->duplicates++;
	} else {
		return keep_name(live, page, name);
	}
	return STATUS_OK;
}

static enum status not_scan(struct live *live)
{
	return err_set(&live->err, STATUS_REFUSED, "SCAN: the answer is none of SCAN's");
}

enum status live_read_scan(struct live *live, struct live_page *page)
{
	struct wire_token head, token;
	enum status status = wire_next(live->wire, &head);
	if (status)
		return status;
	if (head.type == REDIS_ERROR) {
		status = redis_error_status(head.text);
		bool later = status == STATUS_REDIS_LOADING || status == STATUS_REDIS_MASTERDOWN ||
			     status == STATUS_REDIS_BUSY || holds(head.text, STR("CLUSTERDOWN"));
		return err_set(&live->err, later ? STATUS_REDIS_LOADING : STATUS_REFUSED,
			       "SCAN: %.*s", (int)(head.text.len < 200 ? head.text.len : 200),
			       head.text.ptr);
	}
	if (head.type != REDIS_ARRAY || head.number != 2)
		return not_scan(live);
	status = wire_next(live->wire, &token);
	if (status)
		return status;
	char cursor[LIVE_CURSOR_BYTES];
	if (token.type != REDIS_BULK || str_copy(token.text, cursor, sizeof cursor))
		return not_scan(live);
	status = wire_next(live->wire, &head);
	if (!status && head.type != REDIS_ARRAY)
		return not_scan(live);
	for (int64_t i = 0; i < head.number && !status; i++) {
		status = wire_next(live->wire, &token);
		if (!status)
			status = take_name(live, page, &token);
	}
	if (!status)
		memcpy(live->cursor, cursor, sizeof cursor);
	return status;
}

/* ---- metadata ---- */

static void take_type(struct live *live, struct live_keyed *key, const struct wire_token *token)
{
	if (str_eq(token->text, STR("none")) && !key->gone) {
		key->gone = true;
		live->result->vanished++;
	}
	key->type = audit_type_find(token->text);
	if (key->type == AUDIT_TYPES)
		key->type = AUDIT_MODULE;
}

static void take_meta(struct live *live, struct live_keyed *key, enum live_command command,
		      const struct wire_token *token)
{
	switch (command) {
	case LIVE_IDLETIME:
		if (token->type == REDIS_INTEGER)
			key->idle_s = token->number;
		break;
	case LIVE_TYPE: take_type(live, key, token); break;
	case LIVE_PTTL:
		if (token->type == REDIS_INTEGER && token->number >= 0)
			key->expires_ms = token->number + (live->absolute ? 0 : live->wall_ms);
		break;
	case LIVE_USAGE:
		if (token->type == REDIS_INTEGER)
			key->bytes = token->number;
		break;
	default: key->encoding = audit_encoding_find(token->text);
	}
}

enum status live_read_meta(struct live *live, struct live_keyed *key, uint32_t refused)
{
	struct wire_token token;
	enum status status = STATUS_OK;
	for (enum live_command i = LIVE_IDLETIME; i <= LIVE_ENCODING && !status; i++) {
		if (refused >> i & 1)
			continue;
		status = wire_next(live->wire, &token);
		if (status)
			break;
		if (token.type == REDIS_ERROR) {
			status = live_refusal(live, i, key, token.text);
			continue;
		}
		take_meta(live, key, i, &token);
		status = wire_skip(live->wire, &token);
	}
	if (!status && live->refused >> LIVE_TYPE & 1)
		return err_set(&live->err, STATUS_REFUSED, "the server refuses TYPE: %s",
			       live->result->refused[live->refusal_of[LIVE_TYPE] - 1].why);
	return status;
}

/* ---- before the value: groups of a stream, length of a large collection ---- */

static void keep_group(struct live_page *page, struct live_keyed *key, struct str name)
{
	uint32_t len = (uint32_t)name.len;
	if (key->groups == LIVE_GROUPS_ASKED || name.len > LIVE_GROUP_BYTES)
		return;
	size_t at = page->groups.len;
	buf_put(&page->groups, &len, sizeof len);
	buf_str_put(&page->groups, name);
	if (page->groups.overflow) {
		page->groups.len = at;
		page->groups.overflow = false;
	} else if (key->groups++ == 0) {
		key->groups_at = at;
	}
}

static enum status read_group(struct live *live, struct live_page *page, struct live_keyed *key,
			      int64_t items)
{
	struct wire_token name, value;
	char group[LIVE_GROUP_BYTES + 1];
	struct buf kept = buf_over(group, sizeof group);
	int64_t pending = 0;
	enum status status = STATUS_OK;
	for (int64_t i = 0; i + 1 < items && !status; i += 2) {
		char word[16] = "";
		status = wire_next(live->wire, &name);
		if (status)
			break;
		if (str_copy(name.text, word, sizeof word))
			word[0] = 0;
		status = wire_next(live->wire, &value);
		if (status)
			break;
		if (strcmp(word, "name") == 0)
			buf_str_put(&kept, value.text);
		else if (strcmp(word, "pending") == 0)
			pending = value.number;
		else if (strcmp(word, "consumers") == 0)
			key->stream.consumers += value.number;
		status = wire_skip(live->wire, &value);
	}
	key->stream.groups++;
	key->stream.pending += pending;
	if (!status && pending > 0 && !kept.overflow)
		keep_group(page, key, buf_str(&kept));
	return status;
}

static enum status read_length(struct live *live, struct live_keyed *key, enum live_command command)
{
	struct wire_token token;
	enum status status = wire_next(live->wire, &token);
	if (!status && token.type == REDIS_ERROR)
		return live_refusal(live, command, key, token.text);
	if (!status && token.type == REDIS_INTEGER)
		key->length = token.number;
	return status ? status : wire_skip(live->wire, &token);
}

static enum status read_groups(struct live *live, struct live_page *page, struct live_keyed *key)
{
	struct wire_token head, group;
	key->stream = (struct audit_stream){ .added = -1 };
	key->groups = 0;
	enum status status = wire_next(live->wire, &head);
	if (!status && head.type == REDIS_ERROR)
		return live_refusal(live, LIVE_GROUPS, key, head.text);
	for (int64_t i = 0; !status && head.type == REDIS_ARRAY && i < head.number; i++) {
		status = wire_next(live->wire, &group);
		if (!status && group.type == REDIS_ARRAY)
			status = read_group(live, page, key, group.number);
	}
	return status;
}

enum status live_read_before(struct live *live, struct live_page *page, struct live_keyed *key,
			     uint32_t refused)
{
	enum live_command length = live_length_before(key, refused);
	enum status status = STATUS_OK;
	if (key->gone)
		return STATUS_OK;
	if (length < LIVE_COMMANDS)
		status = read_length(live, key, length);
	if (!status && key->type == AUDIT_STREAM && !(refused >> LIVE_GROUPS & 1))
		status = read_groups(live, page, key);
	return status;
}
