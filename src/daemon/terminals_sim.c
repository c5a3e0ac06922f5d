/* The demo's terminals: simulated ones over real TCP, in this process. */
#include <stdlib.h>

#include "daemon/terminals_impl.h"

enum { DEMO_SEED = 1 };

enum status terminals_open_sim(struct terminals *terminals, uint16_t port, struct err *err)
{
	size_t count = tokens_count(terminals->tokens);
	struct sim_instance *instances = calloc(count, sizeof *instances);
	if (!instances)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the simulated terminals");
	for (size_t i = 0; i < count; i++) {
		const struct token *token = tokens_at(terminals->tokens, i);
		instances[i].id = str_of(token->identity.id);
		instances[i].token = token->secret;
	}
	const struct sim_fleet_config config = {
		.host = "127.0.0.1",
		.port = port,
		.instances = instances,
		.count = count,
		.seed = DEMO_SEED,
	};
	enum status status = sim_fleet_open(terminals->config.loop, &config, &terminals->sim, err);
	free(instances);
	return status;
}
