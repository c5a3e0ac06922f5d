/* tls_files.h - an authority's, a server's certificate and its key as the PEM files that
 * a program is given; for tests with TLS on loopback. */
#pragma once

#include <sys/stat.h>

#include "ws_cert.h"

struct tls_files {
	char ca[300], cert[300], key[300];
};

static inline void tls_files_put_key(const char *path, EVP_PKEY *key, const char *pass_phrase)
{
	FILE *file = fopen(path, "w");
	CHECK(file && chmod(path, 0600) == 0);
	CHECK(PEM_write_PrivateKey(file, key, pass_phrase ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
				   (void *)pass_phrase) == 1);
	fclose(file);
}

static inline void tls_files_put_cert(const char *path, X509 *cert)
{
	FILE *file = fopen(path, "w");
	CHECK(file && PEM_write_X509(file, cert) == 1);
	fclose(file);
}

/* names: "DNS:localhost,IP:127.0.0.1". Valid until seconds from now. */
static inline void tls_files_make(struct tls_files *files, const char *folder, const char *names,
				  long seconds)
{
	struct ws_authority authority;
	snprintf(files->ca, sizeof files->ca, "%s/ca.pem", folder);
	snprintf(files->cert, sizeof files->cert, "%s/cert.pem", folder);
	snprintf(files->key, sizeof files->key, "%s/key.pem", folder);
	ws_authority_init(&authority, files->ca);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = ws_cert_make(key, names, &authority, seconds);
	tls_files_put_cert(files->cert, cert);
	tls_files_put_key(files->key, key, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
	ws_authority_deinit(&authority);
}
