/* segments.h - the Redis servers of a state directory: started or adopted, checked,
 * watched, restarted, stopped; and one connection to each.
 *
 * Managed (the default): weir writes segments/NAME/redis.conf and users.acl, starts
 * redis-server on run/NAME.sock and looks after it. A server holds a lock on
 * segments/NAME/lock from its first to its last moment (a descriptor it inherits):
 * a second one is never started on one directory, whatever killed weir; one that
 * survived is adopted when it takes the directory's own password, and brought to
 * the configuration wanted. External: somebody's server at a URL; its version,
 * policy, maxmemory and persistence are checked and what differs is told.
 *
 *   STARTING -> CHECKING -> UP <-> DOWN      any -> STOPPING -> STOPPED
 *
 * Everything is asynchronous on the loop thread: on_ready once, when all wanted
 * segments are UP; or on_failed once, before on_ready, with one line (then close).
 * After that on_up and on_down tell changes; a server that exits is started again
 * with back-off (50 ms .. 5 s). Uses 1 + 3 timers per segment of the loop's heap.
 * Figures come from INFO, asked once a second; those of commands every five. */
#pragma once

#include "def/segments.h"
#include "os/loop.h"
#include "os/redis_conn.h"
#include "store/segment_info.h"

struct segments;

struct segment_config {
	bool external;
	const char *url; /* external: redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], unix://…@/PATH */
	uint16_t port;   /* managed: TCP on 127.0.0.1 besides the socket; 0: none */
	uint64_t maxmemory;      /* bytes; 0: the table's */
	bool maxmemory_chosen;   /* by a person: refused instead of scaled down */
	const char *appendfsync; /* NULL: the table's */
	bool accept_unsafe;      /* external money segment that can lose data */
};

struct store_config {
	const char *state_dir;
	const char *redis_server; /* NULL: "redis-server", looked up in PATH */
	int64_t deadline_ns;      /* of a command; 0: 5 s */
	int64_t start_timeout_ns; /* 0: 10 s */
	struct segment_config segments[SEGMENT_COUNT];
};

struct segment_events {
	void (*on_ready)(void *ctx);
	void (*on_failed)(void *ctx, const struct err *err);
	void (*on_up)(void *ctx, enum segment segment);
	void (*on_down)(void *ctx, enum segment segment, const struct err *why);
	/* What a person should know and nothing fails for; NULL: logged as warnings. */
	void (*on_notice)(void *ctx, const char *line);
	void *ctx;
};

enum segment_state {
	SEGMENT_STARTING,
	SEGMENT_CHECKING,
	SEGMENT_UP,
	SEGMENT_DOWN,
	SEGMENT_STOPPING,
	SEGMENT_STOPPED,
};

struct segment_status {
	bool wanted, external, adopted;
	enum segment_state state;
	int pid;              /* managed; 0 when none runs */
	uint64_t restarts;    /* after the first start */
	int64_t answered_ns;  /* from segments_open to the first answer; 0: none yet */
	uint64_t maxmemory;   /* in force */
	uint64_t used_memory; /* of the last INFO, 0 before it; so are the next ones */
	uint64_t used_memory_rss;
	uint64_t evicted_keys, expired_keys;
	uint64_t keys;
	uint64_t keys_expiring; /* of them, those that carry a TTL */
	uint64_t connected_clients;
	uint64_t aof_bytes, aof_base_bytes;
	uint64_t aof_rewrites; /* asked for by us */
	uint64_t commands_processed;
	uint64_t keyspace_hits, keyspace_misses;
	bool persisting; /* the last write to the append-only file and the last RDB went well */
	const struct redis_conn_stats *conn;
	const struct segment_info *figures; /* all of INFO; until the close has ended */
};

/* Only start-up errors that need no waiting come back here (no redis-server, bad
 * URL, paths, budget beyond the machine); the others arrive in on_failed. Texts of
 * config are copied. The caller holds the state directory's lock. */
MUST_CHECK enum status segments_open(struct loop *loop, const struct store_config *config,
				     uint32_t mask, const struct segment_events *events,
				     struct segments **segments, struct err *err);
/* Stops managed servers (SHUTDOWN, which writes everything; SIGTERM after 5 s, SIGKILL
 * after 10), closes the connections, then runs fn(ctx). No events after the call. */
void segments_close(struct segments *segments, void (*fn)(void *ctx), void *ctx);
/* Lets the servers run, for whoever comes next to adopt; otherwise as close. */
void segments_leave(struct segments *segments, void (*fn)(void *ctx), void *ctx);

/* Valid from open until the close has ended, for a wanted segment. Commands are CLOSED until
 * it is up, and from when the close has ended its connection: who still has a timer then (a
 * sweep that comes due meanwhile) does no harm. */
struct redis_port *segments_redis(struct segments *segments, enum segment segment);
/* A further connection to the segment's server, for who must not stand in the way of others
 * (a reader of many entries) or be in the way of a transaction. on_up: it is connected
 * (again). The caller closes it before segments_close; it holds two more timers. */
MUST_CHECK enum status segments_connect(struct segments *segments, enum segment segment,
					const char *name, void (*on_up)(void *ctx), void *ctx,
					struct redis_conn **conn, struct err *err);
struct segment_status segments_status(const struct segments *segments, enum segment segment);
const char *segment_state_text(enum segment_state state); /* "starting" … */

/* The configuration file a managed segment would get. */
MUST_CHECK enum status segments_print_config(const struct store_config *config,
					     enum segment segment, struct buf *out,
					     struct err *err);
