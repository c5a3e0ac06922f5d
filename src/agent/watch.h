/* watch.h - the terminals of one host: which process each is, how it does, how it ended,
 * and what to do about it.
 *
 * The owner lists all processes (os/procfs.h) and tells them; the core finds each terminal's,
 * tells them as M frames and asks through hooks for programs to be started and signals to be
 * sent. A terminal's process is named by pid and start time, so that a pid that passed to
 * another program is never taken for it, nor signalled.
 *
 *   watch_scan_begin, watch_see…, watch_scan_end(now)     each second, and after an end
 *   watch_usage of each that has one, watch_report         each second
 *
 * Which process: one that matches the terminal's pattern (match.h). Of several those that the
 * kernel knows as terminal64.exe, and of a wrapper and what it runs the latter. What was
 * started here is the terminal's as long as nothing matches, so a wrapper may run anything.
 * Of several still the one known stays, else the oldest is taken; the others are named once
 * and never signalled. A process that matches two terminals is the first one's. A zombie is
 * not there.
 *
 * How it ended, by the first rule that holds:
 *   asked   it was told to stop or restart here, or it exited with 75 (the terminal's own
 *           wish for a restart: it is started again, at most every WATCH_AGAIN_NS)
 *   crash   a signal ended it
 *   update  its program's file is not the one it was started from
 *   crash   it exited with something else than 0, or where its program is is not known
 *   update  within WATCH_DOUBT_NS its program changes, or it comes back with a changed one
 *   crash   else
 * An exit code is known of what was started here and not of what was found running. During
 * the doubt nothing is told of the terminal: weir takes 15 s of silence for a failure, a
 * live update is none. After an update it comes back by itself; if it has not within
 * WATCH_BACK_NS of its end, it is started.
 *
 * M: pid=0 with end and exit is said WATCH_ENDS times in all, afterwards end=gone. An end is
 * told before the process that follows it, or not at all when nobody was there to be told.
 *
 * Commands (C): start, stop, restart, poke with id=; stop and restart leave the terminal
 * `wait` ms to go by itself, then SIGTERM, WATCH_KILL_NS later SIGKILL. A second one of a
 * terminal is never started; the newest of start, stop, restart is what happens.
 *
 * Pure: time is told (monotonic ns, wall ms). Allocates at create, on reload, and when the
 * host has more processes than ever (up to WATCH_PROCESSES_MAX; more are counted). One
 * thread; hooks do not call back in. */
#pragma once

#include "agent/roster.h"
#include "base/log.h"
#include "codec/mfp.h"
#include "os/procfs.h"

enum {
	WATCH_PROCESSES_MAX = 65536,
	WATCH_MATCHES_MAX = 4096, /* in all; more are counted */
	WATCH_ENDS = 60,
	WATCH_RESTART_CODE = 75,
	WATCH_WAIT_MS_MAX = 600000,
};
#define WATCH_KILL_NS  INT64_C(10000000000)
#define WATCH_AGAIN_NS INT64_C(5000000000)
#define WATCH_DOUBT_NS INT64_C(10000000000)
#define WATCH_BACK_NS  INT64_C(30000000000)

/* pid 0: none. */
struct watch_run {
	int pid;
	uint64_t started_ticks;
};

/* What tells a file from the one that takes its place. */
struct watch_file {
	uint64_t device, inode, bytes;
	int64_t changed_ns; /* mtime */
};

enum watch_signal { WATCH_TERM, WATCH_KILL };

struct watch_hooks {
	/* False: there is no plain file of this path. */
	bool (*look)(void *ctx, const char *path, struct watch_file *file);
	/* Free MB of the file system of a folder; -1: not known. */
	int64_t (*free_mb)(void *ctx, const char *folder);
	/* Runs the words in a session of its own; its end is told by watch_exited. False: it
	 * could not be started, which the owner has said. */
	bool (*spawn)(void *ctx, const char *id, const char *const *words, struct watch_run *run);
	/* Asks the operator's program to re-open the terminal's charts. False: there is none. */
	bool (*poke)(void *ctx, const char *id);
	/* Only if that very process is still there; a process that is gone is no failure.
	 * False: it may not be done. */
	bool (*signal)(void *ctx, const struct watch_run *run, enum watch_signal signal);
	void (*note)(void *ctx, enum log_level level, const char *line);
	void *ctx;
};

struct watch;

/* Takes the roster over. own_pid: of this program; a listing without it is not believed,
 * and it is nobody's terminal. host: NAME, copied. NULL: no memory; the roster is freed. */
struct watch *watch_create(struct roster *roster, const char *host, int own_pid,
			   const struct watch_hooks *hooks);
void watch_destroy(struct watch *watch); /* NULL is fine; terminals go on */
/* Another roster: terminals keep what is known of them by their id; those that are not in it
 * are forgotten and go on. NO_MEMORY: nothing has changed. Takes the roster over. Not within
 * a scan. */
MUST_CHECK enum status watch_reload(struct watch *watch, struct roster *roster);

/* ---- a scan: all processes of the host ---- */
void watch_scan_begin(struct watch *watch);
/* Neither may be a terminal's: a program that runs for the agent itself. */
void watch_exclude(struct watch *watch, int pid);
void watch_see(struct watch *watch, const struct procfs_process *process);
/* Judges, and does what is due: starts, signals. */
void watch_scan_end(struct watch *watch, int64_t now_ns);

/* ---- what they take, and the report ---- */
uint32_t watch_count(const struct watch *watch);
/* Of terminal 0 … count-1; pid 0: it has none. */
struct watch_run watch_run_of(const struct watch *watch, uint32_t terminal);
/* NULL: it was gone when it was looked at. */
void watch_usage(struct watch *watch, uint32_t terminal, const struct procfs_usage *usage,
		 int64_t now_ns);
void watch_host(struct watch *watch, const struct procfs_host *host);
/* Appends M frames: of all, or of those alone whose process has come or gone since the last
 * time. out NULL: nobody is connected, ends before a process that is there are let go. */
void watch_report(struct watch *watch, int64_t wall_ms, bool all, struct buf *out);

/* ---- what happens ---- */
/* A program that was spawned has ended; signal 0: with exit_code. A scan should follow. */
void watch_exited(struct watch *watch, int pid, int exit_code, int signal);
/* A C frame, after a scan of this turn. True: it is done or under way. */
bool watch_command(struct watch *watch, const struct mfp_frame *frame, int64_t now_ns);
/* Whether a scan sooner than in a second would bring something forward. */
bool watch_hurries(const struct watch *watch);

struct watch_counts {
	uint64_t asked, crashes, updates; /* how processes ended */
	uint64_t started, start_failed, signals, signals_failed;
	uint64_t late_updates; /* called a crash, and came back as an update */
	uint64_t bad_scans;    /* without ourselves */
	uint64_t processes_over, matches_over, doubly_matched, commands_refused;
};
struct watch_counts watch_counts(const struct watch *watch);
