/* http_impl.h - what http.c (the port, open and close), http_multi.c (libcurl on the
 * loop) and http_slot.c (one request) share; nobody else includes it. */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "os/http.h"

/* A socket libcurl wants watched. Kept for the next one when libcurl lets go of it. */
struct http_socket {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
	struct http_socket *next; /* in the list of spare ones */
};

enum http_slot_state {
	HTTP_SLOT_FREE,
	HTTP_SLOT_UNDER_WAY,
	HTTP_SLOT_TELLING, /* its answer's function runs */
};

struct http_slot {
	struct http *http;
	enum http_slot_state state;
	struct http_slot *next; /* in the list of free ones */
	CURL *easy;             /* made with the first request, then kept */
	struct curl_slist *headers;
	http_answer_fn fn;
	void *ctx;
	void (*on_sent)(void *ctx, size_t bytes);
	struct str lent;     /* what is left of a body that was lent */
	int64_t deadline_ns; /* of the request, from its beginning */
	size_t body_bytes_max;
	enum status body_status; /* why the body was not taken any further */
	struct buf body;
	struct http_header kept[HTTP_HEADERS_MAX];
	char names[HTTP_NAMES_BYTES]; /* in lower case */
	char why[CURL_ERROR_SIZE];
};

struct http {
	struct http_client client; /* first: the port is the client */
	struct loop *loop;
	CURLM *multi;
	struct timer timer; /* the one that libcurl asks for */
	char *ca_file;      /* NULL: the system's */
	char *user_agent;
	size_t requests_max, under_way;
	struct http_slot *slots; /* requests_max and one that is telling */
	struct http_slot *free_slots;
	struct http_socket *spare_sockets;
	size_t sockets_open; /* handles of the loop, closing ones included */
	bool is_closing;
	struct loop_task end;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
	struct http_counts counts;
	char text[HTTP_TEXT_MAX + 8]; /* a URL or header on its way to libcurl */
};

/* http_multi.c */
MUST_CHECK enum status http_multi_open(struct http *http, struct err *err);
/* Every easy handle is gone. Sockets close soon: `end` is queued when all have. */
void http_multi_close(struct http *http);

/* http_slot.c */
/* Everything libcurl needs to know; the slot is not under way yet. */
MUST_CHECK enum status http_slot_prepare(struct http_slot *slot,
					 const struct http_request *request);
/* Forgets the request; the easy handle is not in the multi handle any more. */
void http_slot_clear(struct http_slot *slot);
/* Tells the owner how it ended; nothing of the slot is libcurl's any more but headers. */
void http_slot_tell(struct http_slot *slot, CURLcode code);

/* http.c */
/* libcurl is done with this request. */
void http_ended(struct http *http, struct http_slot *slot, CURLcode code);
