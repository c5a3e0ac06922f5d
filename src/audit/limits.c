#include "audit/audit.h"
#include "def/config.h"

struct audit_limits audit_limits_of(const struct config *config)
{
	return (struct audit_limits){
		.dead_days = config_i64(config, CONFIG_audit_dead_days),
		.stale_hours = config_i64(config, CONFIG_audit_stale_hours),
		.big_string = config_i64(config, CONFIG_audit_big_string),
		.big_hash = config_i64(config, CONFIG_audit_big_hash),
		.big_items = config_i64(config, CONFIG_audit_big_items),
		.big_bytes = config_i64(config, CONFIG_audit_big_bytes),
		.unbounded_items = config_i64(config, CONFIG_audit_unbounded_items),
		.compress_min = config_i64(config, CONFIG_audit_compress_min),
		.separators = config_str(config, CONFIG_audit_separators),
		.off = config_str(config, CONFIG_audit_off),
		.ignore = config_str(config, CONFIG_audit_ignore),
	};
}
