/* The segments on real servers: start, adoption, death, refusal, stop. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/files.h"
#include "os/process.h"
#include "os/run_dir.h"
#include "redis_fixture.h"
#include "store/segment_login.h"
#include "store/segments.h"

static const int64_t patience_ns = 20000000000;

struct world {
	struct loop *loop;
	char *folder;
	char state[2000];
	struct store_config config;
	struct segments *segments;
	bool ready, failed, closed, up, down;
	int ups[SEGMENT_COUNT], downs[SEGMENT_COUNT];
	struct err err;
	char notices[4096];
};

static void on_ready(void *ctx) { ((struct world *)ctx)->ready = true; }

static void on_failed(void *ctx, const struct err *err)
{
	struct world *world = ctx;
	world->failed = true;
	world->err = *err;
}

static void on_up(void *ctx, enum segment segment)
{
	struct world *world = ctx;
	world->up = true;
	world->ups[segment]++;
}

static void on_down(void *ctx, enum segment segment, const struct err *why)
{
	struct world *world = ctx;
	world->down = true;
	world->downs[segment]++;
	world->err = *why;
}

static void on_notice(void *ctx, const char *line)
{
	struct world *world = ctx;
	size_t len = strlen(world->notices);
	snprintf(world->notices + len, sizeof world->notices - len, "%s\n", line);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->folder = fixture_folder();
	snprintf(world->state, sizeof world->state, "%s/var", world->folder);
	world->config.state_dir = world->state;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		world->config.segments[i].maxmemory = 64 << 20;
		world->config.segments[i].maxmemory_chosen = true;
	}
	*state = world;
	return loop_create(256, &world->loop, &world->err);
}

static enum status try_open(struct world *world, uint32_t mask)
{
	const struct segment_events events = {
		on_ready, on_failed, on_up, on_down, on_notice, world
	};
	world->ready = world->failed = world->up = world->down = false;
	memset(world->ups, 0, sizeof world->ups);
	memset(world->downs, 0, sizeof world->downs);
	return segments_open(world->loop, &world->config, mask, &events, &world->segments,
			     &world->err);
}

static void open_ready(struct world *world, uint32_t mask)
{
	assert_int_equal(try_open(world, mask), STATUS_OK);
	loop_turn_until(world->loop, &world->ready, patience_ns);
	if (!world->ready)
		printf("not ready: %s\n", world->err.text);
	assert_true(world->ready);
}

static void close_segments(struct world *world, bool leave)
{
	world->closed = false;
	(leave ? segments_leave : segments_close)(world->segments, set_flag, &world->closed);
	assert_true(loop_turn_until(world->loop, &world->closed, patience_ns));
	world->segments = NULL;
}

/* Every redis-server whose command line names this test's folder. */
static int servers_alive(const struct world *world)
{
	int count = 0;
	DIR *dir = opendir("/proc");
	for (struct dirent *entry; (entry = readdir(dir));) {
		char path[300], text[1000];
		snprintf(path, sizeof path, "/proc/%.200s/cwd", entry->d_name);
		ssize_t n = entry->d_name[0] >= '0' && entry->d_name[0] <= '9'
				? readlink(path, text, sizeof text - 1)
				: -1;
		text[n > 0 ? n : 0] = 0;
		count += n > 0 && strstr(text, world->folder) != NULL;
	}
	closedir(dir);
	return count;
}

static int teardown(void **state)
{
	struct world *world = *state;
	if (world->segments)
		close_segments(world, false);
	assert_int_equal(servers_alive(world), 0);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
	free(world);
	return 0;
}

struct answer {
	bool done;
	enum status status;
	int64_t integer;
	char text[256];
};

static void on_answer(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct answer *answer = ctx;
	answer->done = true;
	answer->status = status;
	answer->integer = reply ? reply->integer : 0;
	if (!reply || str_copy(reply->text, answer->text, sizeof answer->text) != STATUS_OK)
		answer->text[0] = 0;
	if (reply && reply->type == REDIS_ARRAY && reply->count > 1 &&
	    str_copy(reply->items[1].text, answer->text, sizeof answer->text) != STATUS_OK)
		answer->text[0] = 0;
}

