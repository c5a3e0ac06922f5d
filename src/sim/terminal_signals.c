/* Signals as they come in, and the file that remembers them. */
#include <stdlib.h>

#include "sim/terminal_impl.h"

enum { SIDS_FIRST = 16 };

/* False: there is no room for an answer, so this one and all after it are left to weir,
 * which sends them again after the next hello. */
bool terminal_take_down(struct terminal *terminal, uint64_t down)
{
	if (terminal->down_gap || terminal_outbox_free(terminal) < TERMINAL_OUTBOX_ANSWERS) {
		terminal->down_gap = true;
		return false;
	}
	if (down > terminal->down_seen)
		terminal->down_seen = down;
	return true;
}

void terminal_put_ack(struct terminal *terminal, uint64_t down, uint64_t sid, uint64_t cid,
		      enum ack_word word)
{
	struct out_line line;
	struct out_entry note = { 0 };
	terminal_begin(terminal, &line, MFP_VERB_ack);
	mfp_put_i64(&line.writer, MFP_ack_dn, (int64_t)down);
	if (sid)
		mfp_put_i64(&line.writer, MFP_ack_sid, (int64_t)sid);
	if (cid)
		mfp_put_i64(&line.writer, MFP_ack_cid, (int64_t)cid);
	mfp_put_word(&line.writer, MFP_ack_st, word);
	terminal_push(terminal, &line, &note);
}

/* ---- reading ---- */

/* Lots at 1/100; -1: not a volume that an order can have. */
static int64_t read_volume(const struct mfp_frame *frame)
{
	struct number volume = mfp_number(frame, MFP_signal_vol);
	if (volume.digits < 2)
		volume.mantissa = volume.mantissa < INT64_MAX / 100
				      ? volume.mantissa * decimal_pow10(2 - volume.digits)
				      : -1;
	else
		volume.mantissa /= decimal_pow10(volume.digits - 2);
	return volume.mantissa;
}

static int64_t read_price(const struct mfp_frame *frame, enum mfp_field field, int symbol)
{
	return symbol < 0 ? 0 : symbol_points(symbol, mfp_number(frame, field));
}

/* sl and tp of a modification are at the digits of the position's symbol. */
static int symbol_of(struct terminal *terminal, const struct mfp_frame *frame)
{
	char text[MFP_TEXT_MAX + 3];
	if (mfp_has(frame, MFP_signal_sym))
		return symbol_find(mfp_text(frame, MFP_signal_sym, text));
	uint64_t id = (uint64_t)mfp_i64(frame, MFP_signal_pos, 0);
	for (size_t i = 0; i < broker_position_count(terminal->broker); i++) {
		const struct broker_position *at = broker_position_at(terminal->broker, i);
		if (at->id == id)
			return at->symbol;
	}
	return -1;
}

static void read_signal(struct terminal *terminal, const struct mfp_frame *frame,
			struct signal *signal)
{
	int symbol = symbol_of(terminal, frame);
	*signal = (struct signal){
		.act = (enum act)mfp_word(frame, MFP_signal_act),
		.side = mfp_word(frame, MFP_signal_sd) == 1 ? BROKER_SELL : BROKER_BUY,
		.type = mfp_has(frame, MFP_signal_ty)
			    ? (enum broker_pending_type)mfp_word(frame, MFP_signal_ty)
			    : BROKER_LIMIT,
		.has_symbol = mfp_has(frame, MFP_signal_sym),
		.has_sl = mfp_has(frame, MFP_signal_sl),
		.has_tp = mfp_has(frame, MFP_signal_tp),
		.symbol = symbol,
		.volume = read_volume(frame),
		.price = read_price(frame, MFP_signal_px, symbol),
		.limit = read_price(frame, MFP_signal_slim, symbol),
		.sl = read_price(frame, MFP_signal_sl, symbol),
		.tp = read_price(frame, MFP_signal_tp, symbol),
		.deviation = mfp_i64(frame, MFP_signal_dev, -1),
		.position = (uint64_t)mfp_i64(frame, MFP_signal_pos, 0),
		.by = (uint64_t)mfp_i64(frame, MFP_signal_by, 0),
		.order = (uint64_t)mfp_i64(frame, MFP_signal_ord, 0),
	};
}

/* Whether the act has what it needs; whether the broker likes it is the broker's. */
static bool is_whole(const struct mfp_frame *frame, const struct signal *signal)
{
	bool trade = signal->has_symbol && signal->symbol >= 0 && mfp_has(frame, MFP_signal_sd) &&
		     signal->volume > 0;
	if (signal->has_symbol && signal->symbol < 0)
		return false;
	switch (signal->act) {
	case ACT_OPEN: return trade;
	case ACT_PEND:
		return trade && signal->price > 0 && mfp_has(frame, MFP_signal_ty) &&
		       (signal->type != BROKER_STOP_LIMIT || signal->limit > 0);
	case ACT_CLOSE: return signal->position > 0 || signal->has_symbol;
	case ACT_CLOSEBY: return signal->position > 0 && signal->by > 0;
	case ACT_MODIFY: return signal->position > 0 || signal->order > 0;
	case ACT_CANCEL: return signal->order > 0;
	case ACT_CLOSEALL: return true;
	}
	return false;
}

/* ---- the file ---- */

void terminal_file_deinit(struct file *file) { free(file->records); }

