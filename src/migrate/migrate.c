#include "migrate/migrate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/migrate_impl.h"
#include "os/files.h"

enum { COMMAND_LIMIT = 64 << 20 };
static const int64_t tell_ns = 1000000000;

/* ---- what is told ---- */

bool migrate_stopped(const struct migrate *migrate)
{
	return migrate->config.stop && *migrate->config.stop;
}

void migrate_line(struct migrate *migrate, const char *format, ...)
{
	char line[1024];
	va_list args;
	if (!migrate->config.on_line)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	migrate->config.on_line(migrate->config.ctx, line);
}

void migrate_tell(struct migrate *migrate, const char *phase)
{
	int64_t now_ns = loop_precise_ns();
	if (!migrate->config.on_progress || now_ns - migrate->told_ns < tell_ns)
		return;
	migrate->told_ns = now_ns;
	migrate->config.on_progress(migrate->config.ctx, phase, migrate->done);
}

const struct migrate_plan *migrate_plan_of(const struct migrate *migrate) { return migrate->plan; }
const struct migrate_lag *migrate_lag(const struct migrate *migrate) { return &migrate->lag; }

const struct migrate_counts *migrate_counts(const struct migrate *migrate, size_t family)
{
	CHECK(family <= migrate->plan->n_families);
	return &migrate->counts[family];
}

int64_t migrate_skipped(const struct migrate_counts *counts)
{
	int64_t sum = 0;
	for (int i = 0; i < FORM_REASON_COUNT; i++)
		sum += counts->skipped[i];
	return sum;
}

bool migrate_holds(const struct migrate *migrate)
{
	for (size_t i = 0; i < migrate->plan->n_families; i++) {
		const struct migrate_counts *counts = &migrate->counts[i];
		if (counts->source != counts->copied + migrate_skipped(counts) + counts->expired)
			return false;
	}
	return true;
}

/* What is counted anew in each pass; what this run did stays. */
void migrate_clear_counts(struct migrate *migrate)
{
	for (size_t i = 0; i <= migrate->plan->n_families; i++) {
		struct migrate_counts *counts = &migrate->counts[i], fresh = { 0 };
		fresh.written = counts->written;
		fresh.again = counts->again;
		fresh.backups = counts->backups;
		fresh.restored = counts->restored;
		*counts = fresh;
	}
}

struct migrate_counts *migrate_counts_of(struct migrate *migrate, const struct step_key *key)
{
	return &migrate->counts[key->family];
}

const struct migrate_family *migrate_family_of(const struct migrate *migrate,
					       const struct step_key *key)
{
	return &migrate->plan->families[key->family];
}

/* ---- the journal ---- */

enum status migrate_put(struct migrate *migrate, const struct keybook_record *record,
			struct err *err)
{
	char storage[4096];
	struct buf large, small = buf_over(storage, sizeof storage), *bytes = &small;
	uint64_t at;
	buf_init(&large, JOURNAL_RECORD_MAX);
	if (record->old_name.len + record->new_name.len > sizeof storage / 2)
		bytes = &large;
	keybook_record_put(bytes, record);
	enum status status = journal_put(&migrate->journal, buf_str(bytes), &at, err);
	if (!status) {
		status = keybook_take(migrate->book, record, at, NULL);
		if (status)
			err_set(err, status, "more keys than a migration can hold: %s",
				status_text(status));
	}
	buf_deinit(&large);
	return status;
}

static enum status on_record(void *ctx, uint64_t offset, struct str bytes, struct err *err)
{
	struct migrate *migrate = ctx;
	struct keybook_record record;
	enum status status = keybook_record_take(bytes, &record);
	if (!status && record.family >= migrate->plan->n_families)
		status = STATUS_FORMAT;
	if (!status)
		status = keybook_take(migrate->book, &record, offset, NULL);
	return status
		   ? err_set(err, status, "%s: the record at byte %llu: %s", migrate->journal.path,
			     (unsigned long long)offset, status_text(status))
		   : STATUS_OK;
}

/* ---- open and close ---- */

/* The plan's place with the login of the given URL. */
static enum status take_url(struct migrate *migrate, struct str given, struct err *err)
{
	struct redis_url source;
	enum status status = redis_url_parse(str_of(migrate->plan->source), &source, err);
	if (status)
		return err_wrap(err, STATUS_USAGE, "the plan's source");
	migrate->url = source;
	if (!given.len)
		return STATUS_OK;
	if (redis_url_parse(given, &migrate->url, err))
		return STATUS_USAGE;
	if (migrate->url.port != source.port || strcmp(migrate->url.place, source.place) != 0)
		return err_set(err, STATUS_USAGE, "the plan is for %.300s, not for the URL given",
			       migrate->plan->source);
	return STATUS_OK;
}

