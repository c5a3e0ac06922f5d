#include "migrate/clean.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/clean_impl.h"
#include "survey/live.h"
#include "survey/spill.h"

static const char quarantine[] = "weir:quarantine:";

bool clean_can(enum finding_rule rule)
{
	return rule == FINDING_dead || rule == FINDING_no_ttl || rule == FINDING_cache;
}

/* ---- small things ---- */

void clean_say(const struct clean *clean, const char *format, ...)
{
	char line[600];
	va_list args;
	if (!clean->config.on_line)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	clean->config.on_line(clean->config.ctx, line);
}

bool clean_stopped(const struct clean *clean) { return clean->config.stop && *clean->config.stop; }

void clean_aside(struct buf *out, int64_t at_ms, struct str name)
{
	buf_printf(out, "%s%lld:", quarantine, (long long)at_ms);
	buf_str_put(out, name);
}

enum status clean_reach(struct clean *clean, int db, struct err *err)
{
	if (clean->server && migrate_server_database(clean->server) == db)
		return STATUS_OK;
	migrate_server_close(clean->server);
	clean->server = NULL;
	return migrate_server_open(&clean->url, db, &clean->server, err);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of a name as audit_name_print wrote it. */
static void unprint(struct buf *out, struct str printed)
{
	for (size_t i = 0; i < printed.len; i++) {
		bool escaped =
		    printed.ptr[i] == '\\' && i + 3 < printed.len && printed.ptr[i + 1] == 'x';
		if (!escaped) {
			buf_char(out, printed.ptr[i]);
			continue;
		}
		int high = hex_digit(printed.ptr[i + 2]), low = hex_digit(printed.ptr[i + 3]);
		CHECK(high >= 0 && low >= 0);
		buf_char(out, (char)(high << 4 | low));
		i += 3;
	}
}

/* ---- open and close ---- */

static enum status lock(struct clean *clean, struct err *err)
{
	char path[PATH_BYTES_MAX];
	enum status status = files_make_folder(clean->folder, 0700, err);
	if (!status)
		status = path_format(path, err, "%s/lock", clean->folder);
	return status ? status : files_lock(path, &clean->lock, err);
}

enum status clean_open(const struct clean_config *config, struct clean **out, struct err *err)
{
	struct clean *clean = calloc(1, sizeof *clean);
	if (!clean)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	clean->config = *config;
	clean->lock = clean->file.fd = -1;
	clean->url_text = str_dup(config->url);
	clean->folder = strdup(config->folder);
	buf_init(&clean->names, CLEAN_NAMES_MAX);
	enum status status = clean->url_text && clean->folder
				 ? redis_url_parse(config->url, &clean->url, err)
				 : err_set(err, STATUS_NO_MEMORY, "out of memory");
	if (!status)
		status = lock(clean, err);
	if (!status)
		status = clean_file_open(clean, err);
	if (status) {
		clean_close(clean);
		return status;
	}
	*out = clean;
	return STATUS_OK;
}

void clean_close(struct clean *clean)
{
	if (!clean)
		return;
	migrate_server_close(clean->server);
	journal_close(&clean->file);
	if (clean->lock >= 0)
		files_unlock(clean->lock);
	audit_destroy(clean->audit);
	buf_deinit(&clean->names);
	free(clean->rows);
	free(clean->found);
	free(clean->held);
	free(clean->url_text);
	free(clean->folder);
	free(clean);
}

/* ---- find ---- */

static enum status on_key(void *ctx, const struct audit_key *key)
{
	struct clean *clean = ctx;
	return clean_stopped(clean) ? STATUS_CANCELLED : audit_key(clean->audit, key);
}

static void on_progress(void *ctx, int64_t done, int64_t total)
{
	struct clean *clean = ctx;
	if (clean->config.on_progress)
		clean->config.on_progress(clean->config.ctx, "looking at keys", done, total);
}

static bool room_for_found(struct clean *clean)
{
	if (clean->n_found < clean->found_room)
		return true;
	size_t room = clean->found_room ? 2 * clean->found_room : 1024;
	struct clean_found *more = realloc(clean->found, room * sizeof *more);
	if (!more)
		return false;
	clean->found = more;
	clean->found_room = room;
	return true;
}

/* Findings come key by key, so the same key by two rules is the one before. */
static bool is_last(const struct clean *clean, int db, struct str name)
{
	if (!clean->n_found)
		return false;
	const struct clean_found *last = &clean->found[clean->n_found - 1];
	return last->db == db && str_eq(str_make(clean->names.ptr + last->at, last->len), name);
}

static void on_hit(void *ctx, const struct audit_hit *hit)
{
	struct clean *clean = ctx;
	if (!clean->config.rules[hit->rule] || !hit->key.len)
		return;
	if (clean->n_found == CLEAN_FOUND_MAX || clean->names.overflow || !room_for_found(clean)) {
		clean->counts.beyond++;
		return;
	}
	size_t at = clean->names.len;
	unprint(&clean->names, hit->key);
	struct str name = str_make(clean->names.ptr + at, clean->names.len - at);
	if (clean->names.overflow || is_last(clean, hit->db, name)) {
		clean->counts.beyond += clean->names.overflow;
		clean->names.len = at;
		return;
	}
	clean->found[clean->n_found++] =
	    (struct clean_found){ (uint32_t)at, (uint32_t)name.len, hit->db, hit->rule };
}

static int by_database(const void *a, const void *b)
{
	const struct clean_found *x = a, *y = b;
	if (x->db != y->db)
		return x->db < y->db ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void take_row(struct clean *clean, const struct audit_finding *finding,
		     const struct audit_family *families)
{
	struct clean_row *row = &clean->rows[clean->n_rows++];
	*row =
	    (struct clean_row){ .rule = finding->rule,
				.pattern =
				    finding->family >= 0 ? families[finding->family].pattern : "",
				.keys = finding->count,
				.bytes = finding->bytes_now > 0 ? finding->bytes_now : 0 };
	while (row->n_examples < CLEAN_EXAMPLES && row->n_examples < finding->n_examples) {
		row->examples[row->n_examples] = finding->examples[row->n_examples];
		row->n_examples++;
	}
	clean->counts.bytes += row->bytes;
}

static enum status take_rows(struct clean *clean, struct err *err)
{
	const struct audit_finding *findings;
	const struct audit_family *families;
	size_t n = audit_findings(clean->audit, &findings);
	audit_families(clean->audit, &families);
	free(clean->rows);
	clean->n_rows = 0;
	clean->rows = calloc(n ? n : 1, sizeof *clean->rows);
	if (!clean->rows)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (clean->config.rules[findings[i].rule])
			take_row(clean, &findings[i], families);
	return STATUS_OK;
}

static enum status survey(struct clean *clean, struct err *err)
{
	static const struct str excludes[] = { { "weir:quarantine:*", 17 } };
	struct live_config live = {
		.url = str_of(clean->url_text),
		.depth = LIVE_METADATA,
		.rate = clean->config.rate,
		.stale_ms = clean->config.limits.stale_hours * 3600000,
		.excludes = excludes,
		.n_excludes = 1,
		.on_key = on_key,
		.on_progress = on_progress,
		.ctx = clean,
	};
	struct live_result result;
	enum status status = live_run(&live, &result, err);
	if (status)
		return err && err->text[0] ? status
					   : err_set(err, status, "%s", status_text(status));
	audit_vanished(clean->audit, result.vanished);
	audit_server(clean->audit, &result.server);
	for (size_t i = 0; i < result.n_refused; i++)
		clean_say(clean, "%s is refused: %s", result.refused[i].command,
			  result.refused[i].why);
	return STATUS_OK;
}

static enum status settle(struct clean *clean, struct err *err)
{
	enum status status = audit_run(clean->audit, on_hit, clean);
	if (status)
		return err_set(err, status, "%s", status_text(status));
	if (clean->n_found)
		qsort(clean->found, clean->n_found, sizeof *clean->found, by_database);
	clean->counts.found = (int64_t)clean->n_found;
	return take_rows(clean, err);
}

/* The audit's records may go to disk while it runs; the audit itself stays for its texts. */
enum status clean_find(struct clean *clean, struct err *err)
{
	struct survey_spill *spill = NULL;
	audit_destroy(clean->audit);
	clean->audit = NULL;
	clean->n_found = clean->names.len = 0;
	enum status status = clean_reach(clean, 0, err);
	if (!status)
		status = survey_spill_open(NULL, 0, &spill, err);
	if (status)
		return status;
	clean->found_at_ms = migrate_server_now_ms(clean->server);
	const struct audit_config config = { .limits = clean->config.limits,
					     .now_ms = clean->found_at_ms,
					     .spill = survey_spill_port(spill) };
	status = audit_create(&config, &clean->audit);
	if (status)
		err_set(err, status, "%s", status_text(status));
	if (!status)
		status = survey(clean, err);
	if (!status)
		status = settle(clean, err);
	survey_spill_close(spill);
	return status;
}

size_t clean_rows(const struct clean *clean, const struct clean_row **out)
{
	*out = clean->rows;
	return clean->n_rows;
}

const struct clean_counts *clean_counts(struct clean *clean)
{
	clean->counts.waiting = 0;
	for (size_t i = 0; i < clean->n_held; i++)
		clean->counts.waiting += clean->held[i].state != CLEAN_OVER;
	return &clean->counts;
}
