/* bench_ws - from the venues' sockets to updated windows: four WebSockets on loopback,
 * one a venue and kind, 20 symbols each, from a process on another core into the
 * client (os/ws.h), ingest and markets on this one.
 *
 * At full speed, plain, over TLS, and as the bare limit the same bytes with read() and
 * the shortest frame splitter there can be, into the same ingest and markets: frames a
 * second by the wall, and CPU time of the receiving thread a frame. The ratio is the
 * median of the ratios within the rounds; the rounds are interleaved.
 * Paced at 20,000 frames/s with gaps as of unrelated traders: the time from the moment
 * recv() gave the bytes of a frame (taken around the call itself, in this program)
 * until its window is updated, and, for information, from the sender's send() on.
 * Exit 1 when a bound is missed. */
#include "codec/decoder.h"
#include "feed/ingest.h"
#include "os/ws.h"
#include "report.h"
#include "../tests/ws_cert.h"
#include "ws_sender.h"

enum {
	ROUNDS = 5,
	FRAMES = 300000,
	PACED_ROUNDS = 3,
	PACED_RATE = 20000,
	PACED_FRAMES = 60000,
	BARE_BUFFER = 64 * 1024,
};

static struct ws_streams streams;
static int64_t read_ns; /* when recv() last gave something */
static int64_t waits_ns[PACED_ROUNDS * PACED_FRAMES + STREAMS],
    ways_ns[PACED_ROUNDS * PACED_FRAMES + STREAMS];
static size_t paced_count;

/* libwebsockets' call finds this one first. */
ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	ssize_t n = recvfrom(fd, buffer, size, flags, NULL, NULL);
	if (n > 0)
		read_ns = sender_now_ns();
	return n;
}

static double resident_kib(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file && fscanf(file, "%lu %lu", &size, &resident) == 2);
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* ---- a run ---- */

struct run;

struct line { /* one connection here */
	struct run *run;
	struct ws_client *client;
	int index;
	size_t got;
};

struct run {
	struct ws_sender sender;
	const char *ca_file;
	struct markets *markets;
	struct ingest *ingest;
	struct line lines[STREAMS];
	size_t got, wanted;
	int open;
	bool all_open, done, is_closed;
	double wall, cpu; /* seconds, from the word "go" to the last frame */
	double grown_kib; /* after the first tenth */
	double resident_kib;
	uint64_t trades;
};

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	(void)ctx, (void)market, (void)trade;
}

static void run_init(struct run *run, size_t frames, double per_second, SSL_CTX *tls,
		     const char *ca_file)
{
	const struct market_config config = { .whale_quote = 500000 };
	const struct ingest_hooks hooks = { .on_trade = on_trade };
	*run = (struct run){ .ca_file = ca_file };
	run->sender = (struct ws_sender){
		.streams = &streams, .per_second = per_second, .tls = tls, .core = 1
	};
	for (int i = 0; i < STREAMS; i++) {
		size_t share = streams.at[i].count * frames / streams.count;
		run->sender.frames[i] = share;
		run->wanted += share;
	}
	run->markets = markets_create(&config);
	run->ingest = ingest_create(run->markets, &hooks);
	CHECK(run->markets && run->ingest);
	sender_start(&run->sender);
}

static void run_deinit(struct run *run)
{
	for (size_t i = 0; i < markets_count(run->markets); i++)
		run->trades += market_counts(markets_at(run->markets, i))->trades;
	CHECK(run->got == run->wanted && run->trades >= run->wanted * 9 / 10);
	sender_stop(&run->sender);
	ingest_destroy(run->ingest);
	markets_destroy(run->markets);
}

