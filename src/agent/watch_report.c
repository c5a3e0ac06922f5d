/* What is told of terminals: M frames. */
#include "agent/watch_impl.h"
#include "base/check.h"

#define MB (INT64_C(1) << 20)

/* Less than this between two looks says more of the clock's ticks than of the process. */
static const int64_t usage_apart_ns = 100000000;

void watch_host(struct watch *watch, const struct procfs_host *host)
{
	watch->machine = *host;
	watch->has_machine = true;
}

/* Tenths of a percent of one core; several threads can have more than 1,000. */
static int64_t cpu_between(const struct procfs_usage *from, const struct procfs_usage *to,
			   int64_t apart_ns)
{
	if (to->cpu_ns < from->cpu_ns)
		return -1;
	double share = (double)(to->cpu_ns - from->cpu_ns) / (double)apart_ns;
	return (int64_t)(share * 1000 + 0.5);
}

void watch_usage(struct watch *watch, uint32_t index, const struct procfs_usage *usage,
		 int64_t now_ns)
{
	CHECK(index < watch->count);
	struct watch_terminal *terminal = &watch->terminals[index];
	int64_t apart_ns = now_ns - terminal->usage_ns;
	if (!usage) {
		terminal->has_usage = false;
		return;
	}
	if (terminal->has_usage && apart_ns < usage_apart_ns)
		return;
	terminal->cpu_e1 =
	    terminal->has_usage ? cpu_between(&terminal->usage, usage, apart_ns) : -1;
	terminal->usage = *usage;
	terminal->usage_ns = now_ns;
	terminal->has_usage = true;
}

/* ---- frames ---- */

static void put_usage(struct mfp_writer *writer, const struct watch_terminal *terminal)
{
	const struct procfs_usage *usage = &terminal->usage;
	bool known = terminal->has_usage && terminal->cpu_e1 >= 0;
	mfp_put_number(writer, MFP_host_cpu,
		       known ? (struct number){ terminal->cpu_e1, 1 } : number_of(-1));
	if (!terminal->has_usage)
		return;
	mfp_put_i64(writer, MFP_host_rss, ((int64_t)usage->rss_bytes + MB / 2) / MB);
	if (usage->descriptors >= 0)
		mfp_put_i64(writer, MFP_host_fd, usage->descriptors);
	mfp_put_i64(writer, MFP_host_thr, usage->threads);
	mfp_put_i64(writer, MFP_host_up, usage->uptime_ns / 1000000000);
}

/* The folder of the program, else where it would be by --root. */
static void put_disk(struct watch *watch, struct mfp_writer *writer,
		     const struct watch_terminal *terminal)
{
	char folder[MATCH_PATH_MAX];
	const char *program = terminal->program.path;
	const char *slash = strrchr(program, '/');
	struct str where =
	    slash ? str_make(program, (size_t)(slash - program)) : str_of(terminal->row->home);
	if (!where.len || str_copy(where, folder, sizeof folder))
		return;
	int64_t free_mb = watch->hooks.free_mb(watch->hooks.ctx, folder);
	if (free_mb >= 0)
		mfp_put_i64(writer, MFP_host_disk, free_mb);
}

static void begin(struct watch *watch, struct mfp_writer *writer, struct buf *out,
		  const struct watch_terminal *terminal, int64_t wall_ms, int pid)
{
	mfp_begin(writer, out, MFP_VERB_host, 0);
	mfp_put_text(writer, MFP_host_id, str_of(terminal->row->id));
	mfp_put_i64(writer, MFP_host_t, wall_ms);
	mfp_put_i64(writer, MFP_host_pid, pid);
	mfp_put_text(writer, MFP_host_host, str_of(watch->host));
	if (!watch->has_machine)
		return;
	mfp_put_number(writer, MFP_host_la, (struct number){ watch->machine.load_e2[0], 2 });
	mfp_put_i64(writer, MFP_host_cores, watch->machine.cpus);
}

static void tell_run(struct watch *watch, const struct watch_terminal *terminal, int64_t wall_ms,
		     struct buf *out)
{
	struct mfp_writer writer;
	begin(watch, &writer, out, terminal, wall_ms, terminal->run.pid);
	put_usage(&writer, terminal);
	put_disk(watch, &writer, terminal);
	mfp_end(&writer);
}

static void tell_end(struct watch *watch, struct watch_terminal *terminal, int64_t wall_ms,
		     struct buf *out)
{
	struct mfp_writer writer;
	begin(watch, &writer, out, terminal, wall_ms, 0);
	put_disk(watch, &writer, terminal);
	mfp_put_word(&writer, MFP_host_end,
		     (int)(terminal->ends_left ? terminal->end : WATCH_GONE));
	if (terminal->ends_left && terminal->end_has_exit)
		mfp_put_i64(&writer, MFP_host_exit, terminal->end_exit);
	mfp_end(&writer);
	if (terminal->ends_left)
		terminal->ends_left--;
	terminal->owes_end = false;
}

static void tell(struct watch *watch, struct watch_terminal *terminal, int64_t wall_ms,
		 struct buf *out)
{
	bool there = terminal->run.pid != 0;
	if (there ? terminal->owes_end : !terminal->doubtful)
		tell_end(watch, terminal, wall_ms, out);
	if (there)
		tell_run(watch, terminal, wall_ms, out);
}

void watch_report(struct watch *watch, int64_t wall_ms, bool all, struct buf *out)
{
	for (uint32_t i = 0; i < watch->count; i++) {
		struct watch_terminal *terminal = &watch->terminals[i];
		if (out && (all || terminal->news))
			tell(watch, terminal, wall_ms, out);
		if (terminal->run.pid)
			terminal->owes_end = false;
		terminal->news = false;
	}
}
