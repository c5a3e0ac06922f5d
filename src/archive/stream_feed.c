#include "archive/stream_feed.h"

#include <stdlib.h>

#include "base/check.h"

enum { COUNT_BYTES = 24 };

enum stream_state {
	STREAM_RESTS,
	STREAM_ASKED,   /* XINFO is under way */
	STREAM_READING, /* XRANGE is */
	STREAM_TAKEN,   /* rows of it are in the batch */
};

struct stream {
	struct stream_feeds *feeds;
	struct redis_port *port;
	const struct stream_feed_kind *kind;
	enum stream_state state;
	bool restored; /* the mark was looked for … */
	bool unknown;  /* … and cannot be read */
	bool draining;
	int64_t due_ns;
	struct results_id last; /* taken */
	struct results_id high; /* up to it entries may be known */
	int64_t added;          /* up to last; -1 not known */
	struct results_id top;  /* of the XINFO under way … */
	int64_t top_added;      /* -1 not known */
	int64_t behind_ms;      /* wall: the oldest entry that is known and not taken; 0 none */
	size_t key_len, subject_len;
	char key[WRITER_MARK_BYTES];
	char subject[STREAM_FEED_SUBJECT];
};

struct stream_feeds {
	struct stream_feeds_config config;
	struct stream **streams;
	size_t count;
	size_t next;   /* where the next round begins to look */
	size_t waited; /* replies of the round */
	int64_t rows;  /* that the round may bring */
	bool in_vain;  /* there was no batch for it */
	bool stopped;
	struct writer_batch *batch; /* being filled */
	bool at_writer;
	enum status drain_status;
	struct stream_feeds_counts counts;
};

static struct str key_of(const struct stream *stream)
{
	return str_make(stream->key, stream->key_len);
}

static struct results_id id_max(struct results_id a, struct results_id b)
{
	return results_id_cmp(a, b) < 0 ? b : a;
}

/* ---- the mark ---- */

