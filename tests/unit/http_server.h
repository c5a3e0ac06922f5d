/* http_server.h - a small HTTP server in threads of the test's process, over plain
 * sockets or TLS with a throw-away authority. What it answers is decided by the path:
 *
 *   /ok /echo /429 /redirect /empty       what they say
 *   /chunked /continue /trailer           unusual but right
 *   /gzip/N                               N zero bytes, packed
 *   /long/N                               N bytes of 'x'
 *   /headers/N                            N headers of 40 bytes
 *   /endless                              header lines until the client goes
 *   /drip                                 a byte every 5 ms until the client goes
 *   /half                                 closes in the middle of the body
 *   /hold                                 nothing until the client goes
 *   /last                                 answers, then closes without having said so
 *   /strange                              an encoding nobody knows
 *   /noise                                no HTTP at all */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/str.h"

enum { SERVER_CONNECTIONS = 256, SERVER_REQUEST_BYTES = 1 << 17 };

struct server;

struct server_conn {
	struct server *server;
	pthread_t thread;
	int fd;
	SSL *ssl;
	size_t len;                         /* of what was read and not used */
	char request[SERVER_REQUEST_BYTES]; /* NUL-terminated */
	struct str body;
};

struct server {
	int listener;
	uint16_t port;
	SSL_CTX *tls; /* NULL: plain */
	pthread_t acceptor;
	struct server_conn *conns[SERVER_CONNECTIONS];
	atomic_int accepted, requests;
	atomic_int gone; /* clients that left during /drip, /hold, /endless */
};

