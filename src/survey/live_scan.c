/* One database, page by page. */
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "survey/live_impl.h"

static const int64_t late_ns = 2000000; /* bursts that are late by more are not made up for */

int64_t live_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- pages ---- */

static void begin_stage(struct live_page *page, enum live_stage stage)
{
	page->stage = stage;
	page->sent = page->read = 0;
}

static bool asks_before(const struct live *live, const struct live_keyed *key)
{
	return !key->gone && (key->type == AUDIT_STREAM ||
			      live_length_before(key, live->refused) < LIVE_COMMANDS);
}

static bool has_before(const struct live *live, const struct live_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		if (asks_before(live, &page->keys[i]))
			return true;
	return false;
}

/* All of a stage was read: the next one that has something to ask. */
static void end_stage(const struct live *live, struct live_page *page)
{
	bool values = live->config.depth == LIVE_VALUES;
	if (page->stage == STAGE_SCAN && page->count)
		begin_stage(page, STAGE_META);
	else if (page->stage == STAGE_META && values && has_before(live, page))
		begin_stage(page, STAGE_BEFORE);
	else if ((page->stage == STAGE_META || page->stage == STAGE_BEFORE) &&
		 live->config.depth != LIVE_METADATA)
		begin_stage(page, STAGE_VALUES);
	else
		begin_stage(page, STAGE_FREE);
}

static struct live_page *free_page(struct live *live)
{
	for (size_t i = 0; i < LIVE_PAGES; i++)
		if (live->pages[i].stage == STAGE_FREE)
			return &live->pages[i];
	return NULL;
}

/* The oldest page that has keys to ask about. */
static struct live_page *askable_page(struct live *live)
{
	struct live_page *oldest = NULL;
	for (size_t i = 0; i < LIVE_PAGES; i++) {
		struct live_page *page = &live->pages[i];
		if (page->stage > STAGE_SCAN && page->sent < page->count &&
		    (!oldest || page->number < oldest->number))
			oldest = page;
	}
	return oldest;
}

/* ---- sending ---- */

static struct live_segment *new_segment(struct live *live, struct live_page *page, size_t to)
{
	struct live_segment *segment = &live->segments[live->n_segments++];
	*segment = (struct live_segment){ page, page->stage, to, live->refused };
	return segment;
}

static void send_scan(struct live *live, struct live_page *page)
{
	char count[16];
	struct buf out = buf_over(count, sizeof count);
	buf_i64(&out, LIVE_COUNT);
	const struct str argv[] = { STR("SCAN"), str_of(live->cursor), STR("COUNT"),
				    buf_str(&out) };
	buf_clear(&page->names);
	buf_clear(&page->groups);
	page->count = 0;
	page->number = live->pages_begun++;
	begin_stage(page, STAGE_SCAN);
	live->scanning = true;
	new_segment(live, page, 0);
	wire_put(live->wire, argv, ARRAY_LEN(argv));
}

/* Behind the keys that are asked about at once: few when paced, and in no case so many that their
 * values fill the server's output buffers. *asked: those of them that anything is asked of. */
static size_t segment_end(const struct live *live, const struct live_page *page, size_t *asked)
{
	bool paced = live->pace.step_ns > 0;
	size_t to = page->sent, most = paced ? LIVE_BURST : page->count;
	int64_t bytes = 0, bytes_most = paced ? LIVE_BURST_BYTES : LIVE_SEGMENT_BYTES;
	*asked = 0;
	do {
		const struct live_keyed *key = &page->keys[to];
		if (page->stage == STAGE_VALUES)
			bytes += live_sample_bytes(key);
		*asked += page->stage != STAGE_BEFORE || asks_before(live, key);
		to++;
	} while (to < page->count && *asked < most && bytes < bytes_most);
	return to;
}

static void send_keys(struct live *live, struct live_page *page)
{
	size_t asked, to = segment_end(live, page, &asked);
	live_put_segment(live, page, page->stage, page->sent, to);
	new_segment(live, page, to);
	live->pace.next_ns += (int64_t)asked * live->pace.step_ns;
	page->sent = to;
}

