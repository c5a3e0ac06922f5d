/* Watchdogs. A class has a deadline: of its first data from the last progress of
 * subscribing on, of its next data from the last one on. Frames only move times; the
 * timer that was armed for an older time finds out and is armed again. */
#include "base/check.h"
#include "feed/session_impl.h"

static const struct plan_class *class_of(const struct conn *conn, unsigned class)
{
	return &conn->session->config.plan->classes[class];
}

/* What the frames of a class hold. Funding comes with the mark price at Binance and
 * with the ticker at Bybit: it proves neither. */
static const uint32_t events_of[STREAM_CLASSES] = {
	[STREAM_TRADES] = 1u << EVENT_TRADE, [STREAM_BOOK] = 1u << EVENT_BOOK,
	[STREAM_MARK] = 1u << EVENT_MARK,    [STREAM_TICKER] = 1u << EVENT_TICKER,
	[STREAM_KLINES] = 1u << EVENT_KLINE, [STREAM_LIQUIDATIONS] = 1u << EVENT_LIQUIDATION,
	[STREAM_DEPTH] = 1u << EVENT_DEPTH,
};

void conn_watch_begin(struct conn *conn, int64_t now_ns)
{
	const struct session *session = conn->session;
	int64_t life_ns = session->wire->life_ms * 1000 * session->config.patience;
	struct rng *rng = &conn->session->rng;
	conn->opened_ns = conn->heard_ns = conn->asked_ns = now_ns;
	conn->old_ns = now_ns + life_ns - (int64_t)rng_below(rng, (uint64_t)life_ns / 32 + 1);
	conn->ping_ns = session->wire->ping_ms
			    ? now_ns + session_patient_ns(session, session->wire->ping_ms)
			    : SESSION_NEVER;
	conn->healthy_ns = 0;
	conn->silent = 0;
	memset(conn->class_ns, 0, sizeof conn->class_ns);
}

bool conn_watch_frame(struct conn *conn, uint32_t events, int64_t now_ns)
{
	struct session *session = conn->session;
	uint32_t news = 0;
	for (unsigned i = 0; i < STREAM_CLASSES; i++) {
		if (!(events & events_of[i]) || !class_of(conn, i)->used)
			continue;
		news |= (uint32_t)(conn->class_ns[i] == 0) << i;
		conn->class_ns[i] = session->last_ns[i] = now_ns;
		session->fed |= 1u << i;
		if (conn->silent >> i & 1) {
			news |= 1u << i;
			conn->silent &= ~(1u << i);
			conn->healthy_ns = conn->state == CONN_LIVE && !conn->silent ? now_ns : 0;
		}
	}
	return news;
}

static int64_t class_deadline_ns(const struct conn *conn, unsigned class)
{
	const struct plan_class *plan = class_of(conn, class);
	bool has_come = conn->class_ns[class] != 0;
	int64_t wait_ns = has_come || !plan->first_ns ? plan->stale_ns : plan->first_ns;
	if (!conn->accepted[class] || conn->silent >> class & 1 || !wait_ns)
		return SESSION_NEVER;
	return (has_come ? conn->class_ns[class] : conn->asked_ns) + wait_ns;
}

uint32_t conn_watch_silence(struct conn *conn, int64_t now_ns)
{
	uint32_t fresh = 0;
	if (conn->session->is_paused)
		return 0;
	for (unsigned i = 0; i < STREAM_CLASSES; i++)
		if (now_ns >= class_deadline_ns(conn, i))
			fresh |= 1u << i;
	conn->silent |= fresh;
	return fresh;
}

static size_t accepted(const struct conn *conn)
{
	size_t topics = 0;
	for (unsigned i = 0; i < STREAM_CLASSES; i++)
		topics += conn->accepted[i];
	return topics;
}

bool conn_is_refused(const struct conn *conn) { return !accepted(conn); }

static bool is_answered(const struct conn *conn)
{
	return conn->asked == conn->session->config.plan->n_topics && !conn_is_refused(conn);
}

/* The class has come, or nobody can say when it should. */
static bool is_proved(const struct conn *conn, unsigned class)
{
	return conn->class_ns[class] || !class_of(conn, class)->first_ns;
}

uint32_t conn_lacking(const struct conn *conn)
{
	uint32_t lacking = 0;
	for (unsigned i = 0; i < STREAM_CLASSES; i++) {
		bool flows = is_proved(conn, i) && !(conn->silent >> i & 1);
		lacking |= (uint32_t)(conn->accepted[i] && !flows) << i;
	}
	return lacking;
}

bool conn_is_complete(const struct conn *conn) { return is_answered(conn) && !conn_lacking(conn); }

bool conn_is_mute(const struct conn *conn)
{
	if (conn_is_refused(conn))
		return false;
	for (unsigned i = 0; i < STREAM_CLASSES; i++) {
		bool should_come = class_of(conn, i)->first_ns || class_of(conn, i)->stale_ns;
		if (conn->accepted[i] && should_come && !(conn_lacking(conn) >> i & 1))
			return false;
	}
	return true;
}

uint32_t conn_flowing(const struct conn *conn)
{
	return conn_is_open(conn) && is_answered(conn) ? ~conn_lacking(conn) : 0;
}

static int64_t death_ns(const struct conn *conn)
{
	const struct session *session = conn->session;
	if (!session->wire->ping_ms)
		return SESSION_NEVER;
	return conn->heard_ns + session_patient_ns(session, session->wire->ping_ms) * 5 / 2;
}

bool conn_is_dead(const struct conn *conn, int64_t now_ns)
{
	return !conn->session->is_paused && now_ns >= death_ns(conn);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t conn_deadline_ns(const struct conn *conn)
{
	int64_t next_ns = conn_ask_deadline_ns(conn);
	if (conn->session->is_paused)
		return next_ns;
	for (unsigned i = 0; i < STREAM_CLASSES; i++)
		next_ns = earlier(next_ns, class_deadline_ns(conn, i));
	return earlier(next_ns, death_ns(conn));
}

void conn_watch_skip(struct conn *conn, int64_t ns)
{
	conn->heard_ns += ns;
	conn->asked_ns += ns;
	conn->healthy_ns += conn->healthy_ns ? ns : 0;
	conn->ask.deadline_ns += ns;
	for (unsigned i = 0; i < STREAM_CLASSES; i++)
		conn->class_ns[i] += conn->class_ns[i] ? ns : 0;
}

void classes_print(struct buf *buf, uint32_t classes)
{
	const char *between = "";
	for (unsigned i = 0; i < STREAM_CLASSES; i++) {
		if (!(classes >> i & 1))
			continue;
		buf_printf(buf, "%s%s", between, stream_class_text((enum stream_class)i));
		between = ", ";
	}
}
