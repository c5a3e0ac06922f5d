/* Any bytes as a support file: its archive is walked to an end, inside the bytes. And any bytes
 * as a text that is to be redacted, with a secret planted in the middle of it: it never comes
 * out, nor does redacting twice bring anything back. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/redact.h"
#include "codec/tar.h"

enum { INPUT_MAX = 1 << 16 };

static const struct str secret = { "Pl4nted-S3cret_0f-th1s-t3st", 27 };

static void walk(struct str bytes)
{
	struct tar tar = tar_over(bytes);
	size_t files = 0;
	while (!tar_next(&tar)) {
		CHECK(++files <= bytes.len / TAR_BLOCK_BYTES);
		CHECK(tar.content.ptr >= bytes.ptr &&
		      tar.content.ptr + tar.content.len <= bytes.ptr + bytes.len);
		CHECK(strlen(tar.name) <= TAR_NAME_MAX);
	}
}

static void redact(struct str text)
{
	uint8_t hint[REDACT_HINT_BYTES];
	const struct redact with = { .known = &secret, .n_known = 1, .hint = hint, .words = true };
	struct buf whole, clean;
	redact_hint(&secret, 1, hint);
	buf_init(&whole, INPUT_MAX * 2);
	buf_init(&clean, INPUT_MAX * 8);
	buf_put(&whole, text.ptr, text.len / 2);
	buf_str_put(&whole, secret);
	buf_str_put(&whole, str_skip(text, text.len / 2));
	redact_put(&clean, buf_str(&whole), &with);
	CHECK(!clean.overflow);
	CHECK(!memmem(clean.ptr, clean.len, secret.ptr, secret.len));
	buf_deinit(&whole);
	buf_deinit(&clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_make((const char *)data, size);
	if (size > INPUT_MAX)
		return 0;
	walk(bytes);
	redact(bytes);
	return 0;
}
