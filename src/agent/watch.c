/* What becomes of a terminal's process: it comes, it ends, it is started and stopped. */
#include "agent/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/watch_impl.h"
#include "base/check.h"

void watch_note(struct watch *watch, enum log_level level, const char *format, ...)
{
	char line[WATCH_NOTE_BYTES];
	va_list list;
	va_start(list, format);
	vsnprintf(line, sizeof line, format, list);
	va_end(list);
	watch->hooks.note(watch->hooks.ctx, level, line);
}

/* ---- making ---- */

static void begin_row(struct watch_terminal *terminal, const struct roster_row *row)
{
	*terminal = (struct watch_terminal){ .row = row,
					     .end = WATCH_GONE,
					     .cpu_e1 = -1,
					     .start_ns = WATCH_NEVER,
					     .spawned_ns = WATCH_NEVER };
}

static struct watch_terminal *make_terminals(const struct roster *roster)
{
	size_t count = roster_count(roster);
	struct watch_terminal *terminals = calloc(count, sizeof terminals[0]);
	for (size_t i = 0; terminals && i < count; i++)
		begin_row(&terminals[i], roster_at(roster, i));
	return terminals;
}

struct watch *watch_create(struct roster *roster, const char *host, int own_pid,
			   const struct watch_hooks *hooks)
{
	struct watch *watch = calloc(1, sizeof *watch);
	if (!watch) {
		roster_destroy(roster);
		return NULL;
	}
	CHECK(strlen(host) < sizeof watch->host);
	snprintf(watch->host, sizeof watch->host, "%s", host);
	watch->hooks = *hooks;
	watch->own_pid = own_pid;
	watch->roster = roster;
	watch->count = (uint32_t)roster_count(roster);
	watch->terminals = make_terminals(roster);
	watch->matches = calloc(WATCH_MATCHES_MAX, sizeof watch->matches[0]);
	if (watch->terminals && watch->matches)
		return watch;
	watch_destroy(watch);
	return NULL;
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	roster_destroy(watch->roster);
	free(watch->terminals);
	free(watch->matches);
	free(watch->seen);
	free(watch);
}

static struct watch_terminal *find(struct watch *watch, struct str id)
{
	for (uint32_t i = 0; i < watch->count; i++)
		if (str_eq(str_of(watch->terminals[i].row->id), id))
			return &watch->terminals[i];
	return NULL;
}

enum status watch_reload(struct watch *watch, struct roster *roster)
{
	struct watch_terminal *terminals = make_terminals(roster);
	if (!terminals) {
		roster_destroy(roster);
		return STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < roster_count(roster); i++) {
		const struct roster_row *row = terminals[i].row;
		const struct watch_terminal *old = find(watch, str_of(row->id));
		if (!old)
			continue;
		terminals[i] = *old;
		terminals[i].row = row;
		terminals[i].matches = NULL;
	}
	free(watch->terminals);
	roster_destroy(watch->roster);
	watch->roster = roster;
	watch->terminals = terminals;
	watch->count = (uint32_t)roster_count(roster);
	return STATUS_OK;
}

/* ---- how it ended ---- */

static const char *end_text(enum watch_end end)
{
	static const char *const texts[] = { "asked for", "a crash", "an update", "gone" };
	return texts[end];
}

static void note_end(struct watch *watch, const struct watch_terminal *terminal, const char *rule)
{
	char how[48] = "";
	if (terminal->end_has_exit && terminal->end_exit < 0)
		snprintf(how, sizeof how, "signal %d, ", -terminal->end_exit);
	else if (terminal->end_has_exit)
		snprintf(how, sizeof how, "exit %d, ", terminal->end_exit);
	watch_note(watch, terminal->end == WATCH_CRASH ? LOG_WARN : LOG_INFO,
		   "%s: process %d ended: %s (%s%s)", terminal->row->id, terminal->ended_pid,
		   end_text(terminal->end), how, rule);
}

static void judge(struct watch *watch, struct watch_terminal *terminal, enum watch_end end,
		  const char *rule)
{
	terminal->end = end;
	terminal->doubtful = false;
	terminal->ends_left = WATCH_ENDS;
	terminal->owes_end = terminal->news = true;
	watch->counts.asked += end == WATCH_ASKED;
	watch->counts.crashes += end == WATCH_CRASH;
	watch->counts.updates += end == WATCH_UPDATE;
	note_end(watch, terminal, rule);
}

static void start_at(struct watch_terminal *terminal, int64_t at_ns)
{
	terminal->start_ns = terminal->row->start[0] ? at_ns : WATCH_NEVER;
}

