#include "fake_redis.h"

#include <stdlib.h>

#include "base/check.h"

enum { SYNC_NS = 1000000000 };

struct fake_redis {
	struct redis_port port; /* first: the port's handle is this */
	struct fake_redis_config config;
	struct timers *timers;
	const struct clock_port *clock;
	struct timer arrive_timer, answer_timer, connect_timer, sync_timer;
	struct fake_redis_counts counts;
	/* the server */
	struct fake_server server;
	bool running, hangs;
	struct queue inbox; /* sent, not executed */
	struct queue late;  /* of connections that are gone, still on their way */
	int64_t straggle_ns;
	int64_t busy_until_ns;
	uint64_t cut_in; /* 0: no cut */
	enum fake_cut cut;
	/* the connection */
	bool connected;
	uint64_t epoch;
	struct queue waiting;  /* accepted before there is a connection */
	struct queue answered; /* executed, reply on its way */
	size_t pending_bytes;
};

static int64_t now_ns(const struct fake_redis *redis) { return clock_monotonic_ns(redis->clock); }

static int64_t wall_ms(const struct fake_redis *redis)
{
	return clock_wall_ns(redis->clock) / 1000000;
}

/* ---- the connection ---- */

/* The queue whose first command arrives next; NULL when both are empty. */
static struct queue *next_arrival(struct fake_redis *redis)
{
	const struct request *now = redis->inbox.first, *late = redis->late.first;
	if (late && (!now || late->arrives_ns < now->arrives_ns))
		return &redis->late;
	return now ? &redis->inbox : NULL;
}

static void arm_arrivals(struct fake_redis *redis)
{
	const struct queue *next = next_arrival(redis);
	if (next && redis->running && !redis->hangs)
		timers_arm(redis->timers, &redis->arrive_timer, next->first->arrives_ns);
}

/* The earliest answer or deadline. */
static void arm_answers(struct fake_redis *redis)
{
	int64_t next_ns = INT64_MAX;
	if (redis->answered.first)
		next_ns = redis->answered.first->answer_ns;
	const struct queue *queues[] = { &redis->answered, &redis->inbox, &redis->waiting };
	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		for (struct request *r = queues[i]->first; r; r = r->next)
			if (r->epoch == redis->epoch) {
				next_ns = r->deadline_ns < next_ns ? r->deadline_ns : next_ns;
				break;
			}
	if (next_ns == INT64_MAX)
		timers_cancel(redis->timers, &redis->answer_timer);
	else
		timers_arm(redis->timers, &redis->answer_timer, next_ns);
}

static void finish(struct fake_redis *redis, struct request *request, enum status status)
{
	redis->pending_bytes -= request->bytes;
	if (request->fn)
		request->fn(request->ctx, status,
			    status == STATUS_TIMEOUT || status == STATUS_CLOSED ||
				    status == STATUS_CANCELLED
				? NULL
				: request->reply);
	request_free(request);
}

static enum status status_of(const struct redis_reply *reply)
{
	static const struct {
		struct str prefix;
		enum status status;
	} known[] = {
		{ { "LOADING ", 8 }, STATUS_REDIS_LOADING },
		{ { "READONLY ", 9 }, STATUS_REDIS_READONLY },
		{ { "OOM ", 4 }, STATUS_REDIS_OOM },
		{ { "MISCONF ", 8 }, STATUS_REDIS_MISCONF },
		{ { "NOPERM ", 7 }, STATUS_REDIS_NOPERM },
		{ { "WRONGTYPE ", 10 }, STATUS_REDIS_WRONGTYPE },
		{ { "EXECABORT ", 10 }, STATUS_REDIS_EXECABORT },
		{ { "NOGROUP ", 8 }, STATUS_REDIS_NOGROUP },
	};
	if (reply->type != REDIS_ERROR)
		return STATUS_OK;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_starts(reply->text, known[i].prefix))
			return known[i].status;
	return STATUS_REDIS_ERR;
}

/* What is on the wire belongs to nobody any more. It stays in the inbox: the server
 * still reads what has arrived. A TIMEOUT is the oldest one's, the rest are CLOSED. */
