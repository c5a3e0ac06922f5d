/* Members of JSON objects, fields of hashes and entries: one list of names and values. */
#include <jansson.h>
#include <stdlib.h>

#include "migrate/moved_impl.h"

void moved_members_add(struct moved_members *members, const struct json_member *member)
{
	if (members->count == members->room) {
		size_t room = members->room ? members->room * 2 : 32;
		struct json_member *at =
		    room > MOVED_MEMBERS_MAX ? NULL : realloc(members->at, room * sizeof *at);
		members->failed |= !at;
		if (!at)
			return;
		members->at = at;
		members->room = room;
	}
	members->at[members->count++] = *member;
}

void moved_members_free(struct moved_members *members)
{
	free(members->at);
	*members = (struct moved_members){ 0 };
}

static void add(void *ctx, const struct json_member *member) { moved_members_add(ctx, member); }

enum json_shape_kind moved_members_read(struct moved_members *members, struct str text)
{
	*members = (struct moved_members){ 0 };
	struct str begin = str_trim(text);
	if (!begin.len || (*begin.ptr != '{' && *begin.ptr != '['))
		return JSON_SHAPE_NONE;
	struct json_shape shape = json_shape_of(text, false, add, members);
	if (!shape.whole || members->failed)
		return JSON_SHAPE_NONE;
	return shape.kind;
}

static bool take_length(struct str *packed, struct str *out)
{
	uint32_t length;
	if (packed->len < sizeof length)
		return false;
	memcpy(&length, packed->ptr, sizeof length);
	*packed = str_skip(*packed, sizeof length);
	if (packed->len < length)
		return false;
	*out = str_make(packed->ptr, length);
	*packed = str_skip(*packed, length);
	return true;
}

bool moved_members_packed(struct moved_members *members, struct str packed)
{
	*members = (struct moved_members){ 0 };
	while (packed.len) {
		struct json_member member = { .scalar = true, .plain = true, .quoted = true };
		if (!take_length(&packed, &member.name) || !take_length(&packed, &member.value))
			return false;
		moved_members_add(members, &member);
	}
	return !members->failed;
}

/* With its quotes jansson reads it as any JSON text. */
struct str moved_value(struct moved *moved, const struct json_member *member)
{
	if (!member->quoted || member->plain || !memchr(member->value.ptr, '\\', member->value.len))
		return member->value;
	json_t *text = json_loadb(member->value.ptr - 1, member->value.len + 2,
				  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	buf_clear(&moved->scratch);
	if (json_is_string(text))
		buf_put(&moved->scratch, json_string_value(text), json_string_length(text));
	else
		moved_fail(moved, STATUS_INVALID, "a JSON text that is none");
	json_decref(text);
	return buf_str(&moved->scratch);
}

const struct json_member *moved_find(const struct moved_members *members, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < members->count; i++)
			if (str_eq_nocase(members->at[i].name, str_of(*names)))
				return &members->at[i];
	return NULL;
}

const struct json_member *moved_named(const struct moved_members *members, const char *from)
{
	for (size_t i = 0; *from == '.' && i < members->count; i++)
		if (str_eq(members->at[i].name, str_of(from + 1)))
			return &members->at[i];
	return NULL;
}

const struct json_member *moved_find_time(struct moved *moved, const struct moved_members *members,
					  int64_t *us, bool *exact)
{
	static const char *const usual[] = {
		"ts",      "time",      "timestamp",  "open_time",  "opentime",   "datetime",
		"date",    "opened_at", "entry_time", "created_at", "updated_at", "last_update",
		"updated", "created",   "event_time", "closed_at",  "t",
	};
	const char *told = moved->key.family->time;
	const struct json_member *member = moved_named(members, told);
	if (member)
		return moved_time(moved_value(moved, member), us, exact) ? member : NULL;
	for (size_t i = 0; !told[0] && i < sizeof usual / sizeof *usual; i++) {
		member = moved_find(members, (const char *const[]){ usual[i], NULL });
		if (member && member->scalar && moved_time(moved_value(moved, member), us, exact))
			return member;
	}
	return NULL;
}