static void mark_put(struct stream *stream)
{
	char storage[WRITER_MARK_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	results_id_print(&text, stream->last);
	buf_char(&text, ' ');
	results_id_print(&text, stream->high);
	buf_char(&text, ' ');
	buf_i64(&text, stream->added);
	writer_mark(stream->feeds->batch, key_of(stream), buf_str(&text));
}

static bool mark_read(struct str text, struct stream *stream)
{
	struct str last_text, high_text;
	struct results_id last, high;
	if (!str_split(&text, ' ', &last_text) || !str_split(&text, ' ', &high_text) ||
	    results_id_parse(last_text, &last) || results_id_parse(high_text, &high) ||
	    str_to_i64(text, &stream->added))
		return false;
	stream->last = last;
	stream->high = high;
	return true;
}

/* Read again from its begin: what is there now may be known. */
static void begin_anew(struct stream *stream)
{
	stream->high = id_max(id_max(stream->high, stream->last), stream->top);
	stream->last = (struct results_id){ 0 };
	stream->added = -1;
	stream->unknown = false;
}

static void restore(struct stream *stream)
{
	struct str mark = writer_marked(stream->feeds->config.writer, key_of(stream));
	stream->restored = true;
	stream->added = -1;
	stream->unknown = mark.len && !mark_read(mark, stream);
}

/* ---- a round's end ---- */

static void on_committed(void *ctx, struct writer_batch *batch, enum status status)
{
	struct stream_feeds *feeds = ctx;
	feeds->at_writer = false;
	for (size_t i = 0; i < feeds->count; i++)
		if (feeds->streams[i]->state == STREAM_TAKEN)
			feeds->streams[i]->state = STREAM_RESTS;
	feeds->config.freed(feeds->config.ctx, batch, status);
	stream_feeds_step(feeds);
}

static void answered(struct stream_feeds *feeds)
{
	if (--feeds->waited)
		return;
	struct writer_batch *batch = feeds->batch;
	if (!batch) {
		if (!feeds->in_vain)
			stream_feeds_step(feeds); /* there may be more than one round asks */
		return;
	}
	feeds->batch = NULL;
	feeds->at_writer = true;
	batch->done = on_committed;
	batch->ctx = feeds;
	writer_submit(feeds->config.writer, batch);
}

/* No answer, or none that can be used: the next round asks again. */
static void fail(struct stream *stream, enum status status)
{
	struct stream_feeds *feeds = stream->feeds;
	feeds->counts.failed++;
	stream->state = STREAM_RESTS;
	if (stream->draining && !feeds->drain_status)
		feeds->drain_status = status;
	stream->draining = false;
}

/* ---- pages ---- */

struct str stream_feed_field(const struct stream_feed_entry *entry, struct str name)
{
	const struct redis_reply *fields = entry->fields;
	for (size_t i = 0; fields->type == REDIS_ARRAY && i + 1 < fields->count; i += 2)
		if (str_eq(fields->items[i].text, name))
			return fields->items[i + 1].text;
	return (struct str){ 0 };
}

/* FULL: there is no room for its row. */
static enum status take_entry(struct stream *stream, const struct stream_feed_entry *entry)
{
	struct stream_feeds *feeds = stream->feeds;
	struct archive_rows *rows = &feeds->batch->rows;
	if (rows->count >= WRITER_ROWS_MAX)
		return STATUS_FULL;
	bool alone = rows->count == 0;
	archive_rows_begin(rows, stream->kind->table);
	if (stream->kind->cells(rows, entry)) {
		archive_rows_cancel(rows);
		feeds->counts.left_out++;
		return STATUS_OK;
	}
	enum status status = archive_rows_end(rows);
	feeds->counts.rows[stream->kind->table] += !status;
	feeds->counts.left_out += status && alone; /* no batch is large enough for it */
	return alone ? STATUS_OK : status;
}

/* How many of the reply's entries were taken, all of them unless there is no room. */
static size_t take_entries(struct stream *stream, const struct redis_reply *reply)
{
	struct stream_feeds *feeds = stream->feeds;
	struct stream_feed_entry entry = { .subject =
					       str_make(stream->subject, stream->subject_len) };
	size_t i = 0;
	for (; i < reply->count; i++) {
		const struct redis_reply *item = &reply->items[i];
		if (item->type != REDIS_ARRAY || item->count != 2 ||
		    results_id_parse(item->items[0].text, &entry.id) ||
		    results_id_cmp(entry.id, stream->last) <= 0)
			break; /* not what was asked for: asked again */
		entry.fields = &item->items[1];
		if (stream->kind->checked || results_id_cmp(entry.id, stream->high) <= 0)
			feeds->batch->flags |= WRITER_CHECKED;
		if (take_entry(stream, &entry))
			break;
		stream->last = entry.id;
	}
	return i;
}

static void tell_gap(struct stream *stream, int64_t missing)
{
	struct stream_feeds *feeds = stream->feeds;
	if (missing <= 0)
		return;
	feeds->counts.gaps++;
	feeds->counts.gap_entries += (uint64_t)missing;
	if (feeds->config.on_gap)
		feeds->config.on_gap(feeds->config.ctx, key_of(stream), (uint64_t)missing);
}

/* All up to the top was there to be read: what was added and did not come is gone. `last`
 * stays where entries were taken: a server that has just lost its newest may get them again. */
static void caught_up(struct stream *stream, int64_t taken)
{
	if (stream->top_added >= 0 && stream->added >= 0)
		tell_gap(stream, stream->top_added - stream->added - taken);
	stream->added = stream->top_added;
	stream->behind_ms = 0;
	stream->draining = false;
}

static void take_page(struct stream *stream, const struct redis_reply *reply)
{
	struct stream_feeds *feeds = stream->feeds;
	if (!reply->count) {
		caught_up(stream, 0);
		stream->state = STREAM_RESTS;
		return;
	}
	if (!feeds->batch)
		feeds->batch = feeds->config.take(feeds->config.ctx);
	if (!feeds->batch) {
		feeds->counts.put_off++;
		feeds->in_vain = true;
		stream->state = STREAM_RESTS;
		return;
	}
	size_t taken = take_entries(stream, reply);
	if (taken == reply->count && taken < STREAM_FEED_PAGE) {
		caught_up(stream, (int64_t)taken);
	} else {
		stream->added += stream->added >= 0 ? (int64_t)taken : 0;
		stream->due_ns = taken ? 0 : stream->due_ns; /* there is more */
		feeds->counts.put_off += taken < reply->count;
	}
	mark_put(stream);
	stream->state = STREAM_TAKEN;
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct stream *stream = ctx;
	struct stream_feeds *feeds = stream->feeds;
	if (!status && reply->type != REDIS_ARRAY)
		status = STATUS_REDIS_PROTOCOL;
	if (status)
		fail(stream, status);
	else if (feeds->stopped)
		stream->state = STREAM_RESTS;
	else
		take_page(stream, reply);
	answered(feeds);
}

static enum status ask_page(struct stream *stream)
{
	char from_text[RESULTS_ID_TEXT], to_text[RESULTS_ID_TEXT], count_text[COUNT_BYTES];
	struct buf from = buf_over(from_text, sizeof from_text);
	struct buf to = buf_over(to_text, sizeof to_text);
	struct buf count = buf_over(count_text, sizeof count_text);
	results_id_print(&from, results_id_next(stream->last));
	results_id_print(&to, stream->top);
	buf_i64(&count, STREAM_FEED_PAGE);
	const struct str argv[] = { STR("XRANGE"), key_of(stream), buf_str(&from),
				    buf_str(&to),  STR("COUNT"),   buf_str(&count) };
	return redis_command(stream->port, argv, ARRAY_LEN(argv), on_page, stream);
}

/* ---- what is there ---- */

struct top {
	struct results_id last;
	int64_t length, added; /* added -1: the server does not say it */
	int64_t first_ms;      /* of its first entry */
};

static void take_info(struct top *top, struct str name, const struct redis_reply *value)
{
	struct results_id first;
	if (str_eq(name, STR("length")))
		top->length = value->integer;
	else if (str_eq(name, STR("entries-added")))
		top->added = value->integer;
	else if (str_eq(name, STR("first-entry")) && value->type == REDIS_ARRAY && value->count &&
		 !results_id_parse(value->items[0].text, &first))
		top->first_ms = (int64_t)first.ms;
}

/* NOT_FOUND: there is no such stream. */
static enum status read_info(enum status status, const struct redis_reply *reply, struct top *top)
{
	bool found = false;
	*top = (struct top){ .added = -1 };
	if (status)
		return reply && reply->type == REDIS_ERROR &&
			       str_starts(reply->text, STR("ERR no such key"))
			   ? STATUS_NOT_FOUND
			   : status;
	for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2) {
		if (str_eq(reply->items[i].text, STR("last-generated-id")))
			found = !results_id_parse(reply->items[i + 1].text, &top->last);
		else
			take_info(top, reply->items[i].text, &reply->items[i + 1]);
	}
	return found ? STATUS_OK : STATUS_REDIS_PROTOCOL;
}

