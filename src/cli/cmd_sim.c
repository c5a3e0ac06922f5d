/* weir sim: simulated terminals against a weir, here or elsewhere; sim mess and sim tree have
 * files of their own. */
#include <signal.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "gate/tokens.h"
#include "os/files.h"
#include "os/process.h"
#include "sim/fleet.h"

enum { HOST_BYTES = 256, OUT_BYTES = 16 * 1024 };
static const int64_t tick_ns = 50000000;
static const int64_t patience_ns = 5000000000; /* for what is on its way at the end */
static const int64_t settle_ns = 500000000;    /* until deals have reached their terminals */
static const int64_t last_words_ns = 300000000;

struct sim {
	struct loop *loop;
	struct sim_fleet *fleet;
	struct timer timer;
	int64_t end_ns; /* of the run; INT64_MAX: by a signal */
	enum { RUNNING, SETTLING, LEAVING } step;
	int64_t settle_ns, step_ns; /* of a step: not before, not later */
	bool closed;
};

/* ---- the command line ---- */

/* HOST:PORT, the host in brackets where it has colons itself. */
static enum status split_address(struct str text, char host[HOST_BYTES], uint16_t *port,
				 struct err *err)
{
	size_t colon = text.len;
	uint64_t number;
	while (colon && text.ptr[colon - 1] != ':')
		colon--;
	struct str name = str_make(text.ptr, colon ? colon - 1 : 0);
	bool brackets = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
	if (brackets)
		name = str_make(name.ptr + 1, name.len - 2);
	if (!name.len || (!brackets && str_find_char(name, ':') < name.len) ||
	    str_to_u64(str_skip(text, colon), &number) || number < 1 || number > 65535 ||
	    str_copy(name, host, HOST_BYTES))
		return err_set(err, STATUS_USAGE, "--connect: '%.*s' is not HOST:PORT",
			       STR_ARG(text));
	*port = (uint16_t)number;
	return STATUS_OK;
}

/* Host agents have tokens too, under the names of their hosts. */
static bool is_agent(const struct tokens *tokens, size_t index)
{
	const char *id = tokens_at(tokens, index)->identity.id;
	for (size_t i = 0; i < tokens_count(tokens); i++)
		if (i != index && strcmp(tokens_at(tokens, i)->identity.host, id) == 0)
			return true;
	return false;
}

/* The first n terminals of the file. */
static enum status choose(const struct tokens *tokens, size_t n, struct sim_instance *instances,
			  struct err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < tokens_count(tokens) && count < n; i++) {
		const struct token *token = tokens_at(tokens, i);
		if (is_agent(tokens, i))
			continue;
		instances[count++] =
		    (struct sim_instance){ str_of(token->identity.id), token->secret };
	}
	if (count < n)
		return err_set(err, STATUS_USAGE, "-n %zu: the tokens file has %zu terminals", n,
			       count);
	return STATUS_OK;
}

static enum status read_scenario(const char *path, struct sim_scenario **scenario, struct err *err)
{
	struct buf text;
	buf_init(&text, SIM_SCENARIO_BYTES_MAX + 1);
	enum status status = files_read(path, SIM_SCENARIO_BYTES_MAX, &text, err);
	if (!status)
		status = sim_scenario_parse(buf_str(&text), path, scenario, err);
	buf_deinit(&text);
	return status;
}

static const char *given(const struct args *args, enum flag flag)
{
	return args_has(args, flag) ? args_str(args, flag).ptr : NULL;
}

/* ---- the run ---- */

static void on_closed(void *ctx)
{
	struct sim *sim = ctx;
	sim->closed = true;
	loop_stop(sim->loop);
}

static void begin_end(struct sim *sim)
{
	if (sim->step != RUNNING)
		return;
	sim->step = SETTLING;
	sim->settle_ns = loop_now_ns(sim->loop) + settle_ns;
	sim->step_ns = loop_now_ns(sim->loop) + patience_ns;
	sim_fleet_calm(sim->fleet);
}

static void on_signal(void *ctx, int signal_number)
{
	struct sim *sim = ctx;
	(void)signal_number;
	/* The second one does not wait. */
	if (sim->step != RUNNING)
		sim->step_ns = 0;
	begin_end(sim);
}

/* What is on its way comes to its end, the terminals say good-bye, the connections end. */
static void on_tick(void *ctx)
{
	struct sim *sim = ctx;
	struct sim_fleet_counts counts;
	int64_t now_ns = loop_now_ns(sim->loop);
	if (now_ns >= sim->end_ns)
		begin_end(sim);
	sim_fleet_counts(sim->fleet, &counts);
	bool over = now_ns >= sim->step_ns;
	bool settled =
	    now_ns >= sim->settle_ns && ((!counts.unacked && !counts.untold) || !counts.up);
	if (sim->step == SETTLING && (over || settled)) {
		sim->step = LEAVING;
		sim->step_ns = now_ns + last_words_ns;
		sim_fleet_bye(sim->fleet);
	} else if (sim->step == LEAVING && over) {
		loop_stop(sim->loop);
		return;
	}
	loop_timer_after(sim->loop, &sim->timer, tick_ns);
}

