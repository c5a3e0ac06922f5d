/* The HTTP side of the daemon, and what new signals are told while
 * there is no room for their results. */
#include "daemon/daemon_impl.h"

static const char *refusal(const struct daemon *daemon)
{
	return daemon->archive_refuses ? daemon->archive_refuses : daemon->results_refuse;
}

enum status daemon_start_serving(struct daemon *daemon, struct err *err)
{
	const struct serving_config config = {
		.daemon = daemon,
		.config = daemon->config,
		.world = &daemon->world,
		.writer = daemon->archiving ? archiving_writer(daemon->archiving) : NULL,
	};
	enum status status = serving_create(&config, &daemon->serving, err);
	if (status || !daemon->serving)
		return status;
	serving_refuse(daemon->serving, refusal(daemon)); /* said before it was there to hear it */
	return serving_start(daemon->serving, err);
}

void daemon_archive_stuck(void *ctx, bool stuck)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals)
		terminals_save_room(daemon->terminals, stuck);
}

static void tell_refusal(struct daemon *daemon)
{
	const char *why = refusal(daemon);
	if (daemon->terminals)
		terminals_refuse_signals(daemon->terminals, why);
	if (daemon->serving)
		serving_refuse(daemon->serving, why);
}

void daemon_refuse_signals(void *ctx, const char *why)
{
	struct daemon *daemon = ctx;
	daemon->archive_refuses = why;
	tell_refusal(daemon);
}

void daemon_results_stuck(void *ctx, const char *why)
{
	struct daemon *daemon = ctx;
	daemon->results_refuse = why;
	tell_refusal(daemon);
}
