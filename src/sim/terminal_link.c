/* The connection to weir: dialling, hello, what comes in. */
#include "sim/terminal_impl.h"

enum {
	FIRST_DELAY_MS = 500,
	LONGEST_DELAY_MS = 30000,
	SILENCE_MS = 15000,
	STAMP_BYTES = 12, /* a line's head in the inbox: when it came, its length */
	TIDY_BYTES = 16 * 1024,
};
static const int64_t reading_ns = 100000000; /* that a slow reader reads for */

/* ---- the end of a connection ---- */

/* rand(0, min(30 s, 0.5 s × 2^failures)), and not before weir's own retry=. */
static int64_t delay_ns(struct terminal *terminal)
{
	int64_t most_ms = FIRST_DELAY_MS;
	for (int i = 0; i < terminal->failures && most_ms < LONGEST_DELAY_MS; i++)
		most_ms *= 2;
	if (most_ms > LONGEST_DELAY_MS)
		most_ms = LONGEST_DELAY_MS;
	int64_t delay = (int64_t)rng_below(&terminal->rng, (uint64_t)most_ms * TERMINAL_MS + 1);
	return terminal->retry_ms * TERMINAL_MS + delay;
}

static void clear_link(struct terminal *terminal)
{
	buf_clear(&terminal->inbox);
	buf_clear(&terminal->light);
	terminal->inbox_at = terminal->light_at = 0;
	terminal->ended = false;
	terminal->long_left = 0;
}

static void dial_later(struct terminal *terminal)
{
	terminal->dial_ns = terminal->now_ns + delay_ns(terminal);
	terminal->failures++;
	terminal->retry_ms = 0;
}

void terminal_hang_up(struct terminal *terminal)
{
	if (terminal->link < LINK_DIALLING || terminal->link == LINK_LEAVING)
		return;
	terminal->link = LINK_LEAVING;
	clear_link(terminal);
	dial_later(terminal);
}

void terminal_hung_up(struct terminal *terminal)
{
	CHECK(terminal->link == LINK_LEAVING);
	terminal->link = LINK_IDLE;
	buf_clear(&terminal->out);
	terminal->out_at = 0;
}

static void lose_link(struct terminal *terminal)
{
	terminal->link = LINK_IDLE;
	clear_link(terminal);
	buf_clear(&terminal->out);
	terminal->out_at = 0;
	dial_later(terminal);
}

void terminal_closed(struct terminal *terminal, int64_t now_ns)
{
	CHECK(terminal->link >= LINK_DIALLING && terminal->link != LINK_LEAVING);
	CHECK(now_ns >= terminal->now_ns);
	terminal->now_ns = now_ns;
	/* What came before the end is still read, an E with its retry above all. */
	if (terminal->runs && terminal->link > LINK_DIALLING && terminal->inbox.len)
		terminal->ended = true;
	else
		lose_link(terminal);
}

void terminal_link_init(struct terminal *terminal, int64_t dial_ns)
{
	CHECK(terminal->link == LINK_IDLE);
	clear_link(terminal);
	terminal->dial_ns = dial_ns;
	terminal->failures = 0;
	terminal->retry_ms = 0;
	terminal->down_gap = false;
}

/* ---- dialling ---- */

enum terminal_wish terminal_wish(const struct terminal *terminal)
{
	if (terminal->link == LINK_WISH)
		return TERMINAL_DIAL;
	return terminal->link == LINK_LEAVING ? TERMINAL_HANG_UP : TERMINAL_NOTHING;
}

void terminal_dialled(struct terminal *terminal)
{
	CHECK(terminal->link == LINK_WISH);
	terminal->counts->dials++;
	terminal->link = LINK_DIALLING;
}

void terminal_opened(struct terminal *terminal, int64_t now_ns)
{
	CHECK(terminal->link == LINK_DIALLING);
	terminal->link = LINK_BANNER;
	terminal->heard_ns = terminal->read_ns = now_ns;
	terminal->dead_ns = SILENCE_MS * (int64_t)TERMINAL_MS;
}

/* ---- what comes in ---- */

static void tidy_inbox(struct buf *inbox, size_t *at)
{
	if (*at < TIDY_BYTES)
		return;
	inbox->len -= *at;
	memmove(inbox->ptr, inbox->ptr + *at, inbox->len);
	*at = 0;
}

