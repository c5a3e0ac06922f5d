/* wire_impl.h - a wire's insides; wire*.c only. */
#pragma once

#include "os/tls.h"
#include "survey/wire.h"

enum { WIRE_IN_BYTES = 256 << 10, WIRE_RAW_BYTES = 32 << 10 };

struct wire {
	int fd;
	int64_t deadline_ns;
	struct buf out;
	struct err why; /* status OK while it works */
	struct tls *tls;
	struct buf sealed;   /* records to be sent */
	struct str raw_left; /* of raw: not yet given to tls */
	char *raw;           /* TLS only */
	size_t pos, len;     /* of in */
	uint64_t discard;    /* bytes of a text that was cut, still to come */
	char in[WIRE_IN_BYTES];
};

enum status wire_fail(struct wire *wire, enum status status, const char *what);
/* Sends what out holds. */
MUST_CHECK enum status wire_send(struct wire *wire);
/* At least one byte more of what the server says, to at; *n of them. */
MUST_CHECK enum status wire_receive(struct wire *wire, char *at, size_t size, size_t *n);
MUST_CHECK enum status wire_dial(const struct wire_config *config, int64_t deadline_ns, int *fd,
				 struct err *err);
MUST_CHECK enum status wire_begin_tls(struct wire *wire, const struct wire_config *config,
				      struct err *err);
