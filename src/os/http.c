#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "os/http_impl.h"

static void put_free(struct http *http, struct http_slot *slot)
{
	http_slot_clear(slot);
	slot->state = HTTP_SLOT_FREE;
	slot->next = http->free_slots; /* the one used last has the warmest buffer */
	http->free_slots = slot;
}

/* Out of libcurl's hands, in silence. */
static void take_back(struct http *http, struct http_slot *slot)
{
	curl_multi_remove_handle(http->multi, slot->easy);
	http->under_way--;
	put_free(http, slot);
}

/* The slot is not free before its function returned: the body is in it. What the
 * function asks for goes into another one. */
void http_ended(struct http *http, struct http_slot *slot, CURLcode code)
{
	CHECK(slot->state == HTTP_SLOT_UNDER_WAY);
	curl_multi_remove_handle(http->multi, slot->easy);
	http->under_way--;
	slot->state = HTTP_SLOT_TELLING;
	http_slot_tell(slot, code);
	put_free(http, slot);
}

static enum status client_request(struct http_client *client, const struct http_request *request,
				  http_answer_fn fn, void *ctx)
{
	struct http *http = (struct http *)client;
	struct http_slot *slot = http->free_slots;
	if (http->is_closing)
		return STATUS_CLOSED;
	if (http->under_way == http->requests_max) {
		http->counts.refused++;
		return STATUS_FULL;
	}
	CHECK(slot);
	enum status status = http_slot_prepare(slot, request);
	if (status != STATUS_OK)
		return status;
	if (curl_multi_add_handle(http->multi, slot->easy) != CURLM_OK) {
		http_slot_clear(slot);
		return STATUS_NO_MEMORY;
	}
	http->free_slots = slot->next;
	slot->state = HTTP_SLOT_UNDER_WAY;
	slot->fn = fn;
	slot->ctx = ctx;
	http->under_way++;
	http->counts.requests++;
	return STATUS_OK;
}

static void client_cancel(struct http_client *client, void *ctx)
{
	struct http *http = (struct http *)client;
	if (http->is_closing)
		return;
	for (size_t i = 0; i <= http->requests_max; i++) {
		struct http_slot *slot = &http->slots[i];
		if (slot->state == HTTP_SLOT_UNDER_WAY && slot->ctx == ctx)
			take_back(http, slot);
	}
}

static const struct http_ops ops = { client_request, client_cancel };

static void free_http(struct http *http)
{
	while (http->spare_sockets) {
		struct http_socket *socket = http->spare_sockets;
		http->spare_sockets = socket->next;
		free(socket);
	}
	free(http->slots);
	free(http->ca_file);
	free(http->user_agent);
	free(http);
	curl_global_cleanup();
}

/* Runs twice: to end what is libcurl's, and when the sockets have been closed. */
static void run_end(void *ctx)
{
	struct http *http = ctx;
	void (*on_end)(void *ctx) = http->on_end;
	void *on_end_ctx = http->on_end_ctx;
	if (!http->multi) {
		free_http(http);
		if (on_end)
			on_end(on_end_ctx);
		return;
	}
	for (size_t i = 0; i <= http->requests_max; i++) {
		struct http_slot *slot = &http->slots[i];
		if (slot->state == HTTP_SLOT_UNDER_WAY)
			take_back(http, slot);
		curl_easy_cleanup(slot->easy);
		buf_deinit(&slot->body);
	}
	http_multi_close(http);
}

void http_close(struct http *http, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!http->is_closing);
	http->is_closing = true;
	http->on_end = fn;
	http->on_end_ctx = ctx;
	loop_defer(http->loop, &http->end);
}

struct http_client *http_client(struct http *http) { return &http->client; }
const struct http_counts *http_counts(const struct http *http) { return &http->counts; }

static enum status keep_config(struct http *http, const struct http_config *config, struct err *err)
{
	bool has_ca = config->ca_file && config->ca_file[0];
	if (has_ca && access(config->ca_file, R_OK) != 0)
		return err_errno(err, errno, "http client: %s", config->ca_file);
	http->requests_max = config->requests_max ? config->requests_max : HTTP_REQUESTS_MAX;
	http->ca_file = has_ca ? strdup(config->ca_file) : NULL;
	http->user_agent = strdup(config->user_agent ? config->user_agent : "weir/" WEIR_VERSION);
	http->slots = calloc(http->requests_max + 1, sizeof *http->slots);
	if (!http->slots || !http->user_agent || (has_ca && !http->ca_file))
		return err_set(err, STATUS_NO_MEMORY, "http client: out of memory");
	for (size_t i = 0; i <= http->requests_max; i++) {
		http->slots[i].http = http;
		buf_init(&http->slots[i].body, HTTP_BODY_KEEP);
		put_free(http, &http->slots[i]);
	}
	return STATUS_OK;
}

enum status http_open(struct loop *loop, const struct http_config *config, struct http **out,
		      struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, STATUS_UNAVAILABLE, "http client: libcurl does not start");
	struct http *http = calloc(1, sizeof *http);
	if (!http) {
		curl_global_cleanup();
		return err_set(err, STATUS_NO_MEMORY, "http client: out of memory");
	}
	http->client.ops = &ops;
	http->loop = loop;
	http->end = (struct loop_task){ .fn = run_end, .ctx = http };
	enum status status = keep_config(http, config, err);
	if (status == STATUS_OK)
		status = http_multi_open(http, err);
	if (status != STATUS_OK) {
		free_http(http);
		return status;
	}
	*out = http;
	return STATUS_OK;
}
