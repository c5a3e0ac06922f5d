/* weir audit on a live server of mixed keys: how long beside a bare pipelined scan of the same
 * commands, how much memory, and what another client notices at the default pace.
 * Environment: BENCH_AUDIT_KEYS (1,000,000). */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_audit_bare.h"
#include "report.h"

enum { RUNS = 3, PROBES_MAX = 1 << 20, PROBE_EVERY_NS = 500000 };

static char folder[64], socket_path[96], url[128];

/* In a child. */
static void be_quiet(void)
{
	int null = open("/dev/null", O_WRONLY);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

/* ---- the server ---- */

static pid_t start_server(void)
{
	snprintf(folder, sizeof folder, "/tmp/weir-bench-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(socket_path, sizeof socket_path, "%s/s", folder);
	snprintf(url, sizeof url, "unix://%s", socket_path);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_quiet();
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path,
		       "--dir", folder, "--save", "", "--loglevel", "warning", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 400; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return -1;
		if (access(socket_path, F_OK) == 0)
			return pid;
		usleep(10000);
	}
	return -1;
}

static void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(socket_path);
	rmdir(folder);
}

/* Of ten keys five strings, two hashes, a list, a set and a zset; every thousandth a stream. */
static void put_key(redisContext *redis, long i)
{
	static const char *const symbols[] = { "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT",
					       "BNBUSDT" };
	const char *symbol = symbols[i / 10 % 5];
	if (i % 1000 == 999) {
		redisAppendCommand(redis, "XADD trades:%s:%ld * px 100.5 qty 1.25", symbol, i);
		return;
	}
	switch (i % 10) {
	case 0: redisAppendCommand(redis, "SET price:%s:%ld 61250.%ld", symbol, i, i % 100); break;
	case 1:
		redisAppendCommand(redis, "SET user:%ld {\"id\":%ld,\"name\":\"u%ld\",\"on\":true}",
				   i, i, i);
		break;
	case 2:
		redisAppendCommand(redis, "SET cache:page:%ld some-text-of-a-page EX 86400", i);
		break;
	case 3: redisAppendCommand(redis, "SET counter:%ld %ld", i, i); break;
	case 4:
		redisAppendCommand(redis, "SET %s_1h_RSI_%ld 55.%ld EX 3600", symbol, i, i % 10);
		break;
	case 5:
		redisAppendCommand(redis, "HSET order:%ld symbol %s side buy qty 1.5 px 100.25", i,
				   symbol);
		break;
	case 6: redisAppendCommand(redis, "HSET session:%ld user %ld ip 10.0.0.1", i, i); break;
	case 7: redisAppendCommand(redis, "RPUSH queue:%ld a b c", i); break;
	case 8: redisAppendCommand(redis, "SADD tags:%ld red green blue", i); break;
	default: redisAppendCommand(redis, "ZADD book:%s:%ld 100.5 a 101.5 b", symbol, i);
	}
}

static bool fill(long keys)
{
	redisContext *redis = redisConnectUnix(socket_path);
	void *reply;
	for (long i = 0, read = 0; i < keys || read < keys;) {
		for (long to = i + 1000; i < to && i < keys; i++)
			put_key(redis, i);
		for (; read < i; read++) {
			if (redisGetReply(redis, &reply) != REDIS_OK)
				return false;
			freeReplyObject(reply);
		}
	}
	redisFree(redis);
	return true;
}

/* ---- weir ---- */

static pid_t start_weir(const char *weir, const char *const *flags)
{
	const char *argv[16] = { "weir", "audit", url };
	for (size_t i = 0; flags[i]; i++)
		argv[3 + i] = flags[i];
	pid_t pid = fork();
	if (pid == 0) {
		be_quiet();
		execv(weir, (char *const *)argv);
		_exit(127);
	}
	return pid;
}

/* Seconds; negative: it failed. */
static double await_weir(pid_t pid, double from, double *resident_mb)
{
	struct rusage usage;
	int state = -1;
	wait4(pid, &state, 0, &usage);
	*resident_mb = (double)usage.ru_maxrss * 1024 / 1e6;
	return WIFEXITED(state) && WEXITSTATUS(state) == 0 ? seconds_of(CLOCK_MONOTONIC) - from
							   : -1;
}

