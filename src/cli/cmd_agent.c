/* weir agent: the terminals of this host, for a weir that may be elsewhere. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"

enum { ADDRESS_MAX = 256, HOST_MAX = 65 };

struct run {
	const struct args *args;
	struct loop *loop;
	struct agent *agent;
	bool ended;
};

static const char *given(const struct args *args, enum flag flag)
{
	return args_has(args, flag) ? args_str(args, flag).ptr : NULL;
}

static int64_t wall_ns(void *ctx) { return loop_wall_ns(ctx); }

static void on_note(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	log_line(level, "agent", "%s", line);
}

/* ---- signals ---- */

static void on_ended(void *ctx)
{
	struct run *run = ctx;
	run->ended = true;
	loop_stop(run->loop);
}

static void on_term(void *ctx, int number)
{
	struct run *run = ctx;
	(void)number;
	if (!run->agent)
		return;
	struct agent_counts counts = agent_counts(run->agent);
	log_line(
	    LOG_INFO, "agent",
	    "stopping, terminals go on: %llu reports, %llu commands, %llu started, %llu crashed",
	    (unsigned long long)counts.reports, (unsigned long long)counts.link.commands,
	    (unsigned long long)counts.watch.started, (unsigned long long)counts.watch.crashes);
	agent_close(run->agent, on_ended, run);
	run->agent = NULL;
}

static void on_hup(void *ctx, int number)
{
	struct run *run = ctx;
	struct err err = { 0 };
	(void)number;
	if (!run->agent)
		return;
	if (agent_reload(run->agent, &err))
		log_line(LOG_ERROR, "agent", "not read again, all is as before: %s", err.text);
	else
		log_line(LOG_INFO, "agent", "read again: %u terminals",
			 agent_terminals(run->agent));
}

static enum status catch_signals(struct run *run, struct err *err)
{
	if (loop_on_signal(run->loop, SIGINT, on_term, run) ||
	    loop_on_signal(run->loop, SIGTERM, on_term, run) ||
	    loop_on_signal(run->loop, SIGHUP, on_hup, run))
		return err_set(err, STATUS_IO, "signals cannot be caught");
	return STATUS_OK;
}

/* ---- the command line ---- */

static bool is_name(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len = strlen(text);
	return len >= 1 && len < HOST_MAX && strspn(text, allowed) == len;
}

static enum status choose_host(const struct args *args, char host[HOST_MAX], struct err *err)
{
	const char *named = given(args, FLAG_host);
	if (named && (!is_name(named) || str_copy(str_of(named), host, HOST_MAX)))
		return err_set(err, STATUS_USAGE,
			       "--host: '%s' is not 1 to 64 of A-Z a-z 0-9 . _ -", named);
	if (!named && (gethostname(host, HOST_MAX - 1) || !is_name(host)))
		return err_set(err, STATUS_USAGE,
			       "needs --host NAME: this machine's own name is not one");
	return STATUS_OK;
}

static enum status read_args(const struct args *args, struct agent_config *config,
			     char host[HOST_MAX], char address[ADDRESS_MAX], struct err *err)
{
	struct str connect = args_str(args, FLAG_connect);
	if (!args_has(args, FLAG_terminals))
		return err_set(err, STATUS_USAGE, "needs --terminals FILE");
	if (!args_has(args, FLAG_token_file))
		return err_set(err, STATUS_USAGE, "needs --token-file FILE");
	*config = (struct agent_config){
		.host = host,
		.connect_host = address,
		.secret_file = given(args, FLAG_token_file),
		.terminals_file = given(args, FLAG_terminals),
		.root = given(args, FLAG_root),
		.poke = given(args, FLAG_poke),
		.tls_ca = given(args, FLAG_tls_ca),
		.tls_thumbprint = given(args, FLAG_tls_thumbprint),
		.on_note = on_note,
	};
	enum status status = choose_host(args, host, err);
	if (!status && connect.len >= ADDRESS_MAX)
		status = err_set(err, STATUS_USAGE, "--connect: longer than 255 bytes");
	if (!status && agent_parse_address(connect, address, &config->connect_port, err))
		status = err_wrap(err, STATUS_USAGE, "--connect");
	return status;
}

/* ---- the run ---- */

static int run_loop(struct run *run, const struct agent_config *config)
{
	struct err err = { 0 };
	const struct log_config log = { .level = LOG_INFO,
					.wall_ns = wall_ns,
					.wall_ctx = run->loop };
	log_setup(&log);
	enum status status = catch_signals(run, &err);
	if (!status)
		status = agent_open(run->loop, config, &run->agent, &err);
	if (status)
		return cli_fail(run->args, &err);
	printf("weir agent: host %s, %u terminals, weir at %s port %u\n", config->host,
	       agent_terminals(run->agent), config->connect_host, config->connect_port);
	fflush(stdout);
	while (!run->ended)
		loop_run(run->loop);
	return CLI_DONE;
}

int cmd_agent(const struct args *args)
{
	char host[HOST_MAX] = "", address[ADDRESS_MAX];
	struct run run = { .args = args };
	struct agent_config config;
	struct err err = { 0 };
	if (read_args(args, &config, host, address, &err) ||
	    loop_create(AGENT_TIMERS, &run.loop, &err))
		return cli_fail(args, &err);
	int exit_status = run_loop(&run, &config);
	const struct log_config plain = { .level = LOG_INFO };
	log_setup(&plain);
	loop_turn(run.loop, 0); /* handles of programs that go on are closed in it */
	loop_destroy(run.loop);
	return exit_status;
}