static struct answer ask_port(struct world *world, struct redis_port *port, const char *words)
{
	struct str argv[16], rest = str_of(words);
	struct answer answer = { 0 };
	size_t argc = 0;
	while (argc < 16 && str_split(&rest, ' ', &argv[argc]))
		argc++;
	assert_int_equal(redis_command(port, argv, argc, on_answer, &answer), STATUS_OK);
	assert_true(loop_turn_until(world->loop, &answer.done, patience_ns));
	return answer;
}

static struct answer ask(struct world *world, enum segment segment, const char *words)
{
	return ask_port(world, segments_redis(world->segments, segment), words);
}

static void test_seven_servers_start_and_stop(void **state)
{
	struct world *world = *state;
	int64_t slowest_ns = 0;
	open_ready(world, SEGMENTS_ALL);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(world->segments, (enum segment)i);
		if (status.answered_ns > slowest_ns)
			slowest_ns = status.answered_ns;
		assert_int_equal(status.state, SEGMENT_UP);
		assert_false(status.adopted);
		assert_int_equal(world->ups[i], 1);
		struct answer policy = ask(world, (enum segment)i, "CONFIG GET maxmemory-policy");
		assert_string_equal(policy.text, segment_row((enum segment)i)->policy);
		policy = ask(world, (enum segment)i, "CONFIG GET appendfsync");
		assert_string_equal(policy.text, segment_row((enum segment)i)->appendfsync);
		policy = ask(world, (enum segment)i, "CONFIG GET maxmemory");
		assert_string_equal(policy.text, "67108864");
	}
	printf("seven servers answered %.1f ms after the start\n", (double)slowest_ns / 1e6);
	assert_true(slowest_ns < 2000000000);
	assert_int_equal(servers_alive(world), 7);
	close_segments(world, false);
	assert_int_equal(servers_alive(world), 0);
}

static void test_data_outlives_a_clean_stop(void **state)
{
	struct world *world = *state;
	open_ready(world, 1u << SEGMENT_RMS);
	assert_int_equal(ask(world, SEGMENT_RMS, "SET k v").status, STATUS_OK);
	close_segments(world, false);
	open_ready(world, 1u << SEGMENT_RMS);
	assert_string_equal(ask(world, SEGMENT_RMS, "GET k").text, "v");
}

static void test_a_killed_server_is_started_again_with_its_data(void **state)
{
	struct world *world = *state;
	open_ready(world, 1u << SEGMENT_RTSS | 1u << SEGMENT_RMS);
	assert_int_equal(ask(world, SEGMENT_RTSS, "XADD trade_signals 1-1 id a").status, STATUS_OK);
	int pid = segments_status(world->segments, SEGMENT_RTSS).pid;
	world->up = false;
	kill(pid, SIGKILL);
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	assert_int_equal(world->downs[SEGMENT_RTSS], 1);
	assert_int_equal(world->downs[SEGMENT_RMS], 0);
	assert_int_equal(ask(world, SEGMENT_RTSS, "XLEN trade_signals").integer, 1);
	struct segment_status status = segments_status(world->segments, SEGMENT_RTSS);
	assert_int_equal(status.restarts, 1);
	assert_int_not_equal(status.pid, pid);
	assert_int_equal(servers_alive(world), 2);
}

