/* This host as the watch sees it: its processes, its files, programs that are started. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/agent_impl.h"
#include "os/files.h"

/* ---- programs ---- */

static void forget(struct agent_child *child)
{
	struct agent *agent = child->agent;
	timers_cancel(loop_timers(agent->loop), &child->deadline);
	agent->pokes -= child->is_poke;
	*child->at = child->next;
	if (child->next)
		child->next->at = child->at;
	free(child);
}

static void on_exit_of(void *ctx, int exit_code, int signal)
{
	struct agent_child *child = ctx;
	struct agent *agent = child->agent;
	if (child->is_poke && (exit_code || signal)) {
		agent->counts.pokes_failed++;
		agent_note(agent, LOG_ERROR, "%s: %s failed: %s %d", child->id, agent->config.poke,
			   signal ? "signal" : "exit status", signal ? signal : exit_code);
	}
	if (!child->is_poke) {
		watch_exited(agent->watch, process_pid(child->process), exit_code, signal);
		loop_defer(agent->loop, &agent->scan);
	}
	forget(child);
}

static struct agent_child *spawn(struct agent *agent, const char *id, const char *const *words,
				 bool is_poke)
{
	struct err err = { 0 };
	struct agent_child *child = calloc(1, sizeof *child);
	if (!child || str_copy(str_of(id), child->id, sizeof child->id)) {
		free(child);
		agent_note(agent, LOG_ERROR, "%s: no memory to start it", id);
		return NULL;
	}
	const struct process_config config = { .argv = words, .on_exit = on_exit_of, .ctx = child };
	child->agent = agent;
	child->is_poke = is_poke;
	if (process_spawn(agent->loop, &config, &child->process, &err)) {
		free(child);
		agent_note(agent, LOG_ERROR, "%s: %s", id, err.text);
		return NULL;
	}
	child->at = &agent->children;
	child->next = agent->children;
	if (child->next)
		child->next->at = &child->next;
	agent->children = child;
	return child;
}

/* It is ours and not waited for yet, so its start time can still be read. */
static bool on_spawn(void *ctx, const char *id, const char *const *words, struct watch_run *run)
{
	struct agent_child *child = spawn(ctx, id, words, false);
	if (!child)
		return false;
	int pid = process_pid(child->process);
	*run = (struct watch_run){ pid, process_started(pid) };
	return true;
}

static void on_poke_late(void *ctx)
{
	struct agent_child *child = ctx;
	agent_note(child->agent, LOG_ERROR, "%s: %s has not ended in time and is ended", child->id,
		   child->agent->config.poke);
	enum status status = process_signal(process_pid(child->process), SIGKILL);
	(void)status; /* it may have ended just now: on_exit follows in any case */
}

static bool on_poke(void *ctx, const char *id)
{
	struct agent *agent = ctx;
	const char *words[] = { agent->config.poke, id, NULL };
	if (!words[0] || agent->pokes == AGENT_POKES)
		return false;
	struct agent_child *child = spawn(agent, id, words, true);
	if (!child)
		return false;
	agent->pokes++;
	agent->counts.pokes++;
	child->deadline = (struct timer){ .fn = on_poke_late, .ctx = child };
	loop_timer_after(agent->loop, &child->deadline, AGENT_POKE_NS);
	return true;
}

void agent_host_leave(struct agent *agent)
{
	struct agent_child *child = agent->children, *next;
	for (; child; child = next) {
		next = child->next;
		process_abandon(child->process);
		forget(child);
	}
}

/* ---- files, signals ---- */

static bool on_look(void *ctx, const char *path, struct watch_file *file)
{
	struct stat st;
	(void)ctx;
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	*file = (struct watch_file){
		.device = st.st_dev,
		.inode = st.st_ino,
		.bytes = (uint64_t)st.st_size,
		.changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
	};
	return true;
}

static int64_t on_free_mb(void *ctx, const char *folder)
{
	uint64_t bytes;
	(void)ctx;
	return files_free_bytes(folder, &bytes, NULL) ? -1 : (int64_t)(bytes >> 20);
}

static bool on_signal(void *ctx, const struct watch_run *run, enum watch_signal signal)
{
	(void)ctx;
	if (process_started(run->pid) != run->started_ticks)
		return true; /* gone meanwhile */
	return process_signal(run->pid, signal == WATCH_KILL ? SIGKILL : SIGTERM) != STATUS_REFUSED;
}

static void on_note(void *ctx, enum log_level level, const char *line)
{
	const struct agent *agent = ctx;
	agent->config.on_note(agent->config.ctx, level, line);
}

struct watch_hooks agent_host_hooks(struct agent *agent)
{
	return (struct watch_hooks){ .look = on_look,
				     .free_mb = on_free_mb,
				     .spawn = on_spawn,
				     .poke = on_poke,
				     .signal = on_signal,
				     .note = on_note,
				     .ctx = agent };
}

/* ---- looking ---- */

static bool see(void *ctx, const struct procfs_process *process)
{
	struct agent *agent = ctx;
	watch_see(agent->watch, process);
	return true;
}

/* Says once that it goes wrong, and once that it goes right again. */
static void note_scan(struct agent *agent, enum status status, const struct err *err)
{
	bool bad = status != STATUS_OK;
	agent->counts.scans_failed += bad;
	if (bad != agent->scans_badly)
		agent_note(agent, bad ? LOG_ERROR : LOG_INFO, "%s",
			   bad ? err->text : "the host's processes can be read again");
	agent->scans_badly = bad;
}

void agent_host_scan(struct agent *agent)
{
	struct err err = { 0 };
	loop_task_cancel(&agent->scan);
	watch_scan_begin(agent->watch);
	for (const struct agent_child *child = agent->children; child; child = child->next)
		if (child->is_poke)
			watch_exclude(agent->watch, process_pid(child->process));
	enum status status = procfs_visit(agent->procfs, see, agent, &err);
	agent->counts.scans++;
	note_scan(agent, status, &err);
	if (!status)
		watch_scan_end(agent->watch, loop_now_ns(agent->loop));
}

void agent_host_measure(struct agent *agent)
{
	struct procfs_host host;
	struct procfs_usage usage;
	int64_t now_ns = loop_precise_ns();
	if (!procfs_host(agent->procfs, &host, NULL))
		watch_host(agent->watch, &host);
	for (uint32_t i = 0; i < watch_count(agent->watch); i++) {
		struct watch_run run = watch_run_of(agent->watch, i);
		if (!run.pid)
			continue;
		bool there = !procfs_usage(agent->procfs, run.pid, run.started_ticks, &usage);
		watch_usage(agent->watch, i, there ? &usage : NULL, now_ns);
	}
}
