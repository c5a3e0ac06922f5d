#include "os/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/tls_context.h"

enum { RECORD_HANDSHAKE = 22, RECORD_ALERT = 21 }; /* RFC 8446, 5.1 */

struct tls {
	SSL *ssl;
	struct str *in; /* of the call that runs */
	struct buf *out;
	bool was_heard; /* the other end has sent something */
};

/* ---- OpenSSL's transport: the call's own in and out ---- */

static int transport_write(BIO *bio, const char *bytes, int n)
{
	struct tls *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	buf_put(tls->out, bytes, (size_t)n);
	return tls->out->overflow ? -1 : n;
}

static int transport_read(BIO *bio, char *bytes, int room)
{
	struct tls *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	size_t n = tls->in->len < (size_t)room ? tls->in->len : (size_t)room;
	if (!n) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(bytes, tls->in->ptr, n);
	*tls->in = str_skip(*tls->in, n);
	return (int)n;
}

static long transport_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_transport_create(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weir");
	if (method) {
		BIO_meth_set_write(method, transport_write);
		BIO_meth_set_read(method, transport_read);
		BIO_meth_set_ctrl(method, transport_control);
	}
	return method;
}

/* ---- a session ---- */

static bool is_numeric(SSL *ssl, const char *host)
{
	return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
}

static bool set_host(SSL *ssl, const char *host)
{
	return is_numeric(ssl, host) ||
	       (SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1);
}

static bool set_up(struct tls *tls, struct tls_context *context, const char *host)
{
	tls->ssl = SSL_new(context->ssl);
	BIO *bio = tls->ssl ? BIO_new(context->transport) : NULL;
	if (!bio)
		return false;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	if (host)
		SSL_set_connect_state(tls->ssl);
	else
		SSL_set_accept_state(tls->ssl);
	return !host || set_host(tls->ssl, host);
}

struct tls *tls_create(struct tls_context *context, const char *host)
{
	CHECK(context->is_server == !host);
	struct tls *tls = calloc(1, sizeof *tls);
	if (tls && !set_up(tls, context, host)) {
		tls_destroy(tls);
		tls = NULL;
	}
	ERR_clear_error();
	return tls;
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

/* OpenSSL's queue of errors belongs to the thread: what another session left in it
 * would be taken for this one's. */
static void begin(struct tls *tls, struct str *in, struct buf *out)
{
	ERR_clear_error();
	tls->in = in;
	tls->out = out;
}

/* One line out of what OpenSSL knows. */
static enum status explain(struct tls *tls, struct err *err)
{
	long verdict = SSL_get_verify_result(tls->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	if (tls->out->overflow)
		return err_set(err, STATUS_REFUSED, "TLS: no room for what must be sent");
	if (verdict == X509_V_ERR_APPLICATION_VERIFICATION)
		return err_set(err, STATUS_REFUSED,
			       "TLS: the certificate's thumbprint is not the one expected");
	if (verdict != X509_V_OK)
		return err_set(err, STATUS_REFUSED, "TLS: %s",
			       X509_verify_cert_error_string(verdict));
	return err_set(err, STATUS_REFUSED, "TLS: %s", reason ? reason : "the handshake failed");
}

static bool speaks_tls(struct tls *tls, struct str in)
{
	if (tls->was_heard || !in.len)
		return true;
	tls->was_heard = true;
	return in.ptr[0] == RECORD_HANDSHAKE || in.ptr[0] == RECORD_ALERT;
}

enum status tls_handshake(struct tls *tls, struct str *in, struct buf *out, struct err *err)
{
	begin(tls, in, out);
	if (!speaks_tls(tls, *in))
		return err_set(err, STATUS_FORMAT, "TLS: the other end does not speak it");
	int code = SSL_do_handshake(tls->ssl);
	if (code == 1)
		return STATUS_OK;
	return SSL_get_error(tls->ssl, code) == SSL_ERROR_WANT_READ ? STATUS_TRUNCATED
								    : explain(tls, err);
}

enum status tls_read(struct tls *tls, struct str *in, struct buf *out, char *plain, size_t size,
		     size_t *n)
{
	begin(tls, in, out);
	int code = SSL_read_ex(tls->ssl, plain, size, n);
	if (code == 1)
		return STATUS_OK;
	switch (SSL_get_error(tls->ssl, code)) {
	case SSL_ERROR_WANT_READ: return STATUS_TRUNCATED;
	case SSL_ERROR_ZERO_RETURN: return STATUS_CLOSED;
	default: return STATUS_FORMAT;
	}
}

enum status tls_write(struct tls *tls, struct str plain, struct buf *out)
{
	struct str nothing = { 0 };
	size_t n;
	begin(tls, &nothing, out);
	if (plain.len && SSL_write_ex(tls->ssl, plain.ptr, plain.len, &n) != 1)
		return STATUS_FULL;
	return STATUS_OK;
}

void tls_end(struct tls *tls, struct buf *out)
{
	struct str nothing = { 0 };
	begin(tls, &nothing, out);
	if (SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
}