static void test_a_server_left_behind_is_adopted_and_set_right(void **state)
{
	struct world *world = *state;
	open_ready(world, 1u << SEGMENT_RMS);
	int pid = segments_status(world->segments, SEGMENT_RMS).pid;
	assert_int_equal(ask(world, SEGMENT_RMS, "SET k v").status, STATUS_OK);
	close_segments(world, true);
	assert_int_equal(servers_alive(world), 1);
	world->config.segments[SEGMENT_RMS].maxmemory = 96 << 20;
	open_ready(world, 1u << SEGMENT_RMS);
	struct segment_status status = segments_status(world->segments, SEGMENT_RMS);
	assert_true(status.adopted);
	assert_int_equal(status.pid, pid);
	assert_string_equal(ask(world, SEGMENT_RMS, "GET k").text, "v");
	assert_string_equal(ask(world, SEGMENT_RMS, "CONFIG GET maxmemory").text, "100663296");
	assert_int_equal(servers_alive(world), 1);
	/* An adopted server that dies is missed and replaced too. */
	world->up = false;
	kill(pid, SIGKILL);
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	assert_string_equal(ask(world, SEGMENT_RMS, "GET k").text, "v");
	assert_false(segments_status(world->segments, SEGMENT_RMS).adopted);
	/* And one that is adopted is stopped like a child. */
	close_segments(world, true);
	open_ready(world, 1u << SEGMENT_RMS);
	close_segments(world, false);
	assert_int_equal(servers_alive(world), 0);
}

static void test_no_second_server_is_started_beside_one_that_hangs(void **state)
{
	struct world *world = *state;
	open_ready(world, 1u << SEGMENT_RMS);
	int pid = segments_status(world->segments, SEGMENT_RMS).pid;
	close_segments(world, true);
	kill(pid, SIGSTOP);
	world->config.start_timeout_ns = 300000000;
	assert_int_equal(try_open(world, 1u << SEGMENT_RMS), STATUS_OK);
	assert_true(loop_turn_until(world->loop, &world->failed, patience_ns));
	assert_int_equal(world->err.status, STATUS_TIMEOUT);
	assert_int_equal(servers_alive(world), 1);
	close_segments(world, true);
	kill(pid, SIGCONT);
	world->config.start_timeout_ns = 0;
	open_ready(world, 1u << SEGMENT_RMS);
	assert_int_equal(segments_status(world->segments, SEGMENT_RMS).pid, pid);
}

static void test_a_stopped_server_is_down_by_its_deadline_and_comes_back(void **state)
{
	struct world *world = *state;
	world->config.deadline_ns = 100000000;
	open_ready(world, 1u << SEGMENT_RMS);
	int pid = segments_status(world->segments, SEGMENT_RMS).pid;
	kill(pid, SIGSTOP);
	struct answer answer = ask(world, SEGMENT_RMS, "PING");
	assert_int_equal(answer.status, STATUS_TIMEOUT);
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	world->up = false;
	kill(pid, SIGCONT);
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	assert_int_equal(segments_status(world->segments, SEGMENT_RMS).pid, pid);
	assert_int_equal(segments_status(world->segments, SEGMENT_RMS).restarts, 0);
}

/* 80 MB of writes to one key: the file grows, the data does not. */
static void test_an_append_only_file_that_grew_is_rewritten(void **state)
{
	struct world *world = *state;
	bool never = false;
	size_t size = 1 << 20;
	char *bytes = malloc(size);
	assert_non_null(bytes);
	memset(bytes, 'x', size);
	struct str argv[] = { STR("SET"), STR("k"), { bytes, size } };
	open_ready(world, 1u << SEGMENT_RMS);
	struct redis_port *port = segments_redis(world->segments, SEGMENT_RMS);
	for (int i = 0; i < 80; i++) {
		struct answer answer = { 0 };
		assert_int_equal(redis_command(port, argv, 3, on_answer, &answer), STATUS_OK);
		assert_true(loop_turn_until(world->loop, &answer.done, patience_ns));
	}
	uint64_t largest = 0;
	struct segment_status status;
	for (int i = 0; i < 100; i++) {
		loop_turn_until(world->loop, &never, 100000000);
		status = segments_status(world->segments, SEGMENT_RMS);
		largest = status.aof_bytes > largest ? status.aof_bytes : largest;
		if (status.aof_rewrites && status.aof_bytes < size * 4)
			break;
	}
	assert_true(largest > 64 * size);
	assert_int_equal(status.aof_rewrites, 1);
	assert_true(status.aof_bytes < size * 4);
	assert_true(status.persisting);
	assert_int_equal(status.keys, 1);
	free(bytes);
}

