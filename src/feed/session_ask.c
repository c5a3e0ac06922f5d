/* Subscribing. Messages go one by one: the next when the answer to the last is there,
 * or does not come. A refused message of several topics is asked for again topic by
 * topic; what a venue says it has subscribed already, it has subscribed. */
#include "base/check.h"
#include "feed/session_impl.h"

static const int64_t second_ns = 1000000000;
enum { ANSWER_MS = 5000 };

void conn_ask_begin(struct conn *conn)
{
	const struct plan_connection *plan = conn->session->config.plan;
	conn->ask.count = conn->asked = conn->alone_to = 0;
	conn->n_sent = 0;
	memset(conn->accepted, 0, sizeof conn->accepted);
	for (size_t i = 0; i < plan->n_topics; i++)
		conn->accepted[plan->topics[i].class]++;
}

/* ---- sending ---- */

/* When the venue's rate allows one more message. */
static int64_t free_ns(const struct conn *conn)
{
	uint64_t most = (uint64_t)conn->session->wire->messages;
	CHECK(most <= SESSION_SENT_MAX);
	return conn->n_sent < most
		   ? 0
		   : conn->sent_ns[(conn->n_sent - most) % SESSION_SENT_MAX] + second_ns;
}

/* A try that failed is counted too: the next one comes when the rate allows it. */
static bool conn_send(struct conn *conn, const struct buf *out, int64_t now_ns)
{
	CHECK(!out->overflow && out->len <= PLAN_MESSAGE_MAX);
	conn->sent_ns[conn->n_sent++ % SESSION_SENT_MAX] = now_ns;
	return conn->ws->ops->send(conn->ws, buf_str(out)) == STATUS_OK;
}

static bool has_more(const struct conn *conn)
{
	return !conn->ask.count && conn->asked < conn->session->config.plan->n_topics;
}

static void ask(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	const struct plan_connection *plan = session->config.plan;
	struct buf out = buf_over(session->out, sizeof session->out);
	size_t count = conn->asked < conn->alone_to ? 1 : plan->n_topics - conn->asked;
	uint64_t id = ++session->next_id;
	count = plan_subscribe(plan, conn->asked, count, id, &out);
	if (!conn_send(conn, &out, now_ns))
		return;
	conn->asked_ns = now_ns;
	conn->ask = (struct conn_ask){ count, id, now_ns + session_patient_ns(session, ANSWER_MS) };
}

static void ping(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	struct buf out = buf_over(session->out, sizeof session->out);
	if (plan_ping(session->config.plan, &out))
		conn_send(conn, &out, now_ns);
	conn->ping_ns = now_ns + session_patient_ns(session, session->wire->ping_ms);
}

static void answered(struct conn *conn, int64_t now_ns)
{
	conn->asked += conn->ask.count;
	conn->ask.count = 0;
	conn->asked_ns = now_ns;
}

void conn_ask_step(struct conn *conn, int64_t now_ns)
{
	/* An answer proves nothing, so its want disproves nothing. */
	if (conn->ask.count && now_ns >= conn->ask.deadline_ns && !conn->session->is_paused)
		answered(conn, now_ns);
	if (now_ns >= conn->ping_ns && now_ns >= free_ns(conn))
		ping(conn, now_ns);
	if (has_more(conn) && now_ns >= free_ns(conn))
		ask(conn, now_ns);
}

int64_t conn_ask_deadline_ns(const struct conn *conn)
{
	int64_t next_ns = has_more(conn) ? 0 : conn->ping_ns;
	if (next_ns < free_ns(conn))
		next_ns = free_ns(conn);
	if (conn->ask.count && conn->ask.deadline_ns < next_ns && !conn->session->is_paused)
		next_ns = conn->ask.deadline_ns;
	return next_ns;
}

/* ---- answers ---- */

static bool holds(struct str text, struct str part)
{
	return text.len && memmem(text.ptr, text.len, part.ptr, part.len);
}

/* The text of member `key` ("\"id\":"), without the quotes of a string; the frame is
 * JSON (the decoder said so), and the first one of that name is the one. */
