/* The day's deals in trade_results, from where the archive stands. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/results_id.h"
#include "archive/results_row.h"
#include "base/check.h"
#include "codec/entries.h"
#include "daemon/day_loss_impl.h"
#include "def/keys.h"
#include "os/redis_conn.h"

enum {
	PAGE = 100, /* entries: packed ones take up to 15 KB, and have up to 256 results, each */
	FROM_BYTES = RESULTS_ID_TEXT + 3,
	MARGIN_MS = 3600000,       /* of clocks, before the day begins */
	LETTERS_BYTES = 256 << 20, /* what the ladder has: then it is no start */
};

struct day_loss {
	struct day_loss_config config;
	struct loop_task begin;
	struct redis_conn *conn; /* the store's own waits in the middle of a transaction */
	struct entries_reader *reader;
	char word[WRITER_MARK_BYTES]; /* the epoch that the mark is of */
	char from[FROM_BYTES];
	struct {
		struct writer_job job;
		bool runs, whole; /* whole: the stream is read from its begin */
		struct day_known known;
		struct buf letters; /* ENTRY_ID 0 PAYLOAD 0 … */
		enum status status;
	} file;
	bool ended;
	enum status status;
	void (*done)(void *ctx, enum status status);
	void *ctx;
};

/* ---- to the limits ---- */

static const struct instance *find(struct terminals *terminals, struct str id)
{
	struct fleet *fleet = terminals_fleet(terminals);
	uint32_t slot = id.len ? fleet_find(fleet, id) : FLEET_NONE;
	const struct instance *instance = slot == FLEET_NONE ? NULL : fleet_at(fleet, slot);
	return instance && instance->login ? instance : NULL;
}

static void tell_unknown(struct terminals *terminals, const struct day_deal *deal,
			 const struct day_known *known)
{
	struct str server = deal->server;
	int64_t login = deal->login;
	if (!server.len) {
		const struct instance *instance = find(terminals, deal->instance);
		if (!instance)
			return; /* nobody knows whose it is */
		server = str_of(instance->server);
		login = instance->login;
	}
	if (deal->profit && !(known && day_known_has(known, deal, server, login)))
		terminals_remember_deal(terminals, server, login, deal->deal, deal->at_us / 1000,
					deal->profit);
}

void day_loss_tell(struct terminals *terminals, const struct day_deal *deal)
{
	tell_unknown(terminals, deal, NULL);
}

static void tell_values(struct terminals *terminals, const struct str *values, int64_t received_ms,
			const struct day_known *known)
{
	struct day_deal deal;
	int64_t server_ms;
	if (!day_loss_deal(values, received_ms, &deal, &server_ms))
		return;
	const struct instance *instance = server_ms ? find(terminals, deal.instance) : NULL;
	if (instance)
		deal.at_us = (server_ms - instance->offset_s * 1000) * 1000;
	tell_unknown(terminals, &deal, known);
}

void day_loss_of_values(struct terminals *terminals, const struct str *values)
{
	tell_values(terminals, values, 0, NULL);
}

/* ---- its end ---- */

static void finish(struct day_loss *loss)
{
	void (*done)(void *ctx, enum status status) = loss->done;
	void *ctx = loss->ctx;
	enum status status = loss->status;
	if (loss->conn || loss->file.runs)
		return;
	day_known_free(&loss->file.known);
	buf_deinit(&loss->file.letters);
	entries_reader_destroy(loss->reader);
	free(loss);
	done(ctx, status);
}

static void on_conn_closed(void *ctx)
{
	struct day_loss *loss = ctx;
	loss->conn = NULL;
	finish(loss);
}

static void end(struct day_loss *loss, enum status status)
{
	if (loss->ended)
		return;
	loss->ended = true;
	loss->status = status;
	if (loss->conn)
		redis_conn_close(loss->conn, on_conn_closed, loss);
}

/* ---- entries ---- */

