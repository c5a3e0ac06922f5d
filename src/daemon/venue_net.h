/* venue_net.h - the network side of the venues: one WebSocket context and one HTTP client
 * for each set of certificate authorities that [venue.*] name. Loop thread. */
#pragma once

#include "base/err.h"
#include "def/config.h"
#include "feed/live.h"
#include "os/loop.h"

struct venue_net;

/* HTTP alone is enough to ask whether a venue is there. */
MUST_CHECK enum status venue_net_create(struct loop *loop, const struct config *config,
					bool websockets, struct venue_net **net, struct err *err);
/* Whoever uses its makers and clients is gone before. fn(ctx) runs when everything is
 * closed, and it is freed after that. */
void venue_net_close(struct venue_net *net, void (*fn)(void *ctx), void *ctx);
/* As configured: whether it is on, its URLs, its maker and client. */
struct live_venue venue_net_venue(const struct venue_net *net, enum venue venue, enum kind kind);
