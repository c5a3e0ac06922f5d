/* Which process is which terminal's: one listing of all processes, and what hangs below
 * what. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/watch_impl.h"
#include "base/check.h"

enum { ANCESTORS_MAX = 64 };

/* ---- seeing ---- */

void watch_scan_begin(struct watch *watch)
{
	watch->seen_count = watch->match_count = watch->excluded_count = 0;
	watch->seen_self = false;
	watch->seen_sorted = watch->blind = true;
	for (uint32_t i = 0; i < watch->count; i++) {
		struct watch_terminal *terminal = &watch->terminals[i];
		terminal->matches = NULL;
		terminal->run_seen = terminal->child_seen = terminal->run_matches = false;
		terminal->command_path[0] = 0;
	}
}

void watch_exclude(struct watch *watch, int pid)
{
	if (watch->excluded_count < WATCH_EXCLUDED_MAX)
		watch->excluded[watch->excluded_count++] = pid;
}

static bool is_excluded(const struct watch *watch, int pid)
{
	bool found = pid == watch->own_pid;
	for (size_t i = 0; i < watch->excluded_count; i++)
		found |= watch->excluded[i] == pid;
	return found;
}

/* What is beyond the bound has no parent that is known: it may be taken for a terminal
 * beside its wrapper, never for one that is not. */
static void keep_seen(struct watch *watch, const struct watch_seen *seen)
{
	if (watch->seen_count == watch->seen_room) {
		size_t room = watch->seen_room ? watch->seen_room * 2 : 512;
		struct watch_seen *more = NULL;
		if (room <= WATCH_PROCESSES_MAX)
			more = realloc(watch->seen, room * sizeof more[0]);
		if (!more) {
			watch->counts.processes_over++;
			return;
		}
		watch->seen = more;
		watch->seen_room = room;
	}
	if (watch->seen_count && watch->seen[watch->seen_count - 1].pid > seen->pid)
		watch->seen_sorted = false;
	watch->seen[watch->seen_count++] = *seen;
}

static bool keep_path(void *ctx, const char *path)
{
	struct watch_terminal *terminal = ctx;
	return str_copy(str_of(path), terminal->command_path, sizeof terminal->command_path) ==
	       STATUS_OK;
}

struct looking {
	struct watch *watch;
	struct watch_terminal *terminal;
};

static bool look_at(void *ctx, const char *path)
{
	struct looking *looking = ctx;
	struct watch *watch = looking->watch;
	struct watch_file file;
	return watch->hooks.look(watch->hooks.ctx, path, &file) &&
	       keep_path(looking->terminal, path);
}

static void add_match(struct watch *watch, struct watch_terminal *terminal,
		      const struct watch_seen *seen, const struct procfs_process *process)
{
	bool is_run = watch_same(&terminal->run, seen->pid, seen->started_ticks);
	terminal->run_matches |= is_run;
	if (watch->match_count == WATCH_MATCHES_MAX) {
		watch->counts.matches_over++;
		return;
	}
	struct watch_match *match = &watch->matches[watch->match_count++];
	bool named = str_eq_nocase(process->name, STR("terminal64.exe"));
	*match = (struct watch_match){ *seen, named, terminal->matches };
	terminal->matches = match;
	struct looking looking = { watch, terminal };
	if (!terminal->command_path[0] && (!is_run || !terminal->program.path[0]))
		match_programs(process->command, terminal->row->wine_prefix, look_at, &looking);
}

static void match_all(struct watch *watch, const struct watch_seen *seen,
		      const struct procfs_process *process)
{
	char folded[PROCFS_COMMAND_MAX];
	struct watch_terminal *owner = NULL;
	CHECK(process->command.len <= sizeof folded);
	struct str text = match_fold(process->command, folded);
	for (uint32_t i = 0; i < watch->count; i++) {
		struct watch_terminal *terminal = &watch->terminals[i];
		if (!match_command(terminal->row->pattern, text))
			continue;
		if (!owner) {
			owner = terminal;
			add_match(watch, terminal, seen, process);
		} else if (watch->doubled_pid != seen->pid) {
			watch->doubled_pid = seen->pid;
			watch->counts.doubly_matched++;
			watch_note(watch, LOG_WARN,
				   "process %d matches %s and %s: it is taken for %s", seen->pid,
				   owner->row->id, terminal->row->id, owner->row->id);
		}
	}
}

void watch_see(struct watch *watch, const struct procfs_process *process)
{
	const struct watch_seen seen = { process->pid, process->parent, process->started_ticks };
	bool zombie = process->state == 'Z' || process->state == 'X' || process->state == 'x';
	watch->seen_self |= process->pid == watch->own_pid;
	keep_seen(watch, &seen);
	for (uint32_t i = 0; i < watch->count; i++) {
		struct watch_terminal *terminal = &watch->terminals[i];
		/* What we started tells its end by itself: until then it is there. */
		terminal->child_seen |= watch_same(&terminal->child, seen.pid, seen.started_ticks);
		terminal->run_seen |=
		    !zombie && watch_same(&terminal->run, seen.pid, seen.started_ticks);
	}
	if (!zombie && process->command.len && !is_excluded(watch, process->pid))
		match_all(watch, &seen, process);
}

/* ---- what is below what ---- */

static int by_pid(const void *a, const void *b)
{
	const struct watch_seen *one = a, *other = b;
	return (one->pid > other->pid) - (one->pid < other->pid);
}

