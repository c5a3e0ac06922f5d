#include "cli/audit_source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/glob.h"

/* ---- which ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);
	return len >= n && strcmp(text + len - n, end) == 0;
}

/* What stands before the last @ of a URL's first part may be a password. */
static void show(struct audit_source *source)
{
	struct buf out = buf_over(source->shown, sizeof source->shown - 1);
	const char *rest = source->kind == AUDIT_SOURCE_LIVE ? strstr(source->name, "://") : NULL;
	const char *at = rest ? strrchr(rest, '@') : NULL;
	if (at) {
		buf_put(&out, source->name, (size_t)(rest + 3 - source->name));
		rest = at + 1;
	} else {
		rest = source->name;
	}
	buf_str_put(&out, str_of(rest));
	source->shown[out.len] = 0;
}

/* Somebody may have left out the scheme alone. */
static const char *without_login(const char *name)
{
	const char *at = strrchr(name, '@');
	return at ? at + 1 : name;
}

enum status audit_source_choose(struct audit_source *source, const char *name, struct err *err)
{
	source->kind = AUDIT_SOURCE_NONE;
	source->name = name;
	if (!name)
		return STATUS_OK;
	if (access(name, F_OK) == 0 || ends_with(name, ".rdb"))
		source->kind = AUDIT_SOURCE_DUMP;
	else if (strstr(name, "://"))
		source->kind = AUDIT_SOURCE_LIVE;
	else
		return err_set(err, STATUS_INVALID,
			       "'%s' is no file, and no URL (redis://, rediss://, unix://)",
			       without_login(name));
	show(source);
	return STATUS_OK;
}

/* ---- reading ---- */

static bool is_excluded(const struct audit_source *source, struct str name)
{
	for (size_t i = 0; i < source->n_excludes; i++)
		if (glob_matches(source->excludes[i], name))
			return true;
	return false;
}

static enum status on_key(void *ctx, const struct audit_key *key)
{
	struct audit_source *source = ctx;
	if (source->kind == AUDIT_SOURCE_DUMP && is_excluded(source, key->name))
		return STATUS_OK;
	source->keys++;
	return source->on_key(source->ctx, key);
}

static void on_keys(void *ctx, int64_t done, int64_t total)
{
	struct audit_source *source = ctx;
	progress_step(source->progress, "reading the server's keys", done, total);
}

static void on_bytes(void *ctx, int64_t done, int64_t total)
{
	struct audit_source *source = ctx;
	progress_step(source->progress, "reading the dump", done, total);
}

static enum status read_live(struct audit_source *source, struct err *err)
{
	const struct live_config config = {
		.url = str_of(source->name),
		.tls_ca = source->tls_ca,
		.tls_thumbprint = source->tls_thumbprint,
		.depth = source->depth,
		.rate = source->rate,
		.stale_ms = source->stale_ms,
		.excludes = source->excludes,
		.n_excludes = source->n_excludes,
		.on_key = on_key,
		.on_progress = on_keys,
		.ctx = source,
	};
	enum status status = live_run(&config, &source->live, err);
	if ((status != STATUS_UNAVAILABLE && status != STATUS_REFUSED) || source->keys == 0)
		return status;
	source->stopped = *err;
	return STATUS_OK;
}

static enum status read_dump(struct audit_source *source, struct err *err)
{
	const struct dump_config config = {
		.path = source->name,
		.now_ms = source->now_ms,
		.stale_ms = source->stale_ms,
		.on_key = on_key,
		.look = source->look,
		.soon = source->soon,
		.look_ctx = source->look_ctx,
		.on_progress = on_bytes,
		.ctx = source,
	};
	enum status status = dump_read(&config, &source->dump, err);
	if (!status || !source->dump.why[0] || source->keys == 0)
		return status;
	source->stopped = *err;
	return STATUS_OK;
}

enum status audit_source_read(struct audit_source *source, struct err *err)
{
	source->keys = 0;
	source->stopped = (struct err){ 0 };
	switch (source->kind) {
	case AUDIT_SOURCE_LIVE: return read_live(source, err);
	case AUDIT_SOURCE_DUMP: return read_dump(source, err);
	default: return STATUS_OK;
	}
}

/* ---- telling ---- */

static void tell(int64_t count, const char *what)
{
	if (count)
		fprintf(stderr, "weir audit: %lld %s\n", (long long)count, what);
}

/* What the server would evict next is told by what was used last. */
static void tell_touched(const struct audit_source *source)
{
	const char *policy = source->live.server.policy;
	bool matters = strstr(policy, "lru") || strstr(policy, "lfu");
	if (source->live.touches && source->depth != LIVE_METADATA && matters)
		fprintf(
		    stderr,
		    "weir audit: the server refuses CLIENT NO-TOUCH: to its %s all keys that were "
		    "read are as good as used just now; --no-values reads none\n",
		    policy);
}

static void tell_live(const struct live_result *live)
{
	for (size_t i = 0; i < live->n_refused; i++)
		fprintf(stderr, "weir audit: %s is refused: %s\n", live->refused[i].command,
			live->refused[i].why);
	tell(live->hidden, "keys are hidden by the user's ACL rules, and left out");
	tell(live->unaskable, "keys have names longer than 64 KB, and are left out");
	tell(live->unremembered, "keys came after the first 7 million: a few may count twice");
	tell(live->restarts, "times the server was started anew meanwhile");
}

static void tell_dump(const struct dump_totals *dump)
{
	tell(dump->expired, "keys of the dump had expired");
	tell(dump->long_names, "keys have names longer than 64 KB, which are cut");
	tell(dump->unread, "packed values are too large, and were counted unread");
}

void audit_source_tell(const struct audit_source *source)
{
	if (source->kind == AUDIT_SOURCE_LIVE) {
		tell_live(&source->live);
		tell_touched(source);
	} else if (source->kind == AUDIT_SOURCE_DUMP) {
		tell_dump(&source->dump);
	}
	if (source->stopped.status)
		fprintf(stderr, "weir audit: %s; what was read until then follows\n",
			source->stopped.text);
}
