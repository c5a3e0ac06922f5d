/* Messages: made once, sent to all who listen. */
#include <stdarg.h>
#include <stdio.h>

#include "serve/push_impl.h"

void push_error(struct push_client *client, const char *format, ...)
{
	char why[320], storage[2048];
	struct buf out = buf_over(storage, sizeof storage);
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	buf_put(&out, "{\"error\":", 9);
	buf_json_str(&out, str_of(why));
	buf_char(&out, '}');
	client->push->counts.errors++;
	/* One that takes nothing is told nothing. */
	if (http_ws_unsent(client->ws) <= PUSH_UNSENT_BYTES &&
	    http_ws_send(client->ws, buf_str(&out)))
		client->push->counts.skipped++;
}

bool push_is_held(struct push_client *client)
{
	struct push *push = client->push;
	if (!client->ws || client->is_paused)
		return true;
	if (http_ws_unsent(client->ws) <= PUSH_UNSENT_BYTES) {
		client->behind_since_ns = 0;
		return false;
	}
	push->counts.skipped++;
	if (!client->behind_since_ns)
		client->behind_since_ns = push->now_ns;
	return true;
}

/* ---- to those who listen ---- */

static struct push_listen *listen_of(struct push_client *client, int topic)
{
	for (size_t i = 0; i < PUSH_CLIENT_TOPICS; i++)
		if (client->listens[i].topic == topic)
			return &client->listens[i];
	return NULL;
}

static int index_of(const struct push_topic *topic) { return (int)(topic - topic->push->topics); }

static void begin_message(const struct push_topic *topic, struct buf *out)
{
	buf_clear(out);
	buf_put(out, "{\"topic\":", 9);
	buf_json_str(out, str_of(topic->name));
	buf_put(out, ",\"t_ms\":", 8);
	buf_i64(out, topic->push->wall_ms);
	buf_char(out, ',');
}

static struct str whole_message(const struct push_topic *topic)
{
	struct buf *out = &topic->push->whole;
	begin_message(topic, out);
	buf_put(out, "\"data\":", 7);
	buf_str_put(out, buf_str(&topic->text[topic->newest]));
	buf_char(out, '}');
	return out->overflow || topic->text[topic->newest].overflow ? STR("") : buf_str(out);
}

/* "" : there is none to be made. */
static struct str change_message(const struct push_topic *topic)
{
	const struct push_topic_row *row = push_topic_row(topic->kind);
	struct buf *out = &topic->push->change;
	int newest = topic->newest;
	if (!*row->list || !topic->rows[0].known || !topic->rows[1].known)
		return STR("");
	begin_message(topic, out);
	push_rows_put(&topic->rows[!newest], buf_str(&topic->text[!newest]), &topic->rows[newest],
		      buf_str(&topic->text[newest]), out);
	buf_char(out, '}');
	return out->overflow ? STR("") : buf_str(out);
}

static void send_to(struct push_client *client, struct push_listen *listen, uint64_t version,
		    struct str message, uint64_t *count)
{
	if (http_ws_send(client->ws, message)) {
		client->push->counts.skipped++;
		return;
	}
	listen->version = version;
	++*count;
}

static void tell_too_long(struct push_client *client, struct push_topic *topic)
{
	push_error(client, "%s: longer than a message may be", topic->name);
	push_unlisten(client, index_of(topic));
}

/* Each message is made with the first client that needs it. */
void push_tell(struct push_topic *topic)
{
	struct push *push = topic->push;
	struct str whole = { 0 }, change = { 0 };
	uint64_t version = ++topic->version;
	topic->whole_ns = push->now_ns;
	bool tried = false;
	for (size_t i = 0; i < PUSH_CLIENTS; i++) {
		struct push_client *client = &push->clients[i];
		struct push_listen *listen = client->ws ? listen_of(client, index_of(topic)) : NULL;
		if (!listen || push_is_held(client))
			continue;
		if (topic->kind == PUSH_bars && listen->version && listen->version == version - 1) {
			listen->version = version; /* it has had each bar */
			continue;
		}
		if (listen->version && listen->version == version - 1 && !tried) {
			change = change_message(topic);
			tried = true;
		}
		if (listen->version && listen->version == version - 1 && change.len) {
			send_to(client, listen, version, change, &push->counts.changes);
			continue;
		}
		if (!whole.ptr)
			whole = whole_message(topic);
		if (whole.len)
			send_to(client, listen, version, whole, &push->counts.whole);
		else
			tell_too_long(client, topic);
	}
}

/* ---- bars ---- */

static struct str bar_message(struct push_topic *topic, struct str bar)
{
	struct buf *out = &topic->push->change;
	begin_message(topic, out);
	buf_put(out, "\"bar\":", 6);
	buf_str_put(out, bar);
	buf_char(out, '}');
	return buf_str(out);
}

static void send_bar(struct push_topic *topic, struct str bar)
{
	struct push *push = topic->push;
	struct str message = bar_message(topic, bar);
	for (size_t i = 0; i < PUSH_CLIENTS; i++) {
		struct push_client *client = &push->clients[i];
		struct push_listen *listen = client->ws ? listen_of(client, index_of(topic)) : NULL;
		if (!listen || !listen->version)
			continue;
		if (push_is_held(client) || http_ws_send(client->ws, message))
			listen->version = 0; /* it has missed one: all of it, later */
		else
			push->counts.changes++;
	}
}

static struct str closed_first(struct push_topic *topic, int back, struct buf *bar)
{
	const struct push_hooks *hooks = &topic->push->hooks;
	buf_clear(bar);
	return hooks->bar(hooks->ctx, push_argument(topic), back, bar) && !bar->overflow
		   ? buf_str(bar)
		   : STR("");
}

/* The one before the newest may have changed still: what it was when it closed. */
void push_tell_bars(struct push_topic *topic)
{
	char storage[1024];
	topic->push->counts.rendered++;
	for (int back = 1; back >= 0; back--) {
		struct buf bar = buf_over(storage, sizeof storage);
		struct str now = closed_first(topic, back, &bar);
		if (!now.len || str_eq(now, buf_str(&topic->bars[back])))
			continue;
		buf_clear(&topic->bars[back]);
		buf_str_put(&topic->bars[back], now);
		send_bar(topic, now);
	}
}