/* Who says so is a child, so there was a start. */
static void start_again(struct watch_terminal *terminal)
{
	CHECK(terminal->spawned_ns != WATCH_NEVER);
	int64_t at_ns = terminal->spawned_ns + WATCH_AGAIN_NS;
	start_at(terminal, at_ns > terminal->ended_ns ? at_ns : terminal->ended_ns);
}

static void judge_update(struct watch *watch, struct watch_terminal *terminal, const char *rule)
{
	judge(watch, terminal, WATCH_UPDATE, rule);
	start_at(terminal, terminal->ended_ns + WATCH_BACK_NS);
}

/* It was started moments ago and said that all is well: what it has started may come. */
static bool is_launcher(const struct watch_terminal *terminal)
{
	return terminal->end_has_exit && terminal->end_exit == 0 &&
	       terminal->spawned_ns != WATCH_NEVER &&
	       terminal->ended_ns - terminal->spawned_ns < WATCH_DOUBT_NS;
}

static void judge_unasked(struct watch *watch, struct watch_terminal *terminal)
{
	bool has_exit = terminal->end_has_exit;
	if (has_exit && terminal->end_exit == WATCH_RESTART_CODE) {
		judge(watch, terminal, WATCH_ASKED, "it wants to be started again");
		start_again(terminal);
	} else if (has_exit && terminal->end_exit < 0) {
		judge(watch, terminal, WATCH_CRASH, "nobody here asked for it");
	} else if (watch_program_changed(watch, terminal)) {
		judge_update(watch, terminal, "its program has changed");
	} else if ((has_exit && terminal->end_exit) ||
		   (!terminal->program.path[0] && !is_launcher(terminal))) {
		judge(watch, terminal, WATCH_CRASH, "nobody here asked for it");
	} else {
		terminal->doubtful = true;
	}
}

static void end_run(struct watch *watch, struct watch_terminal *terminal, int64_t now_ns)
{
	enum watch_aim aim = terminal->aim;
	terminal->ended_pid = terminal->run.pid;
	terminal->ended_ns = now_ns;
	terminal->end_has_exit = terminal->has_exit;
	terminal->end_exit = terminal->exit;
	terminal->run = (struct watch_run){ 0 };
	terminal->has_exit = terminal->has_usage = false;
	terminal->aim = WATCH_AIM_NONE;
	if (aim == WATCH_AIM_NONE) {
		judge_unasked(watch, terminal);
		return;
	}
	judge(watch, terminal, WATCH_ASKED, "as it was told to");
	if (aim == WATCH_AIM_RESTART)
		start_at(terminal, now_ns);
}

/* Nobody tells how it ended before this: it does not come back, or its program changes. */
static void step_doubt(struct watch *watch, struct watch_terminal *terminal, int64_t now_ns)
{
	if (watch_program_changed(watch, terminal))
		judge_update(watch, terminal, "its program changed afterwards");
	else if (now_ns - terminal->ended_ns >= WATCH_DOUBT_NS)
		judge(watch, terminal, WATCH_CRASH, "nobody here asked for it");
}

/* ---- it is there ---- */

static void end_doubt(struct watch *watch, struct watch_terminal *terminal)
{
	if (watch_program_changed(watch, terminal))
		judge(watch, terminal, WATCH_UPDATE, "it came back with another program");
	else if (is_launcher(terminal))
		terminal->doubtful = false;
	else
		judge(watch, terminal, WATCH_CRASH, "it came back with the same program");
}

static void note_late_update(struct watch *watch, struct watch_terminal *terminal, int64_t now_ns)
{
	if (terminal->end != WATCH_CRASH || now_ns - terminal->ended_ns >= WATCH_BACK_NS ||
	    !watch_program_changed(watch, terminal))
		return;
	watch->counts.late_updates++;
	watch_note(watch, LOG_INFO,
		   "%s: what was called a crash was an update: it came back by itself with another "
		   "program",
		   terminal->row->id);
}

static void begin_run(struct watch *watch, struct watch_terminal *terminal, struct watch_run run,
		      int64_t now_ns)
{
	bool ours = watch_same(&terminal->child, run.pid, run.started_ticks);
	if (terminal->doubtful)
		end_doubt(watch, terminal);
	else if (!ours)
		note_late_update(watch, terminal, now_ns);
	terminal->run = run;
	terminal->start_ns = WATCH_NEVER;
	terminal->clean = false;
	terminal->has_usage = false;
	terminal->cpu_e1 = -1;
	terminal->news = true;
	watch_find_program(watch, terminal);
	if (!ours)
		watch_note(watch, LOG_INFO, "%s: found running, process %d", terminal->row->id,
			   run.pid);
}

/* It is still there, and another is taken for the terminal now: a wrapper gives way to what
 * it has started. Or it is gone and its wrapper, which is ours, is still there. */
