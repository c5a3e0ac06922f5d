/* request.h - requests to the Bot API: the method's name and the body.
 *
 * Bodies are JSON; those with a picture are multipart/form-data (RFC 7578), whose boundary
 * stands nowhere in the body. Bytes that are not UTF-8 become U+FFFD. Pure. Any thread. */
#pragma once

#include "base/rng.h"
#include "def/roles.h"
#include "telegram/queue.h"

struct request {
	const char *method;    /* "sendMessage" */
	char content_type[80]; /* a header's value */
	struct buf body;       /* growing; the caller's, cleared by each call */
};

enum { REQUEST_BODY_BYTES = 4 << 20 };

/* What a job asks for. rng: of the boundary. False: out of memory. */
MUST_CHECK bool request_send(struct request *request, const struct queue_job *job, struct rng *rng);
MUST_CHECK bool request_name(struct request *request); /* getMe */
/* offset 0: from the oldest that there is. */
MUST_CHECK bool request_updates(struct request *request, int64_t offset, int limit, int timeout_s);
/* setMyCommands, or deleteMyCommands for ROLE_NONE; chat_id 0: for all. */
MUST_CHECK bool request_menu(struct request *request, int64_t chat_id, enum role role);
