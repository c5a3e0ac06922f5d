/* agent_stage.h - a host that is a table: processes, files and seconds that pass when the
 * test says so, and a watch that sees nothing else. Include it in one file of a program. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/watch.h"
#include "base/check.h"

enum { OWN_PID = 50, FIRST_PID = 1000, PROCESSES = 64, NOTES = 8192 };

static const int64_t SECOND = 1000000000;

struct fake_process {
	int pid, parent;
	uint64_t started_ticks;
	char state;
	char name[32], command[256];
	struct procfs_usage usage;
};

static struct {
	struct watch *watch;
	struct fake_process processes[PROCESSES];
	size_t count;
	struct watch_file files[4]; /* of paths below; bytes 0: it is not there */
	int64_t now_ns, wall_ms;
	int next_pid;
	bool blind; /* the listing shows nothing */
	bool spawn_fails, signal_fails, poke_fails;
	const char *spawn_command; /* what a spawned program looks like; NULL: its words */
	char spawned[1024];        /* every word of every start, each start ended by | */
	char signals[256];         /* "TERM 1000|" */
	char poked[64];
	char notes[NOTES];
	char report[16384];
} stage;

static const char *const stage_paths[] = { "/srv/t1/terminal64.exe", "/srv/t2/terminal64.exe",
					   "/opt/w/drive_c/MT5/terminal64.exe",
					   "/srv/t3/terminal64.exe" };

/* ---- the host ---- */

static inline struct fake_process *process_of(int pid)
{
	for (size_t i = 0; i < stage.count; i++)
		if (stage.processes[i].pid == pid)
			return &stage.processes[i];
	return NULL;
}

static inline int run_program(const char *name, const char *command, int parent)
{
	struct fake_process *process = &stage.processes[stage.count++];
	assert_true(stage.count <= PROCESSES);
	*process = (struct fake_process){
		.pid = stage.next_pid++,
		.parent = parent,
		.started_ticks = (uint64_t)(stage.now_ns / 10000000),
		.state = 'S',
		.usage = { .rss_bytes = 223 << 20, .threads = 41, .descriptors = 311 },
	};
	snprintf(process->name, sizeof process->name, "%s", name);
	snprintf(process->command, sizeof process->command, "%s", command);
	return process->pid;
}

static inline int run_terminal(const char *id)
{
	char command[128];
	snprintf(command, sizeof command, "Z:\\srv\\%s\\terminal64.exe /portable", id);
	return run_program("terminal64.exe", command, 1);
}

/* It is gone; the watch is told only when it was its child. */
static inline void end_program(int pid)
{
	struct fake_process *process = process_of(pid);
	assert_non_null(process);
	*process = stage.processes[--stage.count];
}

static inline void end_child(int pid, int exit_code, int signal)
{
	end_program(pid);
	watch_exited(stage.watch, pid, exit_code, signal);
}

static inline void change_file(int index) { stage.files[index].inode++; }

/* ---- hooks ---- */

static inline bool hook_look(void *ctx, const char *path, struct watch_file *file)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(stage_paths); i++)
		if (strcmp(path, stage_paths[i]) == 0 && stage.files[i].bytes) {
			*file = stage.files[i];
			return true;
		}
	return false;
}

static inline int64_t hook_free_mb(void *ctx, const char *folder)
{
	(void)ctx;
	return strcmp(folder, "/srv/t1") == 0 ? 48211 : -1;
}

static inline bool hook_spawn(void *ctx, const char *id, const char *const *words,
			      struct watch_run *run)
{
	char command[256] = "";
	(void)ctx, (void)id;
	if (stage.spawn_fails)
		return false;
	for (; *words; words++) {
		strcat(command, *words);
		strcat(command, words[1] ? " " : "");
	}
	strcat(stage.spawned, command);
	strcat(stage.spawned, "|");
	int pid = run_program("wine", stage.spawn_command ? stage.spawn_command : command, OWN_PID);
	*run = (struct watch_run){ pid, process_of(pid)->started_ticks };
	return true;
}

static inline bool hook_poke(void *ctx, const char *id)
{
	(void)ctx;
	strcat(stage.poked, id);
	return !stage.poke_fails;
}

static inline bool hook_signal(void *ctx, const struct watch_run *run, enum watch_signal signal)
{
	char text[32];
	const struct fake_process *process = process_of(run->pid);
	(void)ctx;
	assert_true(!process || process->started_ticks == run->started_ticks);
	snprintf(text, sizeof text, "%s %d|", signal == WATCH_KILL ? "KILL" : "TERM", run->pid);
	strcat(stage.signals, text);
	return !stage.signal_fails;
}

static inline void hook_note(void *ctx, enum log_level level, const char *line)
{
	size_t len = strlen(stage.notes);
	(void)ctx, (void)level;
	snprintf(stage.notes + len, sizeof stage.notes - len, "%s\n", line);
}

static inline bool noted(const char *text) { return strstr(stage.notes, text) != NULL; }

