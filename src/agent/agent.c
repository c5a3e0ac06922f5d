#include "agent/agent.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent_impl.h"
#include "base/check.h"
#include "os/secret.h"

enum { OUT_BYTES_MAX = 256 * 1024, SECRET_BYTES_MAX = 4096, SECRET_MIN = 12, SECRET_MAX = 255 };
static const int64_t second_ns = 1000000000, hurry_ns = 200000000;
static const int64_t connect_ns = 5000000000;
static const struct str too_long = { "E 0 code=frame\n", 15 };

void agent_note(struct agent *agent, enum log_level level, const char *format, ...)
{
	char line[AGENT_NOTE_BYTES];
	va_list list;
	va_start(list, format);
	vsnprintf(line, sizeof line, format, list);
	va_end(list);
	agent->config.on_note(agent->config.ctx, level, line);
}

/* ---- sending ---- */

/* What cannot be sent ends the connection; its end is told by on_close. */
static void flush(struct agent *agent)
{
	struct buf *out = &agent->out;
	if (agent->is_open && out->len && agent->conn->ops->send(agent->conn, buf_str(out)))
		agent->conn->ops->close(agent->conn);
	buf_clear(out);
}

static void report(struct agent *agent, bool all)
{
	bool live = agent->is_open && agent->link.state == LINK_LIVE;
	int64_t wall_ms = loop_wall_ns(agent->loop) / 1000000;
	watch_report(agent->watch, wall_ms, all, live ? &agent->out : NULL);
	agent->counts.reports += live && all;
	flush(agent);
}

/* ---- the connection ---- */

static void note_trouble(struct agent *agent)
{
	int64_t now_ns = loop_now_ns(agent->loop);
	if (!agent->link.why[0])
		return;
	if (now_ns - agent->note_ns >= second_ns) {
		agent_note(agent, LOG_WARN, "%s", agent->link.why);
		agent->note_ns = now_ns;
	}
	agent->link.why[0] = 0;
}

static void run_command(struct agent *agent)
{
	agent_host_scan(agent);
	bool ok = watch_command(agent->watch, &agent->link.frame, loop_now_ns(agent->loop));
	link_answer(&agent->link, ok, &agent->out);
	report(agent, false);
	if (watch_hurries(agent->watch) &&
	    agent->beat.deadline_ns > loop_now_ns(agent->loop) + hurry_ns)
		loop_timer_after(agent->loop, &agent->beat, hurry_ns);
}

static void *on_open(void *ctx, struct line_conn *conn)
{
	struct agent *agent = ctx;
	(void)conn;
	agent->is_open = true;
	link_opened(&agent->link, loop_now_ns(agent->loop));
	return agent;
}

static void on_line(void *ctx, struct str line)
{
	struct agent *agent = ctx;
	int64_t now_ns = loop_now_ns(agent->loop);
	enum link_event event = link_take(&agent->link, line, now_ns, &agent->out);
	note_trouble(agent);
	switch (event) {
	case LINK_NOTHING: break;
	case LINK_WELCOME:
		agent->told_unreachable = false;
		agent_note(agent, LOG_INFO, "connected to weir at %s port %u",
			   agent->config.connect_host, agent->config.connect_port);
		report(agent, true);
		break;
	case LINK_COMMAND: run_command(agent); break;
	case LINK_END:
		flush(agent);
		agent->conn->ops->close(agent->conn);
		break;
	}
	flush(agent);
}

static void redial_at(struct agent *agent, int64_t at_ns)
{
	if (!agent->is_closing)
		timers_arm(loop_timers(agent->loop), &agent->redial, at_ns);
}

/* Each try that fails the same way is not worth a line. */
static void note_close(struct agent *agent, enum status why)
{
	const char *problem = line_dial_problem(agent->conn);
	bool live = agent->link.state == LINK_LIVE;
	if (agent->is_closing || (agent->told_unreachable && !live))
		return;
	agent->told_unreachable = true;
	if (agent->is_open)
		agent_note(agent, LOG_WARN, "the connection to weir ended: %s", status_text(why));
	else
		agent_note(agent, LOG_WARN, "weir cannot be reached, it is tried on: %s",
			   problem[0] ? problem : status_text(why));
}

