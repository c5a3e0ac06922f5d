/* process.h - child processes that outlive us.
 *
 * A child runs in a session of its own (the terminal's Ctrl-C does not reach it),
 * with standard input from /dev/null, its output appended to a file, and no other
 * descriptor of ours but the one named. It survives our death, kill -9 included; process_signal
 * works on such an adopted process too. Loop thread. */
#pragma once

#include "os/loop.h"

struct process;

struct process_config {
	const char *const *argv; /* NULL-terminated; argv[0] is a path */
	const char *folder;      /* working directory; NULL: ours */
	const char *output_path; /* appended to, mode 0600; NULL: /dev/null */
	int inherited_fd;        /* the child's descriptor 3 (a lock it holds on); 0: none */
	/* Once, from the loop: exit status 0..255, or the signal that ended it. The
	 * struct process is gone after it. */
	void (*on_exit)(void *ctx, int exit_status, int signal_number);
	void *ctx;
};

MUST_CHECK enum status process_spawn(struct loop *loop, const struct process_config *config,
				     struct process **process, struct err *err);
int process_pid(const struct process *process);
/* The child lives on without us and on_exit will not run; for takeover and tests. */
void process_abandon(struct process *process);
/* Any process of ours. NOT_FOUND: there is none with this pid. */
MUST_CHECK enum status process_signal(int pid, int signal_number);
/* Open files: as many as the hard limit allows, for a thousand connections and more.
 * Returns what is allowed now. */
uint64_t process_raise_files(void);
/* When the process started, in clock ticks since boot (/proc/PID/stat field 22); pid
 * and start together name a process for ever. 0: no such process. */
uint64_t process_started(int pid);