/* ---- seconds ---- */

static inline void scan(void)
{
	watch_scan_begin(stage.watch);
	for (size_t i = 0; i < stage.count && !stage.blind; i++) {
		const struct fake_process *process = &stage.processes[i];
		const struct procfs_process seen = {
			.pid = process->pid,
			.parent = process->parent,
			.state = process->state,
			.started_ticks = process->started_ticks,
			.name = str_of(process->name),
			.command = str_of(process->command),
		};
		watch_see(stage.watch, &seen);
	}
	watch_scan_end(stage.watch, stage.now_ns);
}

static inline void measure(void)
{
	for (uint32_t i = 0; i < watch_count(stage.watch); i++) {
		struct watch_run run = watch_run_of(stage.watch, i);
		const struct fake_process *process = run.pid ? process_of(run.pid) : NULL;
		if (run.pid)
			watch_usage(stage.watch, i, process ? &process->usage : NULL, stage.now_ns);
	}
}

/* What is reported goes to stage.report, line by line. */
static inline void report(bool all)
{
	struct buf out = buf_over(stage.report, sizeof stage.report - 1);
	watch_report(stage.watch, stage.wall_ms, all, &out);
	assert_false(out.overflow);
	stage.report[out.len] = 0;
}

static inline void pass(int64_t ns)
{
	stage.now_ns += ns;
	stage.wall_ms += ns / 1000000;
	scan();
	measure();
	report(true);
}

static inline void pass_seconds(int seconds)
{
	for (int i = 0; i < seconds; i++)
		pass(SECOND);
}

/* The M of a terminal in the last report, as fields without their verb; "" none. Of two, as
 * an end and what follows, the index says which. */
static inline const char *told(const char *id, int index)
{
	static char line[512];
	char begin[80];
	const char *at = stage.report;
	snprintf(begin, sizeof begin, "M 0 id=%s ", id);
	for (; *at; at = strchr(at, '\n') + 1) {
		struct mfp_frame frame;
		struct mfp_fault fault;
		size_t len = strcspn(at, "\n");
		assert_int_equal(mfp_read(str_make(at, len), MFP_PEER, &frame, &fault), STATUS_OK);
		if (strncmp(at, begin, strlen(begin)) != 0 || index-- > 0)
			continue;
		snprintf(line, sizeof line, "%.*s ", (int)len, at);
		return line;
	}
	return "";
}

/* Whether the M has these fields, "pid=0 end=crash". */
static inline bool tells_at(const char *id, int index, const char *fields)
{
	const char *line = told(id, index);
	struct str rest = str_of(fields), field;
	while (str_split(&rest, ' ', &field)) {
		char text[80];
		snprintf(text, sizeof text, " %.*s ", STR_ARG(field));
		if (!strstr(line, text))
			return false;
	}
	return line[0] != 0;
}

static inline bool tells(const char *id, const char *fields) { return tells_at(id, 0, fields); }

static inline bool command(const char *fields)
{
	char line[256];
	struct mfp_frame frame;
	struct mfp_fault fault;
	snprintf(line, sizeof line, "C 7 cid=1 %s", fields);
	scan();
	assert_int_equal(mfp_read(str_of(line), MFP_WEIR, &frame, &fault), STATUS_OK);
	return watch_command(stage.watch, &frame, stage.now_ns);
}

/* ---- the stage ---- */

static inline struct roster *stage_roster(const char *text)
{
	struct roster *roster = NULL;
	struct err err = { 0 };
	if (roster_parse(str_of(text), "terminals", "/srv", &roster, &err))
		fail_msg("%s", err.text);
	return roster;
}

static inline int stage_set_up(void **state)
{
	static const struct watch_hooks hooks = { hook_look,   hook_free_mb, hook_spawn, hook_poke,
						  hook_signal, hook_note,    NULL };
	static const struct procfs_host machine = { .load_e2 = { 142, 0, 0 }, .cpus = 8 };
	(void)state;
	memset(&stage, 0, sizeof stage);
	stage.now_ns = 100 * SECOND;
	stage.wall_ms = 1784046190100;
	stage.next_pid = OWN_PID;
	for (size_t i = 0; i < ARRAY_LEN(stage.files); i++)
		stage.files[i] = (struct watch_file){ 1, 10 + i, 1000, 5 };
	run_program("weir", "weir agent --root /srv terminal64.exe /srv/t1", 1);
	stage.next_pid = FIRST_PID;
	stage.watch = watch_create(stage_roster("t1 - wine /srv/t1/terminal64.exe {clean:new}\n"
						"t2 - wine /srv/t2/terminal64.exe\n"
						"t3\n"),
				   "host-1", OWN_PID, &hooks);
	assert_non_null(stage.watch);
	watch_host(stage.watch, &machine);
	return 0;
}

static inline int stage_tear_down(void **state)
{
	(void)state;
	watch_destroy(stage.watch);
	return 0;
}