static bool goes_on(struct watch *watch, const struct watch_terminal *terminal,
		    struct watch_run next)
{
	const struct watch_run *child = &terminal->child;
	bool to_child = watch_same(child, next.pid, next.started_ticks) ||
			(child->pid && watch_is_below(watch, next.pid, child->pid));
	return terminal->run_seen || (terminal->in_child && to_child);
}

static void change_run(struct watch *watch, struct watch_terminal *terminal, struct watch_run next,
		       int64_t now_ns)
{
	if (terminal->run.pid && next.pid && goes_on(watch, terminal, next)) {
		terminal->run = next;
		terminal->has_usage = terminal->termed = false;
		terminal->cpu_e1 = -1;
		return;
	}
	if (terminal->run.pid)
		end_run(watch, terminal, now_ns);
	if (next.pid)
		begin_run(watch, terminal, next, now_ns);
}

/* ---- starting and stopping ---- */

static bool start(struct watch *watch, struct watch_terminal *terminal, int64_t now_ns)
{
	const char *words[ROSTER_WORDS_MAX + 1];
	struct watch_run run = { 0 };
	CHECK(!terminal->run.pid && !terminal->doubtful);
	terminal->start_ns = WATCH_NEVER;
	if (!roster_start_words(terminal->row, terminal->clean, words))
		return false;
	if (terminal->clean && !roster_can_clean(terminal->row))
		watch_note(watch, LOG_WARN,
			   "%s: its start command has no {clean:WORD}: it is started as ever",
			   terminal->row->id);
	if (!watch->hooks.spawn(watch->hooks.ctx, terminal->row->id, words, &run)) {
		terminal->clean = false;
		watch->counts.start_failed++;
		return false;
	}
	watch->counts.started++;
	terminal->spawned_ns = now_ns;
	terminal->child = run;
	terminal->has_exit = false;
	terminal->command_path[0] = 0;
	watch_note(watch, LOG_INFO, "%s: started, process %d", terminal->row->id, run.pid);
	begin_run(watch, terminal, run, now_ns);
	return true;
}

static void send_signal(struct watch *watch, struct watch_terminal *terminal,
			enum watch_signal signal)
{
	if (watch->hooks.signal(watch->hooks.ctx, &terminal->run, signal)) {
		watch->counts.signals++;
		return;
	}
	watch->counts.signals_failed++;
	terminal->aim = WATCH_AIM_NONE;
	terminal->clean = false;
	watch_note(watch, LOG_ERROR, "%s: process %d cannot be signalled: it is left alone",
		   terminal->row->id, terminal->run.pid);
}

static void step_aim(struct watch *watch, struct watch_terminal *terminal, int64_t now_ns)
{
	if (now_ns >= terminal->kill_ns) {
		terminal->kill_ns = now_ns + WATCH_KILL_NS;
		watch_note(watch, LOG_WARN, "%s: process %d does not end: it is killed",
			   terminal->row->id, terminal->run.pid);
		send_signal(watch, terminal, WATCH_KILL);
	} else if (now_ns >= terminal->term_ns && !terminal->termed) {
		terminal->termed = true;
		send_signal(watch, terminal, WATCH_TERM);
	}
}

static void step_terminal(struct watch *watch, struct watch_terminal *terminal, int64_t now_ns)
{
	struct watch_run next = watch_pick(watch, terminal);
	if (!watch_same(&terminal->run, next.pid, next.started_ticks) &&
	    (terminal->run.pid || next.pid))
		change_run(watch, terminal, next, now_ns);
	const struct watch_run *run = &terminal->run, *child = &terminal->child;
	terminal->in_child = child->pid && (watch_same(child, run->pid, run->started_ticks) ||
					    watch_is_below(watch, run->pid, child->pid));
	if (run->pid && !terminal->program.path[0] && terminal->command_path[0])
		watch_find_program(watch, terminal);
	if (run->pid && !child->pid)
		terminal->has_exit = false; /* a launcher's, not the terminal's */
	if (terminal->doubtful)
		step_doubt(watch, terminal, now_ns);
	if (run->pid && terminal->aim != WATCH_AIM_NONE)
		step_aim(watch, terminal, now_ns);
	if (!run->pid && now_ns >= terminal->start_ns)
		(void)start(watch, terminal, now_ns);
}

void watch_scan_end(struct watch *watch, int64_t now_ns)
{
	if (!watch->seen_self) {
		watch->counts.bad_scans++;
		return;
	}
	watch->blind = false;
	for (uint32_t i = 0; i < watch->count; i++)
		step_terminal(watch, &watch->terminals[i], now_ns);
}

