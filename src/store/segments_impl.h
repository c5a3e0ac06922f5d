/* segments_impl.h - what the files of the segments share; nobody else includes it.
 *   segments.c         open, close, ready, the events and the states' moves
 *   segments_prepare.c what is wanted, as far as it can be judged without waiting
 *   segments_managed.c files, lock, start, adoption, exit, restart, stop
 *   segments_check.c   adopted and external servers: what they are set to
 *   segments_watch.c   INFO once a second, AOF rewrites one after the other */
#pragma once

#include "os/backoff.h"
#include "os/process.h"
#include "os/run_dir.h"
#include "store/redis_config.h"
#include "store/redis_url.h"
#include "store/segments.h"

struct segment_server {
	struct redis_port port; /* first: what segments_redis gives is the server */
	struct segments *owner;
	const struct segment_row *row;
	enum segment id;
	bool wanted;
	struct segment_config config; /* its texts point to the next two */
	char appendfsync[16];
	struct redis_url url;
	enum segment_state state;
	struct redis_conn *conn;
	struct process *process; /* our child; NULL when adopted or none runs */
	int pid;
	bool adopted;
	bool was_up;  /* once */
	bool told_up; /* on_up, and no on_down since */
	uint64_t restarts;
	int64_t answered_ns, stop_began_ns;
	struct backoff backoff;
	struct timer tend; /* restart; lock of an adopted server; steps of the stop */
	struct err why;    /* of the last loss */
	bool info_pending, commands_pending, rewriting;
	struct segment_status info; /* the figures part only */
	struct segment_info figures;
	char socket_path[PATH_BYTES_MAX], folder[PATH_BYTES_MAX];
};

struct segments {
	struct loop *loop;
	struct segment_events events;
	char state_dir[PATH_BYTES_MAX], program[PATH_BYTES_MAX];
	int64_t deadline_ns, start_timeout_ns, opened_ns;
	struct segment_logins logins;
	struct segment_server servers[SEGMENT_COUNT];
	struct timer start_deadline, watch;
	struct rng rng;
	bool is_ready, has_failed, is_closing, leave_running;
	unsigned rounds; /* of the watch */
	int open_conns;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
	struct loop_task end, fail;
	struct err failure;
};

/* segments.c */
void segment_move(struct segment_server *server, enum segment_state to);
void segment_is_up(struct segment_server *server);
void segment_is_down(struct segment_server *server, const struct err *why);
/* The end of a start: told once, from the loop. */
void segments_fail(struct segments *segments, const struct err *err);
void segments_notice(struct segments *segments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void segment_stopped(struct segment_server *server);

/* segments_prepare.c */
MUST_CHECK enum status segments_prepare(struct segments *segments,
					const struct store_config *config, uint32_t mask,
					struct err *err);

/* segments_managed.c */
MUST_CHECK enum status segment_write_files(struct segment_server *server, struct err *err);
struct redis_config segment_redis_config(const struct segment_server *server);
/* Starts the server, or finds that one lives and leaves it to be adopted. */
void segment_start(struct segment_server *server);
void segment_lost(struct segment_server *server); /* its connection broke */
void segment_stop(struct segment_server *server); /* ends in segment_stopped */

void segments_write_ports(struct segments *segments);

/* segments_check.c: ends in segment_is_up or segments_fail. */
void segment_check(struct segment_server *server);

/* segments_watch.c */
void segments_watch(struct segments *segments); /* one round */
