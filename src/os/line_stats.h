/* line_stats.h - what a line_server and a line_dialer count. */
#pragma once

#include <stdint.h>

/* Of one server or dialer, since it was made. */
struct line_stats {
	uint64_t accepted;    /* or dialled */
	uint64_t over_limit;  /* closed, or not dialled, at connections_max */
	uint64_t not_taken;   /* the kernel could not hand one over: descriptors are out */
	uint64_t not_reached; /* dialled in vain */
	uint64_t refused;     /* by on_open */
	uint64_t lines;
	uint64_t long_lines;          /* connections ended by one */
	uint64_t slow_readers;        /* connections ended by outgoing_bytes_max */
	uint64_t postponed;           /* turns that ended before a connection's lines did */
	uint64_t not_tls;             /* connections ended by first bytes that are not TLS */
	uint64_t tls_failed;          /* ended by TLS otherwise, in the handshake or later */
	uint64_t tls_late;            /* ended because the handshake was not done in time */
	uint64_t open;                /* now; those that linger too */
	uint64_t bytes_in, bytes_out; /* on the wire */
};
