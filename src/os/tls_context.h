/* tls_context.h - what the sessions of a tls_context share; tls*.c only. */
#pragma once

#include <openssl/ssl.h>

#include "os/tls.h"

struct tls_context {
	SSL_CTX *ssl;
	BIO_METHOD *transport;
	bool is_server;
	bool has_authorities;                       /* a client with a ca_file */
	char thumbprint[TLS_THUMBPRINT_DIGITS + 1]; /* a client that pins one; or "" */
};

/* The BIO between OpenSSL and a call's in and out. NULL: out of memory. */
BIO_METHOD *tls_transport_create(void);
