/* held_port.h - a TCP port of the loopback that stays the test's, for servers that are told theirs
 * and come and go: a socket is bound to it, and does not listen. While the server is gone it is
 * nobody's outgoing connection's and no other server's, and who connects to it is refused. Servers
 * that set SO_REUSEADDR, as all of them do, bind it beside the test's socket. */
#pragma once

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct held_port {
	int fd;
	unsigned number;
};

static inline struct held_port held_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		abort();
	return (struct held_port){ fd, ntohs(address.sin_port) };
}

static inline void held_port_release(struct held_port *port) { close(port->fd); }
