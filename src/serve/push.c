#include "serve/push.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "serve/push_impl.h"

static const int64_t ms_ns = 1000000, whole_every_ns = INT64_C(60000000000);

const struct push_topic_row *push_topic_row(enum push_kind kind)
{
	static const struct push_topic_row rows[] = {
#define TOPIC(id, route, period_ms, argument, list, key, meaning)                                  \
	{ #id, period_ms, argument, list, key },
#include "def/topics.def"
#undef TOPIC
	};
	CHECK(kind < PUSH_KINDS);
	return &rows[kind];
}

struct str push_argument(const struct push_topic *topic)
{
	struct str name = str_of(topic->name);
	return str_skip(name, str_find_char(name, ':') + 1);
}

/* ---- topics ---- */

int push_find(const struct push *push, struct str name)
{
	for (int i = 0; i < PUSH_TOPICS; i++)
		if (push->topics[i].listeners && str_eq(name, str_of(push->topics[i].name)))
			return i;
	return PUSH_NOT_THERE;
}

/* NULL, or why not. */
static const char *find_kind(const struct push *push, struct str name, enum push_kind *kind)
{
	size_t colon = str_find_char(name, ':');
	struct str word = str_make(name.ptr, colon), argument = str_skip(name, colon + 1);
	for (int i = 0; i < PUSH_KINDS; i++) {
		const struct push_topic_row *row = push_topic_row((enum push_kind)i);
		if (!str_eq(word, str_of(row->name)))
			continue;
		if ((*row->argument != 0) != (argument.len > 0) ||
		    (!*row->argument && colon < name.len))
			return *row->argument ? "this topic needs a colon and what is meant"
					      : "this topic takes nothing behind its name";
		*kind = (enum push_kind)i;
		return push->hooks.check(push->hooks.ctx, *kind, argument);
	}
	return "there is no such topic";
}

/* Not one that is still being rendered for those who left. */
static struct push_topic *take_topic(struct push *push, enum push_kind kind, struct str name)
{
	for (int i = 0; i < PUSH_TOPICS; i++) {
		struct push_topic *topic = &push->topics[i];
		if (topic->listeners || topic->rendering)
			continue;
		if (str_copy(name, topic->name, sizeof topic->name))
			return NULL;
		topic->kind = kind;
		topic->version = 0;
		topic->due_ns = 0;
		topic->rows[0].known = topic->rows[1].known = false;
		buf_clear(&topic->bars[0]);
		buf_clear(&topic->bars[1]);
		return topic;
	}
	return NULL;
}

static struct push_listen *free_listen(struct push_client *client)
{
	for (size_t i = 0; i < PUSH_CLIENT_TOPICS; i++)
		if (client->listens[i].topic == PUSH_NOT_THERE)
			return &client->listens[i];
	return NULL;
}

static bool listens(const struct push_client *client, int topic)
{
	for (size_t i = 0; i < PUSH_CLIENT_TOPICS; i++)
		if (client->listens[i].topic == topic)
			return true;
	return false;
}

const char *push_listen(struct push_client *client, struct str name)
{
	struct push *push = client->push;
	enum push_kind kind = PUSH_now;
	const char *why = find_kind(push, name, &kind);
	int found = why ? PUSH_NOT_THERE : push_find(push, name);
	if (why || (found != PUSH_NOT_THERE && listens(client, found)))
		return why;
	struct push_listen *listen = free_listen(client);
	if (!listen)
		return "16 topics are as many as one may listen to";
	struct push_topic *topic =
	    found != PUSH_NOT_THERE ? &push->topics[found] : take_topic(push, kind, name);
	if (!topic)
		return "too many topics are listened to";
	topic->listeners++;
	*listen = (struct push_listen){ (int)(topic - push->topics), 0 };
	topic->due_ns = 0; /* with the next step */
	return NULL;
}

void push_unlisten(struct push_client *client, int topic)
{
	for (size_t i = 0; i < PUSH_CLIENT_TOPICS; i++) {
		if (client->listens[i].topic != topic)
			continue;
		client->listens[i].topic = PUSH_NOT_THERE;
		client->push->topics[topic].listeners--;
	}
}

/* ---- rendering ---- */

/* Of 4xx: the same would be said again. */
static void refuse(struct push_topic *topic, int code)
{
	struct push *push = topic->push;
	int index = (int)(topic - push->topics);
	for (size_t i = 0; i < PUSH_CLIENTS; i++) {
		struct push_client *client = &push->clients[i];
		if (!client->ws || !listens(client, index))
			continue;
		push_error(client, "%s: there is no such thing (%d)", topic->name, code);
		push_unlisten(client, index);
	}
}

static void keep(struct push_topic *topic, struct str body)
{
	const struct push_topic_row *row = push_topic_row(topic->kind);
	topic->newest = !topic->newest;
	struct buf *text = &topic->text[topic->newest];
	struct push_rows *rows = &topic->rows[topic->newest];
	buf_clear(text);
	buf_str_put(text, body);
	rows->known = false;
	if (*row->list && !text->overflow && push_rows_open(rows))
		push_rows_read(rows, buf_str(text), row->list, row->key);
}

static void on_answer(struct http_call *call, const struct http_reply *reply)
{
	struct push_topic *topic = (struct push_topic *)call;
	topic->rendering = false;
	if (!topic->listeners)
		return;
	if (reply->code >= 400 && reply->code < 500 && reply->code != 429) {
		refuse(topic, reply->code);
	} else if (reply->code == 200) {
		keep(topic, reply->body);
		push_tell(topic);
	}
}

static struct http_ws *no_upgrade(struct http_call *call, const struct http_upgrade *upgrade)
{
	(void)call;
	(void)upgrade;
	return NULL;
}

static const struct http_call_ops call_ops = { on_answer, no_upgrade };

/* Somebody who takes messages now has not all of it. */
static bool is_whole_wanted(const struct push_topic *topic)
{
	const struct push *push = topic->push;
	for (size_t i = 0; i < PUSH_CLIENTS; i++) {
		const struct push_client *client = &push->clients[i];
		for (size_t j = 0; client->ws && !client->is_paused && j < PUSH_CLIENT_TOPICS; j++)
			if (client->listens[j].topic == topic - push->topics &&
			    client->listens[j].version != topic->version)
				return true;
	}
	return false;
}

static bool anybody_takes(const struct push_topic *topic)
{
	const struct push *push = topic->push;
	for (size_t i = 0; i < PUSH_CLIENTS; i++)
		if (push->clients[i].ws && !push->clients[i].is_paused &&
		    listens(&push->clients[i], (int)(topic - push->topics)))
			return true;
	return false;
}

static void render(struct push_topic *topic)
{
	struct push *push = topic->push;
	topic->due_ns = push->now_ns + push_topic_row(topic->kind)->period_ms * ms_ns;
	bool told = topic->kind == PUSH_bars && topic->version;
	if (!anybody_takes(topic)) {
		topic->version += told; /* bars go by unseen: all of it, later */
		return;
	}
	/* Older bars change too: by repairs, and where their sums begin. */
	if (told && push->now_ns - topic->whole_ns >= whole_every_ns)
		topic->version++;
	if (told)
		push_tell_bars(topic);
	if (topic->kind == PUSH_bars && topic->version && !is_whole_wanted(topic))
		return;
	topic->rendering = true;
	push->counts.rendered++;
	push->hooks.render(push->hooks.ctx, topic->kind, push_argument(topic), &topic->call);
}

/* ---- clients ---- */

struct push_client *push_join(struct push *push)
{
	for (size_t i = 0; i < PUSH_CLIENTS; i++) {
		struct push_client *client = &push->clients[i];
		if (client->is_used)
			continue;
		*client = (struct push_client){ .push = push, .is_used = true };
		for (size_t j = 0; j < PUSH_CLIENT_TOPICS; j++)
			client->listens[j].topic = PUSH_NOT_THERE;
		push->counts.clients++;
		return client;
	}
	push->counts.refused++;
	return NULL;
}

void push_leave(struct push_client *client)
{
	for (size_t i = 0; i < PUSH_CLIENT_TOPICS; i++)
		if (client->listens[i].topic != PUSH_NOT_THERE)
			push_unlisten(client, client->listens[i].topic);
	client->ws = NULL;
	client->is_used = false;
	client->push->counts.clients--;
}

static void on_close(void *client, struct http_ws *ws)
{
	(void)ws;
	push_leave(client);
}

struct http_ws_events push_events(struct push_client *client)
{
	return (struct http_ws_events){ push_message, on_close, client };
}

void push_connect(struct push_client *client, struct http_ws *ws) { client->ws = ws; }

void push_close_all(struct push *push, int code, const char *why)
{
	for (size_t i = 0; i < PUSH_CLIENTS; i++)
		if (push->clients[i].ws)
			http_ws_close(push->clients[i].ws, code, why);
}

/* ---- time ---- */

static void cut_those_behind(struct push *push)
{
	for (size_t i = 0; i < PUSH_CLIENTS; i++) {
		struct push_client *client = &push->clients[i];
		if (!client->ws || !client->behind_since_ns ||
		    push->now_ns - client->behind_since_ns < PUSH_CUT_MS * ms_ns)
			continue;
		if (http_ws_unsent(client->ws) <= PUSH_UNSENT_BYTES) {
			client->behind_since_ns = 0;
			continue;
		}
		push->counts.cut++;
		client->behind_since_ns = 0;
		http_ws_cut(client->ws);
	}
}

void push_step(struct push *push, int64_t now_ns, int64_t wall_ms)
{
	push->now_ns = now_ns;
	push->wall_ms = wall_ms;
	if (!push->counts.clients)
		return;
	cut_those_behind(push);
	for (int i = 0; i < PUSH_TOPICS; i++) {
		struct push_topic *topic = &push->topics[i];
		if (topic->listeners && !topic->rendering && topic->due_ns <= now_ns)
			render(topic);
	}
}

/* ---- beginning and end ---- */

struct push *push_create(const struct push_hooks *hooks)
{
	struct push *push = calloc(1, sizeof *push);
	if (!push)
		return NULL;
	push->hooks = *hooks;
	buf_init(&push->whole, PUSH_MESSAGE_BYTES);
	buf_init(&push->change, PUSH_MESSAGE_BYTES);
	for (int i = 0; i < PUSH_TOPICS; i++) {
		struct push_topic *topic = &push->topics[i];
		topic->call.ops = &call_ops;
		topic->push = push;
		for (int j = 0; j < 2; j++) {
			buf_init(&topic->text[j], PUSH_MESSAGE_BYTES);
			buf_init(&topic->bars[j], PUSH_NAME_MAX * 8);
		}
	}
	return push;
}

void push_destroy(struct push *push)
{
	if (!push)
		return;
	CHECK(!push->counts.clients);
	for (int i = 0; i < PUSH_TOPICS; i++)
		for (int j = 0; j < 2; j++) {
			buf_deinit(&push->topics[i].text[j]);
			buf_deinit(&push->topics[i].bars[j]);
			free(push->topics[i].rows[j].rows);
		}
	buf_deinit(&push->whole);
	buf_deinit(&push->change);
	free(push);
}

const struct push_counts *push_counts(const struct push *push) { return &push->counts; }
