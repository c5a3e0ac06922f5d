/* The HTTP side of the daemon, and what new signals are told while the archive has no room. */
#include "daemon/daemon_impl.h"

enum status daemon_start_serving(struct daemon *daemon, struct err *err)
{
	const struct serving_config config = {
		.daemon = daemon,
		.config = daemon->config,
		.writer = daemon->archiving ? archiving_writer(daemon->archiving) : NULL,
	};
	enum status status = serving_create(&config, &daemon->serving, err);
	if (status || !daemon->serving)
		return status;
	if (daemon->archiving) /* said before there was anybody to hear it */
		serving_refuse(daemon->serving, archiving_refusing(daemon->archiving));
	return serving_start(daemon->serving, err);
}

void daemon_archive_stuck(void *ctx, bool stuck)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals)
		terminals_save_room(daemon->terminals, stuck);
}

void daemon_refuse_signals(void *ctx, const char *why)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals)
		terminals_refuse_signals(daemon->terminals, why);
	if (daemon->serving)
		serving_refuse(daemon->serving, why);
}
