#include "alert/alert_config.h"

static int64_t duration_ns(const struct config *config, enum config_id of_oi_move,
			   enum alert_rule rule)
{
	return config_i64(config, config_of_alert(of_oi_move, rule)) * 1000000;
}

struct alert_settings alert_settings_of(const struct config *config, enum alert_rule rule)
{
	return (struct alert_settings){
		.on = config_bool(config, config_of_alert(CONFIG_alert_oi_move_on, rule)),
		.fire = config_number(config, config_of_alert(CONFIG_alert_oi_move_fire, rule)),
		.clear = config_number(config, config_of_alert(CONFIG_alert_oi_move_clear, rule)),
		.hold_ns = duration_ns(config, CONFIG_alert_oi_move_hold, rule),
		.clear_hold_ns = duration_ns(config, CONFIG_alert_oi_move_clear_hold, rule),
		.renotify_ns = duration_ns(config, CONFIG_alert_oi_move_renotify, rule),
		.cooldown_ns = duration_ns(config, CONFIG_alert_oi_move_cooldown, rule),
	};
}

static bool are_same(const struct alert_settings *a, const struct alert_settings *b)
{
	return a->on == b->on && a->fire == b->fire && a->clear == b->clear &&
	       a->hold_ns == b->hold_ns && a->clear_hold_ns == b->clear_hold_ns &&
	       a->renotify_ns == b->renotify_ns && a->cooldown_ns == b->cooldown_ns;
}

void alerts_apply_config(struct alerts *alerts, const struct config *config)
{
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		struct alert_settings settings = alert_settings_of(config, rule);
		if (!are_same(&settings, alerts_settings(alerts, rule)))
			alerts_configure(alerts, rule, &settings);
	}
}
