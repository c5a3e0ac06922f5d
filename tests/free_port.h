/* free_port.h - a TCP port of the loopback that the kernel chose, for servers that must be
 * told theirs. Include after cmocka.h. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port that nobody has now. */
static inline unsigned free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof address;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}
