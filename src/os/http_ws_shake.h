/* http_ws_shake.h - the opening handshake of a WebSocket (RFC 6455, 4.2.1). Any thread. */
#pragma once

#include "port/http_server.h"

/* NULL: it is right, and *key is its key. Else why not, with *code 400, or 426 where another
 * protocol or version was asked for. */
const char *http_ws_shake(const struct http_asked *asked, struct str *key, int *code);
/* The protocols that the client offers, in its order; start with `rest` from
 * http_ws_protocols. */
struct str http_ws_protocols(const struct http_asked *asked);
bool http_ws_next_protocol(struct str *rest, struct str *name);
