/* ws_cert.h - an authority for a test's while, and certificates it signs. For programs
 * that play a TLS server on loopback; failures end them by CHECK. */
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"

struct ws_authority {
	EVP_PKEY *key;
	X509 *cert;
};

static inline void ws_cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	CHECK(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

/* issuer NULL: signed by itself, an authority. names: "DNS:venue.test,IP:127.0.0.1".
 * Valid until seconds from now. */
static inline X509 *ws_cert_make(EVP_PKEY *key, const char *names,
				 const struct ws_authority *issuer, long seconds)
{
	static long serial = 1;
	X509 *cert = X509_new();
	CHECK(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
	X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)(issuer ? "server" : "authority"), -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer->cert : cert));
	X509_set_pubkey(cert, key);
	if (!issuer)
		ws_cert_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	if (names)
		ws_cert_extend(cert, issuer ? issuer->cert : cert, NID_subject_alt_name, names);
	CHECK(X509_sign(cert, issuer ? issuer->key : key, EVP_sha256()) > 0);
	return cert;
}

/* Its certificate goes to the file at path. */
static inline void ws_authority_init(struct ws_authority *authority, const char *path)
{
	authority->key = EVP_EC_gen("P-256");
	CHECK(authority->key);
	authority->cert = ws_cert_make(authority->key, NULL, NULL, 86400);
	FILE *file = fopen(path, "w");
	CHECK(file);
	PEM_write_X509(file, authority->cert);
	fclose(file);
}

static inline void ws_authority_deinit(struct ws_authority *authority)
{
	EVP_PKEY_free(authority->key);
	X509_free(authority->cert);
}

static inline SSL_CTX *ws_server_tls(const struct ws_authority *authority, const char *names,
				     long seconds)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = ws_cert_make(key, names, authority, seconds);
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	CHECK(tls && SSL_CTX_use_certificate(tls, cert) == 1);
	CHECK(SSL_CTX_use_PrivateKey(tls, key) == 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}