/* ---- users ---- */

static struct redis_conn *log_in(struct world *world, enum segment segment, const char *user)
{
	char name[16], path[PATH_BYTES_MAX];
	struct segment_login login;
	struct redis_conn *conn;
	snprintf(name, sizeof name, "%s.sock", segment_row(segment)->name);
	assert_int_equal(run_dir_path(world->state, name, path, &world->err), STATUS_OK);
	assert_int_equal(segment_login_read(world->state, segment, user, &login, &world->err),
			 STATUS_OK);
	struct redis_conn_config config = { .unix_path = path,
					    .user = login.user,
					    .password = login.password };
	assert_int_equal(redis_conn_open(world->loop, &config, &conn, &world->err), STATUS_OK);
	return conn;
}

static void log_out(struct world *world, struct redis_conn *conn)
{
	bool closed = false;
	redis_conn_close(conn, set_flag, &closed);
	assert_true(loop_turn_until(world->loop, &closed, patience_ns));
}

static enum status try_as(struct world *world, enum segment segment, const char *user,
			  const char *words)
{
	struct redis_conn *conn = log_in(world, segment, user);
	struct answer answer = ask_port(world, redis_conn_port(conn), words);
	log_out(world, conn);
	return answer.status;
}

static void test_each_user_may_do_its_work_and_no_more(void **state)
{
	struct world *world = *state;
	static const struct {
		enum segment segment;
		const char *user, *words;
		enum status status;
	} cases[] = {
		{ SEGMENT_RTSS, "producer", "XADD trade_signals * id a", STATUS_OK },
		{ SEGMENT_RTSS, "producer", "XADD other * id a", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "producer", "XLEN trade_signals", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "producer", "XDEL trade_signals 1-1", STATUS_REDIS_NOPERM },
		{ SEGMENT_RMS, "producer", "XADD trade_signals * id a", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "reader", "XRANGE trade_signals - +", STATUS_OK },
		{ SEGMENT_RTSS, "reader", "SCAN 0", STATUS_OK },
		{ SEGMENT_RTSS, "reader", "KEYS *", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "reader", "SET k v", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "reader", "CONFIG GET dir", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "metrics", "INFO", STATUS_OK },
		{ SEGMENT_RTSS, "metrics", "PING", STATUS_OK },
		{ SEGMENT_RTSS, "metrics", "GET k", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "metrics", "CONFIG GET dir", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "weir", "XGROUP CREATE trade_signals router 0", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "XREADGROUP GROUP router w STREAMS trade_signals >",
		  STATUS_OK },
		{ SEGMENT_RTSS, "weir", "XAUTOCLAIM trade_signals router w 0 0", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "XTRIM trade_signals MINID 1-1", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "MEMORY USAGE trade_signals", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "XSETID trade_signals 9999999999999-1", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "XINFO GROUPS trade_signals", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "UNLINK trade_signals", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "DBSIZE", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "SET k v NX PX 1000", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "OBJECT ENCODING k", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "MULTI", STATUS_OK },
		{ SEGMENT_RTSS, "weir", "KEYS *", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "weir", "FLUSHALL", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "weir", "ACL SETUSER x", STATUS_REDIS_NOPERM },
		{ SEGMENT_RTSS, "weir", "REPLICAOF NO ONE", STATUS_REDIS_NOPERM },
	};
	open_ready(world, 1u << SEGMENT_RTSS | 1u << SEGMENT_RMS);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum status status = try_as(world, cases[i].segment, cases[i].user, cases[i].words);
		if (status != cases[i].status)
			printf("%s: %s gave %s\n", cases[i].user, cases[i].words,
			       status_name(status));
		assert_int_equal(status, cases[i].status);
	}
}