void terminal_line(struct terminal *terminal, struct str line, int64_t now_ns)
{
	char head[STAMP_BYTES];
	uint32_t len = (uint32_t)line.len;
	CHECK(terminal->link >= LINK_BANNER);
	if (terminal->link == LINK_LEAVING)
		return;
	tidy_inbox(&terminal->inbox, &terminal->inbox_at);
	memcpy(head, &now_ns, sizeof now_ns);
	memcpy(head + sizeof now_ns, &len, sizeof len);
	buf_put(&terminal->inbox, head, sizeof head);
	buf_str_put(&terminal->inbox, line);
	terminal->heard_ns = now_ns;
	if (terminal->inbox.overflow) /* it was asked to pause and went on */
		terminal_hang_up(terminal);
}

bool terminal_pauses(const struct terminal *terminal)
{
	bool frozen = terminal->now_ns < terminal->frozen_until_ns;
	bool slow = terminal->settings->slow_reader && terminal->now_ns < terminal->read_ns;
	return frozen || slow || terminal->inbox.len - terminal->inbox_at > TERMINAL_INBOX_BYTES;
}

static bool take_line(struct terminal *terminal, struct str *line)
{
	struct buf *inbox = &terminal->inbox;
	uint32_t len;
	if (terminal->inbox_at == inbox->len) {
		buf_clear(inbox);
		terminal->inbox_at = 0;
		return false;
	}
	const char *head = inbox->ptr + terminal->inbox_at;
	memcpy(&terminal->taken_ns, head, sizeof terminal->taken_ns);
	memcpy(&len, head + sizeof terminal->taken_ns, sizeof len);
	*line = str_make(head + STAMP_BYTES, len);
	terminal->inbox_at += STAMP_BYTES + len;
	return true;
}

void terminal_say_error(struct terminal *terminal, int code, struct str text)
{
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_error);
	mfp_put_word(&writer, MFP_error_code, code);
	mfp_put_text(&writer, MFP_error_msg, text);
	terminal_light_end(terminal, &writer);
}

/* Says why, and ends. */
static void refuse(struct terminal *terminal, int code, struct str text, int64_t now_ns)
{
	terminal->counts->frames_bad++;
	terminal_say_error(terminal, code, text);
	terminal_compose(terminal, now_ns);
	terminal_hang_up(terminal);
}

enum { ERROR_VERB, ERROR_FRAME, ERROR_VERSION = 6 };

static void take_banner(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	if (mfp_i64(frame, MFP_banner_v, 0) != 1) {
		refuse(terminal, ERROR_VERSION, STR("protocol 1 only"), now_ns);
		return;
	}
	terminal->dead_ns = mfp_i64(frame, MFP_banner_dead, SILENCE_MS) * TERMINAL_MS;
	if (!terminal_replays(terminal))
		terminal_hello(terminal, mfp_raw(frame, MFP_banner_nonce), now_ns);
	terminal->link = LINK_HELLO;
}

static void take_welcome(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	terminal->link = LINK_UP;
	terminal->failures = 0;
	terminal->down_gap = false;
	terminal->counts->welcomes++;
	terminal->counts->resumes += terminal->ever_welcomed;
	terminal->ever_welcomed = true;
	terminal->state_ms = mfp_i64(frame, MFP_welcome_si, 1000);
	terminal->account_ms = mfp_i64(frame, MFP_welcome_ai, 1000);
	terminal->rate = mfp_i64(frame, MFP_welcome_rate, 10);
	terminal->snapshot_due = mfp_i64(frame, MFP_welcome_snap, 0) || !terminal->hello_settled;
	terminal_outbox_resume(terminal, (uint64_t)mfp_i64(frame, MFP_welcome_up, 0),
			       terminal->taken_ns);
	terminal_deals_resume(terminal, mfp_i64(frame, MFP_welcome_lsv, 0),
			      (uint64_t)mfp_i64(frame, MFP_welcome_ld, 0));
	terminal_report_init(terminal, now_ns);
}

static void take_error(struct terminal *terminal, const struct mfp_frame *frame)
{
	if (mfp_word(frame, MFP_error_code) == ERROR_VERB)
		return; /* it ends nothing */
	terminal->counts->refusals++;
	terminal->retry_ms = mfp_i64(frame, MFP_error_retry, 0);
}

static void take_probe(struct terminal *terminal, const struct mfp_frame *frame)
{
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_echo);
	mfp_put_i64(&writer, MFP_echo_t, mfp_i64(frame, MFP_probe_t, 0));
	terminal_light_end(terminal, &writer);
}

