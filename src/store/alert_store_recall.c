/* What fired when weir ended, read back from segment RLS. */
#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "store/alert_store.h"
#include "store/long_text.h"

enum { FIELDS = 6, NUMBER_BYTES = 64 };

struct recall {
	struct redis_port *redis;
	void (*each)(void *ctx, const struct alert_view *alert);
	void (*done)(void *ctx, enum status status);
	void *ctx;
	size_t waited, asked;
	enum status status;
};

/* A hash that is being read. */
struct recalled {
	struct recall *recall;
	struct alert_view view;
};

static void settle(struct recall *recall, enum status status)
{
	if (status && !recall->status)
		recall->status = status;
	if (--recall->waited)
		return;
	recall->done(recall->ctx, recall->status);
	free(recall);
}

static bool read_value(struct str text, double *value)
{
	char storage[NUMBER_BYTES], *end;
	if (!text.len || str_copy(text, storage, sizeof storage))
		return false;
	*value = strtod(storage, &end);
	return *end == 0;
}

static void take_message(struct alert_view *view, struct str message)
{
	if (message.len > ALERT_MESSAGE_MAX)
		message.len = ALERT_MESSAGE_MAX;
	if (message.len)
		memcpy(view->message, message.ptr, message.len);
	view->message[message.len] = 0;
}

/* HMGET st first last val n msg */
static bool read_alert(const struct redis_reply *reply, struct alert_view *view)
{
	if (reply->type != REDIS_ARRAY || reply->count != FIELDS)
		return false;
	const struct redis_reply *field = reply->items;
	int64_t told;
	bool fires = str_eq(field[0].text, STR("firing")) || str_eq(field[0].text, STR("clearing"));
	if (!fires || str_to_i64(field[1].text, &view->first_ms) ||
	    str_to_i64(field[2].text, &view->last_ms) || !read_value(field[3].text, &view->value) ||
	    str_to_i64(field[4].text, &told) || told < 1 || told > UINT32_MAX)
		return false;
	take_message(view, field[5].text);
	view->told = (uint32_t)told;
	view->state = ALERT_FIRING;
	return true;
}

static void tell(struct recalled *recalled, bool good, enum status status)
{
	struct recall *recall = recalled->recall;
	if (good)
		recall->each(recall->ctx, &recalled->view);
	free(recalled);
	settle(recall, status);
}

static void on_message(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct recalled *recalled = ctx;
	take_message(&recalled->view, status ? STR("") : reply->text);
	tell(recalled, !status, status);
}

static void ask_message(struct recalled *recalled)
{
	const struct alert_view *view = &recalled->view;
	struct key key;
	const struct str argv[] = { STR("GET"), key_alert_text(&key, str_of(view->scope),
							       str_of(alert_row(view->rule)->id)) };
	enum status status =
	    redis_command(recalled->recall->redis, argv, ARRAY_LEN(argv), on_message, recalled);
	if (status)
		tell(recalled, false, status);
}

static void on_alert(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct recalled *recalled = ctx;
	bool good = !status && read_alert(reply, &recalled->view);
	if (good && long_text_is_mark(str_of(recalled->view.message)))
		ask_message(recalled);
	else
		tell(recalled, good, status);
}

/* alert:SCOPE:RULE; a scope may have colons, a rule has none. */
static bool read_key(struct str key, struct alert_view *view)
{
	struct str prefix = key_alert_prefix(), rest = str_skip(key, prefix.len);
	size_t colon = rest.len;
	if (!str_starts(key, prefix))
		return false;
	while (colon && rest.ptr[colon - 1] != ':')
		colon--;
	if (!colon || str_copy(str_make(rest.ptr, colon - 1), view->scope, sizeof view->scope))
		return false;
	for (int rule = 0; rule < ALERT_COUNT; rule++) {
		view->rule = (enum alert_rule)rule;
		if (str_eq(str_of(alert_row(view->rule)->id), str_skip(rest, colon)))
			return true;
	}
	return false;
}

static void ask_alert(struct recall *recall, struct str key)
{
	const struct str argv[] = { STR("HMGET"), key,        STR("st"), STR("first"),
				    STR("last"),  STR("val"), STR("n"),  STR("msg") };
	struct recalled *recalled = calloc(1, sizeof *recalled);
	enum status status = recalled ? STATUS_OK : STATUS_NO_MEMORY;
	if (recalled && recall->asked < ALERTS_MAX && read_key(key, &recalled->view)) {
		recalled->recall = recall;
		recall->asked++;
		recall->waited++;
		status = redis_command(recall->redis, argv, ARRAY_LEN(argv), on_alert, recalled);
		if (!status)
			return;
		recall->waited--;
	}
	free(recalled);
	if (status && !recall->status)
		recall->status = status;
}

static void scan(struct recall *recall, struct str cursor);

static void on_keys(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct recall *recall = ctx;
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2))
		status = STATUS_REDIS_PROTOCOL;
	for (size_t i = 0; !status && i < reply->items[1].count; i++)
		ask_alert(recall, reply->items[1].items[i].text);
	if (!status && !str_eq(reply->items[0].text, STR("0")))
		scan(recall, reply->items[0].text);
	settle(recall, status);
}

static void scan(struct recall *recall, struct str cursor)
{
	char storage[KEY_BYTES];
	struct buf pattern = buf_over(storage, sizeof storage);
	buf_str_put(&pattern, key_alert_prefix());
	buf_char(&pattern, '*');
	const struct str argv[] = { STR("SCAN"),       cursor,       STR("MATCH"),
				    buf_str(&pattern), STR("COUNT"), STR("512") };
	enum status status = redis_command(recall->redis, argv, ARRAY_LEN(argv), on_keys, recall);
	recall->waited += !status;
	if (status && !recall->status)
		recall->status = status;
}

void alert_store_recall(struct redis_port *rls,
			void (*each)(void *ctx, const struct alert_view *alert),
			void (*done)(void *ctx, enum status status), void *ctx)
{
	struct recall *recall = calloc(1, sizeof *recall);
	if (!recall) {
		done(ctx, STATUS_NO_MEMORY);
		return;
	}
	*recall = (struct recall){ rls, each, done, ctx, .waited = 1 }; /* this call's own */
	scan(recall, STR("0"));
	settle(recall, STATUS_OK);
}
