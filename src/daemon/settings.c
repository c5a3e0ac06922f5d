#include "daemon/settings.h"

#include "daemon/planned.h"
#include "def/timeframes.h"

/* What a person has chosen stays. */
static enum status take_planned(const struct config *config, struct store_config *out,
				struct err *err)
{
	int64_t maxmemory[SEGMENT_COUNT];
	enum status status = planned_maxmemory(config, out->state_dir, maxmemory, err);
	if (status)
		return err_wrap(err, status, "redis.maxmemory = plan");
	for (unsigned i = 0; i < SEGMENT_COUNT; i++)
		if (!out->segments[i].maxmemory_chosen)
			out->segments[i].maxmemory = (uint64_t)maxmemory[i];
	return STATUS_OK;
}

enum status settings_store(const struct config *config, const char *state_dir,
			   struct store_config *out, struct err *err)
{
	*out = (struct store_config){
		.state_dir = state_dir,
		.redis_server = config_str(config, CONFIG_redis_server).ptr,
		.deadline_ns = config_i64(config, CONFIG_redis_deadline_ms) * 1000000,
		.start_timeout_ns = config_i64(config, CONFIG_redis_start_timeout_ms) * 1000000,
	};
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		enum config_id maxmemory = config_of_segment(CONFIG_segment_rts_maxmemory, i);
		struct str mode = config_str(config, config_of_segment(CONFIG_segment_rts_mode, i));
		out->segments[i] = (struct segment_config){
			.external = str_eq(mode, STR("external")),
			.url = config_str(config, config_of_segment(CONFIG_segment_rts_url, i)).ptr,
			.port = (uint16_t)config_i64(config,
						     config_of_segment(CONFIG_segment_rts_port, i)),
			.maxmemory = (uint64_t)config_i64(config, maxmemory),
			.maxmemory_chosen =
			    config_origin(config, maxmemory).kind != CONFIG_FROM_DEFAULT,
			.appendfsync =
			    config_str(config, config_of_segment(CONFIG_segment_rts_appendfsync, i))
				.ptr,
			.accept_unsafe = config_bool(
			    config, config_of_segment(CONFIG_segment_rts_accept_unsafe, i)),
		};
	}
	bool planned = str_eq(config_str(config, CONFIG_redis_maxmemory), STR("plan"));
	return planned ? take_planned(config, out, err) : STATUS_OK;
}

void settings_market(const struct config *config, struct market_config *out)
{
	struct str rest = config_str(config, CONFIG_market_indicators), word;
	struct str convention = config_str(config, CONFIG_market_indicator_convention);
	size_t count = 0;
	*out = (struct market_config){
		.whale_quote = config_i64(config, CONFIG_market_whale_quote),
		.convention = str_eq(convention, STR("talib")) ? TA_TALIB : TA_WILDER,
	};
	while (count < SERIES_TIMEFRAMES_MAX && str_split(&rest, ',', &word))
		if (timeframe_minutes(word))
			out->indicators[count++] = timeframe_minutes(word);
}
