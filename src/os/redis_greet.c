#include "base/check.h"
#include "os/redis_conn_impl.h"

static void put_auth(struct redis_conn *conn, struct buf *out)
{
	struct str argv[7] = { STR("HELLO"), STR("2") };
	size_t argc = 2;
	if (conn->config.password) {
		argv[argc++] = STR("AUTH");
		argv[argc++] = str_of(conn->config.user ? conn->config.user : "default");
		argv[argc++] = str_of(conn->config.password);
	}
	argv[argc++] = STR("SETNAME");
	argv[argc++] = str_of(conn->config.name);
	redis_put_command(out, argv, argc);
}

static void put_select(struct redis_conn *conn, struct buf *out)
{
	char number[12];
	struct buf text = buf_over(number, sizeof number);
	buf_i64(&text, conn->config.database);
	struct str argv[2] = { STR("SELECT"), buf_str(&text) };
	redis_put_command(out, argv, 2);
}

/* Replies come one by one; the next greeting command goes when the last was good. */
void redis_greet(struct redis_conn *conn, enum redis_greeting step)
{
	char storage[REDIS_CONN_TEXT_MAX * 4];
	struct buf out = buf_over(storage, sizeof storage);
	if (step == GREET_SELECT && conn->config.database == 0)
		step = GREET_PING;
	if (step == GREET_HELLO)
		put_auth(conn, &out);
	else if (step == GREET_SELECT)
		put_select(conn, &out);
	else
		redis_put_command(&out, &STR("PING"), 1);
	CHECK(!out.overflow);
	conn->greeting = step;
	redis_link_write_now(&conn->link, buf_str(&out));
	explicit_bzero(storage, sizeof storage);
	loop_timer_after(conn->loop, &conn->retry, conn->config.deadline_ns);
}

static void become_ready(struct redis_conn *conn)
{
	timers_cancel(loop_timers(conn->loop), &conn->retry);
	redis_conn_move(conn, REDIS_CONN_READY);
	conn->silent_since_ns = 0;
	conn->hurry_until_ns = 0;
	conn->stats.connects++;
	redis_link_flush_later(&conn->link);
	if (conn->config.on_up)
		conn->config.on_up(conn->config.ctx);
}

static void become_loading(struct redis_conn *conn)
{
	redis_conn_move(conn, REDIS_CONN_LOADING);
	buf_clear(&conn->link.filling);
	redis_conn_end_pending(conn, STATUS_REDIS_LOADING);
	if (conn->state == REDIS_CONN_LOADING)
		loop_timer_after(conn->loop, &conn->retry,
				 conn->hurry_until_ns
				     ? REDIS_CONN_HURRY_NS * 5
				     : backoff_next_ns(&conn->backoff, &conn->rng));
}

static void take_version(struct redis_conn *conn, const struct redis_reply *hello)
{
	for (size_t i = 0; i + 1 < hello->count; i += 2)
		if (str_eq(hello->items[i].text, STR("version")) &&
		    str_copy(hello->items[i + 1].text, conn->version, sizeof conn->version) !=
			STATUS_OK)
			conn->version[0] = 0;
}

static void greeting_refused(struct redis_conn *conn, enum status status, struct str text)
{
	struct err why;
	if (conn->greeting == GREET_HELLO && status == STATUS_REDIS_ERR)
		err_set(&why, STATUS_VERSION, "HELLO: %.*s (Redis 7.0 or newer is needed)",
			STR_ARG(text));
	else
		err_set(&why, status, "%.*s", STR_ARG(text));
	redis_conn_lose(conn, &why);
}

void redis_greet_answer(struct redis_conn *conn, const struct redis_reply *reply)
{
	if (reply->type == REDIS_ERROR) {
		enum status status = redis_error_status(reply->text);
		conn->stats.endings[status]++;
		if (status == STATUS_REDIS_LOADING)
			return become_loading(conn);
		return greeting_refused(conn, status, reply->text);
	}
	if (conn->greeting == GREET_HELLO)
		take_version(conn, reply);
	if (conn->greeting == GREET_PING)
		become_ready(conn);
	else
		redis_greet(conn, conn->greeting + 1);
}
