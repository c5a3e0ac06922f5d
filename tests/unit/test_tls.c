/* TLS without a socket: two sessions that are handed each other's bytes. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "os/tls.h"
#include "redis_fixture.h"
#include "tls_files.h"

enum { WIRE_MAX = 1 << 20 };

struct world {
	char *folder;
	struct tls_files files;
	char thumbprint[TLS_THUMBPRINT_DIGITS + 1];
	struct tls_context *server_context, *client_context;
	struct tls *server, *client;
	struct buf to_server, to_client; /* on the wire */
	struct err err;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->folder = fixture_folder();
	tls_files_make(&world->files, world->folder, "DNS:weir.test,IP:127.0.0.1", 3600);
	buf_init(&world->to_server, WIRE_MAX);
	buf_init(&world->to_client, WIRE_MAX);
	*state = world;
	if (tls_thumbprint_of(world->files.cert, world->thumbprint, &world->err))
		return -1;
	return tls_server_open(world->files.cert, world->files.key, &world->server_context,
			       &world->err);
}

static void hang_up(struct world *world)
{
	tls_destroy(world->server);
	tls_destroy(world->client);
	world->server = world->client = NULL;
	buf_clear(&world->to_server);
	buf_clear(&world->to_client);
	tls_context_destroy(world->client_context);
	world->client_context = NULL;
}

static int teardown(void **state)
{
	struct world *world = *state;
	hang_up(world);
	tls_context_destroy(world->server_context);
	buf_deinit(&world->to_server);
	buf_deinit(&world->to_client);
	fixture_remove(world->folder);
	free(world);
	return 0;
}

static void begin(struct world *world, const char *ca, const char *thumbprint, const char *host)
{
	hang_up(world);
	assert_int_equal(tls_client_open(ca, thumbprint, &world->client_context, &world->err),
			 STATUS_OK);
	world->server = tls_create(world->server_context, NULL);
	world->client = tls_create(world->client_context, host);
	assert_non_null(world->server);
	assert_non_null(world->client);
}

/* One step of one side; what it was given is used up or handed back. */
static enum status step(struct tls *tls, struct buf *in, struct buf *out, size_t piece,
			struct err *err)
{
	struct str given = str_make(in->ptr, in->len < piece ? in->len : piece);
	size_t had = given.len;
	enum status status = tls_handshake(tls, &given, out, err);
	size_t taken = had - given.len;
	if (taken)
		memmove(in->ptr, in->ptr + taken, in->len - taken);
	in->len -= taken;
	return status;
}

/* Both handshakes at once, in pieces of the size; the statuses they end in. */
static void shake_hands(struct world *world, size_t piece, enum status *server, enum status *client)
{
	*server = *client = STATUS_TRUNCATED;
	for (int i = 0; i < 20000; i++) {
		if (*client == STATUS_TRUNCATED)
			*client = step(world->client, &world->to_client, &world->to_server, piece,
				       &world->err);
		if (*server == STATUS_TRUNCATED)
			*server =
			    step(world->server, &world->to_server, &world->to_client, piece, NULL);
		bool waits_client = *client == STATUS_TRUNCATED && world->to_client.len;
		bool waits_server = *server == STATUS_TRUNCATED && world->to_server.len;
		if (!waits_client && !waits_server)
			return;
	}
	fail_msg("the handshake never ends");
}

static void connect_both(struct world *world)
{
	enum status server, client;
	begin(world, world->files.ca, NULL, "weir.test");
	shake_hands(world, SIZE_MAX, &server, &client);
	assert_int_equal(client, STATUS_OK);
	assert_int_equal(server, STATUS_OK);
}

static void test_a_handshake_does_not_depend_on_how_its_bytes_are_cut(void **state)
{
	struct world *world = *state;
	static const size_t pieces[] = { 1, 2, 3, 5, 17, 100, 1000, SIZE_MAX };
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		enum status server, client;
		begin(world, world->files.ca, NULL, "weir.test");
		shake_hands(world, pieces[i], &server, &client);
		assert_int_equal(client, STATUS_OK);
		assert_int_equal(server, STATUS_OK);
	}
}

