#include "sim/terminal.h"

#include <stdlib.h>

#include "sim/terminal_impl.h"

static const int64_t settle_ns = 300000000; /* from a broker's link to lists that are whole */
static const int64_t least_turn_ns = 100000;

struct str terminal_id(const struct terminal *terminal) { return str_of(terminal->id); }
bool terminal_is_up(const struct terminal *terminal) { return terminal->link == LINK_UP; }
bool terminal_is_down(const struct terminal *terminal) { return !terminal->runs; }
struct broker *terminal_broker(struct terminal *terminal) { return terminal->broker; }

int64_t terminal_ms(const struct terminal *terminal, int64_t now_ns)
{
	return now_ns / TERMINAL_MS + terminal->settings->clock_offset;
}

/* An expert that has just been loaded, or whose broker's link has just come back, must not
 * believe the account's lists. */
int64_t terminal_settles_ns(const struct terminal *terminal)
{
	return terminal->linked_ns ? terminal->linked_ns + settle_ns : INT64_MAX;
}

bool terminal_settled(const struct terminal *terminal, int64_t now_ns)
{
	return now_ns >= terminal_settles_ns(terminal);
}

/* ---- the process ---- */

static void start_process(struct terminal *terminal, int64_t now_ns, int64_t dial_ns)
{
	int64_t epoch_ms = terminal_ms(terminal, now_ns);
	terminal->runs = true;
	terminal->up_at_ns = INT64_MAX;
	terminal->started_ns = now_ns;
	terminal->epoch_ms = epoch_ms > terminal->epoch_ms ? epoch_ms : terminal->epoch_ms + 1;
	terminal->linked_ns = broker_connected(terminal->broker) ? now_ns : 0;
	terminal->hash_known = false;
	terminal->restart = terminal->reconnect = false;
	terminal->down_seen = terminal->file.down;
	terminal->rate = 10;
	terminal->throttle = -1;
	terminal->take_ns = now_ns;
	terminal->state_ms = terminal->account_ms = 1000;
	terminal->quotes_on = true;
	terminal->memory_trimmed_mb = 0;
	terminal->dropped = 0;
	terminal->walks = false;
	terminal->again = terminal->again_end = 0;
	terminal_outbox_init(terminal);
	terminal_link_init(terminal, dial_ns);
	terminal_trouble_init(terminal, dial_ns);
	terminal_restore(terminal, now_ns);
	broker_set_trading(terminal->broker, !terminal->calm);
}

void terminal_stop_process(struct terminal *terminal, int64_t up_at_ns)
{
	terminal_hang_up(terminal);
	if (terminal->link == LINK_WISH)
		terminal->link = LINK_IDLE;
	terminal->runs = false;
	terminal->up_at_ns = up_at_ns;
	terminal->work_count = 0;
	terminal->frozen_until_ns = terminal->stall_ns = terminal->stall_until_ns = 0;
	broker_forget_replies(terminal->broker);
	broker_set_trading(terminal->broker, false);
}

void terminal_start(struct terminal *terminal, int64_t now_ns)
{
	if (terminal->runs)
		return;
	CHECK(terminal->link != LINK_LEAVING && now_ns >= terminal->now_ns);
	terminal->now_ns = now_ns;
	broker_step(terminal->broker, now_ns);
	start_process(terminal, now_ns, now_ns);
}

static int64_t up_at(int64_t now_ns, int64_t down_ns)
{
	return down_ns ? now_ns + down_ns : INT64_MAX;
}

void terminal_crash(struct terminal *terminal, int64_t now_ns, int64_t down_ns)
{
	if (!terminal->runs)
		return;
	terminal->now_ns = now_ns;
	terminal->counts->crashes++;
	terminal_stop_process(terminal, up_at(now_ns, down_ns));
	buf_clear(&terminal->out);
	terminal->out_at = 0;
}

void terminal_reload(struct terminal *terminal, int64_t now_ns, int why, int64_t down_ns)
{
	if (!terminal->runs)
		return;
	terminal->now_ns = now_ns;
	terminal->counts->reloads += down_ns > 0;
	terminal_put_bye(terminal, why);
	terminal_compose(terminal, now_ns);
	terminal_stop_process(terminal, up_at(now_ns, down_ns));
}

void terminal_calm(struct terminal *terminal)
{
	terminal->calm = true;
	broker_set_trading(terminal->broker, false);
}

/* ---- turns ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t report_next_ns(const struct terminal *terminal)
{
	int64_t settles_ns = terminal_settles_ns(terminal);
	if (terminal->link != LINK_UP)
		return INT64_MAX;
	return terminal->snapshot_due ? least(settles_ns, terminal->state_due_ns)
				      : terminal->state_due_ns;
}

/* What its process has to do next. */
static int64_t work_next_ns(const struct terminal *terminal)
{
	int64_t next_ns = least(terminal_link_next_ns(terminal), report_next_ns(terminal));
	next_ns = least(next_ns, broker_next_ns(terminal->broker));
	next_ns = least(next_ns, terminal_orders_next_ns(terminal));
	next_ns = least(next_ns, terminal_deals_next_ns(terminal));
	next_ns = least(next_ns, terminal_trouble_next_ns(terminal));
	return terminal->restart ? least(next_ns, terminal->restart_ns) : next_ns;
}