static int parent_of(struct watch *watch, int pid)
{
	const struct watch_seen key = { .pid = pid };
	if (!watch->seen_sorted) {
		qsort(watch->seen, watch->seen_count, sizeof key, by_pid);
		watch->seen_sorted = true;
	}
	const struct watch_seen *found =
	    watch->seen_count ? bsearch(&key, watch->seen, watch->seen_count, sizeof key, by_pid)
			      : NULL;
	return found ? found->parent : 0;
}

bool watch_is_below(struct watch *watch, int pid, int ancestor)
{
	for (int i = 0; i < ANCESTORS_MAX && pid > 1 && ancestor > 1; i++) {
		pid = parent_of(watch, pid);
		if (pid == ancestor)
			return true;
	}
	return false;
}

/* ---- choosing ---- */

/* A program that runs a terminal, or was told of one, matches as the terminal itself does:
 * what the kernel knows by its name comes first, then what is below the others. */
static bool is_candidate(struct watch *watch, const struct watch_terminal *terminal,
			 const struct watch_match *match)
{
	for (const struct watch_match *other = terminal->matches; other; other = other->next) {
		if (other->named && !match->named)
			return false;
		if (other != match && other->named == match->named &&
		    watch_is_below(watch, other->process.pid, match->process.pid))
			return false;
	}
	return true;
}

static bool is_older(const struct watch_seen *a, const struct watch_seen *b)
{
	if (a->started_ticks != b->started_ticks)
		return a->started_ticks < b->started_ticks;
	return a->pid < b->pid;
}

/* What hangs below the known process or our child comes before what does not. */
static bool is_better(struct watch *watch, const struct watch_terminal *terminal,
		      const struct watch_match *a, const struct watch_match *b)
{
	int above = terminal->run_seen ? terminal->run.pid : terminal->child.pid;
	bool a_below = above && watch_is_below(watch, a->process.pid, above);
	bool b_below = above && watch_is_below(watch, b->process.pid, above);
	return a_below != b_below ? a_below : is_older(&a->process, &b->process);
}

static void name_others(struct watch *watch, struct watch_terminal *terminal, int picked, int other)
{
	if (other && other != terminal->other_pid)
		watch_note(
		    watch, LOG_WARN,
		    "%s: process %d matches too; %d is taken for it, the other is left alone",
		    terminal->row->id, other, picked);
	terminal->other_pid = other;
}

/* The best of those that match, the known one first; *other: one that it is not. */
static const struct watch_match *best_match(struct watch *watch, struct watch_terminal *terminal,
					    int *other)
{
	const struct watch_match *best = NULL;
	bool known = false;
	for (const struct watch_match *match = terminal->matches; match; match = match->next) {
		const struct watch_seen *process = &match->process;
		if (!is_candidate(watch, terminal, match))
			continue;
		bool is_run = watch_same(&terminal->run, process->pid, process->started_ticks);
		bool takes = !best || is_run || (!known && is_better(watch, terminal, match, best));
		if (best)
			*other = takes ? best->process.pid : process->pid;
		if (takes)
			best = match;
		known |= is_run;
	}
	return best;
}

/* A process that is known and does not match any more is still the terminal, unless it is a
 * wrapper of ours or there is one that matches below it. */
static bool stays(struct watch *watch, const struct watch_terminal *terminal,
		  const struct watch_match *best)
{
	const struct watch_run *run = &terminal->run;
	if (!terminal->run_seen || !best || terminal->run_matches)
		return terminal->run_seen && !best;
	bool wrapper = watch_same(&terminal->child, run->pid, run->started_ticks);
	return !wrapper && !watch_is_below(watch, best->process.pid, run->pid);
}

struct watch_run watch_pick(struct watch *watch, struct watch_terminal *terminal)
{
	int other = 0;
	const struct watch_match *best = best_match(watch, terminal, &other);
	struct watch_run run = { 0 };
	if (stays(watch, terminal, best))
		run = terminal->run;
	else if (best)
		run = (struct watch_run){ best->process.pid, best->process.started_ticks };
	else if (terminal->child_seen)
		run = terminal->child;
	name_others(watch, terminal, run.pid, other);
	return run;
}

/* ---- its program ---- */

static bool find_in_start(struct watch *watch, struct watch_terminal *terminal)
{
	struct looking looking = { watch, terminal };
	const struct roster_row *row = terminal->row;
	for (const char *const *word = row->start; *word; word++)
		if (match_programs(str_of(*word), row->wine_prefix, look_at, &looking))
			return true;
	return false;
}

static bool find_at_home(struct watch *watch, struct watch_terminal *terminal)
{
	struct looking looking = { watch, terminal };
	char path[MATCH_PATH_MAX];
	int len = snprintf(path, sizeof path, "%s/terminal64.exe", terminal->row->home);
	return terminal->row->home[0] && len > 0 && (size_t)len < sizeof path &&
	       look_at(&looking, path);
}

void watch_find_program(struct watch *watch, struct watch_terminal *terminal)
{
	struct watch_program *program = &terminal->program;
	*program = (struct watch_program){ 0 };
	if (!terminal->command_path[0] && !find_in_start(watch, terminal) &&
	    !find_at_home(watch, terminal))
		return;
	if (watch->hooks.look(watch->hooks.ctx, terminal->command_path, &program->file))
		memcpy(program->path, terminal->command_path, sizeof program->path);
}

bool watch_program_changed(struct watch *watch, const struct watch_terminal *terminal)
{
	const struct watch_program *program = &terminal->program;
	struct watch_file now;
	if (!program->path[0])
		return false;
	if (!watch->hooks.look(watch->hooks.ctx, program->path, &now))
		return true; /* it is being replaced */
	return now.device != program->file.device || now.inode != program->file.inode ||
	       now.bytes != program->file.bytes || now.changed_ns != program->file.changed_ns;
}
