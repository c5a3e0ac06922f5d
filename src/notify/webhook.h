/* webhook.h - messages to somebody's HTTP endpoint, in order, signed, tried again.
 *
 *   POST URL, application/json
 *   X-Weir-Delivery: ID                 the same in every try of a message
 *   X-Weir-Timestamp: SECONDS           when this try was made, unix
 *   X-Weir-Signature: sha256=HEX        HMAC-SHA256 of TIMESTAMP.BODY; where there is a secret
 *
 * One request is under way at a time. A message that is not taken is tried again after 1, 2, 4 …
 * 60 s (Retry-After, up to ten minutes, counts where it is longer) until it is WEBHOOK_PATIENCE_NS
 * old; one that is refused for good is given up at once (channel.h). At most WEBHOOK_MESSAGES and
 * WEBHOOK_BYTES wait; then the oldest that is not under way gives way to the newest and is
 * counted. A message is one allocation. Uses one timer. Loop thread. */
#pragma once

#include "base/str.h"
#include "notify/channel.h"

enum { WEBHOOK_MESSAGES = 128, WEBHOOK_BYTES = 1 << 20, WEBHOOK_MESSAGE_MAX = 128 << 10 };
#define WEBHOOK_PATIENCE_NS INT64_C(3600000000000)

struct webhook;

struct webhook *webhook_create(const struct channel_net *net, uint64_t seed); /* NULL: memory */
void webhook_destroy(struct webhook *webhook); /* cancels; NULL is fine */
/* Copied; url "": off, and what waits is dropped. secret "": unsigned. RANGE: too long. */
MUST_CHECK enum status webhook_set(struct webhook *webhook, struct str url, struct str secret);
void webhook_put(struct webhook *webhook, struct str body);
const struct channel_facts *webhook_facts(struct webhook *webhook);
