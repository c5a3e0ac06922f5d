#include "sim/fleet.h"

#include <stdlib.h>

#include "sim/fleet_impl.h"

enum { STEPS_PER_TURN = 128 }; /* then the loop sends and reads before the next ones */

int64_t sim_fleet_now(const struct sim_fleet *fleet)
{
	return fleet->wall_base_ns + loop_precise_ns();
}

/* ---- pumping: what a terminal wants done ---- */

void sim_fleet_arm(struct sim_fleet *fleet)
{
	int64_t next_ns = timers_next_ns(fleet->timers);
	int64_t flush_at_ns = fleet->flushed_ns + SIM_FLEET_SECOND;
	if (flush_at_ns < next_ns)
		next_ns = flush_at_ns;
	timers_arm(loop_timers(fleet->loop), &fleet->alarm, next_ns - fleet->wall_base_ns);
}

static void send_output(struct seat *seat)
{
	struct str bytes;
	while ((bytes = terminal_output(seat->terminal)).len) {
		/* A connection that cannot take it ends by itself and says so in on_close. */
		if (seat->link && seat->link->conn)
			(void)seat->link->conn->ops->send(seat->link->conn, bytes);
		terminal_sent(seat->terminal, bytes.len, sim_fleet_now(seat->fleet));
	}
}

static void let_go(struct seat *seat)
{
	struct link *link = seat->link;
	seat->link = NULL;
	seat->paused = false;
	if (!link)
		return;
	link->seat = NULL;
	if (link->conn)
		link->conn->ops->close(link->conn);
}

static void dial(struct seat *seat)
{
	struct sim_fleet *fleet = seat->fleet;
	struct link *link = calloc(1, sizeof *link);
	CHECK(!seat->link);
	terminal_dialled(seat->terminal);
	if (link) {
		link->seat = seat;
		seat->link = link;
		if (line_dial(fleet->dialer, fleet->host, fleet->port, link, &link->conn) ==
		    STATUS_OK)
			return;
		seat->link = NULL;
		free(link);
	}
	fleet->failed_dials++;
	terminal_closed(seat->terminal, sim_fleet_now(fleet));
}

static void set_pause(struct seat *seat)
{
	bool pauses = terminal_pauses(seat->terminal);
	if (!seat->link || !seat->link->open || pauses == seat->paused)
		return;
	seat->paused = pauses;
	seat->link->conn->ops->pause(seat->link->conn, pauses);
}

void sim_fleet_pump(struct seat *seat)
{
	enum terminal_wish wish;
	send_output(seat);
	while ((wish = terminal_wish(seat->terminal)) != TERMINAL_NOTHING) {
		if (wish == TERMINAL_DIAL) {
			dial(seat);
		} else {
			let_go(seat);
			terminal_hung_up(seat->terminal);
		}
		send_output(seat);
	}
	set_pause(seat);
	int64_t next_ns = terminal_next_ns(seat->terminal);
	if (next_ns == INT64_MAX)
		timers_cancel(seat->fleet->timers, &seat->timer);
	else
		timers_arm(seat->fleet->timers, &seat->timer, next_ns);
}

void sim_fleet_on_due(void *ctx)
{
	struct seat *seat = ctx;
	terminal_step(seat->terminal, sim_fleet_now(seat->fleet));
	sim_fleet_pump(seat);
}

void sim_fleet_on_alarm(void *ctx)
{
	struct sim_fleet *fleet = ctx;
	int64_t now_ns = sim_fleet_now(fleet);
	timers_run(fleet->timers, now_ns, STEPS_PER_TURN);
	if (now_ns >= fleet->flushed_ns + SIM_FLEET_SECOND) {
		fleet->flushed_ns = now_ns;
		if (fleet->truth)
			sim_truth_flush(fleet->truth);
	}
	sim_fleet_arm(fleet);
}

/* ---- connections ---- */

void *sim_fleet_on_open(void *ctx, struct line_conn *conn)
{
	struct link *link = ctx;
	(void)conn;
	if (!link->seat)
		return NULL;
	terminal_opened(link->seat->terminal, sim_fleet_now(link->seat->fleet));
	link->open = true;
	return link;
}

void sim_fleet_on_line(void *ctx, struct str line)
{
	struct link *link = ctx;
	struct seat *seat = link->seat;
	if (!seat)
		return;
	terminal_line(seat->terminal, line, sim_fleet_now(seat->fleet));
	terminal_step(seat->terminal, sim_fleet_now(seat->fleet));
	sim_fleet_pump(seat);
	sim_fleet_arm(seat->fleet);
}

