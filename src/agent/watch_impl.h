/* watch_impl.h - what watch.c, watch_find.c and watch_report.c share. */
#pragma once

#include "agent/match.h"
#include "agent/watch.h"

#define WATCH_NEVER INT64_MAX

enum { WATCH_EXCLUDED_MAX = 16, WATCH_NOTE_BYTES = 512 };

enum watch_end { WATCH_ASKED, WATCH_CRASH, WATCH_UPDATE, WATCH_GONE }; /* as in def/mfp.def */
enum watch_aim { WATCH_AIM_NONE, WATCH_AIM_STOP, WATCH_AIM_RESTART };

struct watch_seen {
	int pid, parent;
	uint64_t started_ticks;
};

/* A process that matches; those of one terminal hang together. */
struct watch_match {
	struct watch_seen process;
	bool named; /* the kernel knows it as terminal64.exe */
	struct watch_match *next;
};

struct watch_program {
	char path[MATCH_PATH_MAX]; /* "": not known */
	struct watch_file file;    /* as it was when the process was found */
};

struct watch_terminal {
	const struct roster_row *row;
	struct watch_run run;   /* its process */
	struct watch_run child; /* started here, not ended; run, or above it */
	bool in_child;          /* run is child or below it */
	struct watch_program program;

	/* since it was found; cpu of the last second */
	struct procfs_usage usage;
	bool has_usage;
	int64_t usage_ns; /* when usage was taken */
	int64_t cpu_e1;   /* -1: not known */

	/* what is wanted of it */
	enum watch_aim aim;
	bool clean, termed; /* termed: SIGTERM has gone to run */
	int64_t term_ns, kill_ns;
	int64_t start_ns;   /* when it is to be started unless it is there; NEVER */
	int64_t spawned_ns; /* last; NEVER */

	/* how it ended; of the child: until it is judged */
	bool has_exit;
	int exit; /* -N: signal N */
	enum watch_end end;
	bool end_has_exit;
	int end_exit;
	int64_t ended_ns;
	int ended_pid;
	bool doubtful;     /* not judged yet */
	uint8_t ends_left; /* how often it is still to be said */
	bool owes_end;     /* not said before the process that is there now */
	bool news;         /* its process has come or gone since the last report */

	/* of this scan */
	struct watch_match *matches;
	bool run_seen, child_seen, run_matches;
	char command_path[MATCH_PATH_MAX]; /* program, by the command line of a match */
	int other_pid;                     /* named already as matching too */
};

struct watch {
	struct watch_hooks hooks;
	char host[ROSTER_ID_MAX + 1];
	int own_pid;
	struct roster *roster;
	struct watch_terminal *terminals;
	uint32_t count;

	struct watch_seen *seen; /* by pid, once the scan has ended */
	size_t seen_count, seen_room;
	bool seen_self, seen_sorted;
	bool blind; /* the newest scan is not to be believed */
	struct watch_match *matches;
	size_t match_count;
	int excluded[WATCH_EXCLUDED_MAX];
	size_t excluded_count;
	int doubled_pid; /* named already as matching two */

	struct procfs_host machine;
	bool has_machine;
	struct watch_counts counts;
};

static inline bool watch_same(const struct watch_run *run, int pid, uint64_t started_ticks)
{
	return run->pid && run->pid == pid && run->started_ticks == started_ticks;
}

void watch_note(struct watch *watch, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* watch_find.c: whether a process was started by another, over any number of others. */
bool watch_is_below(struct watch *watch, int pid, int ancestor);
/* The terminal's process of this scan; pid 0: none. */
struct watch_run watch_pick(struct watch *watch, struct watch_terminal *terminal);
/* Finds where its program is and notes the file. */
void watch_find_program(struct watch *watch, struct watch_terminal *terminal);
/* Whether the file is another one than noted; a program that is not known never changes. */
bool watch_program_changed(struct watch *watch, const struct watch_terminal *terminal);