static int finish(struct sim *sim, const struct args *args)
{
	struct buf out;
	struct err err;
	struct sim_fleet_counts counts;
	sim_fleet_counts(sim->fleet, &counts);
	buf_init(&out, OUT_BYTES);
	sim_fleet_print(sim->fleet, args_has(args, FLAG_json), &out);
	int status = cli_print(args, &out);
	buf_deinit(&out);
	if (!status && counts.terminals.welcomes == 0) {
		err_set(&err, STATUS_UNAVAILABLE, "no terminal was welcomed at %s",
			args_str(args, FLAG_connect).ptr);
		status = cli_fail(args, &err);
	} else if (!status && counts.truth_lost) {
		err_set(&err, STATUS_IO, "%s: not all of it could be written",
			args_str(args, FLAG_truth).ptr);
		status = cli_fail(args, &err);
	}
	return status;
}

static enum status start(struct sim *sim, const struct args *args,
			 const struct sim_fleet_config *config, struct err *err)
{
	int64_t seconds = args_i64(args, FLAG_for);
	enum status status = loop_create(SIM_FLEET_TIMERS(config->count) + 1, &sim->loop, err);
	if (!status)
		status = sim_fleet_open(sim->loop, config, &sim->fleet, err);
	if (!status && (loop_on_signal(sim->loop, SIGINT, on_signal, sim) ||
			loop_on_signal(sim->loop, SIGTERM, on_signal, sim)))
		status = err_set(err, STATUS_IO, "signals cannot be caught");
	if (status)
		return status;
	sim->end_ns = seconds ? loop_now_ns(sim->loop) + seconds * 1000000000 : INT64_MAX;
	sim->timer = (struct timer){ .fn = on_tick, .ctx = sim };
	loop_timer_after(sim->loop, &sim->timer, tick_ns);
	return STATUS_OK;
}

static void stop(struct sim *sim)
{
	if (sim->fleet) {
		sim_fleet_close(sim->fleet, on_closed, sim);
		while (!sim->closed)
			loop_run(sim->loop);
	}
	loop_destroy(sim->loop);
}

static int run(const struct args *args, const struct sim_fleet_config *config)
{
	struct sim sim = { 0 };
	struct err err = { 0 };
	int exit_status;
	if (start(&sim, args, config, &err)) {
		exit_status = cli_fail(args, &err);
	} else {
		loop_run(sim.loop);
		exit_status = finish(&sim, args);
	}
	stop(&sim);
	return exit_status;
}

static enum status read_inputs(const struct args *args, struct sim_fleet_config *config,
			       struct tokens **tokens, struct sim_scenario **scenario,
			       struct sim_instance *instances, struct err *err)
{
	const char *path = given(args, FLAG_scenario);
	enum status status = STATUS_OK;
	if (!args_has(args, FLAG_tokens))
		return err_set(err, STATUS_USAGE, "needs --tokens FILE");
	status = tokens_read(args_str(args, FLAG_tokens).ptr, tokens, err);
	if (!status)
		status = choose(*tokens, config->count, instances, err);
	if (!status && path)
		status = read_scenario(path, scenario, err);
	config->scenario = *scenario;
	return status;
}

static int run_fleet(const struct args *args)
{
	char host[HOST_BYTES];
	struct err err = { 0 };
	struct tokens *tokens = NULL;
	struct sim_scenario *scenario = NULL;
	size_t count = (size_t)args_i64(args, FLAG_n);
	struct sim_instance *instances = calloc(count, sizeof *instances);
	struct sim_fleet_config config = {
		.host = host,
		.instances = instances,
		.count = count,
		.seed = (uint64_t)args_i64(args, FLAG_seed),
		.truth_path = given(args, FLAG_truth),
	};
	if (!instances) {
		err_set(&err, STATUS_NO_MEMORY, "out of memory");
		return cli_fail(args, &err);
	}
	enum status status = read_inputs(args, &config, &tokens, &scenario, instances, &err);
	if (!status)
		status = split_address(args_str(args, FLAG_connect), host, &config.port, &err);
	process_raise_files();
	int exit_status = status ? cli_fail(args, &err) : run(args, &config);
	sim_scenario_destroy(scenario);
	tokens_destroy(tokens);
	free(instances);
	return exit_status;
}

int cmd_sim(const struct args *args)
{
	switch (args->command) {
	case COMMAND_sim_mess: return cmd_sim_mess(args);
	case COMMAND_sim_tree: return cmd_sim_tree(args);
	default: return run_fleet(args);
	}
}