static void on_close(void *ctx, enum status why)
{
	struct agent *agent = ctx;
	note_close(agent, why);
	agent->conn = NULL;
	agent->is_open = false;
	buf_clear(&agent->out);
	redial_at(agent, link_closed(&agent->link, loop_now_ns(agent->loop)));
}

static void on_redial(void *ctx)
{
	struct agent *agent = ctx;
	CHECK(!agent->conn);
	if (line_dial(agent->dialer, agent->config.connect_host, agent->config.connect_port, agent,
		      &agent->conn) == STATUS_OK)
		return;
	agent->conn = NULL;
	redial_at(agent, link_closed(&agent->link, loop_now_ns(agent->loop)));
}

/* ---- the beat ---- */

static void run_scan(void *ctx)
{
	struct agent *agent = ctx;
	agent_host_scan(agent);
	report(agent, false);
}

static void on_beat(void *ctx)
{
	struct agent *agent = ctx;
	int64_t now_ns = loop_now_ns(agent->loop);
	bool full = now_ns >= agent->beat_ns;
	agent_host_scan(agent);
	if (full) {
		agent_host_measure(agent);
		agent->beat_ns += second_ns;
		if (agent->beat_ns <= now_ns)
			agent->beat_ns = now_ns + second_ns;
	}
	report(agent, full);
	if (agent->is_open && link_is_silent(&agent->link, now_ns)) {
		note_trouble(agent);
		agent->conn->ops->close(agent->conn);
	}
	int64_t next_ns = now_ns + hurry_ns;
	if (!watch_hurries(agent->watch) || next_ns > agent->beat_ns)
		next_ns = agent->beat_ns;
	timers_arm(loop_timers(agent->loop), &agent->beat, next_ns);
}

/* ---- the token ---- */

/* The one word of the file that is no comment. */
static struct str word_of(struct str text)
{
	struct str line, word = STR("");
	while (text.ptr && str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (!line.len || line.ptr[0] == '#')
			continue;
		if (word.len)
			return STR("");
		word = line;
	}
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] <= ' ' || word.ptr[i] > '~')
			return STR("");
	return word;
}

static enum status read_secret(const char *path, struct buf *text, struct str *secret,
			       struct err *err)
{
	buf_init(text, SECRET_BYTES_MAX + 1);
	enum status status = secret_read_file(path, SECRET_BYTES_MAX, text, err);
	if (status)
		return status;
	*secret = word_of(buf_str(text));
	if (secret->len < SECRET_MIN || secret->len > SECRET_MAX)
		return err_set(err, STATUS_INVALID,
			       "%s: is not one token of 12 to 255 printable characters", path);
	return STATUS_OK;
}

/* ---- opening and closing ---- */

static void free_agent(struct agent *agent)
{
	watch_destroy(agent->watch);
	procfs_close(agent->procfs);
	tls_context_destroy(agent->tls);
	secret_wipe(&agent->secret);
	buf_deinit(&agent->out);
	free(agent);
}

static enum status open_dialer(struct agent *agent, struct err *err)
{
	const struct agent_config *config = &agent->config;
	const struct line_dialer_config dialer = {
		.connections_max = AGENT_CONNECTIONS,
		.line_bytes_max = MFP_LINE_MAX,
		.outgoing_bytes_max = OUT_BYTES_MAX,
		.connect_timeout_ns = connect_ns,
		.too_long_answer = too_long,
		.events = { on_open, on_line, on_close, NULL },
	};
	struct line_dialer_config with_tls = dialer;
	if (config->tls_ca || config->tls_thumbprint) {
		enum status status =
		    tls_client_open(config->tls_ca, config->tls_thumbprint, &agent->tls, err);
		if (status)
			return status;
	}
	with_tls.tls = agent->tls;
	return line_dialer_open(agent->loop, &with_tls, &agent->dialer, err);
}

static enum status open_watch(struct agent *agent, struct err *err)
{
	const struct watch_hooks hooks = agent_host_hooks(agent);
	struct roster *roster;
	enum status status =
	    roster_read(agent->config.terminals_file, agent->config.root, &roster, err);
	if (status)
		return status;
	agent->watch = watch_create(roster, agent->config.host, getpid(), &hooks);
	return agent->watch ? STATUS_OK
			    : err_set(err, STATUS_NO_MEMORY, "no memory for the terminals");
}