/* Frames for which it must be welcome. */
static void take_up(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	if (frame->verb == MFP_VERB_durable)
		terminal_outbox_safe(terminal, (uint64_t)mfp_i64(frame, MFP_durable_up, 0),
				     terminal->taken_ns);
	else if (frame->verb == MFP_VERB_signal)
		terminal_take_signal(terminal, frame);
	else if (frame->verb == MFP_VERB_command)
		terminal_take_command(terminal, frame, now_ns);
	else
		refuse(terminal, ERROR_FRAME, STR("not now"), now_ns);
}

static void take_frame(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	terminal->counts->frames_taken++;
	if (frame->verb == MFP_VERB_error)
		take_error(terminal, frame);
	else if (frame->verb == MFP_VERB_probe)
		take_probe(terminal, frame);
	else if (frame->verb == MFP_VERB_echo)
		return; /* it asks nothing */
	else if (frame->verb == MFP_VERB_banner && terminal->link == LINK_BANNER)
		take_banner(terminal, frame, now_ns);
	else if (frame->verb == MFP_VERB_welcome && terminal->link == LINK_HELLO)
		take_welcome(terminal, frame, now_ns);
	else if (terminal->link == LINK_UP)
		take_up(terminal, frame, now_ns);
	else
		refuse(terminal, ERROR_FRAME, STR("not now"), now_ns);
}

static void read_lines(struct terminal *terminal, int64_t now_ns)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct str line;
	for (int n = 0; n < TERMINAL_READ_FRAMES && terminal->link >= LINK_BANNER &&
			terminal->link != LINK_LEAVING && take_line(terminal, &line);
	     n++) {
		enum status status = mfp_read(line, MFP_WEIR, &frame, &fault);
		if (status == STATUS_OK)
			take_frame(terminal, &frame, now_ns);
		else if (status == STATUS_UNSUPPORTED)
			terminal_say_error(terminal, ERROR_VERB, STR("unknown verb"));
		else
			refuse(terminal, ERROR_FRAME, str_of(fault.what), now_ns);
	}
}

/* ---- turns ---- */

static bool is_connected(const struct terminal *terminal)
{
	return terminal->link >= LINK_BANNER && terminal->link != LINK_LEAVING;
}

/* A slow reader reads for a moment, then not at all for as long as its settings say. */
static int64_t reading_next_ns(const struct terminal *terminal)
{
	return terminal->now_ns < terminal->read_ns ? terminal->read_ns
						    : terminal->read_ns + reading_ns;
}

static void next_reading(struct terminal *terminal, int64_t now_ns)
{
	if (terminal->settings->slow_reader && now_ns >= terminal->read_ns + reading_ns)
		terminal->read_ns = now_ns + terminal->settings->slow_reader;
}

/* When the oldest unread line came: a time that stands still while it waits for its turn. */
static int64_t first_stamp(const struct terminal *terminal)
{
	int64_t stamp_ns;
	memcpy(&stamp_ns, terminal->inbox.ptr + terminal->inbox_at, sizeof stamp_ns);
	return stamp_ns;
}

int64_t terminal_link_next_ns(const struct terminal *terminal)
{
	if (terminal->link == LINK_IDLE)
		return terminal->dial_ns;
	if (!is_connected(terminal))
		return INT64_MAX;
	if (terminal->inbox_at < terminal->inbox.len)
		return first_stamp(terminal);
	if (terminal->ended || terminal_has_more(terminal))
		return terminal->last_turn_ns;
	int64_t dead_ns = terminal->heard_ns + terminal->dead_ns;
	if (!terminal->settings->slow_reader)
		return dead_ns;
	int64_t next_ns = reading_next_ns(terminal);
	return dead_ns > terminal->now_ns && dead_ns < next_ns ? dead_ns : next_ns;
}

void terminal_link_turn(struct terminal *terminal, int64_t now_ns)
{
	if (terminal->link == LINK_IDLE && now_ns >= terminal->dial_ns)
		terminal->link = LINK_WISH;
	if (!is_connected(terminal))
		return;
	if (now_ns >= terminal->heard_ns + terminal->dead_ns && !terminal_pauses(terminal)) {
		terminal->counts->silences++;
		terminal_hang_up(terminal);
		return;
	}
	read_lines(terminal, now_ns);
	next_reading(terminal, now_ns);
	if (terminal->ended && terminal->inbox_at == terminal->inbox.len)
		lose_link(terminal);
	if (terminal->down_gap && terminal_outbox_free(terminal) > TERMINAL_OUTBOX_SPARE)
		terminal_hang_up(terminal);
}