static void take_packed(struct day_loss *loss, struct str chunk, uint64_t id_ms)
{
	size_t count;
	if (entries_read(loss->reader, ENTRIES_RESULTS, chunk, &count))
		return;
	for (size_t i = 0; i < count; i++)
		tell_values(loss->config.terminals, entries_row(loss->reader, i), (int64_t)id_ms,
			    &loss->file.known);
}

static void take_entry(struct day_loss *loss, struct results_id id,
		       const struct redis_reply *fields)
{
	const struct results_entry entry = { id.ms, fields->items, fields->count };
	struct str values[RESULT_FIELDS] = { 0 };
	struct str chunk;
	if (results_row_is_packed(&entry, &chunk)) {
		take_packed(loss, chunk, id.ms);
		return;
	}
	day_loss_gather(fields->items, fields->count, values);
	if (values[RESULT_rid].len)
		tell_values(loss->config.terminals, values, (int64_t)id.ms, &loss->file.known);
}

static void read_from(struct day_loss *loss, struct results_id id)
{
	struct buf text = buf_over(loss->from, sizeof loss->from - 1);
	buf_char(&text, '(');
	results_id_print(&text, id);
	loss->from[text.len] = 0;
}

static void ask_page(struct day_loss *loss);

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct day_loss *loss = ctx;
	struct results_id id;
	if (loss->ended)
		return;
	if (status || reply->type != REDIS_ARRAY) {
		end(loss, status ? status : STATUS_REDIS_PROTOCOL);
		return;
	}
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *entry = &reply->items[i];
		if (entry->type != REDIS_ARRAY || entry->count != 2 ||
		    results_id_parse(entry->items[0].text, &id)) {
			end(loss, STATUS_REDIS_PROTOCOL);
			return;
		}
		read_from(loss, id);
		if (entry->items[1].type == REDIS_ARRAY)
			take_entry(loss, id, &entry->items[1]);
	}
	if (reply->count < PAGE)
		end(loss, STATUS_OK);
	else
		ask_page(loss);
}

static void ask(struct day_loss *loss, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	enum status status = redis_command(redis_conn_port(loss->conn), argv, argc, fn, loss);
	if (status)
		end(loss, status);
}

static void ask_page(struct day_loss *loss)
{
	char count[16];
	struct key key;
	snprintf(count, sizeof count, "%d", PAGE);
	struct str argv[] = { STR("XRANGE"),      key_trade_results(&key),
			      str_of(loss->from), STR("+"),
			      STR("COUNT"),       str_of(count) };
	ask(loss, argv, ARRAY_LEN(argv), on_page);
}

/* ---- the file ---- */

static void keep_letter(void *ctx, struct str payload, struct str entry_id)
{
	struct buf *letters = ctx;
	buf_str_put(letters, entry_id);
	buf_char(letters, 0);
	buf_str_put(letters, payload);
	buf_char(letters, 0);
}

static struct day_loss *of_job(struct writer_job *job)
{
	return (struct day_loss *)((char *)job - offsetof(struct day_loss, file.job));
}

static void look_into_file(struct archive_db *db, struct writer_job *job)
{
	struct day_loss *loss = of_job(job);
	const int64_t day_us = INT64_C(86400000000);
	int64_t today_us = db_now_us(db) / day_us * day_us;
	struct err err;
	loss->file.status = day_loss_letters(db, today_us, keep_letter, &loss->file.letters, &err);
	if (!loss->file.status && loss->file.letters.overflow)
		loss->file.status = STATUS_NO_MEMORY;
	if (!loss->file.status && loss->file.whole)
		loss->file.status = day_known_load(db, today_us, &loss->file.known, &err);
}

