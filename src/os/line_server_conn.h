/* line_server_conn.h - one accepted connection of a line_server; its own file
 * because listening and talking have nothing to do with each other. */
#pragma once

#include "os/line_server.h"

struct server_conn;

struct line_host {
	struct loop *loop;
	struct line_events events;
	size_t connections_max, line_bytes_max, outgoing_bytes_max;
	struct server_conn *connections; /* those whose handle is not closed yet */
	struct line_server_stats stats;
	void (*on_conn_gone)(struct line_host *host);
};

void line_conn_accept(struct line_host *host, uv_stream_t *listener, bool is_unix);
void line_host_end_all(struct line_host *host);