static void test_secrets_and_sockets_are_for_their_owner_alone(void **state)
{
	struct world *world = *state;
	static const char *const paths[] = { "run/rms.sock", "run/users", "segments/rms/redis.conf",
					     "segments/rms/users.acl" };
	struct stat st;
	open_ready(world, 1u << SEGMENT_RMS);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char path[3000];
		snprintf(path, sizeof path, "%s/%s", world->state, paths[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	/* The default user is off. */
	char path[PATH_BYTES_MAX];
	struct redis_conn *conn;
	assert_int_equal(run_dir_path(world->state, "rms.sock", path, &world->err), STATUS_OK);
	struct redis_conn_config config = { .unix_path = path };
	assert_int_equal(redis_conn_open(world->loop, &config, &conn, &world->err), STATUS_OK);
	struct answer answer = ask_port(world, redis_conn_port(conn), "PING");
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_int_equal(redis_conn_stats(conn)->endings[STATUS_REDIS_NOAUTH], 1);
	log_out(world, conn);
}

static void test_passwords_are_made_once(void **state)
{
	struct world *world = *state;
	struct segment_login before, after;
	open_ready(world, 1u << SEGMENT_RMS);
	assert_int_equal(
	    segment_login_read(world->state, SEGMENT_RTS, "reader", &before, &world->err),
	    STATUS_OK);
	close_segments(world, false);
	open_ready(world, 1u << SEGMENT_RMS);
	assert_int_equal(
	    segment_login_read(world->state, SEGMENT_RTS, "reader", &after, &world->err),
	    STATUS_OK);
	assert_string_equal(before.password, after.password);
}

/* ---- failures, each with its line ---- */

static void expect_failure(struct world *world, uint32_t mask, enum status status, const char *says)
{
	enum status opened = try_open(world, mask);
	if (opened == STATUS_OK)
		assert_true(loop_turn_until(world->loop, &world->failed, patience_ns));
	printf("  %s\n", world->err.text);
	assert_int_equal(world->err.status, status);
	assert_non_null(strstr(world->err.text, says));
	assert_null(strchr(world->err.text, '\n'));
	if (opened == STATUS_OK)
		close_segments(world, false);
	world->segments = NULL;
}

static void test_a_missing_server_program_says_what_to_install(void **state)
{
	struct world *world = *state;
	world->config.redis_server = "/no/such/redis-server";
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_NOT_FOUND, "apt install");
}

static void test_a_program_that_is_no_server_says_how_it_ended(void **state)
{
	struct world *world = *state;
	world->config.redis_server = "/bin/false";
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_CLOSED, "ended with status 1");
}

static void test_a_bad_setting_shows_the_servers_last_words(void **state)
{
	struct world *world = *state;
	world->config.segments[SEGMENT_RMS].appendfsync = "sometimes";
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_CLOSED, "segment rms");
}

static void test_budgets_beyond_the_machine_are_refused_with_the_figures(void **state)
{
	struct world *world = *state;
	world->config.segments[SEGMENT_RMS].maxmemory = 1ull << 50;
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_RANGE, "MB");
}

static void test_a_folder_that_is_not_ours_to_write_says_so(void **state)
{
	struct world *world = *state;
	snprintf(world->state, sizeof world->state, "/proc/weir-cannot-be-here");
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_NOT_FOUND, "/proc/weir-cannot-be-here");
}

static void test_a_taken_port_is_told(void **state)
{
	struct world *world = *state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof any;
	assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	world->config.segments[SEGMENT_RMS].port = ntohs(any.sin_port);
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_CLOSED, "last words");
	close(fd);
}

