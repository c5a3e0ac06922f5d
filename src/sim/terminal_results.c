/* Results: what became of a signal, once decided, told as R frames. */
#include "sim/terminal_impl.h"

static void set_outcome(struct record *record, enum result_word word, uint32_t code,
			const char *why, int64_t now_ns)
{
	CHECK(!record->decided);
	record->step = STEP_DONE;
	record->decided = true;
	record->ready_ns = now_ns;
	record->outcome = (struct outcome){
		.word = word,
		.code = code,
		.why = why,
		.asked = record->asked,
		.order = record->order,
		.took_ms = record->took_ms,
		.tries = record->tries,
	};
}

void terminal_decide(struct terminal *terminal, struct record *record, enum result_word word,
		     uint32_t code, const char *why, int64_t now_ns)
{
	(void)terminal;
	set_outcome(record, word, code, why, now_ns);
}

/* ---- its deals ---- */

/* Walks the deals of the order, oldest first; index is where to begin. */
static const struct broker_deal *next_deal(const struct terminal *terminal, uint64_t *index,
					   const struct record *record)
{
	while (*index < broker_deals_end(terminal->broker)) {
		const struct broker_deal *deal = broker_deal(terminal->broker, (*index)++);
		if (deal->order == record->outcome.order && deal->magic == record->sid)
			return deal;
	}
	return NULL;
}

static uint64_t first_index(const struct terminal *terminal, const struct record *record)
{
	int64_t sent_ms = broker_server_ms(terminal->broker, record->sent_ns) - 1;
	return broker_deals_after(terminal->broker, sent_ms, 0);
}

void terminal_decide_deals(struct terminal *terminal, struct record *record, uint32_t code,
			   const struct broker_reply *found, int64_t now_ns)
{
	const struct broker_deal *deal;
	bool done = code == 10009 || code == 10010;
	set_outcome(record, RESULT_WORD_DONE, done ? code : 10009, NULL, now_ns);
	record->outcome.order = found->order;
	record->outcome.position = found->position;
	uint64_t index = first_index(terminal, record);
	while ((deal = next_deal(terminal, &index, record))) {
		record->outcome.last = *deal;
		record->outcome.deals++;
	}
	CHECK(record->outcome.deals > 0);
}

/* ---- R ---- */

static void put_head(struct terminal *terminal, struct out_line *line, const struct record *record,
		     enum result_word word)
{
	struct mfp_writer *writer = &line->writer;
	terminal_begin(terminal, line, MFP_VERB_result);
	mfp_put_i64(writer, MFP_result_sid, (int64_t)record->sid);
	mfp_put_word(writer, MFP_result_st, word);
}

static void put_tail(struct out_line *line, const struct outcome *outcome)
{
	struct mfp_writer *writer = &line->writer;
	if (outcome->took_ms >= 0)
		mfp_put_i64(writer, MFP_result_ex, outcome->took_ms);
	mfp_put_i64(writer, MFP_result_try, outcome->tries);
	if (outcome->why)
		mfp_put_text(writer, MFP_result_msg, str_of(outcome->why));
}

static void put_numbers(struct mfp_writer *writer, const struct broker_deal *deal, int64_t asked)
{
	mfp_put_i64(writer, MFP_result_ord, (int64_t)deal->order);
	mfp_put_i64(writer, MFP_result_deal, (int64_t)deal->ticket);
	mfp_put_i64(writer, MFP_result_pos, (int64_t)deal->position);
	mfp_put_text(writer, MFP_result_sym, str_of(symbol_row(deal->symbol)->name));
	mfp_put_word(writer, MFP_result_sd, deal->type);
	terminal_put_money(writer, MFP_result_vol, deal->volume);
	if (asked) {
		mfp_put_number(writer, MFP_result_rq, symbol_price(deal->symbol, asked));
		mfp_put_number(writer, MFP_result_slp,
			       (struct number){ terminal_slippage(deal, asked) * 10, 1 });
	}
	mfp_put_number(writer, MFP_result_px, symbol_price(deal->symbol, deal->price));
	terminal_put_money(writer, MFP_result_com, deal->commission);
	terminal_put_money(writer, MFP_result_swp, deal->swap);
	terminal_put_money(writer, MFP_result_fee, 0);
	terminal_put_money(writer, MFP_result_pl, deal->profit);
	mfp_put_i64(writer, MFP_result_sv, deal->server_ms);
}

