/* http.h - port/http_client over libcurl's multi interface on the loop.
 *
 * Connections are kept and used again; one that turns out to be closed before a byte
 * of the answer came is replaced and the request sent once more (not one whose body is
 * lent: it has a connection of its own). TLS is verified
 * against the system's authorities or `ca_file` alone, and the name must fit. Names
 * are resolved by libcurl's threads: neither a request nor its end waits for them.
 * Redirects are not followed: a venue that redirects is not the venue. Proxies of the
 * environment are not used, no protocol but http and https is spoken, HTTP/1.1 only.
 * Bodies are bounded by the request; gzip is accepted and bounded unpacked.
 *
 * A request is refused with INVALID when its method, URL or a header is none (control
 * characters, blanks in a URL, another scheme), with RANGE when its texts are longer
 * than HTTP_TEXT_MAX or its body than HTTP_SEND_MAX, with CLOSED after http_close.
 * Of an answer's headers those beyond HTTP_HEADERS_MAX, and those whose names do not
 * fit in HTTP_NAMES_BYTES together, are dropped and counted.
 *
 * Memory: a slot for each request under way and one for the answer being told, each
 * with a body buffer that stays up to HTTP_BODY_KEEP. Uses 1 timer of the loop's heap.
 * Loop thread only. */
#pragma once

#include "os/loop.h"
#include "port/http_client.h"

enum {
	HTTP_TEXT_MAX = 8191,     /* a URL; a header's name and value */
	HTTP_SEND_MAX = 16 << 20, /* the body of a request */
	HTTP_NAMES_BYTES = 4096,  /* names of an answer's headers */
	HTTP_BODY_KEEP = 1 << 20, /* a larger body buffer is given back */
	HTTP_REQUESTS_MAX = 16,   /* when the configuration does not say */
};

struct http;

struct http_config {
	const char *ca_file;    /* NULL or "": the system's authorities; copied */
	const char *user_agent; /* copied; NULL: "weir/VERSION" */
	size_t requests_max;    /* under way at once; 0: HTTP_REQUESTS_MAX */
};

struct http_counts {
	uint64_t requests;        /* accepted */
	uint64_t answers;         /* any HTTP code */
	uint64_t failures;        /* ended without an answer; cancelled ones are neither */
	uint64_t refused;         /* FULL */
	uint64_t connects;        /* connections made for what has ended */
	uint64_t bytes_in;        /* headers and bodies as they came */
	uint64_t headers_dropped; /* of answers */
};

/* NOT_FOUND, REFUSED: ca_file cannot be read. */
MUST_CHECK enum status http_open(struct loop *loop, const struct http_config *config,
				 struct http **http, struct err *err);
/* What is under way ends in silence; fn(ctx) runs when the loop's handles are closed,
 * then it is freed. fn may be NULL. */
void http_close(struct http *http, void (*fn)(void *ctx), void *ctx);
struct http_client *http_client(struct http *http);
const struct http_counts *http_counts(const struct http *http);
