#include "daemon/host_commands.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "os/process.h"

enum { PROGRAM_MAX = 1023, ID_MAX = 64 };

struct waiting {
	char program[PROGRAM_MAX + 1];
	char id[ID_MAX + 1];
	bool clean;
	int64_t due_ns;
};

struct running {
	struct host_commands *commands;
	struct process *process; /* NULL: free */
	struct timer deadline;
	char program[PROGRAM_MAX + 1];
	char id[ID_MAX + 1];
};

struct host_commands {
	struct loop *loop;
	struct waiting *queue; /* in order of asking */
	size_t waiting;
	struct running running[HOST_COMMANDS_AT_ONCE];
	struct timer next;
	struct host_command_counts counts;
};

static void run_due(void *ctx);

static void on_deadline(void *ctx)
{
	struct running *running = ctx;
	log_line(LOG_ERROR, "fleet", "%s %s has not ended in time and is ended", running->program,
		 running->id);
	enum status status = process_signal(process_pid(running->process), SIGKILL);
	(void)status; /* it may have ended just now: on_exit follows in any case */
}

static void on_exit_of(void *ctx, int exit_status, int signal_number)
{
	struct running *running = ctx;
	struct host_commands *commands = running->commands;
	running->process = NULL;
	timers_cancel(loop_timers(commands->loop), &running->deadline);
	if (exit_status || signal_number) {
		commands->counts.failed++;
		log_line(LOG_ERROR, "fleet", "%s %s failed: %s %d", running->program, running->id,
			 signal_number ? "signal" : "exit status",
			 signal_number ? signal_number : exit_status);
	}
	run_due(commands);
}

static void spawn(struct host_commands *commands, struct running *running,
		  const struct waiting *what)
{
	struct err err = { 0 };
	memcpy(running->program, what->program, sizeof running->program);
	memcpy(running->id, what->id, sizeof running->id);
	const char *argv[] = { running->program, running->id, what->clean ? "clean" : NULL, NULL };
	const struct process_config config = { .argv = argv,
					       .on_exit = on_exit_of,
					       .ctx = running };
	running->commands = commands;
	if (process_spawn(commands->loop, &config, &running->process, &err)) {
		running->process = NULL;
		commands->counts.failed++;
		log_line(LOG_ERROR, "fleet", "%s %s cannot be run: %s", what->program, what->id,
			 err.text);
		return;
	}
	commands->counts.run++;
	running->deadline = (struct timer){ .fn = on_deadline, .ctx = running };
	loop_timer_after(commands->loop, &running->deadline, HOST_COMMAND_NS);
}

static struct running *free_place(struct host_commands *commands)
{
	for (size_t i = 0; i < HOST_COMMANDS_AT_ONCE; i++)
		if (!commands->running[i].process)
			return &commands->running[i];
	return NULL;
}

/* Two programs for one terminal run one after the other, in the order of asking. */
static bool is_busy(const struct host_commands *commands, size_t index)
{
	const char *id = commands->queue[index].id;
	for (size_t i = 0; i < HOST_COMMANDS_AT_ONCE; i++)
		if (commands->running[i].process && strcmp(commands->running[i].id, id) == 0)
			return true;
	for (size_t i = 0; i < index; i++)
		if (strcmp(commands->queue[i].id, id) == 0)
			return true;
	return false;
}

static void run_due(void *ctx)
{
	struct host_commands *commands = ctx;
	int64_t now_ns = loop_now_ns(commands->loop), next_ns = INT64_MAX;
	struct running *place;
	for (size_t i = 0; i < commands->waiting && (place = free_place(commands));) {
		const struct waiting *what = &commands->queue[i];
		if (is_busy(commands, i)) {
			i++;
		} else if (what->due_ns > now_ns) {
			next_ns = what->due_ns < next_ns ? what->due_ns : next_ns;
			i++;
		} else {
			spawn(commands, place, what);
			commands->waiting--;
			memmove(&commands->queue[i], &commands->queue[i + 1],
				(commands->waiting - i) * sizeof commands->queue[0]);
		}
	}
	if (next_ns != INT64_MAX)
		timers_arm(loop_timers(commands->loop), &commands->next, next_ns);
}

struct host_commands *host_commands_create(struct loop *loop)
{
	struct host_commands *commands = calloc(1, sizeof *commands);
	if (!commands)
		return NULL;
	commands->loop = loop;
	commands->next = (struct timer){ .fn = run_due, .ctx = commands };
	commands->queue = calloc(HOST_COMMANDS_MAX, sizeof commands->queue[0]);
	if (!commands->queue) {
		free(commands);
		return NULL;
	}
	return commands;
}

void host_commands_destroy(struct host_commands *commands)
{
	if (!commands)
		return;
	timers_cancel(loop_timers(commands->loop), &commands->next);
	for (size_t i = 0; i < HOST_COMMANDS_AT_ONCE; i++) {
		if (!commands->running[i].process)
			continue;
		timers_cancel(loop_timers(commands->loop), &commands->running[i].deadline);
		process_abandon(commands->running[i].process);
	}
	free(commands->queue);
	free(commands);
}

enum status host_commands_run(struct host_commands *commands, struct str program, const char *id,
			      bool clean, int64_t after_ns)
{
	if (!program.len)
		return STATUS_NOT_FOUND;
	if (commands->waiting == HOST_COMMANDS_MAX) {
		commands->counts.refused++;
		return STATUS_FULL;
	}
	struct waiting *what = &commands->queue[commands->waiting];
	enum status status = str_copy(program, what->program, sizeof what->program);
	if (!status)
		status = str_copy(str_of(id), what->id, sizeof what->id);
	if (status)
		return status;
	what->clean = clean;
	what->due_ns = loop_now_ns(commands->loop) + after_ns;
	commands->waiting++;
	timers_arm(loop_timers(commands->loop), &commands->next, loop_now_ns(commands->loop));
	return STATUS_OK;
}

struct host_command_counts host_commands_counts(const struct host_commands *commands)
{
	return commands->counts;
}