/* Sends from one side and reads all of it on the other, in random pieces. */
static void test_what_is_sent_arrives_however_it_is_cut(void **state)
{
	struct world *world = *state;
	struct rng rng;
	static char sent[100000], got[100000];
	rng_init(&rng, 20);
	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = (char)rng_below(&rng, 256);
	connect_both(world);
	for (int round = 0; round < 30; round++) {
		size_t n = 1 + rng_below(&rng, sizeof sent), arrived = 0, some;
		buf_clear(&world->to_server);
		assert_int_equal(tls_write(world->client, str_make(sent, n), &world->to_server),
				 STATUS_OK);
		struct str wire = buf_str(&world->to_server);
		while (wire.len) {
			size_t piece = 1 + rng_below(&rng, round < 3 ? 40 : 30000);
			struct str in = str_make(wire.ptr, piece < wire.len ? piece : wire.len);
			wire = str_skip(wire, in.len);
			enum status status;
			while (
			    (status = tls_read(world->server, &in, &world->to_client, got + arrived,
					       1 + rng_below(&rng, 5000), &some)) == STATUS_OK)
				arrived += some;
			assert_int_equal(status, STATUS_TRUNCATED);
			assert_int_equal(in.len, 0);
		}
		assert_int_equal(arrived, n);
		assert_memory_equal(got, sent, n);
	}
}

static void test_what_goes_over_the_wire_is_not_what_was_said(void **state)
{
	struct world *world = *state;
	connect_both(world);
	assert_int_equal(tls_write(world->client, STR("H 0 v=1 id=mt5-017\n"), &world->to_server),
			 STATUS_OK);
	assert_null(memmem(world->to_server.ptr, world->to_server.len, "mt5-017", 7));
	assert_true(world->to_server.len <= 19 + 30);
}

static void assert_refused(struct world *world, const char *ca, const char *thumbprint,
			   const char *host, const char *why)
{
	enum status server, client;
	begin(world, ca, thumbprint, host);
	shake_hands(world, SIZE_MAX, &server, &client);
	assert_int_equal(client, STATUS_REFUSED);
	assert_int_not_equal(server, STATUS_TRUNCATED); /* the alert told it */
	if (!strstr(world->err.text, why))
		fail_msg("'%s' does not say '%s'", world->err.text, why);
}

static void assert_taken(struct world *world, const char *ca, const char *thumbprint,
			 const char *host)
{
	enum status server, client;
	begin(world, ca, thumbprint, host);
	shake_hands(world, SIZE_MAX, &server, &client);
	assert_int_equal(client, STATUS_OK);
	assert_int_equal(server, STATUS_OK);
}

static void test_a_client_believes_its_authority_for_the_names_of_the_certificate(void **state)
{
	struct world *world = *state;
	struct tls_files other;
	char folder[320];
	snprintf(folder, sizeof folder, "%s/other", world->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	tls_files_make(&other, folder, "DNS:weir.test", 3600);
	assert_taken(world, world->files.ca, NULL, "weir.test");
	assert_taken(world, world->files.ca, NULL, "127.0.0.1");
	assert_refused(world, world->files.ca, NULL, "other.test", "hostname mismatch");
	assert_refused(world, world->files.ca, NULL, "127.0.0.2", "IP address mismatch");
	assert_refused(world, other.ca, NULL, "weir.test", "signature failure");
}

static void test_a_client_believes_a_thumbprint_whatever_the_name_and_the_signer(void **state)
{
	struct world *world = *state;
	char loud[200] = { 0 };
	for (size_t i = 0; i < TLS_THUMBPRINT_DIGITS; i += 2)
		snprintf(loud + strlen(loud), 4, i ? ":%c%c" : "%c%c",
			 toupper((unsigned char)world->thumbprint[i]),
			 toupper((unsigned char)world->thumbprint[i + 1]));
	assert_taken(world, NULL, world->thumbprint, "any.test");
	assert_taken(world, NULL, loud, "192.0.2.1");
	assert_taken(world, world->files.ca, world->thumbprint, "weir.test");
	assert_refused(world, world->files.ca, world->thumbprint, "any.test", "mismatch");
	for (size_t i = 0; i < TLS_THUMBPRINT_DIGITS; i += 21) {
		char wrong[TLS_THUMBPRINT_DIGITS + 1];
		memcpy(wrong, world->thumbprint, sizeof wrong);
		wrong[i] = wrong[i] == '0' ? '1' : '0';
		assert_refused(world, NULL, wrong, "weir.test", "thumbprint");
		assert_refused(world, world->files.ca, wrong, "weir.test", "thumbprint");
	}
}

static void test_an_expired_certificate_is_refused(void **state)
{
	struct world *world = *state;
	tls_context_destroy(world->server_context);
	tls_files_make(&world->files, world->folder, "DNS:weir.test", -60);
	assert_int_equal(tls_server_open(world->files.cert, world->files.key,
					 &world->server_context, &world->err),
			 STATUS_OK);
	assert_refused(world, world->files.ca, NULL, "weir.test", "expired");
}

static void test_first_bytes_that_are_not_tls_say_so(void **state)
{
	static const char *const words[] = { "H 0 v=1 id=mt5-017\n", "GET / HTTP/1.1\r\n\r\n", "\n",
					     "\x80\x2e\x01" };
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		begin(world, world->files.ca, NULL, "weir.test");
		struct str in = str_of(words[i]);
		assert_int_equal(tls_handshake(world->server, &in, &world->to_client, &world->err),
				 STATUS_FORMAT);
		struct str nothing = { 0 };
		in = str_of(words[i]);
		assert_int_equal(
		    tls_handshake(world->client, &nothing, &world->to_server, &world->err),
		    STATUS_TRUNCATED);
		assert_int_equal(tls_handshake(world->client, &in, &world->to_server, &world->err),
				 STATUS_FORMAT);
		assert_non_null(strstr(world->err.text, "does not speak it"));
	}
}

