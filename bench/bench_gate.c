/* What the gate costs in front of a fleet of 1,000 terminals that send a state and ten
 * results a second each: from the line to the fleet and the owner, and K back. Without
 * sockets and without Redis: the connection takes what is sent and forgets it, the owner
 * takes results and says once for ten of each terminal that they are durable. Beside it
 * what the same lines cost to be read (bench_mfp), and what coming back costs. */
#include <string.h>

#include "base/check.h"
#include "gate/gate.h"
#include "os/secret.h"
#include "report.h"

enum { TERMINALS = 1000, SECONDS = 20, RESULTS = 10 };

struct end {                   /* the other end of a connection */
	struct line_conn conn; /* first */
	void *owner;
	char nonce[33];
	uint64_t seq, acknowledged;
};

static struct {
	int64_t now_ns;
	struct fleet *fleet;
	struct gate *gate;
	struct timers *timers;
	struct end ends[TERMINALS];
	uint64_t results, sent;
} world;

static int64_t read_ns(void *ctx)
{
	(void)ctx;
	return world.now_ns;
}

/* ---- ports and hooks ---- */

static enum status take(struct line_conn *conn, struct str bytes)
{
	struct end *end = (struct end *)conn;
	world.sent += bytes.len;
	if (bytes.ptr[0] == 'B')
		memcpy(end->nonce, strstr(bytes.ptr, "nonce=") + 6, 32);
	if (bytes.ptr[0] == 'K')
		end->acknowledged = strtoull(bytes.ptr + 7, NULL, 10);
	CHECK(bytes.ptr[0] != 'E');
	return STATUS_OK;
}
static void end_it(struct line_conn *conn) { (void)conn; }
static struct str peer_of(const struct line_conn *conn)
{
	(void)conn;
	return STR("127.0.0.1");
}
static void pause_it(struct line_conn *conn, bool paused) { (void)conn, (void)paused; }
static const struct line_ops ops = { take, end_it, peer_of, pause_it };

static enum status on_reliable(void *ctx, const struct instance *instance, int64_t epoch_ms,
			       uint64_t seq, const struct mfp_frame *frame)
{
	(void)ctx, (void)instance, (void)epoch_ms, (void)seq, (void)frame;
	world.results++;
	return STATUS_OK;
}
static void mark(void *ctx, const struct instance *instance, int64_t epoch_ms,
		 struct gate_mark *out)
{
	(void)ctx, (void)instance, (void)epoch_ms, (void)out;
}
static void on_welcome(void *ctx, const struct instance *instance, uint64_t down)
{
	(void)ctx, (void)instance, (void)down;
}
static void on_instance(void *ctx, const struct instance *instance) { (void)ctx, (void)instance; }
static void on_quote(void *ctx, const struct instance *instance, const struct mfp_frame *frame)
{
	(void)ctx, (void)instance, (void)frame;
}
static uint64_t next_down(void *ctx)
{
	(void)ctx;
	return 0;
}

/* ---- the world ---- */

static void make_world(struct tokens *tokens)
{
	static const struct clock_port clock = { read_ns, read_ns, NULL };
	const struct fleet_settings settings = fleet_settings_default();
	const struct gate_hooks hooks = {
		.on_reliable = on_reliable,
		.mark = mark,
		.on_welcome = on_welcome,
		.on_gone = on_instance,
		.on_state = on_instance,
		.on_account = on_instance,
		.on_quote = on_quote,
		.on_removed = on_instance,
		.next_down = next_down,
	};
	const struct gate_config config = {
		.server = "weir/bench",
		.state_ms = 1000,
		.account_ms = 1000,
		.dead_ms = 15000,
		.hello_ns = 10000000000,
		.probe_ns = 5000000000,
		.ack_ns = 5000000,
		.sessions_max = TERMINALS,
	};
	struct alerts *alerts = alerts_create(&(struct alert_hooks){ 0 });
	struct err err;
	world.now_ns = 1784046185LL * 1000000000;
	world.timers = timers_create(GATE_TIMERS);
	world.fleet = fleet_create(TERMINALS, &settings, alerts, 7, &(struct fleet_hooks){ 0 });
	world.gate = gate_create(&config, world.fleet, world.timers, &clock, &hooks);
	CHECK(world.gate && gate_set_tokens(world.gate, tokens, &err) == STATUS_OK);
}

static struct tokens *make_tokens(void)
{
	struct tokens *tokens = tokens_create();
	for (int i = 0; i < TERMINALS; i++) {
		struct token token = { .secret = STR("a-token-for-the-bench") };
		snprintf(token.identity.id, sizeof token.identity.id, "t-%04d", i);
		CHECK(tokens_add(tokens, &token) == STATUS_OK);
	}
	return tokens;
}

static void tell(struct end *end, struct str line)
{
	gate_line_events(world.gate).on_line(end->owner, line);
}

