/* real_redis.h - a real server beside the simulated one, and one command at a time to
 * both: the answers must be the same to the letter. Include after cmocka.h. */
#pragma once

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "sim/fake_server.h"

static inline size_t words(const char *line, struct str argv[16])
{
	struct str rest = str_of(line);
	size_t argc = 0;
	while (argc < 16 && str_split(&rest, ' ', &argv[argc]))
		argc++;
	return argc;
}

struct real {
	pid_t pid;
	char dir[64];
	redisContext *context;
};

static inline bool real_start(struct real *real)
{
	char path[96];
	strcpy(real->dir, "/tmp/fake_redis_XXXXXX");
	assert_non_null(mkdtemp(real->dir));
	snprintf(path, sizeof path, "%s/s", real->dir);
	real->pid = fork();
	if (real->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir",
		       real->dir, "--save", "", "--logfile", "log", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		int state;
		if (waitpid(real->pid, &state, WNOHANG) == real->pid)
			return false;
		real->context = redisConnectUnix(path);
		if (real->context && !real->context->err)
			return true;
		redisFree(real->context);
		usleep(10000);
	}
	return false;
}

static inline void real_stop(struct real *real)
{
	char path[96];
	redisFree(real->context);
	kill(real->pid, SIGKILL);
	waitpid(real->pid, NULL, 0);
	snprintf(path, sizeof path, "%s/log", real->dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/s", real->dir);
	unlink(path);
	rmdir(real->dir);
}

static inline void print_fake(struct buf *out, const struct redis_reply *reply)
{
	static const char marks[] = "_+-:$*";
	buf_char(out, marks[reply->type]);
	buf_str_put(out, reply->text);
	if (reply->type == REDIS_INTEGER)
		buf_i64(out, reply->integer);
	for (size_t i = 0; i < reply->count; i++) {
		buf_char(out, ' ');
		print_fake(out, &reply->items[i]);
	}
	buf_char(out, ';');
}

static inline void print_real(struct buf *out, const redisReply *reply)
{
	static const char marks[] = {
		[REDIS_REPLY_NIL] = '_',     [REDIS_REPLY_STATUS] = '+', [REDIS_REPLY_ERROR] = '-',
		[REDIS_REPLY_INTEGER] = ':', [REDIS_REPLY_STRING] = '$', [REDIS_REPLY_ARRAY] = '*'
	};
	buf_char(out, marks[reply->type]);
	if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
	    reply->type == REDIS_REPLY_ERROR)
		buf_put(out, reply->str, reply->len);
	if (reply->type == REDIS_REPLY_INTEGER)
		buf_i64(out, reply->integer);
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
		buf_char(out, ' ');
		print_real(out, reply->element[i]);
	}
	buf_char(out, ';');
}

/* False after having said where they differ. */
static inline bool compare(struct fake_server *server, struct real *real, const char *line)
{
	struct str argv[16];
	const char *real_argv[16];
	size_t real_len[16], argc = words(line, argv);
	char got[4096], want[4096];
	struct buf got_buf = buf_over(got, sizeof got - 1),
		   want_buf = buf_over(want, sizeof want - 1);
	for (size_t i = 0; i < argc; i++) {
		real_argv[i] = argv[i].ptr;
		real_len[i] = argv[i].len;
	}
	redisReply *real_reply = redisCommandArgv(real->context, (int)argc, real_argv, real_len);
	assert_non_null(real_reply);
	print_real(&want_buf, real_reply);
	freeReplyObject(real_reply);
	struct request *request = request_make(argv, argc);
	request->reply = fake_server_run(server, request, 1);
	print_fake(&got_buf, request->reply);
	request_free(request);
	got[got_buf.len] = want[want_buf.len] = 0;
	bool same = strcmp(got, want) == 0;
	if (!same)
		print_error("%s: got %s, a real server says %s\n", line, got, want);
	return same;
}