static void tell_letters(struct day_loss *loss)
{
	struct results_payload *payload = malloc(sizeof *payload);
	const struct buf *letters = &loss->file.letters;
	CHECK(payload);
	for (size_t at = 0; at < letters->len;) {
		struct str entry = str_of(letters->ptr + at);
		struct str json = str_of(entry.ptr + entry.len + 1);
		struct str values[RESULT_FIELDS] = { 0 };
		uint64_t id_ms;
		at += entry.len + json.len + 2;
		if (str_to_u64(str_make(entry.ptr, str_find_char(entry, '-')), &id_ms) ||
		    results_payload_read(payload, json))
			continue;
		day_loss_gather(payload->items, payload->count, values);
		tell_values(loss->config.terminals, values, (int64_t)id_ms, NULL);
	}
	free(payload);
}

static void on_file(struct writer_job *job, enum status status)
{
	struct day_loss *loss = of_job(job);
	loss->file.runs = false;
	if (loss->ended) {
		finish(loss);
		return;
	}
	if (!status)
		status = loss->file.status;
	if (status) {
		end(loss, status);
		return;
	}
	tell_letters(loss);
	ask_page(loss);
}

/* ---- from where ---- */

/* Of another stream than the mark says: its begin. */
static void on_word(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct day_loss *loss = ctx;
	if (status || loss->ended) {
		end(loss, status);
		return;
	}
	if (reply->type != REDIS_BULK || !str_eq(reply->text, str_of(loss->word)))
		memcpy(loss->from, "-", 2);
	loss->file.whole = str_eq(str_of(loss->from), STR("-"));
	loss->file.job = (struct writer_job){ .work = look_into_file, .done = on_file };
	loss->file.runs = true;
	writer_run(loss->config.writer, &loss->file.job);
}

/* "EPOCH ID …" (results.c); what cannot be read says nothing. */
static void read_mark(struct day_loss *loss)
{
	struct results_id id;
	struct str mark = writer_marked(loss->config.writer, STR("trade_results")), word, text;
	memcpy(loss->from, "-", 2);
	if (!str_split(&mark, ' ', &word) || !str_split(&mark, ' ', &text) ||
	    str_copy(word, loss->word, sizeof loss->word) || results_id_parse(text, &id))
		return;
	read_from(loss, id);
}

static void begin(void *ctx)
{
	struct day_loss *loss = ctx;
	int64_t now_ms = loop_wall_ns(loss->config.loop) / 1000000;
	int64_t from_ms = now_ms - now_ms % 86400000 - MARGIN_MS;
	struct err err;
	if (!loss->ended) {
		enum status status = segments_connect(loss->config.segments, SEGMENT_RTRS,
						      "weir-day", NULL, NULL, &loss->conn, &err);
		if (status)
			end(loss, status);
	}
	if (loss->ended) {
		finish(loss);
		return;
	}
	if (loss->config.writer) {
		struct key key;
		struct str argv[] = { STR("GET"), key_archive_epoch(&key) };
		read_mark(loss);
		ask(loss, argv, ARRAY_LEN(argv), on_word);
		return;
	}
	read_from(loss, (struct results_id){ .ms = from_ms > 0 ? (uint64_t)from_ms : 0 });
	ask_page(loss);
}

struct day_loss *day_loss_read(const struct day_loss_config *config,
			       void (*done)(void *ctx, enum status status), void *ctx)
{
	struct day_loss *loss = calloc(1, sizeof *loss);
	if (!loss)
		return NULL;
	loss->config = *config;
	loss->done = done;
	loss->ctx = ctx;
	loss->begin = (struct loop_task){ .fn = begin, .ctx = loss };
	loss->file.known.most = DAY_KNOWN_MAX;
	buf_init(&loss->file.letters, LETTERS_BYTES);
	loss->reader = entries_reader_create();
	if (!loss->reader) {
		free(loss);
		return NULL;
	}
	loop_defer(config->loop, &loss->begin);
	return loss;
}

void day_loss_stop(struct day_loss *loss) { end(loss, STATUS_CANCELLED); }