/* The expert acts when its timer runs; a frozen or stalled one's does not. */
static int64_t turn_at(const struct terminal *terminal, int64_t due_ns)
{
	int64_t every_ns = terminal->settings->timer;
	if (due_ns == INT64_MAX)
		return due_ns;
	if (due_ns < terminal->last_turn_ns + least_turn_ns)
		due_ns = terminal->last_turn_ns + least_turn_ns;
	if (due_ns < terminal->frozen_until_ns)
		due_ns = terminal->frozen_until_ns;
	if (due_ns >= terminal->stall_ns && due_ns < terminal->stall_until_ns)
		due_ns = terminal->stall_until_ns;
	if (!every_ns)
		return due_ns;
	int64_t past_ns = (due_ns - terminal->phase_ns) % every_ns;
	return past_ns ? due_ns + every_ns - past_ns : due_ns;
}

/* A byte writer's bytes trickle out of the system's buffer, not out of the expert. */
static int64_t trickle_next_ns(const struct terminal *terminal)
{
	bool trickles = terminal->settings->byte_writer && terminal->out_at < terminal->out.len;
	return trickles ? terminal->byte_ns : INT64_MAX;
}

int64_t terminal_next_ns(const struct terminal *terminal)
{
	if (!terminal->runs)
		return terminal->up_at_ns;
	return least(turn_at(terminal, work_next_ns(terminal)), trickle_next_ns(terminal));
}

static void watch_link(struct terminal *terminal, int64_t now_ns)
{
	if (!broker_connected(terminal->broker))
		terminal->linked_ns = 0;
	else if (!terminal->linked_ns)
		terminal->linked_ns = now_ns;
}

static void turn(struct terminal *terminal, int64_t now_ns)
{
	terminal->last_turn_ns = now_ns;
	watch_link(terminal, now_ns);
	terminal_link_turn(terminal, now_ns);
	terminal_orders_turn(terminal, now_ns);
	if (terminal->link == LINK_UP) {
		terminal_deals_turn(terminal, now_ns);
		terminal_results_turn(terminal, now_ns);
		terminal_report_turn(terminal, now_ns);
		terminal_noise_turn(terminal, now_ns);
	}
	terminal_commands_turn(terminal, now_ns);
	if (terminal->runs)
		terminal_compose(terminal, now_ns);
	if (terminal->reconnect) {
		terminal->reconnect = false;
		terminal_hang_up(terminal);
	}
}

void terminal_step(struct terminal *terminal, int64_t now_ns)
{
	CHECK(now_ns >= terminal->now_ns);
	terminal->now_ns = now_ns;
	broker_step(terminal->broker, now_ns);
	if (!terminal->runs && now_ns >= terminal->up_at_ns && terminal->link == LINK_IDLE)
		start_process(terminal, now_ns, now_ns);
	if (!terminal->runs || now_ns < turn_at(terminal, work_next_ns(terminal)))
		return;
	terminal_trouble_turn(terminal, now_ns);
	if (terminal->runs && now_ns >= terminal->frozen_until_ns)
		turn(terminal, now_ns);
}

/* ---- life ---- */

static enum status copy_names(struct terminal *terminal, const struct terminal_config *config,
			      struct err *err)
{
	if (str_copy(config->id, terminal->id, sizeof terminal->id) ||
	    str_copy(config->token, terminal->token, sizeof terminal->token))
		return err_set(err, STATUS_RANGE, "terminal '%.*s': id or token is too long",
			       STR_ARG(config->id));
	return STATUS_OK;
}

static enum status make_broker(struct terminal *terminal, const struct terminal_config *config,
			       struct err *err)
{
	struct broker_config broker = {
		.settings = config->settings,
		.prices = config->prices,
		.seed = config->seed ^ 0x62726F6B6572,
		.start_ns = config->start_ns,
		.on_fact = config->events.on_fact,
		.ctx = config->events.ctx,
	};
	enum status status = broker_create(&broker, &terminal->broker, err);
	return status ? err_wrap(err, status, "terminal %s", terminal->id) : STATUS_OK;
}

static void init_buffers(struct terminal *terminal)
{
	buf_init(&terminal->inbox, 4 * TERMINAL_INBOX_BYTES);
	buf_init(&terminal->light, 2 * TERMINAL_LIGHT_BYTES);
	buf_init(&terminal->out, 2 * TERMINAL_SEND_BYTES);
	buf_init(&terminal->old_hello, MFP_LINE_MAX);
}

enum status terminal_create(const struct terminal_config *config, struct terminal **out,
			    struct err *err)
{
	struct terminal *terminal = calloc(1, sizeof *terminal);
	if (!terminal)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	init_buffers(terminal);
	enum status status = copy_names(terminal, config, err);
	if (!status)
		status = make_broker(terminal, config, err);
	if (status) {
		terminal_destroy(terminal);
		return status;
	}
	terminal->login = config->login;
	terminal->server = config->server;
	terminal->settings = config->settings;
	terminal->prices = config->prices;
	terminal->counts = config->counts;
	terminal->events = config->events;
	terminal->now_ns = config->start_ns;
	rng_init(&terminal->rng, config->seed);
	rng_init(&terminal->trouble_rng, config->seed ^ 0x74726F75626C65);
	if (config->settings->timer)
		terminal->phase_ns =
		    (int64_t)rng_below(&terminal->rng, (uint64_t)config->settings->timer);
	start_process(terminal, config->start_ns, config->connect_ns);
	*out = terminal;
	return STATUS_OK;
}

void terminal_destroy(struct terminal *terminal)
{
	if (!terminal)
		return;
	broker_destroy(terminal->broker);
	terminal_outbox_deinit(terminal);
	terminal_file_deinit(&terminal->file);
	buf_deinit(&terminal->inbox);
	buf_deinit(&terminal->light);
	buf_deinit(&terminal->out);
	buf_deinit(&terminal->old_hello);
	explicit_bzero(terminal->token, sizeof terminal->token);
	free(terminal);
}
