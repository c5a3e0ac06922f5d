#include <assert.h>
#include <malloc.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/ws_impl.h"

static const int64_t open_timeout_ns_usual = 10 * 1000000000LL;
enum {
	MESSAGE_BYTES = 1 << 20,
	SEND_BYTES = 256 * 1024,
	CONNECTIONS = 64,
	HEADER_BYTES = 8 * 1024, /* our request with its path, or the server's answer */
	KEEPALIVE_S = 30,
};
static_assert(HEADER_BYTES > 2 * WS_PATH_MAX, "the path is kept beside the request");

/* ---- TLS ---- */

static enum status load_authorities(SSL_CTX *tls, const char *ca_file, struct err *err)
{
	bool is_private = ca_file && *ca_file;
	ERR_clear_error();
	int fine = is_private ? SSL_CTX_load_verify_file(tls, ca_file)
			      : SSL_CTX_set_default_verify_paths(tls);
	if (fine)
		return STATUS_OK;
	const char *why = ERR_reason_error_string(ERR_peek_error());
	err_set(err, STATUS_INVALID, "%s: no certificates of authorities could be read (%s)",
		is_private ? ca_file : "the system's authorities", why ? why : "unknown");
	ERR_clear_error();
	return STATUS_INVALID;
}

/* Our own, because libwebsockets' would trust what lies in ../share, too, goes on when
 * ca_file cannot be read, and gives its read buffer back after every record. */
static enum status create_tls(struct ws_context *context, const char *ca_file, struct err *err)
{
	context->tls = SSL_CTX_new(TLS_client_method());
	if (!context->tls)
		return err_set(err, STATUS_NO_MEMORY, "WebSockets: no TLS context");
	SSL_CTX_set_min_proto_version(context->tls, TLS1_2_VERSION);
	SSL_CTX_set_app_data(context->tls, context);
	SSL_CTX_set_info_callback(context->tls, ws_told_tls);
	return load_authorities(context->tls, ca_file, err);
}

/* ---- libwebsockets ---- */

/* libwebsockets warns about and tells every thing on stderr. What matters of it is in
 * its callbacks. The level is the process's. */
static void silence(void) { lws_set_log_level(0, NULL); }

static const struct lws_protocols protocols[] = {
	{ .name = "weir", .callback = ws_told, .rx_buffer_size = WS_RX_BYTES },
	{ 0 },
};

static enum status create_lws(struct ws_context *context, struct err *err)
{
	void *loops[] = { loop_uv(context->loop) };
	/* Ours end earlier; then libwebsockets' way to the next address is not taken. */
	unsigned timeout_s = (unsigned)(context->open_timeout_ns / 1000000000) + 10;
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.foreign_loops = loops,
		.user = context,
		.provided_client_ssl_ctx = context->tls,
		.pt_serv_buf_size = WS_RX_BYTES,
		.max_http_header_data2 = HEADER_BYTES,
		.timeout_secs = timeout_s,
		.connect_timeout_secs = timeout_s,
		.http_proxy_address = "", /* else it would take one from the environment */
		.ka_time = KEEPALIVE_S,
		.ka_interval = 5,
		.ka_probes = 3,
		/* A wsi that was let go of may still be there beside its successor. */
		.fd_limit_per_thread = 2 * (unsigned)context->connections_max + 8,
	};
	silence();
	context->lws = lws_create_context(&info);
	if (!context->lws)
		return err_set(err, STATUS_UNAVAILABLE,
			       "WebSockets: libwebsockets does not start; is "
			       "libwebsockets-evlib-uv installed?");
	context->lws_bytes = malloc_usable_size(context->lws);
	return STATUS_OK;
}

static void set_bounds(struct ws_context *context, const struct ws_config *config)
{
	context->open_timeout_ns =
	    config->open_timeout_ns ? config->open_timeout_ns : open_timeout_ns_usual;
	context->message_bytes_max =
	    config->message_bytes_max ? config->message_bytes_max : MESSAGE_BYTES;
	context->send_bytes_max = config->send_bytes_max ? config->send_bytes_max : SEND_BYTES;
	context->connections_max = config->connections_max ? config->connections_max : CONNECTIONS;
}

/* ---- the end ---- */

static void find_own(uv_handle_t *handle, void *arg)
{
	struct ws_context *context = arg;
	uintptr_t begin = (uintptr_t)context->lws, at = (uintptr_t)handle;
	context->handles_left += at >= begin && at < begin + context->lws_bytes;
}

/* With a loop that is not its own, libwebsockets is destroyed in two calls: the first
 * closes its handles, the second frees its memory. Nothing tells when the time for the
 * second is come: when the handles that live in that memory are gone from the loop. */
static void run_closing(void *ctx)
{
	struct ws_context *context = ctx;
	void (*on_closed)(void *ctx) = context->on_closed;
	if (!context->is_destroyed)
		lws_context_destroy(context->lws);
	context->is_destroyed = true;
	context->handles_left = 0;
	uv_walk(loop_uv(context->loop), find_own, context);
	if (context->handles_left) {
		loop_defer(context->loop, &context->closing);
		return;
	}
	lws_context_destroy(context->lws);
	SSL_CTX_free(context->tls);
	if (on_closed)
		on_closed(context->on_closed_ctx);
	free(context);
}

void ws_context_close(struct ws_context *context, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!context->conns && !context->on_closed);
	context->on_closed = fn;
	context->on_closed_ctx = ctx;
	loop_defer(context->loop, &context->closing);
}

/* ---- the rest ---- */

enum status ws_context_create(struct loop *loop, const struct ws_config *config,
			      struct ws_context **out, struct err *err)
{
	struct ws_context *context = calloc(1, sizeof *context);
	if (!context)
		return err_set(err, STATUS_NO_MEMORY, "WebSockets: out of memory");
	context->loop = loop;
	context->closing = (struct loop_task){ .fn = run_closing, .ctx = context };
	set_bounds(context, config);
	enum status status = create_tls(context, config->ca_file, err);
	if (status == STATUS_OK)
		status = create_lws(context, err);
	if (status != STATUS_OK) {
		SSL_CTX_free(context->tls);
		free(context);
		return status;
	}
	*out = context;
	return STATUS_OK;
}

struct ws_maker ws_context_maker(struct ws_context *context)
{
	return (struct ws_maker){ ws_conn_create, ws_conn_destroy, context };
}

const struct ws_counts *ws_context_counts(const struct ws_context *context)
{
	return &context->counts;
}
