/* agent.h - the host agent: the watch (watch.h) on this host's processes, and the link
 * (link.h) on a connection to weir. `weir agent` runs it; fleet.md 3.6 is what it speaks.
 *
 * Every second it lists the processes, and 5 times a second while a terminal is on its way
 * down; a listing takes about 30 us a process, in the loop. Terminals live in sessions of
 * their own: they go on when the agent ends, however it does, and the next agent finds them.
 * What a terminal prints goes to /dev/null.
 *
 * Bounds: ROSTER_MAX terminals; AGENT_POKES poke programs at once, AGENT_POKE_NS each; what
 * is not sent yet 256 KB, beyond which the connection is ended and begun again (reports are
 * lost, answers are not).
 * Loop thread. Uses AGENT_TIMERS of the loop's. */
#pragma once

#include "agent/link.h"
#include "agent/watch.h"
#include "os/loop.h"

enum { AGENT_POKES = 8, AGENT_CONNECTIONS = 4, AGENT_TIMERS = 2 + AGENT_POKES + AGENT_CONNECTIONS };
#define AGENT_POKE_NS INT64_C(60000000000)

struct agent;

struct agent_config {
	const char *host;         /* NAME: this host's, as weir's tokens file has it */
	const char *connect_host; /* weir's address or name */
	uint16_t connect_port;
	const char *secret_file;    /* the host's token, alone on its line; 0600 and ours */
	const char *terminals_file; /* roster.h */
	const char *root;           /* roster.h; NULL: none */
	const char *poke;           /* program, called with the terminal's id; NULL: none */
	const char *tls_ca, *tls_thumbprint; /* tls.h; both NULL: no TLS */
	/* What happened, one line each. */
	void (*on_note)(void *ctx, enum log_level level, const char *line);
	void *ctx;
};

/* All texts of config must outlive the agent. It adopts what runs, and connects. */
MUST_CHECK enum status agent_open(struct loop *loop, const struct agent_config *config,
				  struct agent **agent, struct err *err);
/* Terminals go on. Runs fn(ctx) when nothing is left of it. */
void agent_close(struct agent *agent, void (*fn)(void *ctx), void *ctx);
/* Reads the terminals and the token again: both, or nothing of it changes. Another token is
 * used from the next connection on. */
MUST_CHECK enum status agent_reload(struct agent *agent, struct err *err);
uint32_t agent_terminals(const struct agent *agent);

struct agent_counts {
	struct watch_counts watch;
	struct link_counts link;
	uint64_t scans, scans_failed, reports, pokes, pokes_failed;
};
struct agent_counts agent_counts(const struct agent *agent);
/* HOST:PORT, [HOST]:PORT for IPv6; host has room for text.len + 1 bytes. */
MUST_CHECK enum status agent_parse_address(struct str text, char *host, uint16_t *port,
					   struct err *err);
