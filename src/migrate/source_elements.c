#include <stdio.h>

#include "migrate/source_impl.h"

static void put_u32(char *at, size_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (char)(value >> (8 * i));
}

/* An entry's fields and values, each behind its length. */
static struct str entry_fields(const struct redis_reply *list, struct arena *texts)
{
	size_t bytes = 0;
	for (size_t i = 0; i < list->count; i++)
		bytes += 4 + list->items[i].text.len;
	char *at = arena_take(texts, bytes + 1), *begin = at;
	if (!at)
		return (struct str){ 0 };
	for (size_t i = 0; i < list->count; i++) {
		struct str text = list->items[i].text;
		put_u32(at, text.len);
		if (text.len)
			memcpy(at + 4, text.ptr, text.len);
		at += 4 + text.len;
	}
	return str_make(begin, bytes);
}

/* One element of the type's reply; *step replies make it. */
static bool element_at(enum audit_type type, const struct redis_reply *items, size_t left,
		       struct arena *texts, struct audit_element *element, size_t *step)
{
	bool pairs = type == AUDIT_HASH || type == AUDIT_ZSET;
	*step = pairs ? 2 : 1;
	if (left < *step)
		return false;
	*element = (struct audit_element){ 0 };
	switch (type) {
	case AUDIT_HASH:
		element->field = items[0].text;
		element->value = items[1].text;
		return true;
	case AUDIT_ZSET:
		element->value = items[0].text;
		element->field = items[1].text;
		return true;
	case AUDIT_STREAM:
		if (items[0].type != REDIS_ARRAY || items[0].count != 2 ||
		    items[0].items[1].type != REDIS_ARRAY)
			return false;
		element->field = items[0].items[0].text;
		element->value = entry_fields(&items[0].items[1], texts);
		return element->value.ptr != NULL;
	default: element->value = items[0].text; return true;
	}
}

bool source_elements(enum audit_type type, const struct redis_reply *reply, struct arena *texts,
		     struct digesting *sum, struct audit_element **elements, size_t *count)
{
	struct audit_element element, *out = NULL;
	size_t step, n = 0;
	bool failed = false;
	if (reply->type != REDIS_ARRAY)
		return false;
	if (elements) {
		out = arena_take(texts, (reply->count + 1) * sizeof *out);
		if (!out)
			return false;
	}
	for (size_t i = 0; i < reply->count; i += step, n++) {
		if (!element_at(type, reply->items + i, reply->count - i, texts, &element, &step))
			return false;
		digest_element(sum, element.field, element.value);
		if (!out)
			continue;
		out[n].field = arena_copy(texts, element.field, &failed);
		out[n].value = type == AUDIT_STREAM ? element.value
						    : arena_copy(texts, element.value, &failed);
		out[n].score = 0;
	}
	if (elements)
		*elements = out;
	*count = n;
	return !failed;
}

const struct redis_reply *source_member(const struct redis_reply *list, struct str name)
{
	for (size_t i = 0; i + 1 < list->count; i += 2)
		if (str_eq(list->items[i].text, name))
			return &list->items[i + 1];
	return NULL;
}

void source_digest_groups(struct digesting *sum, const struct redis_reply *groups)
{
	for (size_t i = 0; groups->type == REDIS_ARRAY && i < groups->count; i++) {
		const struct redis_reply *name = source_member(&groups->items[i], STR("name"));
		const struct redis_reply *last =
		    source_member(&groups->items[i], STR("last-delivered-id"));
		const struct redis_reply *pending =
		    source_member(&groups->items[i], STR("pending"));
		char text[128];
		int n =
		    snprintf(text, sizeof text, "group %.*s %lld",
			     last && last->text.len < 64 ? (int)last->text.len : 0,
			     last ? last->text.ptr : "", pending ? (long long)pending->integer : 0);
		digest_element(sum, name ? name->text : STR(""), str_make(text, (size_t)n));
	}
}
