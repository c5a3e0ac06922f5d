/* procfs.h - processes and the host as Linux tells of them in /proc (proc(5)).
 *
 * For whoever watches programs that are not its children: which there are, what they
 * take, how the host is. Matching is the caller's. Processes come and go while they
 * are read: one that is gone is left out or NOT_FOUND, never an error. What another
 * user's process hides (its program, its descriptors) is "" or -1. Free bytes of a
 * folder's disk: files_free_bytes.
 *
 * Blocking, some 30 us a process; one thread per struct procfs. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { PROCFS_COMMAND_MAX = 4096, PROCFS_PROGRAM_MAX = 4095, PROCFS_NAME_MAX = 64 };

struct procfs;

/* root: NULL for /proc; another folder of that shape for a container's or a test's. */
MUST_CHECK enum status procfs_open(const char *root, struct procfs **procfs, struct err *err);
void procfs_close(struct procfs *procfs); /* NULL is fine */

/* pid and started_ticks together name a process for ever. Texts last until fn returns. */
struct procfs_process {
	int pid;
	int parent;             /* 0: none, or outside of the namespace */
	char state;             /* R S D Z T … */
	uint64_t started_ticks; /* clock ticks after the boot */
	struct str name;        /* the kernel's short one; a program may set it */
	/* The arguments with a blank between them, as ps shows them; "" for a thread of the
	 * kernel and a process that is only waited for. */
	struct str command;
	bool command_cut;   /* it had more than PROCFS_COMMAND_MAX bytes */
	struct str program; /* the executable's path; " (deleted)" follows one that was replaced */
};

/* Every process once, in the kernel's order; fn returns false to stop, and may call
 * procfs_usage. Those born meanwhile may be missing. IO, REFUSED when the folder itself cannot be
 * read. */
MUST_CHECK enum status procfs_visit(struct procfs *procfs,
				    bool (*fn)(void *ctx, const struct procfs_process *process),
				    void *ctx, struct err *err);

struct procfs_usage {
	uint64_t cpu_ns;    /* of all its threads, in user and kernel mode, so far */
	uint64_t rss_bytes; /* resident */
	int64_t uptime_ns;
	int threads;
	int descriptors; /* open ones; -1: not ours to see */
};

/* NOT_FOUND: no such process, or the pid has passed to one that started at another
 * time. The share of a core between two calls is cpu_ns' difference over the time's. */
MUST_CHECK enum status procfs_usage(struct procfs *procfs, int pid, uint64_t started_ticks,
				    struct procfs_usage *usage);

struct procfs_host {
	uint32_t load_e2[3];       /* load averages x 100, over 1, 5 and 15 minutes */
	uint64_t memory_bytes;     /* in all, without swap */
	uint64_t memory_available; /* bytes that programs can have without swapping */
	unsigned cpus;             /* online */
	int64_t uptime_ns;
};

/* FORMAT names the file that does not read as expected. */
MUST_CHECK enum status procfs_host(struct procfs *procfs, struct procfs_host *host,
				   struct err *err);
