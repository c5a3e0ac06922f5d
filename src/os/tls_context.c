#include "os/tls_context.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/secret.h"

enum { KEY_BYTES_MAX = 64 * 1024 };

static const char *openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "not usable";
}

void tls_context_destroy(struct tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->transport);
	free(context);
}

/* A session's buffers go back between records, and nothing is kept to resume one:
 * a fleet's connections are long and many. */
static void set_common(SSL_CTX *ssl)
{
	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 0);
}

/* NULL: out of memory. */
static struct tls_context *context_create(bool is_server)
{
	struct tls_context *context = calloc(1, sizeof *context);
	if (!context)
		return NULL;
	context->is_server = is_server;
	context->transport = tls_transport_create();
	context->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (!context->transport || !context->ssl) {
		tls_context_destroy(context);
		return NULL;
	}
	set_common(context->ssl);
	return context;
}

/* What loading came to: the context, or its end. */
static enum status hand_over(struct tls_context *context, enum status status,
			     struct tls_context **out)
{
	ERR_clear_error();
	if (status == STATUS_OK)
		*out = context;
	else
		tls_context_destroy(context);
	return status;
}

/* ---- a server ---- */

/* OpenSSL would ask the terminal otherwise. */
static int no_pass_phrase(char *out, int size, int is_writing, void *ctx)
{
	(void)out, (void)size, (void)is_writing, (void)ctx;
	return -1;
}

static enum status use_key(SSL_CTX *ssl, const char *path, struct str pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
	enum status status = STATUS_OK;
	if (!key)
		status = err_set(err, STATUS_FORMAT,
				 "%s: no private key in PEM without a pass phrase", path);
	else if (SSL_CTX_use_PrivateKey(ssl, key) != 1)
		status = err_set(err, STATUS_INVALID, "%s: %s", path, openssl_reason());
	EVP_PKEY_free(key);
	BIO_free(bio);
	return status;
}

static enum status read_key(SSL_CTX *ssl, const char *path, struct err *err)
{
	struct buf pem;
	buf_init(&pem, KEY_BYTES_MAX + 1);
	enum status status = secret_read_file(path, KEY_BYTES_MAX, &pem, err);
	if (status == STATUS_OK)
		status = use_key(ssl, path, buf_str(&pem), err);
	secret_wipe(&pem);
	return status;
}

static enum status load_server(SSL_CTX *ssl, const char *cert_file, const char *key_file,
			       struct err *err)
{
	if (SSL_CTX_use_certificate_chain_file(ssl, cert_file) != 1)
		return err_set(err, STATUS_FORMAT, "%s: no certificate in PEM (%s)", cert_file,
			       openssl_reason());
	return read_key(ssl, key_file, err);
}

enum status tls_server_open(const char *cert_file, const char *key_file, struct tls_context **out,
			    struct err *err)
{
	ERR_clear_error();
	struct tls_context *context = context_create(true);
	if (!context)
		return err_set(err, STATUS_NO_MEMORY, "TLS: out of memory");
	enum status status = load_server(context->ssl, cert_file, key_file, err);
	if (status != STATUS_OK)
		err_wrap(err, status, "TLS");
	return hand_over(context, status, out);
}

/* ---- thumbprints ---- */

static bool print_thumbprint(const X509 *cert, char out[TLS_THUMBPRINT_DIGITS + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (!cert || X509_digest(cert, EVP_sha256(), hash, &len) != 1 ||
	    len * 2 != TLS_THUMBPRINT_DIGITS)
		return false;
	secret_print_hex(hash, len, out);
	return true;
}

enum status tls_thumbprint_of(const char *cert_file, char out[TLS_THUMBPRINT_DIGITS + 1],
			      struct err *err)
{
	FILE *file = fopen(cert_file, "re");
	if (!file)
		return err_errno(err, errno, "read %s", cert_file);
	X509 *cert = PEM_read_X509(file, NULL, no_pass_phrase, NULL);
	fclose(file);
	bool printed = print_thumbprint(cert, out);
	X509_free(cert);
	ERR_clear_error();
	return printed ? STATUS_OK
		       : err_set(err, STATUS_FORMAT, "%s: no certificate in PEM", cert_file);
}

static enum status parse_thumbprint(const char *text, char out[TLS_THUMBPRINT_DIGITS + 1],
				    struct err *err)
{
	size_t n = 0;
	bool valid = true;
	for (const char *at = text; *at && valid; at++) {
		if (*at == ':')
			continue;
		valid = isxdigit((unsigned char)*at) && n < TLS_THUMBPRINT_DIGITS;
		if (valid)
			out[n++] = (char)tolower((unsigned char)*at);
	}
	if (!valid || n != TLS_THUMBPRINT_DIGITS)
		return err_set(err, STATUS_FORMAT,
			       "TLS: thumbprint '%.100s' is not %d hexadecimal digits", text,
			       TLS_THUMBPRINT_DIGITS);
	out[n] = 0;
	return STATUS_OK;
}

/* ---- a client ---- */

static int verify_server(X509_STORE_CTX *store, void *ctx)
{
	const struct tls_context *context = ctx;
	char thumbprint[TLS_THUMBPRINT_DIGITS + 1];
	if (context->thumbprint[0] &&
	    (!print_thumbprint(X509_STORE_CTX_get0_cert(store), thumbprint) ||
	     strcmp(thumbprint, context->thumbprint) != 0)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	return context->has_authorities ? X509_verify_cert(store) == 1 : 1;
}

static enum status load_client(struct tls_context *context, const char *ca_file,
			       const char *thumbprint, struct err *err)
{
	if (!ca_file && !thumbprint)
		return err_set(err, STATUS_INVALID,
			       "TLS: neither an authority nor a thumbprint to believe in");
	context->has_authorities = ca_file != NULL;
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context->ssl, verify_server, context);
	if (ca_file && SSL_CTX_load_verify_file(context->ssl, ca_file) != 1)
		return err_set(err, STATUS_FORMAT, "TLS: %s: no certificate in PEM (%s)", ca_file,
			       openssl_reason());
	return thumbprint ? parse_thumbprint(thumbprint, context->thumbprint, err) : STATUS_OK;
}

enum status tls_client_open(const char *ca_file, const char *thumbprint, struct tls_context **out,
			    struct err *err)
{
	ERR_clear_error();
	struct tls_context *context = context_create(false);
	if (!context)
		return err_set(err, STATUS_NO_MEMORY, "TLS: out of memory");
	return hand_over(context, load_client(context, ca_file, thumbprint, err), out);
}