static void come(int i)
{
	struct end *end = &world.ends[i];
	const struct line_events events = gate_line_events(world.gate);
	char line[512], text[128], mac[33];
	uint8_t bytes[SECRET_MAC_BYTES];
	end->conn.ops = &ops;
	end->owner = events.on_open(events.ctx, &end->conn);
	int len = snprintf(text, sizeof text, "%s|t-%04d|1784046185431", end->nonce, i);
	CHECK(secret_mac(STR("a-token-for-the-bench"), str_make(text, (size_t)len), bytes) ==
	      STATUS_OK);
	secret_print_hex(bytes, 16, mac);
	len = snprintf(line, sizeof line,
		       "H 0 v=1 id=t-%04d ep=1784046185431 mac=%s login=%d srv=FPMarketsSC-Live "
		       "cur=USD mm=hedge tm=real lev=500 bld=6090 ea=1.0.0 off=10800 dn=0 "
		       "ph=0000000000000000 n=0",
		       i, mac, 90000001 + i);
	tell(end, str_make(line, (size_t)len));
}

static double come_us(void)
{
	const struct line_events events = gate_line_events(world.gate);
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < TERMINALS; i++)
		come(i);
	double us = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e6 / TERMINALS;
	CHECK(gate_counts(world.gate).live == TERMINALS);
	for (int i = 0; i < TERMINALS; i++)
		events.on_close(world.ends[i].owner, STATUS_CLOSED);
	return us;
}

static void step(int64_t ns)
{
	world.now_ns += ns;
	timers_run(world.timers, world.now_ns, SIZE_MAX);
}

static struct str state_line(char storage[512])
{
	int len = snprintf(storage, 512,
			   "S 0 t=%lld con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=212 "
			   "memp=16298 disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 dn=88123 "
			   "ph=0000000000000000 n=0",
			   (long long)(world.now_ns / 1000000));
	return str_make(storage, (size_t)len);
}

static struct str result_line(char storage[512], uint64_t seq)
{
	int len = snprintf(storage, 512,
			   "R %llu sid=5629499534213121 st=done rc=10009 ord=573338240 "
			   "deal=391774213 pos=573338240 sym=EURUSD sd=buy vol=0.10 rq=1.08512 "
			   "px=1.08514 slp=2.0 com=-0.35 swp=0.00 fee=0.00 pl=0.00 "
			   "sv=1784046190412 ex=316 try=1",
			   (unsigned long long)seq);
	return str_make(storage, (size_t)len);
}

/* CPU seconds of one second's states, and of its results with their K. */
static void one_second(double *states, double *results, double *timers)
{
	char line[512];
	double at = seconds_of(CLOCK_THREAD_CPUTIME_ID), then;
	struct str state = state_line(line);
	for (int i = 0; i < TERMINALS; i++)
		tell(&world.ends[i], state);
	then = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	*states += then - at;
	for (int i = 0; i < TERMINALS; i++) {
		struct end *end = &world.ends[i];
		for (int n = 0; n < RESULTS; n++)
			tell(end, result_line(line, ++end->seq));
		gate_durable(world.gate, fleet_find(world.fleet, str_of("t-0000")) + (uint32_t)i,
			     1784046185431, end->seq);
		CHECK(end->acknowledged == end->seq);
	}
	at = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	*results += at - then;
	for (int ms = 0; ms < 1000; ms += 10)
		step(10000000);
	*timers += seconds_of(CLOCK_THREAD_CPUTIME_ID) - at;
}

/* What writing the lines themselves costs here: it is taken off. */
static double write_ns(void)
{
	char line[512];
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t i = 1; i <= 100000; i++)
		world.sent += result_line(line, i).len;
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / 100000;
}

int main(void)
{
	struct samples hello = { 0 }, state = { 0 }, result = { 0 }, timer = { 0 };
	struct tokens *tokens = make_tokens();
	make_world(tokens);
	for (int round = 0; round < 9; round++)
		samples_add(&hello, come_us());
	for (int i = 0; i < TERMINALS; i++)
		come(i);
	double writing_ns = write_ns(), all = 0;
	for (int i = 0; i < SECONDS; i++) {
		double states = 0, results = 0, timers = 0;
		one_second(&states, &results, &timers);
		results -= writing_ns * 1e-9 * TERMINALS * RESULTS;
		samples_add(&state, states * 1e9 / TERMINALS);
		samples_add(&result, results * 1e9 / (TERMINALS * RESULTS));
		samples_add(&timer, timers * 1e3);
		all += (states + results + timers) / SECONDS;
	}
	report("coming in: banner, hello, mac, welcome", &hello, "us");
	report("a state, to the fleet", &state, "ns");
	report("a result, to the owner, with its part of K", &result, "ns");
	report("timers of a second: figures to the fleet", &timer, "ms");
	CHECK(world.results == (uint64_t)TERMINALS * RESULTS * SECONDS);
	return report_bound("1,000 terminals, 1 S and 10 R a second: of one core", all * 100, "%",
			    false, 5)
		   ? 0
		   : 1;
}