static enum status open_parts(struct agent *agent, struct err *err)
{
	struct str secret;
	uint64_t seed;
	enum status status = read_secret(agent->config.secret_file, &agent->secret, &secret, err);
	if (!status)
		status = secret_random(&seed, sizeof seed, err);
	if (!status)
		status = open_watch(agent, err);
	if (!status)
		status = procfs_open(NULL, &agent->procfs, err);
	if (!status)
		status = open_dialer(agent, err);
	if (!status)
		link_init(&agent->link, agent->config.host, secret,
			  loop_wall_ns(agent->loop) / 1000000, seed);
	return status;
}

enum status agent_open(struct loop *loop, const struct agent_config *config, struct agent **out,
		       struct err *err)
{
	struct agent *agent = calloc(1, sizeof *agent);
	if (!agent)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the agent");
	agent->loop = loop;
	agent->config = *config;
	agent->beat = (struct timer){ .fn = on_beat, .ctx = agent };
	agent->redial = (struct timer){ .fn = on_redial, .ctx = agent };
	agent->scan = (struct loop_task){ .fn = run_scan, .ctx = agent };
	buf_init(&agent->out, OUT_BYTES_MAX);
	enum status status = open_parts(agent, err);
	if (status) {
		free_agent(agent);
		return status;
	}
	agent->note_ns = loop_now_ns(loop) - second_ns;
	agent->beat_ns = loop_now_ns(loop);
	on_beat(agent);
	redial_at(agent, loop_now_ns(loop));
	*out = agent;
	return STATUS_OK;
}

static void on_dialer_closed(void *ctx)
{
	struct agent *agent = ctx;
	void (*fn)(void *ctx) = agent->on_end;
	void *fn_ctx = agent->on_end_ctx;
	free_agent(agent);
	if (fn)
		fn(fn_ctx);
}

void agent_close(struct agent *agent, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!agent->is_closing);
	agent->is_closing = true;
	agent->on_end = fn;
	agent->on_end_ctx = ctx;
	timers_cancel(loop_timers(agent->loop), &agent->beat);
	timers_cancel(loop_timers(agent->loop), &agent->redial);
	loop_task_cancel(&agent->scan);
	agent_host_leave(agent);
	line_dialer_close(agent->dialer, on_dialer_closed, agent);
}

enum status agent_reload(struct agent *agent, struct err *err)
{
	struct roster *roster;
	struct buf text;
	struct str secret;
	enum status status = read_secret(agent->config.secret_file, &text, &secret, err);
	if (!status)
		status =
		    roster_read(agent->config.terminals_file, agent->config.root, &roster, err);
	if (!status && watch_reload(agent->watch, roster))
		status = err_set(err, STATUS_NO_MEMORY, "no memory for the terminals");
	if (status) {
		secret_wipe(&text);
		return status;
	}
	secret_wipe(&agent->secret);
	agent->secret = text;
	agent->link.secret = secret;
	loop_defer(agent->loop, &agent->scan);
	return STATUS_OK;
}

uint32_t agent_terminals(const struct agent *agent) { return watch_count(agent->watch); }

struct agent_counts agent_counts(const struct agent *agent)
{
	struct agent_counts counts = agent->counts;
	counts.watch = watch_counts(agent->watch);
	counts.link = agent->link.counts;
	return counts;
}

enum status agent_parse_address(struct str text, char *host, uint16_t *port, struct err *err)
{
	size_t colon = text.len;
	uint64_t number = 0;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	struct str name = str_make(text.ptr, colon ? colon - 1 : 0);
	if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
		name = str_make(name.ptr + 1, name.len - 2);
	else if (str_find_char(name, ':') < name.len)
		name.len = 0; /* an IPv6 address without its brackets */
	if (!name.len || str_to_u64(str_skip(text, colon), &number) || !number ||
	    number > UINT16_MAX || str_copy(name, host, text.len + 1))
		return err_set(err, STATUS_USAGE,
			       "'%.*s' is not HOST:PORT, as 127.0.0.1:7410 or [::1]:7410",
			       STR_ARG(text));
	*port = (uint16_t)number;
	return STATUS_OK;
}