static void break_connection(struct fake_redis *redis, enum status first)
{
	struct queue orphans;
	if (!redis->connected)
		return;
	redis->connected = false;
	redis->counts.breaks++;
	request_queue_init(&orphans);
	for (struct request *r; (r = request_queue_take(&redis->answered));) {
		redis->counts.unknown_replies++;
		request_queue_put(&orphans, r);
	}
	for (struct request *r = redis->inbox.first; r; r = r->next) {
		if (r->epoch != redis->epoch)
			continue;
		struct request *told = request_make(r->argv, r->argc);
		told->fn = r->fn;
		told->ctx = r->ctx;
		r->fn = NULL;
		request_queue_put(&orphans, told);
	}
	redis->epoch++;
	timers_cancel(redis->timers, &redis->answer_timer);
	timers_arm(redis->timers, &redis->connect_timer,
		   now_ns(redis) + redis->config.reconnect_ns);
	for (struct request *r; (r = request_queue_take(&orphans)); first = STATUS_CLOSED)
		finish(redis, r, first);
	if (redis->config.on_disconnected)
		redis->config.on_disconnected(redis->config.ctx);
}

static void on_answers(void *ctx)
{
	struct fake_redis *redis = ctx;
	int64_t now = now_ns(redis);
	uint64_t epoch = redis->epoch;
	while (redis->answered.first && redis->answered.first->answer_ns <= now) {
		struct request *request = request_queue_take(&redis->answered);
		finish(redis, request, status_of(request->reply));
		if (redis->epoch != epoch)
			return;
	}
	struct request *oldest = redis->answered.first ? redis->answered.first : redis->inbox.first;
	while (oldest && oldest->epoch != redis->epoch)
		oldest = oldest->next;
	if (oldest && oldest->deadline_ns <= now) {
		break_connection(redis, STATUS_TIMEOUT);
		return;
	}
	for (struct request *r = redis->waiting.first; r && r->deadline_ns <= now;
	     r = redis->waiting.first)
		finish(redis, request_queue_take(&redis->waiting), STATUS_TIMEOUT);
	arm_answers(redis);
}

/* True when the cut falls on this command: the connection broke. */
static bool cut_here(struct fake_redis *redis, enum fake_cut cut)
{
	if (redis->cut_in != 1 || redis->cut != cut)
		return false;
	redis->cut_in = 0;
	break_connection(redis, STATUS_CLOSED);
	return true;
}

/* The server's side of a connection that is gone: its transaction, and what of it had
 * not arrived when the cut fell. */
static void forget_unread(struct fake_redis *redis)
{
	struct queue keep;
	request_queue_init(&keep);
	for (struct request *r; (r = request_queue_take(&redis->inbox));) {
		if (r->epoch == redis->epoch) {
			request_queue_put(&keep, r);
		} else if (redis->straggle_ns) {
			r->arrives_ns = now_ns(redis) + redis->straggle_ns;
			request_queue_put(&redis->late, r);
		} else {
			request_free(r);
		}
	}
	if (!redis->straggle_ns)
		fake_server_drop_transaction(&redis->server, redis->epoch - 1);
	redis->straggle_ns = 0;
	request_queue_init(&redis->inbox);
	for (struct request *r; (r = request_queue_take(&keep));)
		request_queue_put(&redis->inbox, r);
}

static void execute(struct fake_redis *redis, struct request *request)
{
	request->reply = fake_server_run(&redis->server, request, wall_ms(redis));
	request->answer_ns = now_ns(redis) + redis->config.latency_ns;
	if (request->epoch != redis->epoch) {
		redis->counts.unknown_replies++;
		request_free(request);
		return;
	}
	request_queue_put(&redis->answered, request);
}

static void on_arrivals(void *ctx)
{
	struct fake_redis *redis = ctx;
	int64_t now = now_ns(redis);
	for (struct queue *next;
	     (next = next_arrival(redis)) && next->first->arrives_ns <= now && redis->running;) {
		if (next == &redis->late) {
			execute(redis, request_queue_take(next));
			continue;
		}
		if (cut_here(redis, FAKE_CUT_BEFORE)) {
			forget_unread(redis);
			break;
		}
		execute(redis, request_queue_take(&redis->inbox));
		if (cut_here(redis, FAKE_CUT_AFTER)) {
			forget_unread(redis);
			break;
		}
		redis->cut_in -= redis->cut_in > 1;
	}
	arm_arrivals(redis);
	arm_answers(redis);
}

