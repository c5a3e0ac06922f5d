/* What each question costs in the engine, of a world with everything in it; questions
 * over the control socket: as many a second as a share of a bare echo of the same size on
 * the same kind of server, and how long one waits while a replay runs at full speed. Real
 * weir, real Redis. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tests/unit/test_ask_world.h"
#include "base/check.h"
#include "base/hist.h"
#include "os/line_client.h"
#include "os/line_server.h"
#include "report.h"

enum { ROUNDS = 15, REPLAYS = 7, ASKS = 2000, ANSWER_MAX = 65536 };

static const char question[] = "ask json /cvd ETH 5m\n";
static char folder[64];

/* ---- the engine alone ---- */

enum { ENGINE_ASKS = 200 };

static double engine_us(const struct ask_world *world, const char *text, enum ask_format format)
{
	static char storage[ASK_OUT_LIMIT];
	struct ask_request request = { .text = str_of(text),
				       .format = format,
				       .now_ms = WORLD_END_MS };
	enum ask_outcome outcome;
	double begin = seconds_of(CLOCK_MONOTONIC);
	for (int i = 0; i < ENGINE_ASKS; i++) {
		struct buf out = buf_over(storage, sizeof storage);
		CHECK(ask_answer(world, &request, &out, &outcome) == STATUS_OK);
		CHECK(outcome == ASK_ANSWERED);
	}
	return (seconds_of(CLOCK_MONOTONIC) - begin) * 1e6 / ENGINE_ASKS;
}

static void bench_engine(void)
{
	static const char *const asked[] = {
		"/price ETH", "/volume ETH",   "/cvd ETH 5m",  "/momentum ETH",
		"/flow ETH",  "/oi ETH",       "/funding ETH", "/liquidations ETH",
		"/top10",     "/analysis ETH", "/alerts",      "/help",
	};
	struct alerts *alerts = world_alerts(WORLD_END_MS);
	struct ask_world world = { .markets = world_create(false, WORLD_END_MS),
				   .options = ask_options_default(),
				   .alerts = alerts };
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct samples text = { 0 }, json = { 0 };
		char name[64];
		for (int round = 0; round < ROUNDS; round++) {
			samples_add(&text, engine_us(&world, asked[i], ASK_TEXT));
			samples_add(&json, engine_us(&world, asked[i], ASK_JSON));
		}
		snprintf(name, sizeof name, "engine: %s", asked[i]);
		report(name, &text, "us");
		snprintf(name, sizeof name, "engine: %s as JSON", asked[i]);
		report(name, &json, "us");
	}
	markets_destroy(world.markets);
	alerts_destroy(alerts);
}

/* ---- a bare echo: the same server, an answer made once ---- */

struct echo {
	char bytes[ANSWER_MAX];
	size_t len;
};

static void *echo_open(void *ctx, struct line_conn *conn)
{
	(void)ctx;
	return conn;
}

static struct echo echo;

static void echo_line(void *conn_ctx, struct str line)
{
	struct line_conn *conn = conn_ctx;
	(void)line;
	CHECK(conn->ops->send(conn, str_make(echo.bytes, echo.len)) == STATUS_OK);
}

static void echo_close(void *conn_ctx, enum status why) { (void)conn_ctx, (void)why; }

static pid_t start_echo(const char *path)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct loop *loop;
	struct line_server *server;
	struct err err;
	struct line_server_config config = {
		.unix_path = path,
		.events = { echo_open, echo_line, echo_close, NULL },
	};
	if (loop_create(64, &loop, &err) || line_server_open(loop, &config, &server, &err))
		_exit(3);
	loop_run(loop);
	_exit(0);
}

/* ---- a client ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	for (int i = 0; i < 10000; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
			return fd;
		close(fd);
		usleep(1000);
	}
	fprintf(stderr, "bench_ask: nobody listens on %s\n", path);
	exit(3);
}

/* One request, one whole answer; its length, 0 when the peer has gone. */
static size_t ask_once(int fd, char *answer)
{
	size_t have = 0, need = 0;
	if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) < 0)
		return 0;
	while (need == 0 || have < need) {
		ssize_t n = read(fd, answer + have, ANSWER_MAX - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
		char *line_end = memchr(answer, '\n', have);
		if (line_end && need == 0) {
			unsigned long bytes = strtoul(strchr(answer, ' '), NULL, 10);
			need = (size_t)(line_end + 1 - answer) + bytes;
		}
	}
	return have;
}

static double asks_per_second(int fd)
{
	char answer[ANSWER_MAX];
	double begin = seconds_of(CLOCK_MONOTONIC);
	for (int i = 0; i < ASKS; i++)
		CHECK(ask_once(fd, answer) > 0);
	return ASKS / (seconds_of(CLOCK_MONOTONIC) - begin);
}

/* ---- weir ---- */

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	int null = open("/dev/null", O_RDWR);
	dup2(null, STDOUT_FILENO);
	setenv("WEIR_MARKET_FEED", "off", 1);
	execv(argv[0], (char *const *)argv);
	_exit(3);
}

