#include "daemon/venue_net.h"

#include <stdlib.h>
#include <string.h>

#include "os/http.h"
#include "os/ws.h"

enum { SOURCES = VENUE_COUNT * KIND_COUNT };

/* What one ca_file needs. */
struct trust {
	const char *ca_file;
	struct ws_context *ws;
	struct http *http;
};

struct venue_net {
	const struct config *config;
	struct trust trusts[SOURCES];
	size_t n_trusts;
	size_t open; /* contexts and clients that are not closed yet */
	void (*on_closed)(void *ctx);
	void *ctx;
};

static const char *text_of(const struct config *config, enum config_id of_first, size_t source)
{
	enum config_id id = config_of_venue(of_first, (enum venue)(source / KIND_COUNT),
					    (enum kind)(source % KIND_COUNT));
	return config_str(config, id).ptr;
}

static struct trust *trust_of(const struct venue_net *net, const char *ca_file)
{
	for (size_t i = 0; i < net->n_trusts; i++)
		if (strcmp(net->trusts[i].ca_file, ca_file) == 0)
			return (struct trust *)&net->trusts[i];
	return NULL;
}

static enum status open_trust(struct venue_net *net, struct loop *loop, const char *ca_file,
			      bool websockets, struct err *err)
{
	struct trust *trust = &net->trusts[net->n_trusts++];
	const struct http_config http = { .ca_file = ca_file };
	const struct ws_config ws = { .ca_file = ca_file,
				      .connections_max = 2 * LIVE_SESSIONS_MAX };
	trust->ca_file = ca_file;
	enum status status = http_open(loop, &http, &trust->http, err);
	if (status)
		return status;
	net->open++;
	if (!websockets)
		return STATUS_OK;
	status = ws_context_create(loop, &ws, &trust->ws, err);
	if (!status)
		net->open++;
	return status;
}

enum status venue_net_create(struct loop *loop, const struct config *config, bool websockets,
			     struct venue_net **out, struct err *err)
{
	struct venue_net *net = calloc(1, sizeof *net);
	if (!net)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the venues");
	net->config = config;
	*out = net; /* so that what was opened can be closed after an error too */
	for (size_t i = 0; i < SOURCES; i++) {
		const char *ca_file = text_of(config, CONFIG_venue_binance_spot_ca_file, i);
		if (trust_of(net, ca_file))
			continue;
		enum status status = open_trust(net, loop, ca_file, websockets, err);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static void on_closed(void *ctx)
{
	struct venue_net *net = ctx;
	if (--net->open > 0)
		return;
	void (*fn)(void *ctx) = net->on_closed;
	void *fn_ctx = net->ctx;
	free(net);
	fn(fn_ctx);
}

void venue_net_close(struct venue_net *net, void (*fn)(void *ctx), void *ctx)
{
	net->on_closed = fn;
	net->ctx = ctx;
	net->open++; /* ours: the last one to close may be gone before the loop below ends */
	for (size_t i = 0; i < net->n_trusts; i++) {
		struct trust *trust = &net->trusts[i];
		if (trust->http)
			http_close(trust->http, on_closed, net);
		if (trust->ws)
			ws_context_close(trust->ws, on_closed, net);
	}
	on_closed(net);
}

struct live_venue venue_net_venue(const struct venue_net *net, enum venue venue, enum kind kind)
{
	size_t source = (size_t)venue * KIND_COUNT + kind;
	const struct config *config = net->config;
	struct trust *trust =
	    trust_of(net, text_of(config, CONFIG_venue_binance_spot_ca_file, source));
	return (struct live_venue){
		.on =
		    config_bool(config, config_of_venue(CONFIG_venue_binance_spot_on, venue, kind)),
		.ws_url = text_of(config, CONFIG_venue_binance_spot_ws_url, source),
		.rest_url = text_of(config, CONFIG_venue_binance_spot_rest_url, source),
		.maker = trust->ws ? ws_context_maker(trust->ws) : (struct ws_maker){ 0 },
		.http = http_client(trust->http),
	};
}