static void start_clock(struct run *run)
{
	run->wall = -seconds_of(CLOCK_MONOTONIC);
	run->cpu = -seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

static void note_latency(struct run *run, const struct line *line)
{
	int64_t now_ns = sender_now_ns();
	waits_ns[paced_count] = now_ns - read_ns;
	ways_ns[paced_count++] = now_ns - run->sender.sent_ns[line->index][line->got];
}

/* The way of a frame, the same for all. */
static inline void take_frame(struct line *line, struct str frame)
{
	struct run *run = line->run;
	const struct ws_stream *stream = &streams.at[line->index];
	ingest_frame(run->ingest, stream->venue, stream->kind, frame);
	if (run->sender.per_second > 0)
		note_latency(run, line);
	line->got++;
	if (++run->got == run->wanted / 10)
		run->resident_kib = resident_kib();
	if (run->got < run->wanted)
		return;
	run->wall += seconds_of(CLOCK_MONOTONIC);
	run->cpu += seconds_of(CLOCK_THREAD_CPUTIME_ID);
	run->grown_kib = resident_kib() - run->resident_kib;
	run->done = true;
}

/* ---- through the client ---- */

static void on_open(void *ctx)
{
	struct line *line = ctx;
	line->run->all_open = ++line->run->open == STREAMS;
}

static void on_message(void *ctx, struct str message, int64_t received_ns)
{
	(void)received_ns;
	take_frame(ctx, message);
}

static void on_close(void *ctx, int code, struct str reason)
{
	struct line *line = ctx;
	if (!line->run->done) {
		printf("a connection ended: %d, %.*s\n", code, STR_ARG(reason));
		exit(2);
	}
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void open_lines(struct run *run, struct ws_maker *maker)
{
	for (int i = 0; i < STREAMS; i++) {
		struct line *line = &run->lines[i];
		struct ws_events events = { on_open, on_message, on_close, line };
		char url[64];
		*line = (struct line){ .run = run, .index = i };
		line->client = maker->create(maker->ctx);
		snprintf(url, sizeof url, "%s://127.0.0.1:%u/%d", run->sender.tls ? "wss" : "ws",
			 run->sender.port, i);
		CHECK(line->client->ops->open(line->client, url, &events) == STATUS_OK);
	}
}

static void run_client(struct run *run)
{
	const int64_t patience_ns = 60 * 1000000000LL;
	const struct ws_config config = { .ca_file = run->ca_file };
	struct loop *loop;
	struct ws_context *context;
	struct err err = { 0 };
	CHECK(loop_create(4 * STREAMS, &loop, &err) == STATUS_OK);
	CHECK(ws_context_create(loop, &config, &context, &err) == STATUS_OK);
	struct ws_maker maker = ws_context_maker(context);
	open_lines(run, &maker);
	CHECK(loop_turn_until(loop, &run->all_open, patience_ns));
	for (int i = 0; i < STREAMS; i++)
		CHECK(run->lines[i].client->ops->send(run->lines[i].client, STR("go")) ==
		      STATUS_OK);
	start_clock(run);
	CHECK(loop_turn_until(loop, &run->done, patience_ns));
	for (int i = 0; i < STREAMS; i++)
		maker.destroy(maker.ctx, run->lines[i].client);
	ws_context_close(context, set_flag, &run->is_closed);
	CHECK(loop_turn_until(loop, &run->is_closed, patience_ns));
	loop_destroy(loop);
}

/* ---- the bare limit ---- */

struct bare {
	int fd;
	size_t len;
	unsigned char bytes[BARE_BUFFER + DECODE_PADDING];
};

static struct bare bares[STREAMS];

static void bare_say(int fd, const void *bytes, size_t len)
{
	CHECK(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void bare_open(struct run *run, int index)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(run->sender.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char request[200], answer[300];
	size_t len = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	snprintf(
	    request, sizeof request,
	    "GET /%d HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n",
	    index);
	bare_say(fd, request, strlen(request));
	do {
		ssize_t n = read(fd, answer + len, sizeof answer - 1 - len);
		CHECK(n > 0);
		len += (size_t)n;
		answer[len] = 0;
	} while (!strstr(answer, "\r\n\r\n"));
	bares[index] = (struct bare){ .fd = fd };
	run->lines[index] = (struct line){ .run = run, .index = index };
}

/* Whole frames of the buffer; the rest moves to its front. */
static void bare_split(struct line *line, struct bare *bare)
{
	size_t at = 0;
	while (bare->len - at >= 4) {
		const unsigned char *p = bare->bytes + at;
		size_t head = p[1] < 126 ? 2 : 4;
		size_t len = p[1] < 126 ? p[1] : (size_t)(p[2] << 8 | p[3]);
		if (bare->len - at < head + len)
			break;
		take_frame(line, str_make((const char *)p + head, len));
		at += head + len;
	}
	bare->len -= at;
	memmove(bare->bytes, bare->bytes + at, bare->len);
}

static void run_bare(struct run *run)
{
	struct pollfd polls[STREAMS];
	for (int i = 0; i < STREAMS; i++) {
		bare_open(run, i);
		polls[i] = (struct pollfd){ .fd = bares[i].fd, .events = POLLIN };
	}
	for (int i = 0; i < STREAMS; i++)
		bare_say(bares[i].fd, "\x81\x82\0\0\0\0go", 8);
	start_clock(run);
	while (!run->done) {
		CHECK(poll(polls, STREAMS, 20000) > 0);
		for (int i = 0; i < STREAMS; i++) {
			if (!polls[i].revents)
				continue;
			ssize_t n = read(bares[i].fd, bares[i].bytes + bares[i].len,
					 BARE_BUFFER - bares[i].len);
			CHECK(n > 0);
			bares[i].len += (size_t)n;
			bare_split(&run->lines[i], &bares[i]);
		}
	}
	for (int i = 0; i < STREAMS; i++)
		close(bares[i].fd);
}

/* ---- the figures ---- */

struct figures {
	struct samples wall, cpu; /* k frames/s, us a frame */
};

static double full_speed(struct figures *figures, bool count, SSL_CTX *tls, const char *ca_file,
			 bool is_bare, double *grown_kib)
{
	struct run run;
	run_init(&run, FRAMES, 0, tls, ca_file);
	if (is_bare)
		run_bare(&run);
	else
		run_client(&run);
	run_deinit(&run);
	if (count) {
		samples_add(&figures->wall, (double)run.wanted / run.wall / 1e3);
		samples_add(&figures->cpu, run.cpu / (double)run.wanted * 1e6);
	}
	if (grown_kib)
		*grown_kib = run.grown_kib;
	return (double)run.wanted / run.wall;
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static double quantile_us(int64_t *values, size_t count, double q)
{
	qsort(values, count, sizeof *values, compare_ns);
	return (double)values[(size_t)((double)(count - 1) * q)] * 1e-3;
}

static bool report_paced(void)
{
	struct samples waits[3] = { 0 }, ways[3] = { 0 }, grown = { 0 };
	static const double q[] = { 0.5, 0.99, 1 };
	static const char *const names[] = { "p50", "p99", "max" };
	char line[80];
	for (int round = 0; round < PACED_ROUNDS; round++) {
		struct run run;
		paced_count = 0;
		run_init(&run, PACED_FRAMES, PACED_RATE, NULL, NULL);
		run_client(&run);
		run_deinit(&run);
		for (int i = 0; i < 3; i++) {
			samples_add(&waits[i], quantile_us(waits_ns, paced_count, q[i]));
			samples_add(&ways[i], quantile_us(ways_ns, paced_count, q[i]));
		}
		samples_add(&grown, run.grown_kib);
		printf("paced round: %.0f frames/s\n", (double)run.wanted / run.wall);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(line, sizeof line, "20,000/s: send() to updated window, %s", names[i]);
		report(line, &ways[i], "us");
	}
	for (int i = 0; i < 3; i++) {
		snprintf(line, sizeof line, "20,000/s: frame read to updated window, %s", names[i]);
		report(line, &waits[i], "us");
	}
	report("20,000/s: growth of resident memory, last 9/10 of a run", &grown, "KiB");
	return report_bound("20,000/s: frame read to updated window, p99",
			    samples_median(&waits[1]), "us", false, 1000);
}

static bool report_full_speed(SSL_CTX *tls, const char *ca_file)
{
	struct figures plain = { 0 }, secure = { 0 }, bare = { 0 };
	struct samples by_plain = { 0 }, by_secure = { 0 }, grown = { 0 };
	double first_kib = 0;
	for (int round = -1; round < ROUNDS; round++) {
		bool count = round >= 0; /* before that caches and clocks settle */
		double grown_kib;
		double p = full_speed(&plain, count, NULL, NULL, false, &grown_kib);
		double b = full_speed(&bare, count, NULL, NULL, true, NULL);
		double s = full_speed(&secure, count, tls, ca_file, false, NULL);
		if (round == 0)
			first_kib = resident_kib();
		if (!count)
			continue;
		samples_add(&by_plain, p / b);
		samples_add(&by_secure, s / b);
		samples_add(&grown, grown_kib);
	}
	report("bare: read() + split + decode + windows", &bare.wall, "k frames/s");
	report("bare: receiver's CPU time", &bare.cpu, "us/frame");
	report("WebSocket: wall", &plain.wall, "k frames/s");
	report("WebSocket: receiver's CPU time", &plain.cpu, "us/frame");
	report("WebSocket over TLS, a record a frame: wall", &secure.wall, "k frames/s");
	report("WebSocket over TLS: receiver's CPU time", &secure.cpu, "us/frame");
	report("WebSocket / bare, wall", &by_plain, "x");
	report("WebSocket over TLS / bare, wall", &by_secure, "x");
	report("growth of resident memory, last 9/10 of a plain run", &grown, "KiB");
	printf("%-58s %10.0f KiB\n", "growth of resident memory over the counted rounds",
	       resident_kib() - first_kib);
	bool met = report_bound("WebSocket to windows, wall", samples_median(&plain.wall),
				"k frames/s", true, 200);
	return met & report_bound("WebSocket to windows, by CPU time of one core",
				  1e3 / samples_median(&plain.cpu), "k frames/s", true, 200);
}

int main(void)
{
	char folder[] = "/tmp/weir-bench-ws-XXXXXX", ca_file[64];
	struct ws_authority authority;
	CHECK(mkdtemp(folder));
	snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
	ws_authority_init(&authority, ca_file);
	SSL_CTX *tls = ws_server_tls(&authority, "IP:127.0.0.1", 3600);
	ws_streams_make(&streams, FRAMES);
	printf("%zu frames, %.0f bytes a frame\n", streams.count,
	       (double)streams.bytes / (double)streams.count);
	if (!pin_to(0) || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		printf("one core only: the sender's work counts as the receiver's\n");
	bool met = report_full_speed(tls, ca_file);
	met &= report_paced();
	SSL_CTX_free(tls);
	ws_authority_deinit(&authority);
	unlink(ca_file);
	rmdir(folder);
	return met ? 0 : 1;
}