static bool send_one(struct live *live)
{
	struct live_page *page = askable_page(live);
	if (page) {
		send_keys(live, page);
		return true;
	}
	page = live->scanning || live->scanned ? NULL : free_page(live);
	if (page)
		send_scan(live, page);
	return page;
}

/* Paced, one burst is in flight at a time; else as many as there is room for. The next page's
 * names are asked for behind the last page's keys, so that the server never waits for us. */
static enum status send_some(struct live *live)
{
	size_t most = live->pace.step_ns ? 1 : LIVE_SEGMENTS;
	while (live->n_segments < most && send_one(live))
		;
	return wire_flush(live->wire);
}

/* ---- receiving ---- */

static enum status read_keys(struct live *live, const struct live_segment *segment)
{
	struct live_page *page = segment->page;
	enum status status = STATUS_OK;
	while (page->read < segment->to && !status) {
		struct live_keyed *key = &page->keys[page->read];
		if (segment->stage == STAGE_META)
			status = live_read_meta(live, key, segment->refused);
		else if (segment->stage == STAGE_BEFORE)
			status = live_read_before(live, page, key, segment->refused);
		else
			status = live_read_value(live, page, key, segment->refused);
		if (!status && segment->stage == STAGE_META && !key->gone &&
		    live->config.depth == LIVE_METADATA) {
			struct audit_key told = live_key_of(live, page, key);
			status = live_tell(live, key, &told);
		}
		page->read += !status;
	}
	return status;
}

static enum status read_one(struct live *live)
{
	struct live_segment segment = live->segments[0];
	struct live_page *page = segment.page;
	enum status status;
	if (segment.stage == STAGE_SCAN) {
		status = live_read_scan(live, page);
		if (!status) {
			live->scanning = false;
			live->scanned = strcmp(live->cursor, "0") == 0;
		}
	} else {
		live->wall_ms = live->absolute ? 0 : wall_ms();
		status = read_keys(live, &segment);
	}
	if (status)
		return status;
	live->n_segments--;
	memmove(live->segments, live->segments + 1, live->n_segments * sizeof segment);
	if (segment.stage == STAGE_SCAN || page->read == page->count)
		end_stage(live, page);
	return STATUS_OK;
}

/* ---- pace ---- */

static void sleep_until(int64_t at_ns)
{
	struct timespec at = { .tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
		;
}

/* sent_ns: when the burst went out whose replies have just been read. */
static void keep_pace(struct live *live, int64_t sent_ns)
{
	if (!live->pace.step_ns)
		return;
	int64_t now = live_now_ns(), rested = now + (now - sent_ns);
	if (live->pace.next_ns < now - late_ns)
		live->pace.next_ns = now - late_ns;
	sleep_until(live->pace.next_ns > rested ? live->pace.next_ns : rested);
}

/* ---- the scan ---- */

void live_scan_begin(struct live *live, int database)
{
	live->database = database;
	live->cursor[0] = '0';
	live->cursor[1] = 0;
	live->scanning = live->scanned = false;
	live->n_segments = 0;
	for (size_t i = 0; i < LIVE_PAGES; i++)
		begin_stage(&live->pages[i], STAGE_FREE);
}

void live_scan_again(struct live *live, bool another)
{
	if (another)
		return live_scan_begin(live, live->database);
	live->n_segments = 0;
	live->scanning = false;
	for (size_t i = 0; i < LIVE_PAGES; i++) {
		struct live_page *page = &live->pages[i];
		if (page->stage == STAGE_SCAN)
			begin_stage(page, STAGE_FREE);
		page->sent = page->read;
	}
}

enum status live_scan(struct live *live)
{
	enum status status = STATUS_OK;
	for (;;) {
		int64_t sent_ns = live_now_ns();
		status = send_some(live);
		if (status || !live->n_segments)
			return status;
		status = read_one(live);
		if (status)
			return status;
		live->progress_ns = live_now_ns();
		if (live->config.on_progress && live->told_all)
			live->config.on_progress(live->config.ctx, live->told_all, live->expected);
		keep_pace(live, sent_ns);
	}
}
