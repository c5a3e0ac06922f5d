/* Support files: what is added comes out redacted and bounded, damage is told, and the secrets
 * that they are searched for are those of weir's own files and settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/bundle.h"
#include "cli/bundle_secrets.h"
#include "codec/tar.h"
#include "os/files.h"
#include "os/gzip.h"

static char folder[] = "/tmp/weir-bundle-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[PATH_BYTES_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void what_is_added_comes_out_without_secrets(void **state)
{
	const struct str known[] = { STR("hunter22") };
	const struct redact redact = { .known = known, .n_known = 1, .words = true };
	struct bundle *bundle = malloc(sizeof *bundle);
	struct buf tar;
	struct str text;
	struct err err;
	(void)state;
	bundle_init(bundle, &redact, 1790000000);
	bundle_add(bundle, "a.txt", STR("hello hunter22\n"));
	bundle_add_absent(bundle, "b.txt", "no hunter22 there\n");
	assert_int_equal(bundle_write(bundle, path_of("one"), "9.9.9", true, &err), STATUS_OK);
	bundle_deinit(bundle);
	free(bundle);
	assert_int_equal(bundle_read(path_of("one"), &tar, &err), STATUS_OK);
	assert_int_equal(bundle_find(&tar, "a.txt", &text), STATUS_OK);
	assert_true(str_eq(text, STR("hello ***\n")));
	assert_int_equal(bundle_find(&tar, "b.txt", &text), STATUS_NOT_FOUND);
	assert_int_equal(bundle_find(&tar, "manifest.json", &text), STATUS_OK);
	assert_non_null(memmem(text.ptr, text.len, "\"weir\":\"9.9.9\"", 14));
	assert_non_null(memmem(text.ptr, text.len, "no *** there", 12));
	assert_null(memmem(tar.ptr, tar.len, "hunter22", 8));
	buf_deinit(&tar);
}

/* Five of the largest are beyond the whole's bound: the last are left out, and it says so. */
static void it_is_bounded(void **state)
{
	const struct redact redact = { 0 };
	struct bundle *bundle = malloc(sizeof *bundle);
	size_t large = (size_t)BUNDLE_FILE_BYTES + 100, left_out = 0;
	char *text = malloc(large), name[16];
	struct err err;
	(void)state;
	memset(text, 'x', large);
	bundle_init(bundle, &redact, 0);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "%d", i);
		bundle_add(bundle, name, str_make(text, large));
	}
	for (size_t i = 0; i < bundle->count; i++) {
		assert_true(bundle->entries[i].cut);
		assert_true(bundle->entries[i].bytes <= BUNDLE_FILE_BYTES);
		left_out += bundle->entries[i].why[0] != 0;
	}
	assert_in_range(left_out, 1, 2);
	for (int i = 0; i < 2 * BUNDLE_FILES_MAX; i++)
		bundle_add_absent(bundle, "more", "x");
	assert_int_equal(bundle->count, BUNDLE_FILES_MAX);
	assert_int_equal(bundle_write(bundle, path_of("large"), "1", false, &err), STATUS_OK);
	bundle_deinit(bundle);
	free(bundle);
	free(text);
}

static void write_bytes(const char *name, struct str bytes)
{
	FILE *file = fopen(path_of(name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
	fclose(file);
}

static void what_is_no_support_file_is_refused(void **state)
{
	struct buf tar, packed, other;
	struct err err;
	(void)state;
	assert_int_equal(bundle_read(path_of("none"), &tar, &err), STATUS_NOT_FOUND);
	write_bytes("text", STR("just text"));
	assert_int_equal(bundle_read(path_of("text"), &tar, &err), STATUS_FORMAT);
	/* An archive, but somebody else's; and one that ends too early. */
	buf_init(&other, 1 << 16);
	buf_init(&packed, 1 << 16);
	assert_int_equal(tar_put(&other, "x", 0, STR("y")), STATUS_OK);
	tar_end(&other);
	assert_int_equal(gzip_pack(buf_str(&other), &packed, &err), STATUS_OK);
	write_bytes("other", buf_str(&packed));
	assert_int_equal(bundle_read(path_of("other"), &tar, &err), STATUS_FORMAT);
	assert_non_null(strstr(err.text, "not a file of `weir bundle`"));
	write_bytes("cut", str_make(packed.ptr, packed.len / 2));
	assert_int_not_equal(bundle_read(path_of("cut"), &tar, &err), STATUS_OK);
	buf_deinit(&other);
	buf_deinit(&packed);
}

static bool is_known(const struct bundle_secrets *secrets, const char *secret)
{
	for (size_t i = 0; i < secrets->count; i++)
		if (str_eq(secrets->known[i], str_of(secret)))
			return true;
	return false;
}

static void add_file(struct doctor_facts *facts, const char *setting, const char *name,
		     const char *text)
{
	struct doctor_secret *secret = &facts->secrets[facts->secret_count++];
	write_bytes(name, str_of(text));
	snprintf(secret->setting, sizeof secret->setting, "%s", setting);
	const char *path = path_of(name);
	assert_true(strlen(path) < sizeof secret->path);
	memcpy(secret->path, path, strlen(path) + 1);
	machine_file_read(secret->path, &secret->file);
}

static void secrets_are_found_where_they_are(void **state)
{
	const struct config_source source = {
		.file_name = STR("c"),
		.file_text = STR("[archive]\nclickhouse_url = http://u:sinkPassword@h/db\n"
				 "[notify]\nwebhook_url = https://h/hook/part\n"),
	};
	static struct doctor_facts facts;
	struct config_problems problems;
	struct bundle_secrets secrets;
	struct config *config;
	(void)state;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	setenv("WEIR_EXCHANGE_SECRET_MAIN", "fromTheEnvironment", 1);
	add_file(&facts, "fleet.tokens_file", "tokens",
		 "# a comment\nterminal-017 tokenOf017 host-of-it fx\n\nterminal-018\ttokenOf018\n"
		 "terminal-019 dG9rZW4gb2YgMTk==\n");
	add_file(&facts, "segments' passwords", "users", "rts weir passwordOfRts\n");
	add_file(&facts, "account.main", "key", "key = keyOfMain\nsecret=secretOfMain\n");
	bundle_secrets_read(config, &facts, &secrets);
	assert_false(secrets.is_full);
	static const char *const wanted[] = {
		"tokenOf017",    "tokenOf018",          "dG9rZW4gb2YgMTk==",
		"passwordOfRts", "keyOfMain",           "secretOfMain",
		"sinkPassword",  "https://h/hook/part", "fromTheEnvironment",
	};
	static const char *const harmless[] = { "terminal-017", "host-of-it", "comment" };
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		assert_true(is_known(&secrets, wanted[i]));
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		assert_false(is_known(&secrets, harmless[i]));
	bundle_secrets_wipe(&secrets);
	config_destroy(config);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];
	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_comes_out_without_secrets),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(what_is_no_support_file_is_refused),
		cmocka_unit_test(secrets_are_found_where_they_are),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