static enum status open_file(struct migrate *migrate, const char *folder, const char *name,
			     enum journal_kind kind, struct err *err)
{
	char path[PATH_BYTES_MAX];
	bool done = kind == JOURNAL_DONE;
	uint64_t cut = 0;
	enum status status = path_format(path, err, "%s/%s", folder, name);
	if (!status)
		status = (migrate->config.reads ? journal_open_to_read : journal_open)(
		    done ? &migrate->journal : &migrate->backup, path, kind, migrate->plan->digest,
		    done ? on_record : backup_take, migrate, &cut, err);
	if (!status && cut)
		migrate_line(migrate, "%s: %llu bytes of a record that was not finished %s", path,
			     (unsigned long long)cut,
			     migrate->config.reads ? "are not read" : "were cut off");
	return status;
}

static enum status open_files(struct migrate *migrate, struct err *err)
{
	char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
	enum status status = path_format(folder, err, "%s.work", migrate->config.plan_path);
	if (!status)
		status = files_make_folder(folder, 0700, err);
	if (!status && !migrate->config.reads)
		status = journal_sync_folder(folder, err);
	if (!status)
		status = path_format(path, err, "%s/lock", folder);
	if (!status)
		status = files_lock(path, &migrate->lock_fd, err);
	if (!status)
		status = open_file(migrate, folder, "journal", JOURNAL_DONE, err);
	return status ? status : open_file(migrate, folder, "backup", JOURNAL_BACKUP, err);
}

static enum status open_all(struct migrate *migrate, struct err *err)
{
	enum status status = plan_file_read(migrate->config.plan_path, &migrate->plan, err);
	if (!status)
		status = take_url(migrate, migrate->config.url, err);
	if (status)
		return status;
	migrate->counts = calloc(migrate->plan->n_families + 1, sizeof *migrate->counts);
	buf_init(&migrate->command, COMMAND_LIMIT);
	if (!migrate->counts || keybook_create(&migrate->book) || form_room_create(&migrate->room))
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	return open_files(migrate, err);
}

enum status migrate_open(const struct migrate_config *config, struct migrate **out, struct err *err)
{
	struct migrate *migrate = calloc(1, sizeof *migrate);
	if (!migrate)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	migrate->config = *config;
	migrate->lock_fd = migrate->journal.fd = migrate->backup.fd = -1;
	enum status status = open_all(migrate, err);
	if (status) {
		migrate_close(migrate);
		return status;
	}
	*out = migrate;
	return STATUS_OK;
}

void migrate_close(struct migrate *migrate)
{
	if (!migrate)
		return;
	step_sink_close(migrate);
	migrate_unuse(migrate);
	journal_close(&migrate->journal);
	journal_close(&migrate->backup);
	if (migrate->lock_fd >= 0)
		files_unlock(migrate->lock_fd);
	form_room_destroy(migrate->room);
	keybook_destroy(migrate->book);
	buf_deinit(&migrate->command);
	free(migrate->counts);
	plan_file_destroy(migrate->plan);
	free(migrate);
}

void migrate_unuse(struct migrate *migrate)
{
	source_reader_destroy(migrate->reader);
	migrate_server_close(migrate->server);
	migrate->reader = NULL;
	migrate->server = NULL;
}

static void warn_once(struct migrate *migrate)
{
	if (migrate->warned || !migrate_server_evicts(migrate->server))
		return;
	migrate->warned = true;
	migrate_line(migrate, "warning: the server evicts any key when its memory is full "
			      "(maxmemory-policy allkeys-...), and a migration doubles what it "
			      "holds: what it evicts is told as a conflict or as missing");
}

enum status migrate_use(struct migrate *migrate, int db, struct err *err)
{
	if (migrate->server && migrate_server_database(migrate->server) == db)
		return STATUS_OK;
	migrate_unuse(migrate);
	enum status status = migrate_server_open(&migrate->url, db, &migrate->server, err);
	if (!status && source_reader_create(migrate->server, &migrate->reader))
		status = err_set(err, STATUS_NO_MEMORY, "no memory");
	if (!status)
		warn_once(migrate);
	return status;
}

/* ---- batches ---- */

struct pass {
	struct migrate *migrate;
	migrate_batch_fn fn;
	const char *phase;
	struct step_key keys[STEP_KEYS];
	struct arena texts;
	size_t count;
	bool failed; /* memory */
};

