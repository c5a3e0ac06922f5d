#include "daemon/planned.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/calibration.h"
#include "gate/tokens.h"

enum { WORDS_BYTES = 1024, LINE_BYTES = 400 };

/* ---- the load ---- */

static bool is_chosen(const struct config *config, enum config_id id)
{
	return config_origin(config, id).kind != CONFIG_FROM_DEFAULT;
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

static enum status count_terminals(const char *path, int64_t *count, struct err *err)
{
	struct tokens *tokens = NULL;
	enum status status = tokens_read(path, &tokens, err);
	if (status)
		return status;
	int64_t terminals = 0;
	for (size_t i = 0; i < tokens_count(tokens); i++)
		terminals += !is_agent(tokens, i);
	if (terminals)
		*count = terminals;
	tokens_destroy(tokens);
	return STATUS_OK;
}

/* Each symbol is a market of each kind at each venue that is on. */
static void count_markets(const struct config *config, struct plan_load *load)
{
	struct str rest = config_str(config, CONFIG_market_symbols), word;
	int64_t symbols = 0, kinds = 0;
	bool chosen = is_chosen(config, CONFIG_market_symbols);
	while (str_split(&rest, ',', &word))
		symbols += word.len > 0;
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++)
		for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
			enum config_id on =
			    config_of_venue(CONFIG_venue_binance_spot_on, venue, kind);
			kinds += config_bool(config, on);
			chosen = chosen || is_chosen(config, on);
		}
	if (!chosen || !symbols || !kinds)
		return;
	load->symbols = symbols;
	load->markets = symbols * kinds;
}

enum status planned_load(const struct config *config, int64_t instances, struct plan_load *out,
			 struct err *err)
{
	struct plan_load load = plan_load_usual();
	struct str tokens = config_str(config, CONFIG_fleet_tokens_file);
	if (instances > 0) {
		load.instances = instances;
	} else if (tokens.len) {
		enum status status = count_terminals(tokens.ptr, &load.instances, err);
		if (status)
			return err_wrap(err, status, "fleet.tokens_file");
	}
	count_markets(config, &load);
	if (is_chosen(config, CONFIG_archive_checkpoint))
		load.results_kept_s = (config_i64(config, CONFIG_archive_checkpoint) + 999) / 1000;
	*out = load;
	return STATUS_OK;
}

/* ---- the segments ---- */

static void tell(const struct plan *plan)
{
	char storage[LINE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		buf_printf(&text, "%s%s %lld", i ? ", " : "", segment_row((enum segment)i)->name,
			   (long long)(plan->segments[i].maxmemory >> 20));
	log_line(LOG_INFO, "memory", "maxmemory by the plan for %s, in MiB: %.*s", plan->title,
		 STR_ARG(buf_str(&text)));
}

enum status planned_maxmemory(const struct config *config, const char *state_dir,
			      int64_t maxmemory[SEGMENT_COUNT], struct err *err)
{
	char words[WORDS_BYTES];
	struct buf ignored = buf_over(words, sizeof words);
	struct plan_load load;
	struct plan_costs costs;
	enum status status = planned_load(config, 0, &load, err);
	if (status)
		return status;
	struct plan *plan = calloc(1, sizeof *plan);
	CHECK(plan);
	calibration_choose(state_dir, config_str(config, CONFIG_redis_server).ptr, &costs,
			   &ignored);
	status = plan_make(&load, &costs, NULL, plan, err);
	for (size_t i = 0; !status && i < SEGMENT_COUNT; i++)
		maxmemory[i] = plan->segments[i].maxmemory;
	if (!status)
		tell(plan);
	free(plan);
	return status;
}