static void test_bytes_that_were_changed_on_the_way_end_the_session(void **state)
{
	struct world *world = *state;
	char plain[100];
	size_t n;
	for (size_t at = 0; at < 30; at++) {
		connect_both(world);
		buf_clear(&world->to_server);
		assert_int_equal(tls_write(world->client, STR("one\n"), &world->to_server),
				 STATUS_OK);
		if (at >= world->to_server.len)
			break;
		world->to_server.ptr[at] ^= 4;
		struct str in = buf_str(&world->to_server);
		enum status status =
		    tls_read(world->server, &in, &world->to_client, plain, sizeof plain, &n);
		/* A longer length leaves it waiting for more. */
		assert_true(status == STATUS_FORMAT ||
			    (status == STATUS_TRUNCATED && (at == 3 || at == 4)));
	}
}

static void test_random_bytes_do_no_harm(void **state)
{
	struct world *world = *state;
	struct rng rng;
	rng_init(&rng, 7);
	for (int round = 0; round < 300; round++) {
		char bytes[400];
		size_t n = 1 + rng_below(&rng, sizeof bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)rng_below(&rng, 256);
		memcpy(bytes, "\x16\x03\x01\x01\x20\x01\x00\x01\x1c\x03\x03",
		       n < 11 || round % 3 == 0 ? 1 : 11);
		begin(world, world->files.ca, NULL, "weir.test");
		struct str in = str_make(bytes, n);
		enum status status =
		    tls_handshake(world->server, &in, &world->to_client, &world->err);
		assert_true(status == STATUS_REFUSED || status == STATUS_TRUNCATED);
	}
}

static void test_the_end_is_said_and_heard(void **state)
{
	struct world *world = *state;
	char plain[100];
	size_t n;
	connect_both(world);
	buf_clear(&world->to_client);
	assert_int_equal(tls_write(world->server, STR("bye\n"), &world->to_client), STATUS_OK);
	tls_end(world->server, &world->to_client);
	struct str in = buf_str(&world->to_client);
	assert_int_equal(tls_read(world->client, &in, &world->to_server, plain, sizeof plain, &n),
			 STATUS_OK);
	assert_int_equal(n, 4);
	assert_int_equal(tls_read(world->client, &in, &world->to_server, plain, sizeof plain, &n),
			 STATUS_CLOSED);
}

static void test_no_room_for_what_must_be_sent_is_a_failure(void **state)
{
	struct world *world = *state;
	char little[64];
	struct buf out = buf_over(little, sizeof little);
	struct str nothing = { 0 };
	connect_both(world);
	assert_int_equal(tls_write(world->server,
				   STR("a line of sixty bytes and some more, "
				       "which do not fit there any more"),
				   &out),
			 STATUS_FULL);
	begin(world, world->files.ca, NULL, "weir.test");
	out = buf_over(little, sizeof little);
	assert_int_equal(tls_handshake(world->client, &nothing, &out, &world->err), STATUS_REFUSED);
	assert_non_null(strstr(world->err.text, "no room"));
}

/* ---- files ---- */

static void assert_no_server(struct world *world, enum status status, const char *cert,
			     const char *key, const char *why)
{
	struct tls_context *context;
	assert_int_equal(tls_server_open(cert, key, &context, &world->err), status);
	if (!strstr(world->err.text, why))
		fail_msg("'%s' does not say '%s'", world->err.text, why);
}