static bool member(struct str frame, struct str key, struct str *value)
{
	const char *at = memmem(frame.ptr, frame.len, key.ptr, key.len);
	if (!at)
		return false;
	struct str rest = str_skip(frame, (size_t)(at - frame.ptr) + key.len);
	while (rest.len && rest.ptr[0] == ' ')
		rest = str_skip(rest, 1);
	bool is_text = rest.len && rest.ptr[0] == '"';
	rest = str_skip(rest, is_text);
	size_t len = 0;
	while (len < rest.len && (is_text ? rest.ptr[len] != '"' : !strchr(",} ]", rest.ptr[len])))
		len++;
	*value = str_make(rest.ptr, len);
	return true;
}

struct answer {
	bool is_refusal, has_id;
	uint64_t id;
	struct str text; /* the venue's words */
};

/* Bybit: {"success":false,"ret_msg":"…","req_id":"7","op":"subscribe"}; a pong looks
 * the same but for its op. Binance: {"result":null,"id":7}, {"error":{"code":2,"msg":
 * "…"},"id":7}, {"code":2,"msg":"…"}. */
static bool answer_read(struct str frame, struct answer *answer)
{
	struct str op, value;
	*answer = (struct answer){ 0 };
	if (member(frame, STR("\"op\":"), &op) &&
	    (str_eq(op, STR("ping")) || str_eq(op, STR("pong"))))
		return false;
	if (member(frame, STR("\"success\":"), &value))
		answer->is_refusal = !str_eq(value, STR("true"));
	else if (member(frame, STR("\"retCode\":"), &value))
		answer->is_refusal = !str_eq(value, STR("0"));
	else
		answer->is_refusal = !holds(frame, STR("\"result\":"));
	if (!member(frame, STR("\"ret_msg\":"), &answer->text) &&
	    !member(frame, STR("\"retMsg\":"), &answer->text))
		member(frame, STR("\"msg\":"), &answer->text);
	if (member(frame, STR("\"req_id\":"), &value) || member(frame, STR("\"id\":"), &value))
		answer->has_id = str_to_u64(value, &answer->id) == STATUS_OK;
	return true;
}

static void refused(struct conn *conn, const struct answer *answer, int64_t now_ns)
{
	struct session *session = conn->session;
	const struct plan_topic *topic = &session->config.plan->topics[conn->asked];
	if (conn->ask.count > 1) {
		conn->alone_to = conn->asked + conn->ask.count;
		conn->ask.count = 0;
		conn->asked_ns = now_ns;
		session_tell(session, "a message of several topics was refused (%.*s): each alone",
			     (int)(answer->text.len < 100 ? answer->text.len : 100),
			     answer->text.ptr);
		return;
	}
	conn->accepted[topic->class]--;
	session->counts.refused_topics++;
	session_warn(session, "%s was refused: %.*s", topic->text,
		     (int)(answer->text.len < 100 ? answer->text.len : 100), answer->text.ptr);
	answered(conn, now_ns);
}

static void shut_down(struct conn *conn, int64_t now_ns)
{
	if (conn->is_shutdown)
		return;
	conn->is_shutdown = true;
	conn_hasten(conn, now_ns);
	conn->session->counts.shutdowns++;
	session_tell(conn->session, "the venue says it is shutting down");
}

bool conn_take_answer(struct conn *conn, struct str frame, uint32_t events, int64_t now_ns)
{
	struct answer answer;
	if (holds(frame, STR("\"e\":\"serverShutdown\""))) {
		shut_down(conn, now_ns);
		return true;
	}
	if (!(events >> EVENT_ACK & 1) || !conn->ask.count || !answer_read(frame, &answer) ||
	    (answer.has_id && answer.id != conn->ask.id))
		return false;
	bool is_there = conn->ask.count == 1 && holds(answer.text, STR("already subscribed"));
	if (answer.is_refusal && !is_there)
		refused(conn, &answer, now_ns);
	else
		answered(conn, now_ns);
	return true;
}
