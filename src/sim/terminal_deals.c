/* Deals that no signal caused. They need no store of their own: the account's history is
 * one. After W all deals newer than the newest that weir has are told. */
#include "sim/terminal_impl.h"

static int64_t told_at_ns(const struct terminal *terminal, const struct broker_deal *deal)
{
	return deal->at_ns + terminal->settings->late;
}

bool terminal_is_result(struct terminal *terminal, const struct broker_deal *deal)
{
	if (!deal->magic || deal->reason != DEAL_EXPERT)
		return false;
	const struct record *record = terminal_find_record(terminal, deal->magic);
	return record && record->signal.act != ACT_PEND;
}

int64_t terminal_slippage(const struct broker_deal *deal, int64_t asked)
{
	return deal->type == DEAL_BUY ? deal->price - asked : asked - deal->price;
}

bool terminal_walked(const struct terminal *terminal, uint64_t ticket)
{
	if (!terminal->walks || terminal->again < terminal->again_end)
		return false;
	if (terminal->walk <= broker_deals_first(terminal->broker))
		return terminal->walk == broker_deals_end(terminal->broker);
	return broker_deal(terminal->broker, terminal->walk - 1)->ticket >= ticket;
}

uint64_t terminal_untold(const struct terminal *terminal)
{
	uint64_t made = broker_deals_made(terminal->broker);
	uint64_t again =
	    terminal->again < terminal->again_end ? terminal->again_end - terminal->again : 0;
	if (!terminal->runs)
		return 0;
	/* Before the first W it does not know what weir has. */
	uint64_t from = terminal->walks ? terminal->walk : broker_deals_first(terminal->broker);
	return made - from + again + terminal->work_count;
}

/* ---- D ---- */

static void put_trade(struct mfp_writer *writer, const struct broker_deal *deal)
{
	int symbol = deal->symbol;
	mfp_put_i64(writer, MFP_deal_ord, (int64_t)deal->order);
	mfp_put_i64(writer, MFP_deal_pos, (int64_t)deal->position);
	mfp_put_text(writer, MFP_deal_sym, str_of(symbol_row(symbol)->name));
	mfp_put_word(writer, MFP_deal_sd, deal->type);
	mfp_put_word(writer, MFP_deal_en, deal->entry);
	mfp_put_word(writer, MFP_deal_rs, deal->reason);
	terminal_put_money(writer, MFP_deal_vol, deal->volume);
	mfp_put_number(writer, MFP_deal_px, symbol_price(symbol, deal->price));
	if (!deal->level)
		return;
	mfp_put_number(writer, MFP_deal_lvl, symbol_price(symbol, deal->level));
	mfp_put_number(writer, MFP_deal_slp,
		       (struct number){ terminal_slippage(deal, deal->level) * 10, 1 });
}

/* The server's own comment: "[sl 63450.42]". */
static void put_comment(struct mfp_writer *writer, const struct broker_deal *deal)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	if (deal->type == DEAL_BALANCE) {
		mfp_put_text(writer, MFP_deal_cm,
			     deal->profit < 0 ? STR("Withdrawal") : STR("Deposit"));
		return;
	}
	if (!deal->level)
		return;
	buf_printf(&text, "[%s ", deal->reason == DEAL_SL ? "sl" : "tp");
	number_print(&text, symbol_price(deal->symbol, deal->level));
	buf_char(&text, ']');
	mfp_put_text(writer, MFP_deal_cm, buf_str(&text));
}

static void push(struct terminal *terminal, const struct broker_deal *deal, uint64_t index)
{
	struct out_line line;
	struct mfp_writer *writer = &line.writer;
	struct out_entry note = { .deal = deal->ticket,
				  .deal_index = index + 1,
				  .profit = deal->profit };
	terminal_begin(terminal, &line, MFP_VERB_deal);
	mfp_put_i64(writer, MFP_deal_deal, (int64_t)deal->ticket);
	if (deal->type == DEAL_BALANCE)
		mfp_put_word(writer, MFP_deal_sd, DEAL_BALANCE);
	else
		put_trade(writer, deal);
	terminal_put_money(writer, MFP_deal_com, deal->commission);
	terminal_put_money(writer, MFP_deal_swp, deal->swap);
	terminal_put_money(writer, MFP_deal_fee, 0);
	terminal_put_money(writer, MFP_deal_pl, deal->profit);
	if (deal->magic)
		mfp_put_i64(writer, MFP_deal_mg, (int64_t)deal->magic);
	mfp_put_i64(writer, MFP_deal_sv, deal->server_ms);
	put_comment(writer, deal);
	terminal_push(terminal, &line, &note);
}

/* ---- the walk ---- */

/* The first deal that waits in the outbox: it will go out from there. */
static uint64_t first_waiting(const struct terminal *terminal)
{
	const struct outbox *outbox = &terminal->outbox;
	for (uint64_t seq = outbox->first; seq < outbox->next; seq++) {
		const struct out_entry *entry = &outbox->entries[seq & (outbox->room - 1)];
		if (entry->deal_index)
			return entry->deal_index - 1;
	}
	return terminal->walk;
}

void terminal_deals_resume(struct terminal *terminal, int64_t server_ms, uint64_t ticket)
{
	uint64_t from = broker_deals_after(terminal->broker, server_ms, ticket);
	terminal->again = terminal->again_end = 0;
	if (!terminal->walks) {
		terminal->walks = true;
		terminal->walk = from;
		return;
	}
	uint64_t waiting = first_waiting(terminal);
	if (from < waiting) {
		terminal->again = from;
		terminal->again_end = waiting;
	}
}

/* False: not now. */
static bool tell(struct terminal *terminal, uint64_t index, int64_t now_ns)
{
	const struct broker_deal *deal = broker_deal(terminal->broker, index);
	if (terminal_is_result(terminal, deal))
		return true;
	if (terminal_outbox_free(terminal) <= TERMINAL_OUTBOX_SPARE ||
	    now_ns < told_at_ns(terminal, deal))
		return false;
	push(terminal, deal, index);
	return true;
}

/* Deals that the history has forgotten are passed over. */
static void walk(struct terminal *terminal, uint64_t *at, uint64_t end, int64_t now_ns)
{
	if (*at < broker_deals_first(terminal->broker))
		*at = broker_deals_first(terminal->broker);
	while (*at < end && tell(terminal, *at, now_ns))
		(*at)++;
}

void terminal_deals_turn(struct terminal *terminal, int64_t now_ns)
{
	if (!terminal_settled(terminal, now_ns))
		return;
	walk(terminal, &terminal->again, terminal->again_end, now_ns);
	if (terminal->again >= terminal->again_end)
		walk(terminal, &terminal->walk, broker_deals_end(terminal->broker), now_ns);
}

int64_t terminal_deals_next_ns(const struct terminal *terminal)
{
	uint64_t at = terminal->again < terminal->again_end ? terminal->again : terminal->walk;
	if (terminal->link != LINK_UP || at >= broker_deals_end(terminal->broker) ||
	    at < broker_deals_first(terminal->broker) ||
	    terminal_outbox_free(terminal) <= TERMINAL_OUTBOX_SPARE)
		return INT64_MAX;
	int64_t told_ns = told_at_ns(terminal, broker_deal(terminal->broker, at));
	int64_t settles_ns = terminal_settles_ns(terminal);
	return told_ns > settles_ns ? told_ns : settles_ns;
}