static void send_now(struct fake_redis *redis, struct request *request)
{
	int64_t arrives = now_ns(redis) + redis->config.latency_ns;
	if (arrives < redis->busy_until_ns + redis->config.spacing_ns)
		arrives = redis->busy_until_ns + redis->config.spacing_ns;
	redis->busy_until_ns = arrives;
	request->arrives_ns = arrives;
	request->epoch = redis->epoch;
	request_queue_put(&redis->inbox, request);
}

static void on_connect(void *ctx)
{
	struct fake_redis *redis = ctx;
	if (!redis->running) {
		timers_arm(redis->timers, &redis->connect_timer,
			   now_ns(redis) + redis->config.reconnect_ns);
		return;
	}
	redis->connected = true;
	if (redis->config.on_connected)
		redis->config.on_connected(redis->config.ctx);
	for (struct request *r; (r = request_queue_take(&redis->waiting));)
		send_now(redis, r);
	arm_arrivals(redis);
	arm_answers(redis);
}

static enum status port_command(struct redis_port *port, const struct str *argv, size_t argc,
				redis_reply_fn fn, void *ctx)
{
	struct fake_redis *redis = (struct fake_redis *)port;
	struct request *request = request_make(argv, argc);
	if (redis->pending_bytes + request->bytes > redis->config.pending_limit) {
		request_free(request);
		return STATUS_FULL;
	}
	redis->pending_bytes += request->bytes;
	request->fn = fn;
	request->ctx = ctx;
	request->epoch = redis->epoch;
	request->deadline_ns = now_ns(redis) + redis->config.timeout_ns;
	if (redis->connected)
		send_now(redis, request);
	else
		request_queue_put(&redis->waiting, request);
	arm_arrivals(redis);
	arm_answers(redis);
	return STATUS_OK;
}

static size_t port_pending_bytes(const struct redis_port *port)
{
	return ((const struct fake_redis *)port)->pending_bytes;
}

static const struct redis_ops ops = { port_command, port_pending_bytes };

/* ---- faults ---- */

static void on_sync(void *ctx)
{
	struct fake_redis *redis = ctx;
	if (redis->running && !redis->hangs)
		fake_server_sync(&redis->server);
	timers_arm(redis->timers, &redis->sync_timer, now_ns(redis) + SYNC_NS);
}

void fake_redis_fault(struct fake_redis *redis, enum fake_fault fault)
{
	redis->server.fault = fault;
}

void fake_redis_hang(struct fake_redis *redis, bool hangs)
{
	redis->hangs = hangs;
	if (hangs)
		timers_cancel(redis->timers, &redis->arrive_timer);
	arm_arrivals(redis);
}

void fake_redis_cut(struct fake_redis *redis, uint64_t n, enum fake_cut cut)
{
	redis->cut_in = n;
	redis->cut = cut;
}

void fake_redis_straggle(struct fake_redis *redis, int64_t delay_ns)
{
	redis->straggle_ns = delay_ns;
}

void fake_redis_break(struct fake_redis *redis)
{
	if (!redis->connected) /* what straggles of the one before keeps its transaction */
		return;
	break_connection(redis, STATUS_CLOSED);
	forget_unread(redis);
	arm_arrivals(redis);
}

void fake_redis_kill(struct fake_redis *redis)
{
	if (!redis->running)
		return;
	redis->running = false;
	redis->hangs = false;
	redis->counts.kills++;
	timers_cancel(redis->timers, &redis->arrive_timer);
	break_connection(redis, STATUS_CLOSED);
	redis->straggle_ns = 0;
	forget_unread(redis);
	request_queue_clear(&redis->late);
	redis->counts.lost_commands += fake_server_lose(&redis->server);
}

void fake_redis_start(struct fake_redis *redis)
{
	if (redis->running)
		return;
	fake_server_load(&redis->server);
	redis->running = true;
}