static void test_a_servers_files_must_be_what_they_should(void **state)
{
	struct world *world = *state;
	char other[320];
	const struct tls_files *files = &world->files;
	snprintf(other, sizeof other, "%s/other.pem", world->folder);
	assert_no_server(world, STATUS_FORMAT, "/nowhere.pem", files->key, "/nowhere.pem");
	assert_no_server(world, STATUS_NOT_FOUND, files->cert, "/nowhere.pem", "/nowhere.pem");
	assert_no_server(world, STATUS_FORMAT, files->key, files->key, "no certificate");
	assert_int_equal(chmod(files->cert, 0600), 0);
	assert_no_server(world, STATUS_FORMAT, files->cert, files->cert, "no private key");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	tls_files_put_key(other, key, NULL);
	assert_no_server(world, STATUS_INVALID, files->cert, other, "key values mismatch");
	tls_files_put_key(other, key, "open sesame");
	assert_no_server(world, STATUS_FORMAT, files->cert, other, "pass phrase");
	EVP_PKEY_free(key);
	assert_int_equal(chmod(files->key, 0640), 0);
	assert_no_server(world, STATUS_REFUSED, files->cert, files->key, "chmod 600");
}

static void test_a_client_must_have_something_to_believe_in(void **state)
{
	struct world *world = *state;
	struct tls_context *context;
	static const char *const wrong[] = { "", "ab", "zz", NULL };
	char long_one[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0";
	assert_int_equal(tls_client_open(NULL, NULL, &context, &world->err), STATUS_INVALID);
	assert_int_equal(tls_client_open(world->files.key, NULL, &context, &world->err),
			 STATUS_FORMAT);
	for (size_t i = 0; wrong[i]; i++)
		assert_int_equal(tls_client_open(NULL, wrong[i], &context, &world->err),
				 STATUS_FORMAT);
	assert_int_equal(tls_client_open(NULL, long_one, &context, &world->err), STATUS_FORMAT);
	assert_non_null(strstr(world->err.text, "64"));
	char thumbprint[TLS_THUMBPRINT_DIGITS + 1];
	assert_int_equal(tls_thumbprint_of(world->files.key, thumbprint, &world->err),
			 STATUS_FORMAT);
	assert_int_equal(tls_thumbprint_of("/nowhere", thumbprint, &world->err), STATUS_NOT_FOUND);
}

static void test_old_versions_are_not_spoken(void **state)
{
	struct world *world = *state;
	enum status server, client;
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
					TLS1_3_VERSION };
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_security_level(ssl, 0);
		SSL_CTX_set_min_proto_version(ssl, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(ssl, versions[i]);
		SSL *session = SSL_new(ssl);
		SSL_set_bio(session, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
		SSL_set_connect_state(session);
		SSL_do_handshake(session);
		char *bytes;
		long n = BIO_get_mem_data(SSL_get_wbio(session), &bytes);
		begin(world, world->files.ca, NULL, "weir.test");
		struct str in = str_make(bytes, (size_t)n);
		server = tls_handshake(world->server, &in, &world->to_client, &world->err);
		client = versions[i] >= TLS1_2_VERSION ? STATUS_TRUNCATED : STATUS_REFUSED;
		assert_int_equal(server, client);
		SSL_free(session);
		SSL_CTX_free(ssl);
	}
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_a_handshake_does_not_depend_on_how_its_bytes_are_cut),
		WORLD(test_what_is_sent_arrives_however_it_is_cut),
		WORLD(test_what_goes_over_the_wire_is_not_what_was_said),
		WORLD(test_a_client_believes_its_authority_for_the_names_of_the_certificate),
		WORLD(test_a_client_believes_a_thumbprint_whatever_the_name_and_the_signer),
		WORLD(test_an_expired_certificate_is_refused),
		WORLD(test_first_bytes_that_are_not_tls_say_so),
		WORLD(test_bytes_that_were_changed_on_the_way_end_the_session),
		WORLD(test_random_bytes_do_no_harm),
		WORLD(test_the_end_is_said_and_heard),
		WORLD(test_no_room_for_what_must_be_sent_is_a_failure),
		WORLD(test_a_servers_files_must_be_what_they_should),
		WORLD(test_a_client_must_have_something_to_believe_in),
		WORLD(test_old_versions_are_not_spoken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
