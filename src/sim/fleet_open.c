/* Opening and destroying a simulated fleet, and what it writes down. */
#include <stdlib.h>

#include "os/files.h"
#include "sim/fleet_impl.h"

enum {
	OUTGOING_BYTES = 256 * 1024,
	PATH_FILE_BYTES_MAX = 16 << 20,
	FIRST_LOGIN = 90000001,
	LOGINS = 1 << 30, /* two of a thousand meet once in two thousand fleets */
};
static const int64_t connect_ns = 500000000;

/* ---- what terminals tell ---- */

static void on_fact(void *ctx, const struct broker_fact *fact)
{
	struct seat *seat = ctx;
	if (seat->fleet->truth)
		sim_truth_order(seat->fleet->truth, str_of(seat->id), fact);
}

static void on_ack(void *ctx, const struct terminal_ack *ack)
{
	struct seat *seat = ctx;
	hist_record(&seat->fleet->ack_ns, (uint64_t)(ack->now_ns - ack->sent_ns));
	if (seat->fleet->truth)
		sim_truth_ack(seat->fleet->truth, str_of(seat->id), ack);
}

/* ---- opening ---- */

static uint64_t seed_of(uint64_t seed, size_t index)
{
	struct rng rng;
	rng_init(&rng, seed ^ (index + 1) * 0x9E3779B97F4A7C15u);
	return rng_next(&rng);
}

/* An account belongs to an id, whoever else is simulated beside it. */
static uint64_t login_of(struct str id) { return FIRST_LOGIN + str_hash(id) % LOGINS; }

/* Whose account it uses: its own, or its neighbour's. */
static size_t account_of(const struct seat *seat, size_t index, size_t count)
{
	if (!seat->settings.double_login || count == 1)
		return index;
	return (index ^ 1) < count ? index ^ 1 : index - 1;
}

static enum status open_seat(struct sim_fleet *fleet, const struct sim_fleet_config *config,
			     size_t index, struct err *err)
{
	struct seat *seat = &fleet->seats[index];
	const struct sim_instance *instance = &config->instances[index];
	size_t account = account_of(seat, index, config->count);
	uint64_t seed = seed_of(config->seed, index);
	struct buf server = buf_over(seat->server, sizeof seat->server);
	buf_printf(&server, "WeirSim-%llu",
		   (unsigned long long)(account % (size_t)seat->settings.servers + 1));
	buf_char(&server, 0);
	struct terminal_config terminal = {
		.id = instance->id,
		.token = instance->token,
		.login = login_of(config->instances[account].id),
		.server = seat->server,
		.settings = &seat->settings,
		.prices = fleet->prices,
		.seed = seed,
		.start_ns = fleet->opened_ns,
		.connect_ns =
		    fleet->opened_ns + (int64_t)(seed % (uint64_t)(seat->settings.spread + 1)),
		.counts = &fleet->counts,
		.events = { on_fact, on_ack, seat },
	};
	if (str_copy(instance->id, seat->id, sizeof seat->id))
		return err_set(err, STATUS_RANGE, "the id '%.*s' is too long",
			       STR_ARG(instance->id));
	seat->fleet = fleet;
	seat->timer = (struct timer){ .fn = sim_fleet_on_due, .ctx = seat };
	return terminal_create(&terminal, &seat->terminal, err);
}

static enum status open_seats(struct sim_fleet *fleet, const struct sim_fleet_config *config,
			      struct err *err)
{
	for (size_t i = 0; i < config->count; i++) {
		enum status status = open_seat(fleet, config, i, err);
		if (status)
			return status;
		fleet->count++;
	}
	return STATUS_OK;
}