void sim_fleet_on_close(void *ctx, enum status why)
{
	struct link *link = ctx;
	struct seat *seat = link->seat;
	(void)why;
	if (seat) {
		struct sim_fleet *fleet = seat->fleet;
		fleet->failed_dials += line_dial_problem(link->conn)[0] != 0;
		seat->link = NULL;
		seat->paused = false;
		terminal_closed(seat->terminal, sim_fleet_now(fleet));
		terminal_step(seat->terminal, sim_fleet_now(fleet));
		sim_fleet_pump(seat);
		sim_fleet_arm(fleet);
	}
	free(link);
}

/* ---- the end ---- */

static void on_dialer_closed(void *ctx)
{
	struct sim_fleet *fleet = ctx;
	void (*fn)(void *ctx) = fleet->on_closed;
	void *fn_ctx = fleet->on_closed_ctx;
	sim_fleet_destroy(fleet);
	if (fn)
		fn(fn_ctx);
}

void sim_fleet_close(struct sim_fleet *fleet, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!fleet->closing);
	fleet->closing = true;
	fleet->on_closed = fn;
	fleet->on_closed_ctx = ctx;
	timers_cancel(loop_timers(fleet->loop), &fleet->alarm);
	for (size_t i = 0; i < fleet->count; i++) {
		struct seat *seat = &fleet->seats[i];
		if (seat->link)
			seat->link->seat = NULL;
		seat->link = NULL;
	}
	line_dialer_close(fleet->dialer, on_dialer_closed, fleet);
}

void sim_fleet_calm(struct sim_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		terminal_calm(fleet->seats[i].terminal);
}

void sim_fleet_bye(struct sim_fleet *fleet)
{
	enum { WHY_TERMINAL_CLOSED = 9 };
	for (size_t i = 0; i < fleet->count; i++) {
		terminal_reload(fleet->seats[i].terminal, sim_fleet_now(fleet), WHY_TERMINAL_CLOSED,
				0);
		sim_fleet_pump(&fleet->seats[i]);
	}
	sim_fleet_arm(fleet);
}

static struct seat *find_seat(struct sim_fleet *fleet, struct str id)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (str_eq(terminal_id(fleet->seats[i].terminal), id))
			return &fleet->seats[i];
	return NULL;
}

bool sim_fleet_kill(struct sim_fleet *fleet, struct str id)
{
	struct seat *seat = find_seat(fleet, id);
	if (!seat)
		return false;
	terminal_crash(seat->terminal, sim_fleet_now(fleet), 0);
	sim_fleet_pump(seat);
	sim_fleet_arm(fleet);
	return true;
}

bool sim_fleet_start(struct sim_fleet *fleet, struct str id)
{
	struct seat *seat = find_seat(fleet, id);
	if (!seat)
		return false;
	terminal_start(seat->terminal, sim_fleet_now(fleet));
	sim_fleet_pump(seat);
	sim_fleet_arm(fleet);
	return true;
}

/* ---- figures ---- */

static void add_broker(struct broker_counts *sum, const struct broker_counts *one)
{
	sum->requests += one->requests;
	sum->deals += one->deals;
	sum->own_deals += one->own_deals;
	sum->stops_hit += one->stops_hit;
	sum->link_drops += one->link_drops;
	sum->deals_lost += one->deals_lost;
}

void sim_fleet_counts(const struct sim_fleet *fleet, struct sim_fleet_counts *counts)
{
	const struct line_stats *stats = line_dialer_stats(fleet->dialer);
	*counts = (struct sim_fleet_counts){
		.terminals = fleet->counts,
		.count = fleet->count,
		.failed_dials = fleet->failed_dials,
		.bytes_in = stats->bytes_in,
		.bytes_out = stats->bytes_out,
		.truth_lost = fleet->truth ? sim_truth_lost(fleet->truth) : 0,
		.ran_ns = sim_fleet_now(fleet) - fleet->opened_ns,
		.ack_ns = &fleet->ack_ns,
	};
	for (size_t i = 0; i < fleet->count; i++) {
		struct terminal *terminal = fleet->seats[i].terminal;
		struct broker_counts broker = broker_counts(terminal_broker(terminal));
		counts->up += terminal_is_up(terminal);
		counts->down += terminal_is_down(terminal);
		counts->unacked += terminal_unacked(terminal);
		counts->untold += terminal_untold(terminal);
		add_broker(&counts->brokers, &broker);
	}
}
