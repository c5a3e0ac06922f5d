/* What a weir that stays has beside the engine of the alert rules: who tells it of segments,
 * signals and the archive, the channels by which alerts go out, what is muted. */
#include "daemon/daemon_impl.h"

struct alerts *daemon_alerts(struct daemon *daemon) { return daemon->alerts; }

struct notifying *daemon_notifying(struct daemon *daemon) { return daemon->notifying; }

const struct hush_store *daemon_hush_store(const struct daemon *daemon)
{
	return daemon->hush_store;
}

enum status daemon_build_channels(struct daemon *daemon, struct err *err)
{
	if (!daemon->options.stay)
		return STATUS_OK;
	return notifying_create(daemon, daemon->config, &daemon->notifying, err);
}

enum status daemon_build_watching(struct daemon *daemon, struct err *err)
{
	const struct watching_config config = {
		.config = daemon->config,
		.loop = daemon->loop,
		.alerts = daemon->alerts,
		.segments = daemon->segments,
		.terminals = daemon->terminals,
		.archiving = daemon->archiving,
	};
	if (!daemon->options.stay)
		return STATUS_OK;
	daemon->watching = watching_create(&config);
	if (daemon->watching && segments_status(daemon->segments, SEGMENT_RSS).wanted) {
		daemon->hush_store =
		    hush_store_create(segments_redis(daemon->segments, SEGMENT_RSS), daemon->alerts,
				      loop_clock(daemon->loop));
		if (!daemon->hush_store)
			return err_set(err, STATUS_NO_MEMORY, "no memory for muted alerts");
	}
	return daemon->watching ? STATUS_OK
				: err_set(err, STATUS_NO_MEMORY, "no memory to watch for alerts");
}

void daemon_alert_over(struct daemon *daemon, const struct alert_view *alert)
{
	if (daemon->alert_store)
		alert_store_notice(daemon->alert_store, ALERT_ENDED, alert);
}

void daemon_store_hushes(struct daemon *daemon)
{
	if (daemon->hush_store)
		hush_store_step(daemon->hush_store);
}

void daemon_take_result(void *ctx, const struct result *result)
{
	struct daemon *daemon = ctx;
	watching_result(daemon->watching, result);
}

void daemon_configure_alerts(struct daemon *daemon)
{
	if (daemon->watching)
		watching_configure(daemon->watching, daemon->config);
	if (daemon->notifying)
		notifying_configure(daemon->notifying, daemon->config);
}

void daemon_stop_alerts(struct daemon *daemon)
{
	if (daemon->watching)
		watching_stop(daemon->watching);
}

void daemon_free_alerts(struct daemon *daemon)
{
	notifying_destroy(daemon->notifying);
	watching_destroy(daemon->watching);
	hush_store_destroy(daemon->hush_store);
}