struct record *terminal_find_record(struct terminal *terminal, uint64_t sid)
{
	struct file *file = &terminal->file;
	for (size_t i = 1; i <= file->count; i++) {
		size_t at = (file->next + file->room - i) % file->room;
		if (file->records[at].sid == sid)
			return &file->records[at];
	}
	return NULL;
}

static bool grow_file(struct file *file)
{
	size_t room = file->room ? file->room * 2 : SIDS_FIRST;
	struct record *records = realloc(file->records, room * sizeof *records);
	if (!records)
		return false;
	file->records = records;
	file->room = room;
	file->next = file->count;
	return true;
}

/* A new place; NULL when the oldest is still needed. */
static struct record *new_record(struct file *file)
{
	if (file->count == file->room && file->room < TERMINAL_SIDS && !grow_file(file))
		return NULL;
	struct record *record = &file->records[file->next];
	if (file->count == file->room && !record->safe)
		return NULL;
	file->next = (file->next + 1) % file->room;
	if (file->count < file->room)
		file->count++;
	*record = (struct record){ .step = STEP_WAITING, .took_ms = -1 };
	return record;
}

void terminal_work_add(struct terminal *terminal, struct record *record)
{
	size_t place = (size_t)(record - terminal->file.records);
	for (size_t i = 0; i < terminal->work_count; i++)
		if (terminal->work[i] == place)
			return;
	CHECK(terminal->work_count < TERMINAL_SIDS);
	terminal->work[terminal->work_count++] = (uint16_t)place;
}

/* ---- a G frame ---- */

/* The result follows, unless it is on its way already. */
static void take_known(struct terminal *terminal, struct record *record, uint64_t down)
{
	terminal->counts->duplicates++;
	terminal_put_ack(terminal, down, record->sid, 0, ACK_DUP);
	if (!record->decided || !record->safe)
		return;
	record->safe = record->told = false;
	terminal_work_add(terminal, record);
}

static enum ack_word accept_signal(struct terminal *terminal, const struct mfp_frame *frame)
{
	struct signal signal;
	int64_t ttl_ms = mfp_i64(frame, MFP_signal_ttl, 0);
	read_signal(terminal, frame, &signal);
	if (!is_whole(frame, &signal) || mfp_i64(frame, MFP_signal_sid, 0) == 0)
		return ACK_BAD;
	struct record *record = new_record(&terminal->file);
	if (!record)
		return ACK_BUSY;
	record->sid = (uint64_t)mfp_i64(frame, MFP_signal_sid, 0);
	record->down = frame->seq;
	record->signal = signal;
	record->until_ms = terminal_ms(terminal, terminal->taken_ns) + ttl_ms;
	terminal->file.down = frame->seq > terminal->file.down ? frame->seq : terminal->file.down;
	terminal_work_add(terminal, record);
	return ACK_RX;
}

static enum ack_word answer_signal(struct terminal *terminal, const struct mfp_frame *frame)
{
	int64_t ttl_ms = mfp_i64(frame, MFP_signal_ttl, 0);
	int64_t waited_ms = (terminal->now_ns - terminal->taken_ns) / TERMINAL_MS;
	if (ttl_ms <= waited_ms)
		return ACK_EXP;
	if (terminal->file.stopped)
		return ACK_STOP;
	if (terminal->restart || terminal_outbox_free(terminal) <= TERMINAL_OUTBOX_SPARE ||
	    terminal->work_count >= TERMINAL_WORK)
		return ACK_BUSY;
	return accept_signal(terminal, frame);
}

static void count_answer(struct terminal_counts *counts, enum ack_word word)
{
	switch (word) {
	case ACK_RX: counts->signals++; break;
	case ACK_EXP: counts->expired++; break;
	case ACK_BUSY: counts->busy++; break;
	case ACK_STOP: counts->stopped++; break;
	default: counts->invalid++; break;
	}
}

void terminal_take_signal(struct terminal *terminal, const struct mfp_frame *frame)
{
	uint64_t sid = (uint64_t)mfp_i64(frame, MFP_signal_sid, 0);
	if (!terminal_take_down(terminal, frame->seq))
		return;
	struct record *known = terminal_find_record(terminal, sid);
	if (known) {
		take_known(terminal, known, frame->seq);
		return;
	}
	enum ack_word word = answer_signal(terminal, frame);
	count_answer(terminal->counts, word);
	terminal_put_ack(terminal, frame->seq, sid, 0, word);
}

/* ---- after a start ---- */

static void restore(struct terminal *terminal, struct record *record, int64_t now_ns)
{
	record->request = record->order = 0;
	record->expect = record->code = 0;
	record->fast = 0;
	record->took_ms = -1;
	record->reread = record->refilled = record->unk_told = record->told = false;
	record->search = true;
	record->step = record->decided ? STEP_DONE : record->sent_ns ? STEP_UNKNOWN : STEP_WAITING;
	record->tries = record->sent_ns != 0;
	record->due_ns = record->ready_ns = now_ns;
	terminal_work_add(terminal, record);
	/* Its first Y may never have reached weir. */
	if (!record->decided)
		terminal_put_ack(terminal, record->down, record->sid, 0, ACK_RX);
}

void terminal_restore(struct terminal *terminal, int64_t now_ns)
{
	struct file *file = &terminal->file;
	terminal->work_count = 0;
	for (size_t i = file->count; i >= 1; i--) {
		struct record *record = &file->records[(file->next + file->room - i) % file->room];
		if (!record->decided || !record->safe)
			restore(terminal, record, now_ns);
	}
}