void fake_redis_set_latency(struct fake_redis *redis, int64_t latency_ns)
{
	redis->config.latency_ns = latency_ns;
}

/* ---- life ---- */

struct fake_redis *fake_redis_create(const struct fake_redis_config *config, struct timers *timers,
				     const struct clock_port *clock)
{
	struct fake_redis *redis = calloc(1, sizeof *redis);
	CHECK(redis);
	redis->port.ops = &ops;
	redis->config = *config;
	redis->timers = timers;
	redis->clock = clock;
	redis->arrive_timer = (struct timer){ .fn = on_arrivals, .ctx = redis };
	redis->answer_timer = (struct timer){ .fn = on_answers, .ctx = redis };
	redis->connect_timer = (struct timer){ .fn = on_connect, .ctx = redis };
	redis->sync_timer = (struct timer){ .fn = on_sync, .ctx = redis };
	fake_server_init(&redis->server);
	redis->server.sync = config->sync;
	redis->server.maxmemory = config->maxmemory;
	redis->running = true;
	request_queue_init(&redis->inbox);
	request_queue_init(&redis->late);
	request_queue_init(&redis->waiting);
	request_queue_init(&redis->answered);
	timers_arm(timers, &redis->connect_timer, now_ns(redis) + config->latency_ns);
	timers_arm(timers, &redis->sync_timer, now_ns(redis) + SYNC_NS);
	return redis;
}

void fake_redis_abandon(struct fake_redis *redis)
{
	struct queue *queues[] = { &redis->answered, &redis->waiting };
	for (struct request *r = redis->inbox.first; r; r = r->next) {
		redis->pending_bytes -= r->epoch == redis->epoch ? r->bytes : 0;
		r->fn = NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		for (struct request *r; (r = request_queue_take(queues[i])); request_free(r))
			redis->pending_bytes -= r->bytes;
	redis->config.on_connected = redis->config.on_disconnected = NULL;
	redis->connected = false;
	redis->epoch++;
	timers_cancel(redis->timers, &redis->answer_timer);
	timers_arm(redis->timers, &redis->connect_timer,
		   now_ns(redis) + redis->config.reconnect_ns);
}

void fake_redis_on_connected(struct fake_redis *redis, void (*fn)(void *ctx), void *ctx)
{
	redis->config.on_connected = fn;
	redis->config.ctx = ctx;
}

void fake_redis_on_disconnected(struct fake_redis *redis, void (*fn)(void *ctx))
{
	redis->config.on_disconnected = fn;
}

void fake_redis_destroy(struct fake_redis *redis)
{
	if (!redis)
		return;
	struct queue *queues[] = { &redis->answered, &redis->inbox, &redis->waiting };
	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		for (struct request *r; (r = request_queue_take(queues[i]));) {
			if (r->epoch == redis->epoch)
				finish(redis, r, STATUS_CANCELLED);
			else
				request_free(r);
		}
	request_queue_clear(&redis->late);
	struct timer *timers[] = { &redis->arrive_timer, &redis->answer_timer,
				   &redis->connect_timer, &redis->sync_timer };
	for (size_t i = 0; i < ARRAY_LEN(timers); i++)
		timers_cancel(redis->timers, timers[i]);
	fake_server_deinit(&redis->server);
	free(redis);
}

struct redis_port *fake_redis_port(struct fake_redis *redis) { return &redis->port; }

struct fake_server *fake_redis_server(struct fake_redis *redis) { return &redis->server; }

bool fake_redis_connected(const struct fake_redis *redis) { return redis->connected; }
bool fake_redis_running(const struct fake_redis *redis) { return redis->running; }

struct fake_redis_counts fake_redis_counts(const struct fake_redis *redis)
{
	struct fake_redis_counts counts = redis->counts;
	counts.executed = redis->server.counts.executed;
	counts.refused = redis->server.counts.refused;
	return counts;
}

struct redis_reply *fake_redis_peek(struct fake_redis *redis, const struct str *argv, size_t argc)
{
	CHECK(fake_db_flags(argv, argc) == FAKE_KNOWN); /* reads only */
	return fake_db_execute(redis->server.db, argv, argc, wall_ms(redis));
}
