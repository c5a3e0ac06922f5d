/* Questions over the control socket: as many a second as a share of a bare echo of
 * the same size on the same kind of server, and how long one waits while a replay
 * runs at full speed. Real weir, real Redis. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hist.h"
#include "os/line_client.h"
#include "os/line_server.h"
#include "report.h"

enum { ROUNDS = 15, ASKS = 2000, ANSWER_MAX = 65536 };

static const char question[] = "ask json /cvd ETH 5m\n";
static char folder[64];

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

static void echo_close(void *conn_ctx, enum status why)
{
	(void)conn_ctx, (void)why;
}

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

static bool bench_rate(const char *state)
{
	char echo_path[128], weir_path[128];
	struct samples echo_rate = { 0 }, weir_rate = { 0 }, ratio = { 0 };
	const char *const argv[] = { TEST_WEIR_BINARY, "up", "--state", state, NULL };
	snprintf(echo_path, sizeof echo_path, "%s/echo.sock", folder);
	snprintf(weir_path, sizeof weir_path, "%s/run/weir.sock", state);
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
	report("bare echo of the answer's size", &echo_rate, "/s");
	report("ask /cvd ETH 5m --json over the control socket", &weir_rate, "/s");
	return report_bound("ask / bare echo", samples_median(&ratio), "x", true, 0.3);
}

static bool bench_latency(const char *state, const char *load)
{
	char path[128], answer[ANSWER_MAX];
	static struct hist hist;
	const char *const argv[] = { TEST_WEIR_BINARY, "replay", "--as", "binance:perp", "--speed", "max",
				     "--state", state, load, NULL };
	snprintf(path, sizeof path, "%s/run/weir.sock", state);
	pid_t weir = start(argv);
	int fd = connect_to(path);
	for (;;) {
		double begin = seconds_of(CLOCK_MONOTONIC);
		if (ask_once(fd, answer) == 0)
			break;
		hist_record(&hist, (uint64_t)((seconds_of(CLOCK_MONOTONIC) - begin) * 1e9));
	}
	close(fd);
	waitpid(weir, NULL, 0);
	printf("under full-speed replay: %llu asks, median %.0f us, max %.0f us\n",
	       (unsigned long long)hist.count, (double)hist_quantile(&hist, 0.5) / 1e3,
	       (double)hist.max / 1e3);
	return report_bound("ask under full-speed replay, p99", (double)hist_quantile(&hist, 0.99) / 1e6,
			    "ms", false, 1.0) &&
	       hist.count > 1000;
}

int main(void)
{
	char state[96], command[512], load[96];
	const char *template = TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz";
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
	met = bench_latency(state, load) && met;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	run(command);
	return met ? 0 : 1;
}