static bool is_remade(const struct stream *stream, const struct top *top)
{
	return stream->unknown || results_id_cmp(top->last, stream->last) < 0 ||
	       (top->added >= 0 && top->added < stream->added);
}

static bool has_news(struct stream *stream, const struct top *top)
{
	struct stream_feeds *feeds = stream->feeds;
	stream->top = top->last;
	stream->top_added = top->added;
	if (is_remade(stream, top)) {
		begin_anew(stream);
		feeds->counts.remade++;
		if (feeds->config.on_remade)
			feeds->config.on_remade(feeds->config.ctx, key_of(stream));
	}
	bool first = !stream->last.ms && !stream->last.seq;
	if (first && stream->added < 0 && top->added >= 0)
		stream->added = top->added - top->length;
	return results_id_cmp(top->last, stream->last) > 0;
}

/* The oldest that may be unread, for the lag: not earlier than what was taken last. */
static void note_behind(struct stream *stream, const struct top *top)
{
	int64_t last_ms = (int64_t)stream->last.ms;
	if (!stream->behind_ms)
		stream->behind_ms = last_ms && last_ms > top->first_ms ? last_ms : top->first_ms;
}

static int64_t rows_expected(const struct stream *stream)
{
	int64_t rows = STREAM_FEED_PAGE;
	if (stream->added >= 0 && stream->top_added >= stream->added)
		rows = stream->top_added - stream->added;
	return rows < STREAM_FEED_PAGE ? rows : STREAM_FEED_PAGE;
}

/* What one round has no room for is read in the next. */
static void read_on(struct stream *stream)
{
	struct stream_feeds *feeds = stream->feeds;
	int64_t rows = rows_expected(stream);
	if (feeds->rows + rows > WRITER_ROWS_MAX) {
		stream->state = STREAM_RESTS;
		stream->due_ns = 0;
		return;
	}
	enum status status = ask_page(stream);
	if (status) {
		fail(stream, status);
		return;
	}
	stream->state = STREAM_READING;
	feeds->rows += rows;
	feeds->waited++;
}