/* A file system of a few pages: first too small for our files, then for the server's. */
static void test_a_full_disk_is_told_at_each_step(void **state)
{
	struct world *world = *state;
	assert_int_equal(mkdir(world->state, 0700), 0);
	if (mount("tmpfs", world->state, "tmpfs", 0, "size=8k")) {
		printf("mount is not allowed here (%s): skipped\n", strerror(errno));
		skip();
	}
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_DISK_FULL, "No space left");
	/* A file as large as the rest: redis-server starts and cannot write. */
	assert_int_equal(mount("tmpfs", world->state, "tmpfs", MS_REMOUNT, "size=48k"), 0);
	char path[3000];
	struct err err;
	snprintf(path, sizeof path, "%s/segments/rms", world->state);
	assert_int_equal(files_make_folder(path, 0700, &err), STATUS_OK);
	snprintf(path, sizeof path, "%s/fill", world->state);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	static const char page[4096];
	for (int i = 0; i < 7; i++)
		assert_int_equal(write(fd, page, sizeof page), sizeof page);
	enum status opened = try_open(world, 1u << SEGMENT_RMS);
	if (opened == STATUS_OK)
		assert_true(loop_turn_until(world->loop, &world->failed, patience_ns));
	printf("  %s\n", world->err.text);
	assert_true(world->err.status == STATUS_DISK_FULL || world->err.status == STATUS_CLOSED);
	if (opened == STATUS_OK)
		close_segments(world, false);
	world->segments = NULL;
	close(fd);
	assert_int_equal(umount(world->state), 0);
}

static void test_a_long_state_path_moves_the_sockets(void **state)
{
	struct world *world = *state;
	char link[3000], target[300] = "";
	size_t len = strlen(world->state);
	world->state[len++] = '/';
	memset(world->state + len, 'x', 120);
	world->state[len + 120] = 0;
	setenv("XDG_RUNTIME_DIR", world->folder, 1);
	open_ready(world, 1u << SEGMENT_RMS);
	snprintf(link, sizeof link, "%s/run", world->state);
	assert_true(readlink(link, target, sizeof target - 1) > 0);
	assert_true(strncmp(target, world->folder, strlen(world->folder)) == 0);
	assert_int_equal(try_as(world, SEGMENT_RMS, "metrics", "PING"), STATUS_OK);
	close_segments(world, false);
	/* And when that place is too long as well: */
	setenv("XDG_RUNTIME_DIR", world->state, 1);
	expect_failure(world, 1u << SEGMENT_RMS, STATUS_RANGE, "107");
	unsetenv("XDG_RUNTIME_DIR");
}

/* ---- external ---- */

static void external(struct world *world, enum segment segment, const char *policy,
		     const char *appendonly, pid_t *pid, char *url, size_t size)
{
	const char *extra[] = { "--maxmemory-policy", policy, "--appendonly", appendonly, NULL };
	*pid = fixture_redis(world->folder, extra);
	snprintf(url, size, "unix://%s/redis.sock", world->folder);
	world->config.segments[segment].external = true;
	world->config.segments[segment].url = url;
}

static void test_an_external_server_is_checked(void **state)
{
	struct world *world = *state;
	char url[300];
	pid_t pid;
	external(world, SEGMENT_RTS, "volatile-lru", "yes", &pid, url, sizeof url);
	expect_failure(world, 1u << SEGMENT_RTS, STATUS_REFUSED, "maxmemory-policy");
	world->config.segments[SEGMENT_RTS].accept_unsafe = true;
	open_ready(world, 1u << SEGMENT_RTS);
	assert_non_null(strstr(world->notices, "maxmemory-policy"));
	assert_true(segments_status(world->segments, SEGMENT_RTS).external);
	close_segments(world, false);
	assert_int_equal(kill(pid, 0), 0); /* somebody's server is not ours to stop */
	fixture_kill(pid);
}