static bool server_send(struct server_conn *conn, const void *bytes, size_t len)
{
	const char *at = bytes;
	while (len) {
		ssize_t n = conn->ssl ? SSL_write(conn->ssl, at, len > 16384 ? 16384 : (int)len)
				      : send(conn->fd, at, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool server_say(struct server_conn *conn, const char *text)
{
	return server_send(conn, text, strlen(text));
}

static bool server_answer(struct server_conn *conn, const char *head, const void *body, size_t len)
{
	char length[64];
	snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", len);
	return server_say(conn, head) && server_say(conn, length) && server_send(conn, body, len);
}

static bool server_receive(struct server_conn *conn)
{
	size_t room = sizeof conn->request - 1 - conn->len;
	char *at = conn->request + conn->len;
	ssize_t n = conn->ssl ? SSL_read(conn->ssl, at, (int)room) : recv(conn->fd, at, room, 0);
	if (n <= 0)
		return false;
	conn->len += (size_t)n;
	conn->request[conn->len] = 0;
	return true;
}

/* Sees the client leave without sending anything. */
static bool server_client_left(struct server_conn *conn, int wait_ms)
{
	struct pollfd poll_fd = { .fd = conn->fd, .events = POLLIN };
	char byte;
	if (poll(&poll_fd, 1, wait_ms) <= 0)
		return false;
	if (conn->ssl)
		return SSL_read(conn->ssl, &byte, 1) <= 0;
	return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static bool server_gzip(struct server_conn *conn, size_t n)
{
	size_t room = n / 500 + 1024;
	unsigned char *packed = malloc(room);
	static const unsigned char zeros[65536];
	z_stream z = { .next_out = packed, .avail_out = (unsigned)room };
	deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
	for (size_t left = n; left;) {
		z.next_in = (unsigned char *)zeros;
		z.avail_in = (unsigned)(left < sizeof zeros ? left : sizeof zeros);
		left -= z.avail_in;
		deflate(&z, Z_NO_FLUSH);
	}
	deflate(&z, Z_FINISH);
	bool ok = server_answer(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", packed,
				z.total_out);
	deflateEnd(&z);
	free(packed);
	return ok;
}

static bool server_long(struct server_conn *conn, size_t n)
{
	char *body = malloc(n + 1);
	memset(body, 'x', n + 1);
	bool ok = server_answer(conn, "HTTP/1.1 200 OK\r\n", body, n);
	free(body);
	return ok;
}

static bool server_headers(struct server_conn *conn, size_t n)
{
	char line[96];
	bool ok = server_say(conn, "HTTP/1.1 200 OK\r\n");
	for (size_t i = 0; i < n && ok; i++) {
		snprintf(line, sizeof line, "X-Header-%04zu: value %04zu of many words\r\n", i, i);
		ok = server_say(conn, line);
	}
	return ok && server_answer(conn, "", "many", 4);
}

static bool server_until_gone(struct server_conn *conn, const char *head, const char *again,
			      int wait_ms)
{
	bool here = server_say(conn, head);
	while (here && !server_client_left(conn, wait_ms))
		here = server_say(conn, again);
	atomic_fetch_add(&conn->server->gone, 1);
	return false;
}

static size_t server_number(const char *path)
{
	const char *slash = strchr(path + 1, '/');
	return slash ? strtoul(slash + 1, NULL, 10) : 0;
}

/* False: the connection is over. */
static bool server_special(struct server_conn *conn, const char *path)
{
	if (str_starts(str_of(path), STR("/gzip/")))
		return server_gzip(conn, server_number(path));
	if (str_starts(str_of(path), STR("/long/")))
		return server_long(conn, server_number(path));
	if (str_starts(str_of(path), STR("/headers/")))
		return server_headers(conn, server_number(path));
	if (strcmp(path, "/endless") == 0)
		return server_until_gone(conn, "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n", 0);
	if (strcmp(path, "/drip") == 0)
		return server_until_gone(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
					 "d", 5);
	if (strcmp(path, "/hold") == 0)
		return server_until_gone(conn, "", "", -1);
	if (strcmp(path, "/half") == 0)
		server_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	else if (strcmp(path, "/noise") == 0)
		server_say(conn, "\x01\x02 this is not the protocol\r\n\r\n");
	else if (strcmp(path, "/last") == 0)
		server_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
	return false;
}

static const struct {
	const char *path, *answer;
} server_texts[] = {
	{ "/ok",
	  "HTTP/1.1 200 OK\r\nX-MBX-Used-Weight-1M:  20 \r\nContent-Length: 5\r\n\r\nhello" },
	{ "/429",
	  "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 2\r\n\r\n{}" },
	{ "/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n" },
	{ "/empty", "HTTP/1.1 204 No Content\r\n\r\n" },
	{ "/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" },
	{ "/trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "2\r\nok\r\n0\r\nX-Late: yes\r\n\r\n" },
	{ "/continue", "HTTP/1.1 100 Continue\r\nX-Early: yes\r\n\r\n"
		       "HTTP/1.1 200 OK\r\nX-Real: yes\r\nContent-Length: 2\r\n\r\nok" },
	{ "/strange", "HTTP/1.1 200 OK\r\nContent-Encoding: strange\r\n"
		      "Content-Length: 2\r\n\r\nok" },
};

static bool server_serve(struct server_conn *conn)
{
	char path[200] = "";
	atomic_fetch_add(&conn->server->requests, 1);
	sscanf(conn->request, "%*s %199s", path);
	for (size_t i = 0; i < sizeof server_texts / sizeof *server_texts; i++)
		if (strcmp(server_texts[i].path, path) == 0)
			return server_say(conn, server_texts[i].answer);
	if (strcmp(path, "/echo") == 0)
		return server_answer(conn, "HTTP/1.1 200 OK\r\n", conn->request, conn->len);
	return server_special(conn, path);
}

/* A whole request at the front of the buffer; its body's place. */
static bool server_read_request(struct server_conn *conn)
{
	conn->len = 0;
	conn->request[0] = 0;
	char *end;
	while (!(end = strstr(conn->request, "\r\n\r\n")))
		if (conn->len == sizeof conn->request - 1 || !server_receive(conn))
			return false;
	const char *length = strstr(conn->request, "Content-Length: ");
	size_t need = length ? strtoul(length + 16, NULL, 10) : 0;
	size_t head = (size_t)(end + 4 - conn->request);
	while (conn->len < head + need)
		if (conn->len == sizeof conn->request - 1 || !server_receive(conn))
			return false;
	conn->body = str_make(conn->request + head, need);
	return true;
}

static void *server_converse(void *arg)
{
	struct server_conn *conn = arg;
	if (!conn->ssl || SSL_accept(conn->ssl) == 1)
		while (server_read_request(conn) && server_serve(conn))
			;
	if (conn->ssl && SSL_is_init_finished(conn->ssl))
		SSL_shutdown(conn->ssl);
	shutdown(conn->fd, SHUT_RDWR);
	return NULL;
}

static void *server_accept(void *arg)
{
	struct server *server = arg;
	for (int i = 0; i < SERVER_CONNECTIONS; i++) {
		int fd = accept(server->listener, NULL, NULL);
		if (fd < 0)
			break;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		struct server_conn *conn = calloc(1, sizeof *conn);
		conn->server = server;
		conn->fd = fd;
		if (server->tls) {
			conn->ssl = SSL_new(server->tls);
			SSL_set_fd(conn->ssl, fd);
		}
		server->conns[i] = conn;
		atomic_fetch_add(&server->accepted, 1);
		pthread_create(&conn->thread, NULL, server_converse, conn);
	}
	return NULL;
}

static void server_start(struct server *server, SSL_CTX *tls)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(server, 0, sizeof *server);
	signal(SIGPIPE, SIG_IGN);
	server->tls = tls;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(server->listener, 64), 0);
	getsockname(server->listener, (struct sockaddr *)&address, &size);
	server->port = ntohs(address.sin_port);
	pthread_create(&server->acceptor, NULL, server_accept, server);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->acceptor, NULL);
	close(server->listener);
	for (int i = 0; i < SERVER_CONNECTIONS && server->conns[i]; i++) {
		struct server_conn *conn = server->conns[i];
		shutdown(conn->fd, SHUT_RDWR);
		pthread_join(conn->thread, NULL);
		SSL_free(conn->ssl);
		close(conn->fd);
		free(conn);
	}
	SSL_CTX_free(server->tls);
}

/* ---- an authority, and a certificate for a name ---- */

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

static void cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

/* NULL issuer: signed by itself, an authority. */
static X509 *cert_make(EVP_PKEY *key, const char *name, const char *alternative,
		       const struct authority *issuer)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer->cert : cert));
	X509_set_pubkey(cert, key);
	if (!issuer)
		cert_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	if (alternative)
		cert_extend(cert, issuer ? issuer->cert : cert, NID_subject_alt_name, alternative);
	assert_true(X509_sign(cert, issuer ? issuer->key : key, EVP_sha256()) > 0);
	return cert;
}

static void authority_make(struct authority *authority, const char *name, const char *path)
{
	authority->key = EVP_EC_gen("P-256");
	authority->cert = cert_make(authority->key, name, NULL, NULL);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	PEM_write_X509(file, authority->cert);
	fclose(file);
}

static void authority_free(struct authority *authority)
{
	EVP_PKEY_free(authority->key);
	X509_free(authority->cert);
}

/* alternative: "IP:127.0.0.1", "DNS:venue.test" */
static SSL_CTX *server_tls(const struct authority *authority, const char *alternative)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = cert_make(key, "server", alternative, authority);
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(tls, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}
