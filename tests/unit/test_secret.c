/* HMAC against published vectors, and what a file of secrets must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/secret.h"
#include "redis_fixture.h"

static struct str repeated(char *out, int byte, size_t n)
{
	memset(out, byte, n);
	return str_make(out, n);
}

static void assert_mac(struct str key, struct str message, const char *hex)
{
	uint8_t mac[SECRET_MAC_BYTES];
	char text[2 * SECRET_MAC_BYTES + 1];
	assert_int_equal(secret_mac(key, message, mac), STATUS_OK);
	secret_print_hex(mac, sizeof mac, text);
	assert_memory_equal(text, hex, strlen(hex));
}

/* RFC 4231, 4.2 to 4.8; the fifth is given truncated to 128 bits. */
static void test_macs_are_those_of_rfc_4231(void **state)
{
	(void)state;
	char a[200], b[200];
	char counting[25];
	for (int i = 0; i < 25; i++)
		counting[i] = (char)(i + 1);
	assert_mac(repeated(a, 0x0b, 20), STR("Hi There"),
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_mac(STR("Jefe"), STR("what do ya want for nothing?"),
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_mac(repeated(a, 0xaa, 20), repeated(b, 0xdd, 50),
		   "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	assert_mac(str_make(counting, 25), repeated(b, 0xcd, 50),
		   "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	assert_mac(repeated(a, 0x0c, 20), STR("Test With Truncation"),
		   "a3b6167473100ee06e0c796c2955552b");
	assert_mac(repeated(a, 0xaa, 131),
		   STR("Test Using Larger Than Block-Size Key - Hash Key First"),
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_mac(repeated(a, 0xaa, 131),
		   STR("This is a test using a larger than block-size key and a larger than "
		       "block-size data. The key needs to be hashed before being used by the "
		       "HMAC algorithm."),
		   "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void test_a_terminals_hello_has_the_documented_mac(void **state)
{
	(void)state;
	assert_mac(STR("s3cr3t-mt5-017"),
		   STR("6f1c2a9b3d4e5f60718293a4b5c6d7e8|mt5-017|1784046185431"),
		   "35cd832ccd3c88068e3314f439e1ecbd");
}

static void test_an_empty_key_and_an_empty_message_have_a_mac(void **state)
{
	(void)state;
	assert_mac((struct str){ 0 }, (struct str){ 0 },
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_comparing_looks_at_every_byte(void **state)
{
	(void)state;
	char a[32], b[32];
	for (size_t i = 0; i < sizeof a; i++) {
		repeated(a, 'x', sizeof a);
		repeated(b, 'x', sizeof b);
		assert_true(secret_equal(str_make(a, i), str_make(b, i)));
		assert_false(secret_equal(str_make(a, i), str_make(b, i + 1)));
		b[i] ^= 1;
		assert_false(secret_equal(str_make(a, sizeof a), str_make(b, sizeof b)));
	}
	assert_true(secret_equal((struct str){ 0 }, STR("")));
}

static void test_random_bytes_differ_and_fill_what_was_asked_for(void **state)
{
	(void)state;
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };
	struct err err;
	assert_int_equal(secret_random(a, sizeof a, &err), STATUS_OK);
	assert_int_equal(secret_random(b, sizeof b - 1, &err), STATUS_OK);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a + 968, (uint8_t[32]){ 0 }, 32);
	assert_int_equal(b[999], 0);
}

static void test_hex_is_lower_case_and_ends_in_a_nul(void **state)
{
	(void)state;
	char text[10] = "#########";
	secret_print_hex("\x00\x9f\xe0\xff", 4, text);
	assert_string_equal(text, "009fe0ff");
	secret_print_hex("", 0, text);
	assert_string_equal(text, "");
}

/* ---- files ---- */

struct place {
	char *folder, path[300];
	struct buf out;
	struct err err;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	place->folder = fixture_folder();
	snprintf(place->path, sizeof place->path, "%s/tokens", place->folder);
	buf_init(&place->out, 101);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	secret_wipe(&place->out);
	assert_null(place->out.ptr);
	fixture_remove(place->folder);
	free(place);
	return 0;
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_a_file_of_ours_alone_is_read(void **state)
{
	struct place *place = *state;
	put_file(place->path, "mt5-017 s3cr3t\n", 0600);
	assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err), STATUS_OK);
	assert_true(str_eq(buf_str(&place->out), STR("mt5-017 s3cr3t\n")));
	buf_clear(&place->out);
	put_file(place->path, "", 0400);
	assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err), STATUS_OK);
	assert_int_equal(place->out.len, 0);
}

static void test_a_file_that_others_may_read_or_write_is_refused_by_its_mode(void **state)
{
	struct place *place = *state;
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0777 };
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		char mode[8];
		put_file(place->path, "secret", modes[i]);
		assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err),
				 STATUS_REFUSED);
		snprintf(mode, sizeof mode, "%04o", modes[i]);
		assert_non_null(strstr(place->err.text, mode));
		assert_non_null(strstr(place->err.text, place->path));
		assert_non_null(strstr(place->err.text, "chmod 600"));
		assert_null(strstr(place->err.text, "secret\n"));
		assert_int_equal(place->out.len, 0);
	}
}