static void on_info(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct stream *stream = ctx;
	struct stream_feeds *feeds = stream->feeds;
	struct top top;
	status = read_info(status, reply, &top);
	stream->state = STREAM_RESTS;
	if (status && status != STATUS_NOT_FOUND) {
		fail(stream, status);
	} else if (!status && !feeds->stopped && has_news(stream, &top)) {
		note_behind(stream, &top);
		read_on(stream);
	} else {
		stream->behind_ms = 0;
		stream->draining = false;
	}
	answered(feeds);
}

/* ---- rounds ---- */

static bool is_due(const struct stream *stream, int64_t now_ns)
{
	return stream->state == STREAM_RESTS && (stream->draining || stream->due_ns <= now_ns);
}

static void ask(struct stream *stream, int64_t now_ns)
{
	const struct str argv[] = { STR("XINFO"), STR("STREAM"), key_of(stream) };
	if (!stream->restored)
		restore(stream);
	stream->due_ns = now_ns + stream->kind->poll_ns;
	enum status status = redis_command(stream->port, argv, ARRAY_LEN(argv), on_info, stream);
	if (status) {
		fail(stream, status);
		return;
	}
	stream->state = STREAM_ASKED;
	stream->feeds->waited++;
}

void stream_feeds_step(struct stream_feeds *feeds)
{
	int64_t now_ns = clock_monotonic_ns(feeds->config.clock);
	if (feeds->stopped || feeds->waited || feeds->at_writer ||
	    writer_state(feeds->config.writer) != WRITER_READY)
		return;
	feeds->rows = 0;
	feeds->in_vain = false;
	size_t asked = 0, from = feeds->next;
	for (size_t i = 0; i < feeds->count && asked < STREAM_FEED_ROUND; i++) {
		struct stream *stream = feeds->streams[(from + i) % feeds->count];
		feeds->next = (from + i + 1) % feeds->count;
		if (!is_due(stream, now_ns))
			continue;
		ask(stream, now_ns);
		asked++;
	}
	feeds->counts.rounds += feeds->waited > 0;
}

void stream_feeds_stop(struct stream_feeds *feeds) { feeds->stopped = true; }

void stream_feeds_drain(struct stream_feeds *feeds)
{
	feeds->drain_status = STATUS_OK;
	for (size_t i = 0; i < feeds->count; i++)
		feeds->streams[i]->draining = true;
}

bool stream_feeds_drained(const struct stream_feeds *feeds, enum status *status)
{
	for (size_t i = 0; i < feeds->count; i++)
		if (feeds->streams[i]->draining || feeds->streams[i]->state == STREAM_TAKEN)
			return false;
	*status = feeds->drain_status;
	return true;
}

/* ---- life ---- */

struct stream_feeds *stream_feeds_create(const struct stream_feeds_config *config)
{
	struct stream_feeds *feeds = calloc(1, sizeof *feeds);
	if (!feeds)
		return NULL;
	feeds->config = *config;
	feeds->streams = calloc(config->room, sizeof feeds->streams[0]);
	if (feeds->streams)
		return feeds;
	free(feeds);
	return NULL;
}

void stream_feeds_destroy(struct stream_feeds *feeds)
{
	if (!feeds)
		return;
	for (size_t i = 0; i < feeds->count; i++)
		free(feeds->streams[i]);
	free(feeds->streams);
	free(feeds);
}

enum status stream_feeds_add(struct stream_feeds *feeds, struct redis_port *port, struct str key,
			     struct str subject, const struct stream_feed_kind *kind)
{
	CHECK(key.len < WRITER_MARK_BYTES && subject.len <= STREAM_FEED_SUBJECT);
	if (feeds->count == feeds->config.room)
		return STATUS_FULL;
	struct stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return STATUS_NO_MEMORY;
	stream->feeds = feeds;
	stream->port = port;
	stream->kind = kind;
	stream->key_len = key.len;
	stream->subject_len = subject.len;
	memcpy(stream->key, key.ptr, key.len);
	if (subject.len)
		memcpy(stream->subject, subject.ptr, subject.len);
	feeds->streams[feeds->count++] = stream;
	return STATUS_OK;
}

struct stream_feeds_counts stream_feeds_counts(const struct stream_feeds *feeds)
{
	struct stream_feeds_counts counts = feeds->counts;
	int64_t now_ms = clock_wall_ns(feeds->config.clock) / 1000000;
	for (size_t i = 0; i < feeds->count; i++) {
		int64_t behind_ms = feeds->streams[i]->behind_ms;
		if (behind_ms && now_ms - behind_ms > counts.behind_ms)
			counts.behind_ms = now_ms - behind_ms;
	}
	return counts;
}