static void stop(pid_t pid, int signal_number)
{
	kill(pid, signal_number);
	waitpid(pid, NULL, 0);
}

static void run(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "bench_ask: failed: %s\n", command);
		exit(3);
	}
}

/* Client and server share one core: what a wake-up of another, idle core costs is
 * the machine's business and swings by a factor of five on a virtual one. */
static void pin(bool one_core)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	for (int i = 0; i < (one_core ? 1 : CPU_SETSIZE); i++)
		CPU_SET(i, &cpus);
	CHECK(sched_setaffinity(0, sizeof cpus, &cpus) == 0);
}

static bool bench_rate(const char *state)
{
	char echo_path[128], weir_path[128];
	struct samples echo_rate = { 0 }, weir_rate = { 0 }, ratio = { 0 };
	const char *const argv[] = { TEST_WEIR_BINARY, "up", "--state", state, NULL };
	snprintf(echo_path, sizeof echo_path, "%s/echo.sock", folder);
	snprintf(weir_path, sizeof weir_path, "%s/run/weir.sock", state);
	pin(true); /* children too */
	pid_t weir = start(argv);
	int weir_fd = connect_to(weir_path);
	echo.len = ask_once(weir_fd, echo.bytes);
	CHECK(echo.len > 500); /* an answer, not a refusal */
	printf("the answer: %zu bytes\n", echo.len);
	pid_t server = start_echo(echo_path);
	int echo_fd = connect_to(echo_path);
	asks_per_second(echo_fd);
	asks_per_second(weir_fd);
	for (int i = 0; i < ROUNDS; i++) {
		double bare = asks_per_second(echo_fd), asked = asks_per_second(weir_fd);
		samples_add(&echo_rate, bare);
		samples_add(&weir_rate, asked);
		samples_add(&ratio, asked / bare);
	}
	close(weir_fd);
	close(echo_fd);
	stop(server, SIGKILL);
	stop(weir, SIGTERM);
	pin(false);
	report("bare echo of the answer's size", &echo_rate, "/s");
	report("ask /cvd ETH 5m --json over the control socket", &weir_rate, "/s");
	return report_bound("ask / bare echo", samples_median(&ratio), "x", true, 0.3);
}

/* One replay at full speed into a fresh state, asked all the while. */
static void ask_under_replay(const char *load, int round, struct hist *hist)
{
	char state[96], path[128], answer[ANSWER_MAX];
	snprintf(state, sizeof state, "%s/latency-%d", folder, round);
	snprintf(path, sizeof path, "%s/run/weir.sock", state);
	const char *const argv[] = { TEST_WEIR_BINARY,
				     "replay",
				     "--as",
				     "binance:perp",
				     "--speed",
				     "max",
				     "--state",
				     state,
				     load,
				     NULL };
	pid_t weir = start(argv);
	int fd = connect_to(path);
	hist_clear(hist);
	for (;;) {
		double begin = seconds_of(CLOCK_MONOTONIC);
		if (ask_once(fd, answer) == 0)
			break;
		hist_record(hist, (uint64_t)((seconds_of(CLOCK_MONOTONIC) - begin) * 1e9));
	}
	close(fd);
	waitpid(weir, NULL, 0);
}

static bool bench_latency(const char *load)
{
	static struct hist hist;
	struct samples median = { 0 }, p99 = { 0 }, asks = { 0 };
	for (int i = 0; i < REPLAYS; i++) {
		ask_under_replay(load, i, &hist);
		CHECK(hist.count > 1000);
		samples_add(&asks, (double)hist.count);
		samples_add(&median, (double)hist_quantile(&hist, 0.5) / 1e6);
		samples_add(&p99, (double)hist_quantile(&hist, 0.99) / 1e6);
	}
	report("asks while 3 million trades pass at full speed", &asks, "");
	report("ask under full-speed replay, median", &median, "ms");
	report("ask under full-speed replay, p99", &p99, "ms");
	return report_bound("ask under full-speed replay, p99", samples_median(&p99), "ms", false,
			    1.0);
}

int main(void)
{
	char state[96], command[512], load[96];
	const char *template = TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz";
	bench_engine();
	if (access(template, R_OK) != 0) {
		printf("no recordings beside the project\n");
		return 77;
	}
	snprintf(folder, sizeof folder, "/tmp/weir-bench-XXXXXX");
	if (!mkdtemp(folder))
		return 3;
	snprintf(state, sizeof state, "%s/state", folder);
	snprintf(load, sizeof load, "%s/load", folder);
	snprintf(command, sizeof command, "%s replay --as binance:perp --state %s %s > %s/out",
		 TEST_WEIR_BINARY, state, template, folder);
	run(command);
	bool met = bench_rate(state);
	snprintf(command, sizeof command, "%s 3000000 20 24 1723161600000 %s > %s", TEST_GEN_LOAD,
		 template, load);
	run(command);
	met = bench_latency(load) && met;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	run(command);
	return met ? 0 : 1;
}