static enum status send_batch(struct pass *pass, struct err *err)
{
	struct migrate *migrate = pass->migrate;
	struct step step = {
		.migrate = migrate, .keys = pass->keys, .count = pass->count, .texts = &pass->texts
	};
	if (pass->failed)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	enum status status = pass->count ? pass->fn(migrate, &step, err) : STATUS_OK;
	migrate->done += (int64_t)pass->count;
	pass->count = 0;
	arena_clear(&pass->texts);
	migrate_tell(migrate, pass->phase);
	if (!status && migrate_stopped(migrate))
		status = err_set(err, STATUS_CANCELLED, "stopped: run it again to go on");
	return status;
}

static bool own_name(struct str name) { return str_starts(name, STR(MIGRATE_TEMPORARY)); }

static struct str print_name(struct pass *pass, struct str name)
{
	struct buf printed;
	buf_init(&printed, PATTERN_NAME_MAX * 4 + 16);
	if (name.len <= PATTERN_NAME_MAX)
		audit_name_print(&printed, name);
	struct str copy = arena_copy(&pass->texts, buf_str(&printed), &pass->failed);
	buf_deinit(&printed);
	return copy;
}

static void make_target(struct pass *pass, struct step_key *key)
{
	const struct migrate_family *family = migrate_family_of(pass->migrate, key);
	struct buf name;
	if (family->form == MIGRATE_SKIP || family->sink != MIGRATE_REDIS)
		return;
	buf_init(&name, PATTERN_NAME_MAX * 4);
	pattern_render(&name, str_of(family->to), key->printed, &key->match);
	if (!name.overflow)
		key->new_name = arena_copy(&pass->texts, buf_str(&name), &pass->failed);
	buf_deinit(&name);
	if (!key->new_name.len || str_eq(key->new_name, key->old_name)) {
		key->reason = FORM_name;
		key->new_name = STR("");
	}
}

/* The name of a key of some family as the batch's next. */
static void add_name(struct pass *pass, struct str name)
{
	struct migrate *migrate = pass->migrate;
	struct step_key *key = &pass->keys[pass->count];
	*key = (struct step_key){ .old_name = arena_copy(&pass->texts, name, &pass->failed) };
	key->printed = print_name(pass, name);
	/* No pattern may say of it what it is. */
	if (name.len > PATTERN_NAME_MAX || key->printed.len > PATTERN_NAME_MAX) {
		struct migrate_counts *counts = &migrate->counts[migrate->plan->n_families];
		counts->source++;
		counts->skipped[FORM_name]++;
		return;
	}
	key->family =
	    own_name(name) ? -1 : plan_file_family(migrate->plan, key->printed, &key->match);
	if (key->family < 0)
		return;
	make_target(pass, key);
	key->entry =
	    keybook_find(migrate->book, migrate_server_database(migrate->server), key->old_name);
	if (key->entry != SIZE_MAX)
		keybook_at(migrate->book, key->entry)->seen = migrate->pass;
	pass->count++;
}

/* What a killed run left half-written: none of this plan is in use between two batches. */
static enum status drop_temporaries(struct migrate *migrate, const struct str *names, size_t count,
				    struct err *err)
{
	char storage[64];
	struct buf ours = buf_over(storage, sizeof storage);
	step_temporaries(&ours, migrate);
	for (size_t i = 0; i < count; i++) {
		const struct str unlink[] = { STR("UNLINK"), names[i] };
		if (str_starts(names[i], buf_str(&ours)))
			migrate_server_put(migrate->server, unlink, 2, NULL, NULL);
	}
	return migrate_server_settle(migrate->server, err);
}

static enum status on_names(void *ctx, const struct str *names, size_t count, struct err *err)
{
	struct pass *pass = ctx;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < count; i++) {
		add_name(pass, names[i]);
		if (pass->count == STEP_KEYS)
			status = send_batch(pass, err);
	}
	return status;
}

static enum status on_scanned(void *ctx, const struct str *names, size_t count, struct err *err)
{
	struct pass *pass = ctx;
	struct migrate *migrate = pass->migrate;
	enum status status =
	    migrate->checking ? STATUS_OK : drop_temporaries(migrate, names, count, err);
	return status ? status : on_names(pass, names, count, err);
}

static enum status on_left(void *ctx, const struct str *names, size_t count, struct err *err)
{
	return drop_temporaries(ctx, names, count, err);
}