static void push_deal(struct terminal *terminal, const struct record *record,
		      const struct broker_deal *deal, bool last)
{
	const struct outcome *outcome = &record->outcome;
	enum result_word word = last ? outcome->word : RESULT_WORD_PART;
	struct out_line line;
	struct out_entry note = {
		.word = (uint8_t)word,
		.final = last,
		.sid = record->sid,
		.deal = deal->ticket,
		.profit = deal->profit,
	};
	put_head(terminal, &line, record, word);
	mfp_put_i64(&line.writer, MFP_result_rc, outcome->code);
	put_numbers(&line.writer, deal, outcome->asked);
	put_tail(&line, outcome);
	terminal_push(terminal, &line, &note);
}

static void push_plain(struct terminal *terminal, const struct record *record,
		       const struct outcome *outcome)
{
	const struct signal *signal = &record->signal;
	struct out_line line;
	struct out_entry note = {
		.word = (uint8_t)outcome->word,
		.final = outcome->word != RESULT_WORD_UNK,
		.sid = record->sid,
	};
	put_head(terminal, &line, record, outcome->word);
	if (outcome->code)
		mfp_put_i64(&line.writer, MFP_result_rc, outcome->code);
	if (outcome->order)
		mfp_put_i64(&line.writer, MFP_result_ord, (int64_t)outcome->order);
	if (signal->has_symbol)
		mfp_put_text(&line.writer, MFP_result_sym,
			     str_of(symbol_row(signal->symbol)->name));
	if (signal->volume > 0)
		terminal_put_money(&line.writer, MFP_result_vol, signal->volume);
	put_tail(&line, outcome);
	terminal_push(terminal, &line, &note);
}

void terminal_tell_unknown(struct terminal *terminal, struct record *record)
{
	struct outcome outcome = {
		.word = RESULT_WORD_UNK,
		.code = record->code,
		.why = "no trace of it at the broker",
		.took_ms = record->took_ms,
		.tries = record->tries,
	};
	if (terminal_outbox_free(terminal) > TERMINAL_OUTBOX_ANSWERS)
		push_plain(terminal, record, &outcome);
}

/* All of them are in the outbox, or none is. */
static bool tell_deals(struct terminal *terminal, struct record *record)
{
	const struct outcome *outcome = &record->outcome;
	const struct broker_deal *deal;
	uint64_t index = first_index(terminal, record);
	bool told_last = false;
	if (terminal_outbox_free(terminal) < outcome->deals + TERMINAL_OUTBOX_ANSWERS ||
	    !terminal_walked(terminal, outcome->last.ticket))
		return false;
	while (!told_last && (deal = next_deal(terminal, &index, record))) {
		told_last = deal->ticket == outcome->last.ticket;
		push_deal(terminal, record, deal, told_last);
	}
	if (!told_last) /* the history has forgotten it since */
		push_deal(terminal, record, &outcome->last, true);
	return true;
}

static bool tell(struct terminal *terminal, struct record *record)
{
	if (record->outcome.deals)
		return tell_deals(terminal, record);
	if (terminal_outbox_free(terminal) <= TERMINAL_OUTBOX_ANSWERS)
		return false;
	push_plain(terminal, record, &record->outcome);
	return true;
}

void terminal_results_turn(struct terminal *terminal, int64_t now_ns)
{
	size_t kept = 0;
	for (size_t i = 0; i < terminal->work_count; i++) {
		struct record *record = terminal_work_at(terminal, i);
		bool due = record->decided && now_ns >= record->ready_ns + terminal->settings->late;
		if (due && tell(terminal, record))
			record->told = true;
		else
			terminal->work[kept++] = terminal->work[i];
	}
	terminal->work_count = kept;
}
