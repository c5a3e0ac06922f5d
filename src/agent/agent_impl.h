/* agent_impl.h - what agent.c and agent_host.c share. */
#pragma once

#include "agent/agent.h"
#include "os/line_dial.h"
#include "os/process.h"

/* A program that we started: a terminal, or the operator's for a poke. */
struct agent_child {
	struct agent *agent;
	struct process *process;
	struct agent_child *next, **at;
	bool is_poke;
	char id[ROSTER_ID_MAX + 1];
	struct timer deadline; /* of a poke */
};

enum { AGENT_NOTE_BYTES = 640 };

struct agent {
	struct loop *loop;
	struct agent_config config;
	struct watch *watch;
	struct procfs *procfs;
	struct link link;
	struct buf secret;

	struct tls_context *tls;
	struct line_dialer *dialer;
	struct line_conn *conn; /* NULL: none, nor one on its way */
	bool is_open, is_closing;
	bool told_unreachable; /* why it is not connected was said */
	int64_t note_ns;       /* when the newest trouble of the link was said */
	struct buf out;

	struct timer beat, redial;
	int64_t beat_ns; /* when the next full second begins */
	struct loop_task scan;
	bool scans_badly; /* and it was said */
	struct agent_child *children;
	uint32_t pokes;

	struct agent_counts counts; /* but watch and link */
	void (*on_end)(void *ctx);
	void *on_end_ctx;
};

void agent_note(struct agent *agent, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* agent_host.c: this host for the watch. */
struct watch_hooks agent_host_hooks(struct agent *agent);
/* Lists the processes and lets the watch judge. */
void agent_host_scan(struct agent *agent);
/* What the host and each terminal's process take now. */
void agent_host_measure(struct agent *agent);
/* Children go on, pokes too. */
void agent_host_leave(struct agent *agent);
