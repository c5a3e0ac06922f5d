/* wire.h - one blocking connection to somebody's Redis, for reading a whole server.
 *
 *   wire_open → (wire_put …, wire_flush, wire_next …)* → wire_close
 *
 * Commands are put into a buffer and sent together; replies are read in the order of the
 * commands as tokens, an array as its head and then its elements. A text longer than
 * WIRE_TEXT_MAX is cut and the rest of it thrown away as it comes: memory does not grow with
 * what a server holds. RESP2 over TCP, a unix socket, or TLS. Any call may wait, up to
 * deadline_ns without a byte; what fails once fails for ever (open another one). One thread.
 *
 * Beside redis_conn.h, which is for a loop that does much else: here one reader asks seven
 * things of each of a million keys, and wants the beginning of what may be 512 MB. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "port/redis.h"

struct wire;
struct tls_context;

enum { WIRE_TEXT_MAX = 192 << 10, WIRE_OUT_MAX = 64 << 20 };

struct wire_config {
	const char *unix_path; /* or host and port */
	const char *host;
	uint16_t port;
	struct tls_context *tls;     /* NULL: plain */
	const char *user, *password; /* NULL: no AUTH; user NULL: the default user */
	int64_t deadline_ns;         /* 0: 5 s */
};

struct wire_token {
	enum redis_type type;
	int64_t number;  /* INTEGER; elements of an ARRAY; bytes of a BULK before it was cut */
	struct str text; /* STATUS, ERROR, BULK; valid until the next call */
};

/* Connects, AUTH, PING. REDIS_NOAUTH, REDIS_WRONGPASS, REFUSED (certificate): another try would
 * end alike. REDIS_LOADING, CLOSED, TIMEOUT, UNAVAILABLE: it may be there later. */
MUST_CHECK enum status wire_open(const struct wire_config *config, struct wire **out,
				 struct err *err);
void wire_close(struct wire *wire); /* NULL is fine */

void wire_put(struct wire *wire, const struct str *argv, size_t argc);
/* Bytes that are part of a command in RESP. */
void wire_put_bytes(struct wire *wire, struct str bytes);
MUST_CHECK enum status wire_flush(struct wire *wire);
/* Flushes first when it has to wait. */
MUST_CHECK enum status wire_next(struct wire *wire, struct wire_token *token);
/* The elements of an array (and theirs) whose head was the last token; nothing for others. */
MUST_CHECK enum status wire_skip(struct wire *wire, const struct wire_token *token);
/* One command of constant words and its reply's first token. */
MUST_CHECK enum status wire_ask(struct wire *wire, struct wire_token *token, const struct str *argv,
				size_t argc);
/* Why it failed: "connection closed by the server". */
const struct err *wire_why(const struct wire *wire);
