/* Old and new in step, again and again. */
#include "migrate/migrate_impl.h"
#include "migrate/notify.h"

static const int64_t rescan_ns = INT64_C(10) * 1000000000, ms_ns = 1000000;
enum { WAIT_MS = 20 };

struct dual {
	struct migrate *migrate;
	struct notify *notify; /* NULL: names are gone through */
	bool asks_again;       /* the server told changes once, or was not there to say no */
	int64_t end_ns;        /* INT64_MAX: until it is stopped */
	int64_t scanned_ns;    /* when the last whole pass began: until then all was looked at */
};

static int64_t now(void) { return loop_precise_ns(); }

static void set_lag(struct dual *dual, int64_t since_ns)
{
	struct migrate_lag *lag = &dual->migrate->lag;
	lag->lag_ms = (now() - since_ns) / ms_ns;
	if (lag->lag_ms > lag->lag_ms_max)
		lag->lag_ms_max = lag->lag_ms;
}

static void listen_to(struct dual *dual, struct err *why)
{
	struct migrate *migrate = dual->migrate;
	const struct migrate_plan *plan = migrate->plan;
	*why = (struct err){ 0 };
	enum status status =
	    notify_open(&migrate->url, plan->databases, plan->n_databases, &dual->notify, why);
	if (status)
		dual->notify = NULL;
	dual->asks_again |= status != STATUS_REFUSED;
	migrate->notify = dual->notify;
	migrate->lag.notified = dual->notify != NULL;
}

/* Before each pass: what was missed is looked at by it. */
static void listen_again(struct dual *dual)
{
	struct err why;
	if (dual->notify && notify_gone(dual->notify)) {
		migrate_line(dual->migrate, "the connection for notifications was lost");
		notify_close(dual->notify);
		dual->migrate->notify = dual->notify = NULL;
	}
	if (!dual->notify && dual->asks_again)
		listen_to(dual, &why);
}

static enum status pass(struct dual *dual, struct err *err)
{
	int64_t began_ns = now();
	listen_again(dual);
	enum status status = migrate_apply(dual->migrate, err);
	if (status)
		return status;
	dual->migrate->lag.passes++;
	if (dual->scanned_ns)
		set_lag(dual, dual->scanned_ns);
	dual->scanned_ns = began_ns;
	return STATUS_OK;
}

/* A new name that was told stands for the old key that it was made of. */
static enum status old_names(struct dual *dual, int db, struct str *names, size_t count,
			     struct arena *texts, struct err *err)
{
	struct migrate *migrate = dual->migrate;
	struct buf record;
	enum status status = STATUS_OK;
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	for (size_t i = 0; !status && i < count; i++) {
		size_t index = keybook_find_target(migrate->book, db, names[i]);
		struct keybook_record fields;
		uint64_t next;
		bool failed = false;
		if (index == SIZE_MAX)
			continue;
		status = journal_read(&migrate->journal, keybook_at(migrate->book, index)->at,
				      &record, &next, err);
		if (!status && !keybook_record_take(buf_str(&record), &fields))
			names[i] = arena_copy(texts, fields.old_name, &failed);
		if (failed)
			status = err_set(err, STATUS_NO_MEMORY, "no memory");
	}
	buf_deinit(&record);
	return status;
}

static enum status told(struct dual *dual, struct err *err)
{
	struct migrate *migrate = dual->migrate;
	struct str names[STEP_KEYS];
	struct arena texts = { 0 };
	int64_t since_ns = now();
	int db = 0;
	size_t n = notify_names(dual->notify, &db, names, STEP_KEYS, &since_ns);
	if (!n)
		return STATUS_OK;
	enum status status = migrate_use(migrate, db, err);
	if (!status)
		status = old_names(dual, db, names, n, &texts, err);
	if (!status)
		status = migrate_names(migrate, names, n, step_run, err);
	if (!status && migrate->move)
		move_turn(migrate->move);
	arena_deinit(&texts);
	set_lag(dual, since_ns);
	return status;
}

static bool pass_due(struct dual *dual)
{
	int64_t every_ns =
	    dual->migrate->config.rescan_ns ? dual->migrate->config.rescan_ns : rescan_ns;
	bool lost = dual->notify && notify_lost(dual->notify);
	return lost || now() - dual->scanned_ns >= every_ns;
}

static void wait_a_little(struct dual *dual)
{
	if (dual->notify && !notify_gone(dual->notify))
		notify_take(dual->notify, WAIT_MS, now());
	else
		loop_turn(migrate_server_loop(dual->migrate->server), WAIT_MS * ms_ns);
}

static enum status turn(struct dual *dual, struct err *err)
{
	struct migrate *migrate = dual->migrate;
	enum status status = STATUS_OK;
	if (dual->notify && notify_waiting(dual->notify))
		status = told(dual, err);
	else
		wait_a_little(dual);
	if (dual->notify)
		notify_take(dual->notify, 0, now());
	migrate->lag.waiting = dual->notify ? (int64_t)notify_waiting(dual->notify) : 0;
	if (!status && pass_due(dual))
		status = pass(dual, err);
	migrate_tell(migrate, "dual");
	return status;
}

static enum status run(struct dual *dual, struct err *err)
{
	struct migrate *migrate = dual->migrate;
	enum status status = pass(dual, err);
	while (!status && !migrate_stopped(migrate) && now() < dual->end_ns)
		status = turn(dual, err);
	if (!status && !migrate_stopped(migrate))
		status = pass(dual, err); /* what is told at the end was looked at after it */
	return status == STATUS_CANCELLED ? STATUS_OK : status;
}

enum status migrate_dual(struct migrate *migrate, struct err *err)
{
	struct dual dual = { .migrate = migrate, .end_ns = INT64_MAX };
	struct err why;
	if (migrate->config.for_ns)
		dual.end_ns = now() + migrate->config.for_ns;
	listen_to(&dual, &why);
	if (!dual.notify)
		migrate_line(migrate, "%s", why.text);
	enum status status = run(&dual, err);
	migrate->notify = NULL;
	notify_close(dual.notify);
	enum status kept = journal_sync(&migrate->journal, status ? NULL : err);
	return status ? status : kept;
}