static bool bench_speed(const char *weir, const char *name, bool values)
{
	static const char *const with[] = { "--rate", "0", "--json", NULL };
	static const char *const without[] = { "--rate", "0", "--json", "--no-values", NULL };
	struct samples bare = { 0 }, audit = { 0 }, ratio = { 0 };
	double resident_mb = 0, most_mb = 0;
	char label[80];
	for (int i = 0; i < RUNS; i++) {
		double from = seconds_of(CLOCK_MONOTONIC);
		long keys = bare_scan(socket_path, values);
		double bare_s = seconds_of(CLOCK_MONOTONIC) - from;
		from = seconds_of(CLOCK_MONOTONIC);
		double audit_s =
		    await_weir(start_weir(weir, values ? with : without), from, &resident_mb);
		if (keys < 0 || audit_s < 0) {
			printf("%s: %s failed\n", name, keys < 0 ? "the bare scan" : "weir audit");
			return false;
		}
		most_mb = resident_mb > most_mb ? resident_mb : most_mb;
		samples_add(&bare, bare_s);
		samples_add(&audit, audit_s);
		samples_add(&ratio, audit_s / bare_s);
	}
	snprintf(label, sizeof label, "%s: a bare pipelined scan", name);
	report(label, &bare, "s");
	snprintf(label, sizeof label, "%s: weir audit --rate 0", name);
	report(label, &audit, "s");
	snprintf(label, sizeof label, "%s: weir audit / bare scan", name);
	bool met = report_bound(label, samples_median(&ratio), "x", false, 1.3);
	snprintf(label, sizeof label, "%s: weir resident", name);
	return report_bound(label, most_mb, "MB", false, 100) && met;
}

/* ---- another client ---- */

struct probe {
	volatile int end;
	size_t n;
	float ms[PROBES_MAX];
};

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

/* A GET every half millisecond, until end is set. */
static pid_t start_probe(struct probe *probe)
{
	probe->end = 0;
	probe->n = 0;
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000);
	redisContext *redis = redisConnectUnix(socket_path);
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	while (!probe->end && probe->n < PROBES_MAX) {
		double from = seconds_of(CLOCK_MONOTONIC);
		void *reply = redisCommand(redis, "GET counter:3");
		probe->ms[probe->n++] = (float)((seconds_of(CLOCK_MONOTONIC) - from) * 1e3);
		freeReplyObject(reply);
		at.tv_nsec += PROBE_EVERY_NS;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	_exit(0);
}

static double end_probe(struct probe *probe, pid_t pid)
{
	probe->end = 1;
	waitpid(pid, NULL, 0);
	qsort(probe->ms, probe->n, sizeof probe->ms[0], by_value);
	return probe->n ? probe->ms[probe->n * 99 / 100] : 1e9;
}

static bool bench_pace(const char *weir, long keys)
{
	static const char *const flags[] = { "--json", NULL };
	struct probe *probe =
	    mmap(NULL, sizeof *probe, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct samples idle = { 0 }, busy = { 0 }, rate = { 0 };
	double best = 1e9, resident_mb;
	for (int i = 0; i < RUNS; i++) {
		pid_t pid = start_probe(probe);
		sleep(3);
		double idle_ms = end_probe(probe, pid);
		pid = start_probe(probe);
		double from = seconds_of(CLOCK_MONOTONIC);
		double took = await_weir(start_weir(weir, flags), from, &resident_mb);
		double busy_ms = end_probe(probe, pid);
		if (took < 0)
			return false;
		samples_add(&idle, idle_ms);
		samples_add(&busy, busy_ms);
		samples_add(&rate, (double)keys / took);
		best = busy_ms - idle_ms < best ? busy_ms - idle_ms : best;
	}
	munmap(probe, sizeof *probe);
	report("p99 of another client's GET, idle", &idle, "ms");
	report("p99 of another client's GET, audited at the default pace", &busy, "ms");
	report("keys a second at the default pace, the whole audit", &rate, "keys/s");
	return report_bound("what the audit adds to it, best of three pairs", best, "ms", false,
			    0.3);
}

int main(int argc, char **argv)
{
	const char *weir = argc > 1 ? argv[1] : TEST_WEIR_BINARY;
	const char *asked = getenv("BENCH_AUDIT_KEYS");
	long keys = asked ? atol(asked) : 1000000;
	pid_t server = start_server();
	if (server < 0) {
		printf("no redis-server\n");
		return 77;
	}
	bool met = fill(keys);
	printf("%ld keys\n", keys);
	met = met && bench_speed(weir, "metadata", false);
	met = bench_speed(weir, "with values", true) && met;
	met = bench_pace(weir, keys) && met;
	stop_server(server);
	return met ? 0 : 1;
}
