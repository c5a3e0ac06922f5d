#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

struct redis_reply *fake_reply(enum redis_type type, struct str text)
{
	struct redis_reply *reply = calloc(1, sizeof *reply);
	CHECK(reply);
	reply->type = type;
	reply->text = fake_copy(text);
	return reply;
}

struct redis_reply *fake_reply_error(const char *text)
{
	return fake_reply(REDIS_ERROR, str_of(text));
}

struct redis_reply *fake_reply_ok(void) { return fake_reply(REDIS_STATUS, STR("OK")); }

struct redis_reply *fake_reply_integer(int64_t value)
{
	struct redis_reply *reply = fake_reply(REDIS_INTEGER, (struct str){ 0 });
	reply->integer = value;
	return reply;
}

struct redis_reply *fake_reply_array(size_t count)
{
	struct redis_reply *reply = fake_reply(REDIS_ARRAY, (struct str){ 0 });
	reply->count = count;
	reply->items = calloc(count + 1, sizeof *reply->items);
	CHECK(reply->items);
	return reply;
}

void fake_reply_put(struct redis_reply *array, size_t index, struct redis_reply *item)
{
	CHECK(array->type == REDIS_ARRAY && index < array->count);
	((struct redis_reply *)array->items)[index] = *item;
	free(item);
}

static void free_inside(const struct redis_reply *reply)
{
	for (size_t i = 0; i < reply->count; i++)
		free_inside(&reply->items[i]);
	free((void *)reply->items);
	free((void *)reply->text.ptr);
}

void fake_reply_free(struct redis_reply *reply)
{
	if (!reply)
		return;
	free_inside(reply);
	free(reply);
}
