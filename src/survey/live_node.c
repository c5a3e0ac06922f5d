/* A node: its connection, made again where it breaks, and its databases. */
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "survey/live_impl.h"

static const int64_t backoff_first_ns = 50000000;
static const int64_t backoff_longest_ns = 2000000000;

/* ---- the connection ---- */

/* Answered alike however often it is tried. */
static bool is_final(const struct live *live, enum status status)
{
	return live->stopped || status == STATUS_REDIS_NOAUTH || status == STATUS_REDIS_WRONGPASS ||
	       status == STATUS_REFUSED || status == STATUS_NO_MEMORY || status == STATUS_INVALID;
}

static enum status ask_ok(struct live *live, const struct str *argv, size_t argc)
{
	struct wire_token token;
	enum status status = wire_ask(live->wire, &token, argv, argc);
	if (!status && token.type == REDIS_ERROR)
		return err_set(&live->err, STATUS_REFUSED, "%.*s: %.*s", STR_ARG(argv[0]),
			       (int)(token.text.len < 200 ? token.text.len : 200), token.text.ptr);
	return status;
}

static enum status select_database(struct live *live, int database)
{
	char number[16];
	struct buf out = buf_over(number, sizeof number);
	buf_i64(&out, database);
	const struct str argv[] = { STR("SELECT"), buf_str(&out) };
	return ask_ok(live, argv, ARRAY_LEN(argv));
}

/* A managed server may not know CLIENT: its list then shows a connection without a name. Reading
 * makes no key younger where the server can leave it so (Redis from 7.2 on, Valkey). */
static enum status introduce(struct live *live)
{
	static const struct str name[] = { STR("CLIENT"), STR("SETNAME"), STR("weir-audit") };
	static const struct str touch[] = { STR("CLIENT"), STR("NO-TOUCH"), STR("ON") };
	static const struct str probe[] = { STR("PEXPIRETIME"), STR("weir-audit-probe") };
	struct wire_token token;
	enum status status = wire_ask(live->wire, &token, name, ARRAY_LEN(name));
	if (!status)
		status = wire_ask(live->wire, &token, touch, ARRAY_LEN(touch));
	if (!status && token.type == REDIS_ERROR)
		live->result->touches = true;
	if (!status)
		status = wire_ask(live->wire, &token, probe, ARRAY_LEN(probe));
	if (!status)
		live_prefer_absolute(live, token.type == REDIS_INTEGER);
	return status;
}

/* A process that started meanwhile has another order of keys. */
static enum status look_who(struct live *live)
{
	static const struct str info[] = { STR("INFO"), STR("server") };
	struct wire_token token;
	char was[sizeof live->run_id];
	memcpy(was, live->run_id, sizeof was);
	server_facts_init(&live->facts);
	enum status status = wire_ask(live->wire, &token, info, ARRAY_LEN(info));
	if (status)
		return status;
	if (token.type == REDIS_BULK)
		server_facts_info(&live->facts, token.text);
	memcpy(live->run_id, live->facts.run_id, sizeof was);
	bool another = !was[0] || strcmp(was, live->run_id) != 0;
	if (live->under_way) {
		live->result->restarts += another;
		live_scan_again(live, another);
	}
	return live->result->restarts > LIVE_RESTARTS_MAX
		   ? err_set(&live->err, STATUS_REFUSED, "the server was started anew %d times",
			     LIVE_RESTARTS_MAX)
		   : STATUS_OK;
}

static enum status connect_once(struct live *live)
{
	live->selected = 0;
	enum status status = wire_open(&live->wire_config, &live->wire, &live->err);
	if (!status)
		status = introduce(live);
	return status ? status : look_who(live);
}

static void disconnect(struct live *live)
{
	if (live->wire && !live->err.status)
		live->err = *wire_why(live->wire);
	wire_close(live->wire);
	live->wire = NULL;
}

static void rest(int64_t ns)
{
	struct timespec pause = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	nanosleep(&pause, NULL);
}

/* The work, over as many connections as it takes, as long as there is progress. */
static enum status persist(struct live *live, enum status (*work)(struct live *live))
{
	int64_t pause_ns = backoff_first_ns;
	for (;;) {
		int64_t progress_ns = live->progress_ns;
		live->err = (struct err){ 0 };
		enum status status = live->wire ? STATUS_OK : connect_once(live);
		if (!status)
			status = work(live);
		if (!status)
			return STATUS_OK;
		disconnect(live);
		if (is_final(live, status))
			return status;
		if (live_now_ns() - live->progress_ns >= live->config.patience_ns)
			return live->err.status = STATUS_UNAVAILABLE;
		if (live->progress_ns != progress_ns)
			pause_ns = backoff_first_ns;
		rest(pause_ns);
		pause_ns = pause_ns * 2 < backoff_longest_ns ? pause_ns * 2 : backoff_longest_ns;
		live->result->reconnects++;
	}
}

/* ---- databases ---- */

static enum status work_facts(struct live *live)
{
	server_facts_init(&live->facts);
	return server_facts_ask(live->wire, live->wire_config.password != NULL, &live->facts);
}

/* Where INFO is refused: what answers SELECT, up to the usual number, and has keys. */
static enum status work_databases(struct live *live)
{
	static const struct str size[] = { STR("DBSIZE") };
	struct server_facts *facts = &live->facts;
	struct wire_token token;
	enum status status = STATUS_OK;
	facts->n_databases = 0;
	for (int i = 0; i < LIVE_DATABASES_TRIED && !status; i++) {
		if (i > 0 && select_database(live, i) == STATUS_REFUSED)
			break;
		live->selected = i;
		status = wire_ask(live->wire, &token, size, ARRAY_LEN(size));
		bool told = !status && token.type == REDIS_INTEGER;
		if (!status && (!told || token.number > 0))
			facts->databases[facts->n_databases++] =
			    (struct server_database){ i, told ? token.number : 0 };
		if (!told)
			break;
	}
	live->err = (struct err){ 0 };
	return status;
}

static enum status work_scan(struct live *live)
{
	enum status status = STATUS_OK;
	if (live->selected != live->database)
		status = select_database(live, live->database);
	if (status)
		return status;
	live->selected = live->database;
	return live_scan(live);
}

static bool is_wanted(const struct live *live, int database)
{
	return live->only_database < 0 || live->only_database == database;
}

enum status live_know(struct live *live)
{
	live->progress_ns = live_now_ns();
	enum status status = persist(live, work_facts);
	if (!status && !live->facts.info)
		status = persist(live, work_databases);
	return status;
}

static enum status scan_database(struct live *live, int database)
{
	live_scan_begin(live, database);
	live->under_way = true;
	enum status status = persist(live, work_scan);
	live->under_way = false;
	live->result->databases++;
	return status;
}

enum status live_node(struct live *live)
{
	struct server_database databases[SERVER_DATABASES_MAX];
	size_t n = live->facts.n_databases;
	enum status status = STATUS_OK;
	memcpy(databases, live->facts.databases, n * sizeof *databases);
	for (size_t i = 0; i < n; i++)
		live->expected += is_wanted(live, databases[i].number) ? databases[i].keys : 0;
	for (size_t i = 0; i < n && !status; i++)
		if (is_wanted(live, databases[i].number))
			status = scan_database(live, databases[i].number);
	return status;
}
