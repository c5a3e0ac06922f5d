/* What a result costs weir's own thread from the frame that was read to the bytes for the
 * server: made of its frame, taken, put into a batch with its terminal's marker, and told
 * durable. The server is a port that only formats the commands and answers at once.
 * Batches of 10 and of 100, each result of another terminal, as 10,000 a second make. */
#include <string.h>

#include "base/check.h"
#include "os/redis_conn.h"
#include "report.h"
#include "store/result_store.h"

enum { TERMINALS = 1000, ROUNDS = 15, RESULTS = 20000, REPLIES_MAX = 16 };

struct reply_due {
	redis_reply_fn fn;
	void *ctx;
	bool exec;
};

/* A server that is always well, and always at once. */
struct null_server {
	struct redis_port port;
	struct buf out;
	struct reply_due due[REPLIES_MAX];
	size_t n_due;
	uint64_t bytes;
};

static enum status null_command(struct redis_port *port, const struct str *argv, size_t argc,
				redis_reply_fn fn, void *ctx)
{
	struct null_server *server = (struct null_server *)port;
	redis_put_command(&server->out, argv, argc);
	CHECK(!server->out.overflow && server->n_due < REPLIES_MAX);
	if (fn)
		server->due[server->n_due++] =
		    (struct reply_due){ fn, ctx, str_eq(argv[0], STR("EXEC")) };
	return STATUS_OK;
}

static size_t null_pending(const struct redis_port *port)
{
	return ((const struct null_server *)port)->out.len;
}

static const struct redis_ops null_ops = { null_command, null_pending };

/* HMGET's four nils do for an array, and EXEC's array is looked through for errors. */
static void answer(struct null_server *server)
{
	static const struct redis_reply nils[4];
	static const struct redis_reply array = { .type = REDIS_ARRAY, .count = 4, .items = nils };
	server->bytes += server->out.len;
	buf_clear(&server->out);
	while (server->n_due > 0) {
		struct reply_due due[REPLIES_MAX];
		size_t count = server->n_due;
		memcpy(due, server->due, count * sizeof due[0]);
		server->n_due = 0;
		for (size_t i = 0; i < count; i++)
			due[i].fn(due[i].ctx, STATUS_OK, &array);
	}
}

struct bench {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct null_server server;
	struct fleet *fleet;
	struct result_store *store;
	uint64_t seqs[TERMINALS], durable, next;
};

static int64_t bench_ns(void *ctx) { return ((struct bench *)ctx)->now_ns; }

static void on_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	(void)slot, (void)epoch_ms, (void)seq;
	((struct bench *)ctx)->durable++;
}

static void on_recorded(void *ctx, uint64_t tag) { (void)ctx, (void)tag; }

static void init(struct bench *bench)
{
	const struct fleet_settings settings = fleet_settings_default();
	*bench = (struct bench){ .now_ns = 1, .timers = timers_create(4096) };
	bench->clock = (struct clock_port){ bench_ns, bench_ns, bench };
	bench->server.port.ops = &null_ops;
	buf_init(&bench->server.out, 16 << 20);
	bench->fleet = fleet_create(TERMINALS, &settings, alerts_create(&(struct alert_hooks){ 0 }),
				    1, &(struct fleet_hooks){ 0 });
	CHECK(bench->fleet);
	for (uint32_t i = 0; i < TERMINALS; i++) {
		struct instance_identity identity = { 0 };
		uint32_t slot;
		snprintf(identity.id, sizeof identity.id, "mt5-%04u", (unsigned)i);
		CHECK(fleet_add(bench->fleet, &identity, &slot) == STATUS_OK);
	}
	const struct result_store_hooks hooks = { on_durable, on_recorded, bench };
	bench->store = result_store_create(&bench->server.port, bench->fleet, bench->timers,
					   &bench->clock, &hooks);
	CHECK(bench->store);
}

static void frame_of(char line[512], uint64_t number)
{
	snprintf(line, 512,
		 "R 16 sid=%llu st=done rc=10009 ord=573338240 deal=%llu pos=573338240 sym=EURUSD "
		 "sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 com=-0.35 swp=0.00 fee=0.00 "
		 "pl=0.00 sv=1784046190412 ex=316 try=1",
		 (unsigned long long)(5629499534213121 + number),
		 (unsigned long long)(391774213 + number));
}

/* ns of a result; reading its frame is not counted. */
static double round_ns(struct bench *bench, uint32_t batch)
{
	double spent = 0;
	for (int done = 0; done < RESULTS; done += (int)batch) {
		static struct mfp_frame frames[128];
		static char lines[128][512];
		struct mfp_fault fault;
		for (uint32_t i = 0; i < batch; i++) {
			frame_of(lines[i], bench->next + i);
			CHECK(mfp_read(str_of(lines[i]), MFP_PEER, &frames[i], &fault) ==
			      STATUS_OK);
		}
		double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		for (uint32_t i = 0; i < batch; i++) {
			uint32_t slot = (uint32_t)(bench->next++ % TERMINALS);
			struct result result;
			const struct result_owner owner = {
				str_of(fleet_at(bench->fleet, slot)->identity.id),
				STR("FPMarketsSC-Live"), 90000001
			};
			CHECK(result_of_frame(&result, &frames[i], &owner, bench->now_ns) ==
			      STATUS_OK);
			CHECK(result_store_take(bench->store, slot, 1784046185431,
						++bench->seqs[slot], &result, 0) == STATUS_OK);
		}
		bench->now_ns += 5000000;
		timers_run(bench->timers, bench->now_ns, 16);
		answer(&bench->server);
		spent += seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
	}
	return spent * 1e9 / RESULTS;
}

int main(void)
{
	static struct bench bench;
	static const uint32_t batches[] = { 10, 100 };
	bool met = true;
	init(&bench);
	round_ns(&bench, 100); /* the rid memory's pages */
	for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
		struct samples samples = { 0 };
		char name[80];
		uint64_t bytes = bench.server.bytes,
			 results = result_store_counts(bench.store).results;
		for (int round = 0; round < ROUNDS; round++)
			samples_add(&samples, round_ns(&bench, batches[i]));
		snprintf(name, sizeof name, "result: frame to bytes, batches of %u", batches[i]);
		double ns = report(name, &samples, "ns");
		met &= report_bound("  of one core at 10,000 results/s", ns * 1e-9 * 10000 * 100,
				    "%", false, 5);
		printf("%-58s %10.1f\n", "  bytes to the server for a result",
		       (double)(bench.server.bytes - bytes) /
			   (double)(result_store_counts(bench.store).results - results));
	}
	CHECK(bench.durable == bench.next);
	return met ? 0 : 1;
}