void watch_exited(struct watch *watch, int pid, int exit_code, int signal)
{
	for (uint32_t i = 0; i < watch->count; i++) {
		struct watch_terminal *terminal = &watch->terminals[i];
		if (!terminal->child.pid || terminal->child.pid != pid)
			continue;
		terminal->child = (struct watch_run){ 0 };
		terminal->has_exit = true;
		terminal->exit = signal ? -signal : exit_code;
	}
}

/* ---- commands ---- */

static bool refuse(struct watch *watch, struct str id, struct str op, const char *why)
{
	watch->counts.commands_refused++;
	watch_note(watch, LOG_WARN, "%.*s: weir's %.*s is refused: %s", STR_ARG(id), STR_ARG(op),
		   why);
	return false;
}

static bool command_start(struct watch *watch, struct watch_terminal *terminal, bool clean,
			  int64_t now_ns)
{
	if (terminal->run.pid && terminal->aim == WATCH_AIM_NONE)
		return true;
	terminal->clean = clean;
	if (terminal->run.pid) {
		terminal->aim = WATCH_AIM_RESTART;
		return true;
	}
	/* An update may be at work on its program: it is given its time. */
	bool updates = terminal->end == WATCH_UPDATE && terminal->start_ns != WATCH_NEVER;
	if (terminal->doubtful)
		start_at(terminal, terminal->ended_ns + WATCH_DOUBT_NS);
	else if (!updates)
		return start(watch, terminal, now_ns);
	return true;
}

static bool command_end(struct watch *watch, struct watch_terminal *terminal, enum watch_aim aim,
			int64_t wait_ms, int64_t now_ns)
{
	int64_t term_ns = now_ns + wait_ms * 1000000;
	terminal->start_ns = WATCH_NEVER;
	if (terminal->doubtful)
		judge(watch, terminal, WATCH_ASKED, "as it was told to");
	if (!terminal->run.pid)
		return true;
	/* A second command may hasten the end, never put it off. */
	if (terminal->aim == WATCH_AIM_NONE || term_ns < terminal->term_ns) {
		terminal->term_ns = term_ns;
		terminal->kill_ns = term_ns + WATCH_KILL_NS;
	}
	if (terminal->aim == WATCH_AIM_NONE)
		terminal->termed = false;
	terminal->aim = aim;
	step_aim(watch, terminal, now_ns);
	return terminal->aim != WATCH_AIM_NONE;
}

bool watch_command(struct watch *watch, const struct mfp_frame *frame, int64_t now_ns)
{
	struct str op = mfp_raw(frame, MFP_command_op), id = mfp_raw(frame, MFP_command_id);
	struct watch_terminal *terminal = find(watch, id);
	bool clean = mfp_i64(frame, MFP_command_clean, 0) != 0;
	int64_t wait_ms = mfp_i64(frame, MFP_command_wait, 0);
	if (!terminal)
		return refuse(watch, id, op, "no such terminal here");
	if (wait_ms > WATCH_WAIT_MS_MAX)
		wait_ms = WATCH_WAIT_MS_MAX;
	if (str_eq(op, STR("stop"))) {
		terminal->clean = false;
		return command_end(watch, terminal, WATCH_AIM_STOP, wait_ms, now_ns);
	}
	if (str_eq(op, STR("poke")))
		return watch->hooks.poke(watch->hooks.ctx, terminal->row->id) ||
		       refuse(watch, id, op, "there is no --poke program, or too many run");
	bool restart = str_eq(op, STR("restart"));
	if (!restart && !str_eq(op, STR("start")))
		return refuse(watch, id, op, "it is not a host's to do");
	if (!terminal->row->start[0])
		return refuse(watch, id, op, "it has no start command");
	if (watch->blind)
		return refuse(watch, id, op, "the host's processes cannot be listed now");
	if (restart && terminal->doubtful)
		judge(watch, terminal, WATCH_ASKED, "as it was told to");
	if (!restart || !terminal->run.pid)
		return command_start(watch, terminal, clean, now_ns);
	terminal->clean = clean;
	return command_end(watch, terminal, WATCH_AIM_RESTART, wait_ms, now_ns);
}

/* ---- looking ---- */

bool watch_hurries(const struct watch *watch)
{
	for (uint32_t i = 0; i < watch->count; i++)
		if (watch->terminals[i].aim != WATCH_AIM_NONE)
			return true;
	return false;
}

uint32_t watch_count(const struct watch *watch) { return watch->count; }

struct watch_run watch_run_of(const struct watch *watch, uint32_t terminal)
{
	CHECK(terminal < watch->count);
	return watch->terminals[terminal].run;
}

struct watch_counts watch_counts(const struct watch *watch) { return watch->counts; }
