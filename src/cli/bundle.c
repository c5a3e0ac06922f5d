#include "cli/bundle.h"

#include <stdio.h>

#include "base/json_out.h"
#include "codec/tar.h"
#include "os/files.h"
#include "os/gzip.h"

/* A header and padding for each file come on top; text of nothing but secrets may grow. */
enum {
	TAR_BYTES = BUNDLE_WHOLE_BYTES + (BUNDLE_FILES_MAX + 4) * 2 * TAR_BLOCK_BYTES,
	MANIFEST_BYTES = 64 << 10,
};

void bundle_init(struct bundle *bundle, const struct redact *redact, int64_t now_s)
{
	*bundle = (struct bundle){ .redact = redact, .now_s = now_s };
	buf_init(&bundle->tar, TAR_BYTES);
}

void bundle_deinit(struct bundle *bundle) { buf_deinit(&bundle->tar); }

static struct bundle_entry *new_entry(struct bundle *bundle, const char *name)
{
	if (bundle->count == BUNDLE_FILES_MAX)
		return NULL;
	struct bundle_entry *entry = &bundle->entries[bundle->count++];
	*entry = (struct bundle_entry){ 0 };
	snprintf(entry->name, sizeof entry->name, "%s", name);
	return entry;
}

void bundle_add_absent(struct bundle *bundle, const char *name, const char *why)
{
	struct bundle_entry *entry = new_entry(bundle, name);
	struct buf clean = buf_over(entry ? entry->why : NULL, entry ? sizeof entry->why - 1 : 0);
	if (entry)
		redact_put(&clean, str_trim(str_of(why)), bundle->redact);
}

void bundle_add(struct bundle *bundle, const char *name, struct str text)
{
	struct bundle_entry *entry = new_entry(bundle, name);
	struct buf clean;
	if (!entry)
		return;
	buf_init(&clean, (size_t)BUNDLE_FILE_BYTES * 2);
	entry->cut = text.len > BUNDLE_FILE_BYTES;
	if (entry->cut)
		text.len = BUNDLE_FILE_BYTES;
	redact_put(&clean, text, bundle->redact);
	size_t room = bundle->tar.limit - bundle->tar.len;
	if (clean.len + MANIFEST_BYTES + (size_t)8 * TAR_BLOCK_BYTES > room)
		snprintf(entry->why, sizeof entry->why, "no room: a support file has a bound");
	else if (tar_put(&bundle->tar, name, bundle->now_s, buf_str(&clean)))
		snprintf(entry->why, sizeof entry->why, "cannot be stored under this name");
	else
		entry->bytes = clean.len;
	buf_deinit(&clean);
}

/* ---- written ---- */

static void put_manifest(struct buf *out, const struct bundle *bundle, const char *version,
			 bool weir_ran)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "weir", str_of(version));
	json_out_i64(&json, "made_ms", bundle->now_s * 1000);
	json_out_bool(&json, "running", weir_ran);
	json_out_open(&json, "files", '[');
	for (size_t i = 0; i < bundle->count; i++) {
		const struct bundle_entry *entry = &bundle->entries[i];
		json_out_open(&json, NULL, '{');
		json_out_bytes(&json, "name", str_of(entry->name));
		json_out_i64(&json, "bytes", (int64_t)entry->bytes);
		json_out_bool(&json, "cut", entry->cut);
		json_out_bytes(&json, "why", str_of(entry->why));
		json_out_close(&json, '}');
	}
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	buf_char(out, '\n');
}

enum status bundle_write(struct bundle *bundle, const char *path, const char *version,
			 bool weir_ran, struct err *err)
{
	struct buf manifest, packed;
	buf_init(&manifest, MANIFEST_BYTES);
	buf_init(&packed, TAR_BYTES);
	put_manifest(&manifest, bundle, version, weir_ran);
	enum status status =
	    tar_put(&bundle->tar, "manifest.json", bundle->now_s, buf_str(&manifest));
	tar_end(&bundle->tar);
	if (status || manifest.overflow || bundle->tar.overflow)
		status = err_set(err, STATUS_FULL, "%s: no room left in the file", path);
	if (!status)
		status = gzip_pack(buf_str(&bundle->tar), &packed, err);
	if (!status)
		status = files_write_atomic(path, buf_str(&packed), 0600, err);
	buf_deinit(&manifest);
	buf_deinit(&packed);
	return status;
}

/* ---- read ---- */

enum status bundle_read(const char *path, struct buf *tar, struct err *err)
{
	struct str text;
	buf_init(tar, TAR_BYTES * 2);
	enum status status = gzip_read_file(path, tar, err);
	if (!status && bundle_find(tar, "manifest.json", &text))
		status = err_set(err, STATUS_FORMAT, "%s: not a file of `weir bundle`", path);
	if (status)
		buf_deinit(tar);
	return status;
}

enum status bundle_find(const struct buf *tar, const char *name, struct str *text)
{
	struct tar entries = tar_over(buf_str(tar));
	enum status status;
	while (!(status = tar_next(&entries)))
		if (strcmp(entries.name, name) == 0) {
			*text = entries.content;
			return STATUS_OK;
		}
	return status;
}