static void test_a_file_of_somebody_else_is_refused(void **state)
{
	struct place *place = *state;
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	put_file(place->path, "secret", 0600);
	assert_int_equal(chown(place->path, 12345, (gid_t)-1), 0);
	assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err),
			 STATUS_REFUSED);
	assert_non_null(strstr(place->err.text, "12345"));
}

static void test_what_is_no_plain_file_is_refused_without_waiting(void **state)
{
	struct place *place = *state;
	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err),
			 STATUS_REFUSED);
	assert_int_equal(secret_read_file(place->folder, 100, &place->out, &place->err),
			 STATUS_REFUSED);
	assert_int_equal(secret_read_file("/nowhere/at/all", 100, &place->out, &place->err),
			 STATUS_NOT_FOUND);
}

static void test_a_file_beyond_the_bound_is_refused(void **state)
{
	struct place *place = *state;
	char text[102];
	memset(text, 'x', sizeof text);
	text[100] = 0;
	put_file(place->path, text, 0600);
	assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err), STATUS_OK);
	assert_int_equal(place->out.len, 100);
	buf_clear(&place->out);
	text[100] = 'x';
	text[101] = 0;
	put_file(place->path, text, 0600);
	assert_int_equal(secret_read_file(place->path, 100, &place->out, &place->err),
			 STATUS_RANGE);
}

static void test_a_forgotten_variable_leaves_no_bytes(void **state)
{
	char text[] = "WEIR_TEST_SECRET=hunter2";
	(void)state;
	assert_int_equal(putenv(text), 0); /* the environment holds this very text */
	secret_forget_variable("WEIR_TEST_SECRET");
	assert_null(getenv("WEIR_TEST_SECRET"));
	for (size_t i = strlen("WEIR_TEST_SECRET="); i < sizeof text; i++)
		assert_int_equal(text[i], 0);
	secret_forget_variable("WEIR_TEST_SECRET"); /* that there is none does no harm */
}

#define PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macs_are_those_of_rfc_4231),
		cmocka_unit_test(test_a_terminals_hello_has_the_documented_mac),
		cmocka_unit_test(test_an_empty_key_and_an_empty_message_have_a_mac),
		cmocka_unit_test(test_comparing_looks_at_every_byte),
		cmocka_unit_test(test_random_bytes_differ_and_fill_what_was_asked_for),
		cmocka_unit_test(test_hex_is_lower_case_and_ends_in_a_nul),
		cmocka_unit_test(test_a_forgotten_variable_leaves_no_bytes),
		PLACE(test_a_file_of_ours_alone_is_read),
		PLACE(test_a_file_that_others_may_read_or_write_is_refused_by_its_mode),
		PLACE(test_a_file_of_somebody_else_is_refused),
		PLACE(test_what_is_no_plain_file_is_refused_without_waiting),
		PLACE(test_a_file_beyond_the_bound_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
