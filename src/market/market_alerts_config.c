#include "market/market_alerts_config.h"

#include "base/check.h"

/* The words were checked when the configuration was read. */
static void read_oi(struct str list, struct market_alerts_config *out)
{
	struct str word, name;
	int64_t millionths;
	while (list.len && str_split(&list, ',', &word)) {
		enum status status = config_word_number(word, &name, &millionths);
		CHECK(status == STATUS_OK && out->n_oi < MARKET_ALERT_ASSETS_MAX);
		if (str_copy(name, out->oi[out->n_oi].asset, sizeof out->oi[0].asset))
			continue; /* longer than any symbol: no market has it */
		out->oi[out->n_oi++].percent = (double)millionths / CONFIG_NUMBER_ONE;
	}
}

struct market_alerts_config market_alerts_config_of(const struct config *config, bool live)
{
	struct market_alerts_config out = {
		.live = live,
		.stale_ms = config_i64(config, CONFIG_market_stale_ms),
		.cascade_window_ms = config_i64(config, CONFIG_liquidations_cascade_window),
	};
	read_oi(config_str(config, CONFIG_market_oi_alert_percent), &out);
	return out;
}

struct liquidations_config market_liquidations_config_of(const struct config *config)
{
	return (struct liquidations_config){
		.count = (int32_t)config_i64(config, CONFIG_liquidations_cascade_count),
		.quote_min = config_i64(config, CONFIG_liquidations_cascade_quote),
		.window_ms = config_i64(config, CONFIG_liquidations_cascade_window),
		.cooldown_ms = config_i64(config, CONFIG_liquidations_cascade_cooldown),
		.band = { config_number(config, CONFIG_liquidations_cascade_moderate),
			  config_number(config, CONFIG_liquidations_cascade_high),
			  config_number(config, CONFIG_liquidations_cascade_extreme) },
		.size_large = config_i64(config, CONFIG_liquidations_size_large),
		.size_institutional = config_i64(config, CONFIG_liquidations_size_institutional),
		.size_whale = config_i64(config, CONFIG_liquidations_size_whale),
	};
}