/* What the journal has and SCAN did not tell: removed, expired, deleted. */
static bool wants_sweep(const struct keybook_entry *entry)
{
	return entry->state == BOOK_copied || entry->state == BOOK_moved ||
	       entry->state == BOOK_removing || entry->state == BOOK_removed ||
	       entry->state == BOOK_intent || entry->state == BOOK_expired ||
	       entry->state == BOOK_deleting || entry->state == BOOK_deleted;
}

static enum status on_journaled(void *ctx, uint64_t offset, struct str bytes, struct err *err)
{
	struct pass *pass = ctx;
	struct migrate *migrate = pass->migrate;
	struct keybook_record record;
	if (keybook_record_take(bytes, &record) ||
	    record.db != migrate_server_database(migrate->server))
		return STATUS_OK;
	size_t index = keybook_find(migrate->book, record.db, record.old_name);
	if (index == SIZE_MAX)
		return STATUS_OK;
	const struct keybook_entry *entry = keybook_at(migrate->book, index);
	if (entry->at != offset || entry->seen == migrate->pass || !wants_sweep(entry))
		return STATUS_OK;
	return on_names(pass, &record.old_name, 1, err);
}

static struct pass *pass_create(struct migrate *migrate, const char *phase, migrate_batch_fn fn)
{
	struct pass *pass = calloc(1, sizeof *pass);
	if (pass)
		*pass = (struct pass){ .migrate = migrate, .fn = fn, .phase = phase };
	return pass;
}

static void pass_destroy(struct pass *pass)
{
	arena_deinit(&pass->texts);
	free(pass);
}

static enum status run_database(struct pass *pass, int db, bool scan, struct err *err)
{
	enum status status = migrate_use(pass->migrate, db, err);
	if (!status && scan)
		status = source_scan(pass->migrate->server, on_scanned, pass, err);
	if (!status)
		status = send_batch(pass, err);
	if (!status)
		status = journal_each(&pass->migrate->journal, on_journaled, pass, err);
	if (!status)
		status = send_batch(pass, err);
	if (!status && !scan)
		status = source_scan(pass->migrate->server, on_left, pass->migrate, err);
	return status;
}

enum status migrate_pass(struct migrate *migrate, const char *phase, bool scan, migrate_batch_fn fn,
			 struct err *err)
{
	struct pass *pass = pass_create(migrate, phase, fn);
	enum status status = STATUS_OK;
	if (!pass)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	migrate->pass++;
	migrate->done = 0;
	for (size_t i = 0; !status && i < migrate->plan->n_databases; i++)
		status = run_database(pass, migrate->plan->databases[i], scan, err);
	pass_destroy(pass);
	return status;
}

enum status migrate_names(struct migrate *migrate, const struct str *names, size_t count,
			  migrate_batch_fn fn, struct err *err)
{
	struct pass *pass = pass_create(migrate, "dual", fn);
	if (!pass)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	enum status status = on_names(pass, names, count, err);
	if (!status)
		status = send_batch(pass, err);
	pass_destroy(pass);
	return status;
}

/* ---- apply, status ---- */

static enum status apply_pass(struct migrate *migrate, struct err *err)
{
	migrate_clear_counts(migrate);
	enum status status = step_sink_open(migrate, err);
	if (!status)
		status = migrate_pass(migrate, "apply", true, step_run, err);
	if (!status)
		status = step_sink_settle(migrate, err);
	enum status kept = journal_sync(&migrate->journal, status ? NULL : err);
	return status ? status : kept;
}

enum status migrate_apply(struct migrate *migrate, struct err *err)
{
	return apply_pass(migrate, err);
}

static void count_entry(struct migrate *migrate, const struct keybook_entry *entry)
{
	struct migrate_counts *counts = &migrate->counts[entry->family];
	counts->conflicts += entry->conflict;
	counts->source += entry->state != BOOK_none && entry->state != BOOK_deleted;
	switch ((enum keybook_state)entry->state) {
	case BOOK_removed:
	case BOOK_removing: counts->removed++; /* fall through */
	case BOOK_copied:
	case BOOK_moved: counts->copied++; break;
	case BOOK_skipped: counts->skipped[entry->reason]++; break;
	case BOOK_expired: counts->expired++; break;
	case BOOK_deleted: counts->deleted++; break;
	case BOOK_rolled: counts->restored++; break;
	default: counts->behind++; break;
	}
}

enum status migrate_status(struct migrate *migrate, struct err *err)
{
	(void)err;
	migrate_clear_counts(migrate);
	for (size_t i = 0; i < keybook_count(migrate->book); i++) {
		const struct keybook_entry *entry = keybook_at(migrate->book, i);
		if (entry->family < migrate->plan->n_families)
			count_entry(migrate, entry);
	}
	return STATUS_OK;
}