static enum status follow_path(struct sim_fleet *fleet, const struct sim_settings *settings,
			       struct err *err)
{
	struct buf text;
	if (!settings->path[0])
		return STATUS_OK;
	buf_init(&text, PATH_FILE_BYTES_MAX + 1);
	enum status status = files_read(settings->path, PATH_FILE_BYTES_MAX, &text, err);
	if (!status) {
		status = prices_follow(fleet->prices, buf_str(&text),
				       settings->path_bar / SIM_FLEET_SECOND, err);
		if (status)
			status = err_wrap(err, status, "%s", settings->path);
	}
	buf_deinit(&text);
	return status;
}

static enum status open_prices(struct sim_fleet *fleet, const struct sim_fleet_config *config,
			       struct err *err)
{
	const struct sim_scenario *scenario = config->scenario;
	enum status status = STATUS_OK;
	if (!scenario) {
		status = sim_scenario_parse(STR(""), "presets", &fleet->presets, err);
		scenario = fleet->presets;
	}
	if (status)
		return status;
	for (size_t i = 0; i < config->count; i++)
		sim_scenario_settings(scenario, config->seed, i, config->count,
				      config->instances[i].id, &fleet->seats[i].settings);
	fleet->prices = prices_create(config->seed, fleet->seats[0].settings.volatility);
	if (!fleet->prices)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	return follow_path(fleet, &fleet->seats[0].settings, err);
}

static enum status open_dialer(struct sim_fleet *fleet, size_t count, struct err *err)
{
	struct line_dialer_config config = {
		.connections_max = SIM_FLEET_CONNECTIONS(count),
		.line_bytes_max = 2 * MFP_LINE_MAX,
		.outgoing_bytes_max = OUTGOING_BYTES,
		.connect_timeout_ns = connect_ns,
		.events = { .on_open = sim_fleet_on_open,
			    .on_line = sim_fleet_on_line,
			    .on_close = sim_fleet_on_close },
	};
	return line_dialer_open(fleet->loop, &config, &fleet->dialer, err);
}

/* Everything but the dialer, which is closed asynchronously. */
void sim_fleet_destroy(struct sim_fleet *fleet)
{
	timers_cancel(loop_timers(fleet->loop), &fleet->alarm);
	for (size_t i = 0; i < fleet->count; i++)
		terminal_destroy(fleet->seats[i].terminal);
	sim_truth_close(fleet->truth);
	prices_destroy(fleet->prices);
	sim_scenario_destroy(fleet->presets);
	timers_destroy(fleet->timers);
	free(fleet->host);
	free(fleet);
}

static enum status open_parts(struct sim_fleet *fleet, const struct sim_fleet_config *config,
			      struct err *err)
{
	enum status status = STATUS_OK;
	fleet->timers = timers_create(config->count);
	fleet->host = strdup(config->host);
	if (!fleet->timers || !fleet->host)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	if (config->truth_path)
		status = sim_truth_open(config->truth_path, &fleet->truth, err);
	if (!status)
		status = open_prices(fleet, config, err);
	if (!status)
		status = open_seats(fleet, config, err);
	if (!status)
		status = open_dialer(fleet, config->count, err);
	return status;
}

enum status sim_fleet_open(struct loop *loop, const struct sim_fleet_config *config,
			   struct sim_fleet **out, struct err *err)
{
	CHECK(config->count > 0 && config->count <= SIM_FLEET_MAX);
	struct sim_fleet *fleet = calloc(1, sizeof *fleet + config->count * sizeof fleet->seats[0]);
	if (!fleet)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	fleet->loop = loop;
	fleet->port = config->port;
	fleet->alarm = (struct timer){ .fn = sim_fleet_on_alarm, .ctx = fleet };
	fleet->wall_base_ns = loop_wall_ns(loop) - loop_now_ns(loop);
	fleet->opened_ns = fleet->flushed_ns = sim_fleet_now(fleet);
	enum status status = open_parts(fleet, config, err);
	if (status) {
		sim_fleet_destroy(fleet);
		return status;
	}
	for (size_t i = 0; i < fleet->count; i++)
		sim_fleet_pump(&fleet->seats[i]);
	sim_fleet_arm(fleet);
	*out = fleet;
	return STATUS_OK;
}
