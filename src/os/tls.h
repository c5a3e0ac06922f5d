/* tls.h - TLS 1.2 and 1.3 as bytes in, bytes out: no socket, no waiting, no clock.
 *
 * A context holds what many sessions share: the certificate and key of a server, or
 * what a client believes in. It must outlive its sessions. A session takes what came
 * off the wire from the front of *in and appends what must go there to *out; it keeps
 * no more of either than a record that is not whole yet, and gives its buffers back
 * between records. When out overflows the session has failed.
 *
 * Sessions are not resumed across connections and never renegotiated. One thread per
 * context. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct tls_context;
struct tls;

/* Hexadecimal digits of a SHA-256 thumbprint. */
enum { TLS_THUMBPRINT_DIGITS = 64 };

/* PEM files; cert_file holds the server's certificate, then its issuers. The key is a
 * secret (secret.h): its file must be ours alone; one with a pass phrase is refused. */
MUST_CHECK enum status tls_server_open(const char *cert_file, const char *key_file,
				       struct tls_context **context, struct err *err);
/* What a client asks of the server's certificate: to be signed by an authority of
 * ca_file (PEM) for the host that was dialled, or to have this SHA-256 thumbprint (of
 * its DER form; 64 digits, colons and upper case allowed), or both. One of them must
 * be there. */
MUST_CHECK enum status tls_client_open(const char *ca_file, const char *thumbprint,
				       struct tls_context **context, struct err *err);
void tls_context_destroy(struct tls_context *context); /* NULL is fine */
/* The thumbprint of the first certificate of a PEM file, as tls_client_open takes it. */
MUST_CHECK enum status tls_thumbprint_of(const char *cert_file,
					 char thumbprint[TLS_THUMBPRINT_DIGITS + 1],
					 struct err *err);

/* host: the name or numeric address a client dialled; NULL for a server. NULL: out of
 * memory. */
struct tls *tls_create(struct tls_context *context, const char *host);
void tls_destroy(struct tls *tls); /* NULL is fine */
/* A client starts by calling it with an empty in. OK: done, in may hold more.
 * TRUNCATED: all of in is taken and more must come. FORMAT: the other end does not
 * speak TLS. REFUSED: it failed, err says why; out may hold the alert that tells the
 * other end. */
MUST_CHECK enum status tls_handshake(struct tls *tls, struct str *in, struct buf *out,
				     struct err *err);
/* Decrypts up to `size` bytes; *n of them, never 0 with OK. TRUNCATED: as above.
 * CLOSED: the other end said that it ends. FORMAT: what came is not of this session. */
MUST_CHECK enum status tls_read(struct tls *tls, struct str *in, struct buf *out, char *plain,
				size_t size, size_t *n);
/* Encrypts all of it; each call makes a record of its own (22 bytes more with TLS 1.3).
 * FULL: no room in out. */
MUST_CHECK enum status tls_write(struct tls *tls, struct str plain, struct buf *out);
/* Says that we end. Nothing may be written after it. */
void tls_end(struct tls *tls, struct buf *out);
