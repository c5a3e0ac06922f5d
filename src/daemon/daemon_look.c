/* What the daemon shows to those who look: views, commands, tests. */
#include "daemon/daemon_impl.h"

bool daemon_ended(const struct daemon *daemon) { return daemon->phase == PHASE_ENDED; }

const char *daemon_error(const struct daemon *daemon) { return daemon->error.text; }

struct loop *daemon_loop(struct daemon *daemon) { return daemon->loop; }

struct markets *daemon_markets(struct daemon *daemon) { return daemon->markets; }

struct ingest *daemon_ingest(struct daemon *daemon) { return daemon->ingest; }

struct redis_port *daemon_rms(struct daemon *daemon)
{
	return segments_redis(daemon->segments, SEGMENT_RMS);
}

struct segments *daemon_segments(struct daemon *daemon) { return daemon->segments; }

const struct market_store *daemon_store(const struct daemon *daemon) { return daemon->store; }

const struct sources *daemon_sources(const struct daemon *daemon) { return daemon->sources; }

struct terminals *daemon_terminals(struct daemon *daemon) { return daemon->terminals; }

struct archiving *daemon_archiving(struct daemon *daemon) { return daemon->archiving; }

const struct budgets *daemon_budgets(const struct daemon *daemon) { return daemon->budgets; }

const struct serving *daemon_serving(const struct daemon *daemon) { return daemon->serving; }

struct picturing *daemon_picturing(struct daemon *daemon)
{
	const struct picturing_config config = { .loop = daemon->loop, .world = &daemon->world };
	if (!daemon->picturing)
		daemon->picturing = picturing_create(&config);
	return daemon->picturing;
}

struct metering *daemon_metering(struct daemon *daemon) { return daemon->metering; }
struct telegramming *daemon_telegramming(struct daemon *daemon) { return daemon->telegramming; }

struct control *daemon_control(struct daemon *daemon) { return daemon->control; }

const struct config *daemon_config(const struct daemon *daemon) { return daemon->config; }

bool daemon_simulated(const struct daemon *daemon)
{
	return daemon->options.feed == DAEMON_FEED_SIMULATOR;
}

int64_t daemon_segments_ready_ns(const struct daemon *daemon) { return daemon->segments_ready_ns; }

int64_t daemon_restored_ns(const struct daemon *daemon) { return daemon->restored_ns; }

enum status daemon_answer(struct daemon *daemon, struct ask_request request, struct buf *out,
			  enum ask_outcome *outcome)
{
	int64_t began_ns = own_time_ns();
	request.now_ms = 0; /* a replay is judged by its own newest event */
	if (daemon->world.options.live)
		request.now_ms = loop_wall_ns(daemon->loop) / 1000000;
	enum status status = ask_answer(&daemon->world, &request, out, outcome);
	own_time_record(&daemon->answers, began_ns);
	return status;
}

const struct hist *daemon_answers(const struct daemon *daemon) { return &daemon->answers; }

static enum ask_outcome answer(struct daemon *daemon, struct ask_request request, struct buf *out)
{
	enum ask_outcome outcome = ASK_NO;
	if (daemon_answer(daemon, request, out, &outcome)) {
		buf_clear(out);
		buf_printf(out, "the answer is too long\n");
		return ASK_NO;
	}
	return outcome;
}

enum ask_outcome daemon_ask(struct daemon *daemon, enum ask_format format, struct str text,
			    struct buf *out)
{
	return answer(daemon, (struct ask_request){ .text = text, .format = format }, out);
}

enum ask_outcome daemon_look(struct daemon *daemon, enum ask_format format, struct str text,
			     struct buf *out)
{
	const struct ask_request request = { .text = text, .format = format, .look_only = true };
	return answer(daemon, request, out);
}