static void test_an_external_money_segment_must_persist(void **state)
{
	struct world *world = *state;
	char url[300];
	pid_t pid;
	external(world, SEGMENT_RTRS, "noeviction", "no", &pid, url, sizeof url);
	expect_failure(world, 1u << SEGMENT_RTRS, STATUS_REFUSED, "appendonly");
	world->config.segments[SEGMENT_RLS] = world->config.segments[SEGMENT_RTRS];
	open_ready(world, 1u << SEGMENT_RLS); /* alerts may be lost: told, not refused */
	assert_non_null(strstr(world->notices, "segment rls: appendonly"));
	close_segments(world, false);
	fixture_kill(pid);
}

static void test_an_external_server_that_is_not_there_is_named(void **state)
{
	struct world *world = *state;
	world->config.start_timeout_ns = 200000000;
	world->config.segments[SEGMENT_RTS].external = true;
	world->config.segments[SEGMENT_RTS].url = "redis://127.0.0.1:1";
	expect_failure(world, 1u << SEGMENT_RTS, STATUS_TIMEOUT, "refused");
}

/* Who still has a timer while the segments close: a sweep of a store that comes due. */
struct late {
	struct world *world;
	struct redis_port *ports[2];
	struct timer timer;
	uint64_t refused;
};

static void send_late(void *ctx)
{
	struct late *late = ctx;
	const struct str ping = STR("PING");
	if (late->world->closed)
		return;
	for (size_t i = 0; i < ARRAY_LEN(late->ports); i++)
		if (redis_pending_bytes(late->ports[i]) == 0)
			late->refused +=
			    redis_command(late->ports[i], &ping, 1, NULL, NULL) == STATUS_CLOSED;
	loop_timer_after(late->world->loop, &late->timer, 1000000);
}

static void test_a_port_says_closed_when_its_connection_has_ended(void **state)
{
	struct world *world = *state;
	char url[300];
	pid_t pid;
	external(world, SEGMENT_RTS, "noeviction", "yes", &pid, url, sizeof url);
	world->config.segments[SEGMENT_RTS].accept_unsafe = true;
	open_ready(world, 1u << SEGMENT_RTS | 1u << SEGMENT_RMS);
	struct late late = { .world = world,
			     .ports = { segments_redis(world->segments, SEGMENT_RTS),
					segments_redis(world->segments, SEGMENT_RMS) } };
	late.timer = (struct timer){ .fn = send_late, .ctx = &late };
	world->closed = false;
	loop_timer_after(world->loop, &late.timer, 0);
	close_segments(world, false);
	assert_true(late.refused > 0); /* the one is gone long before the other has stopped */
	timers_cancel(loop_timers(world->loop), &late.timer);
	fixture_kill(pid);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_seven_servers_start_and_stop),
		WORLD(test_data_outlives_a_clean_stop),
		WORLD(test_a_killed_server_is_started_again_with_its_data),
		WORLD(test_a_server_left_behind_is_adopted_and_set_right),
		WORLD(test_no_second_server_is_started_beside_one_that_hangs),
		WORLD(test_a_stopped_server_is_down_by_its_deadline_and_comes_back),
		WORLD(test_an_append_only_file_that_grew_is_rewritten),
		WORLD(test_each_user_may_do_its_work_and_no_more),
		WORLD(test_secrets_and_sockets_are_for_their_owner_alone),
		WORLD(test_passwords_are_made_once),
		WORLD(test_a_missing_server_program_says_what_to_install),
		WORLD(test_a_program_that_is_no_server_says_how_it_ended),
		WORLD(test_a_bad_setting_shows_the_servers_last_words),
		WORLD(test_budgets_beyond_the_machine_are_refused_with_the_figures),
		WORLD(test_a_folder_that_is_not_ours_to_write_says_so),
		WORLD(test_a_taken_port_is_told),
		WORLD(test_a_full_disk_is_told_at_each_step),
		WORLD(test_a_long_state_path_moves_the_sockets),
		WORLD(test_an_external_server_is_checked),
		WORLD(test_an_external_money_segment_must_persist),
		WORLD(test_an_external_server_that_is_not_there_is_named),
		WORLD(test_a_port_says_closed_when_its_connection_has_ended),
	};
	if (!fixture_has_redis())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
