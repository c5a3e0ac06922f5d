/* What a terminal says of itself: hello, state each second, figures, positions, quotes. */
#include "os/secret.h"
#include "sim/terminal_impl.h"

enum { TRIM_MB = 40, MACHINE_MB = 16298, DISK_MB = 48211, CORES = 8, BUILD = 6090 };

static struct number money(int64_t cents) { return (struct number){ cents, 2 }; }

/* ---- positions ---- */

uint64_t terminal_hash(struct terminal *terminal)
{
	uint64_t hash = 0;
	if (terminal->hash_known)
		return terminal->hash;
	for (size_t i = 0; i < broker_position_count(terminal->broker); i++) {
		const struct broker_position *at = broker_position_at(terminal->broker, i);
		hash ^= mfp_position_hash(at->ticket, money(at->volume),
					  symbol_price(at->symbol, at->sl),
					  symbol_price(at->symbol, at->tp));
	}
	terminal->hash_known = true;
	terminal->hash = hash;
	return hash;
}

static void put_levels(struct mfp_writer *writer, const struct broker_position *at)
{
	mfp_put_number(writer, MFP_position_sl, symbol_price(at->symbol, at->sl));
	mfp_put_number(writer, MFP_position_tp, symbol_price(at->symbol, at->tp));
}

static void put_whole(struct terminal *terminal, struct mfp_writer *writer,
		      const struct broker_position *at)
{
	bool buy = at->side == BROKER_BUY;
	int64_t now_ns = terminal->now_ns;
	int64_t price = buy ? broker_bid(terminal->broker, at->symbol, now_ns)
			    : broker_ask(terminal->broker, at->symbol, now_ns);
	mfp_put_i64(writer, MFP_position_tk, (int64_t)at->ticket);
	mfp_put_i64(writer, MFP_position_id, (int64_t)at->id);
	mfp_put_text(writer, MFP_position_sym, str_of(symbol_row(at->symbol)->name));
	mfp_put_word(writer, MFP_position_sd, !buy);
	mfp_put_number(writer, MFP_position_vol, money(at->volume));
	mfp_put_number(writer, MFP_position_po, symbol_price(at->symbol, at->open));
	mfp_put_number(writer, MFP_position_pc, symbol_price(at->symbol, price));
	put_levels(writer, at);
	terminal_put_money(writer, MFP_position_sw, at->swap);
	terminal_put_money(writer, MFP_position_pl,
			   broker_position_profit(terminal->broker, at, now_ns));
	mfp_put_i64(writer, MFP_position_mg, (int64_t)at->magic);
	mfp_put_i64(writer, MFP_position_sv, at->opened_ms);
}

enum { EVENT_NEW, EVENT_MOD, EVENT_DEL };

static bool put_change(struct terminal *terminal, const struct broker_change *change)
{
	const struct broker_position *at = broker_position_find(terminal->broker, change->ticket);
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_position);
	if (change->kind == BROKER_GONE || !at) {
		mfp_put_word(&writer, MFP_position_ev, EVENT_DEL);
		mfp_put_i64(&writer, MFP_position_tk, (int64_t)change->ticket);
	} else if (change->kind == BROKER_NEW) {
		mfp_put_word(&writer, MFP_position_ev, EVENT_NEW);
		put_whole(terminal, &writer, at);
	} else {
		mfp_put_word(&writer, MFP_position_ev, EVENT_MOD);
		mfp_put_i64(&writer, MFP_position_tk, (int64_t)change->ticket);
		put_levels(&writer, at);
		mfp_put_number(&writer, MFP_position_vol, money(at->volume));
		terminal_put_money(&writer, MFP_position_pl,
				   broker_position_profit(terminal->broker, at, terminal->now_ns));
	}
	return terminal_light_end(terminal, &writer);
}

/* A change that was lost, in the queue or before it, makes a snapshot due. */
static void tell_changes(struct terminal *terminal)
{
	struct broker_change changes[BROKER_CHANGES_MAX];
	size_t count;
	if (!broker_take_changes(terminal->broker, changes, &count))
		terminal->snapshot_due = true;
	terminal->hash_known = terminal->hash_known && !count && !terminal->snapshot_due;
	for (size_t i = 0; i < count && !terminal->snapshot_due; i++)
		if (!put_change(terminal, &changes[i]))
			terminal->snapshot_due = true;
}

static bool put_edge(struct terminal *terminal, enum mfp_field edge, bool end)
{
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_snapshot);
	mfp_put_i64(&writer, edge, 1);
	mfp_put_i64(&writer, MFP_snapshot_n, (int64_t)broker_position_count(terminal->broker));
	if (end)
		mfp_put_hash(&writer, MFP_snapshot_ph, terminal_hash(terminal));
	return terminal_light_end(terminal, &writer);
}

static void tell_snapshot(struct terminal *terminal)
{
	struct broker_change changes[BROKER_CHANGES_MAX];
	size_t count;
	(void)broker_take_changes(terminal->broker, changes, &count); /* they are in it */
	terminal->hash_known = false;
	terminal->counts->snapshots++;
	bool whole = put_edge(terminal, MFP_snapshot_b, false);
	for (size_t i = 0; whole && i < broker_position_count(terminal->broker); i++) {
		struct mfp_writer writer;
		terminal_light_begin(terminal, &writer, MFP_VERB_position);
		put_whole(terminal, &writer, broker_position_at(terminal->broker, i));
		whole = terminal_light_end(terminal, &writer);
	}
	whole = whole && put_edge(terminal, MFP_snapshot_e, true);
	terminal->snapshot_due = !whole;
}

/* ---- hello ---- */

static void put_account(struct terminal *terminal, struct mfp_writer *writer)
{
	const struct sim_settings *settings = terminal->settings;
	mfp_put_text(writer, MFP_hello_cur, STR("USD"));
	mfp_put_word(writer, MFP_hello_mm, settings->margin_mode == 1 ? 0 : 2);
	mfp_put_word(writer, MFP_hello_tm, 0);
	mfp_put_i64(writer, MFP_hello_lev, settings->leverage);
}

/* The newest deal and the positions; the changes of them that were not told are in it. */
static void put_standing(struct terminal *terminal, struct mfp_writer *writer)
{
	struct broker_change changes[BROKER_CHANGES_MAX];
	size_t count;
	uint64_t end = broker_deals_end(terminal->broker);
	(void)broker_take_changes(terminal->broker, changes, &count);
	terminal->hash_known = false;
	if (end > broker_deals_first(terminal->broker)) {
		const struct broker_deal *deal = broker_deal(terminal->broker, end - 1);
		mfp_put_i64(writer, MFP_hello_ld, (int64_t)deal->ticket);
		mfp_put_i64(writer, MFP_hello_lsv, deal->server_ms);
	}
	mfp_put_hash(writer, MFP_hello_ph, terminal_hash(terminal));
	mfp_put_i64(writer, MFP_hello_n, (int64_t)broker_position_count(terminal->broker));
}

static void put_mac(struct terminal *terminal, struct mfp_writer *writer, struct str nonce)
{
	char text[MFP_LINE_MAX], hex[2 * SECRET_MAC_BYTES + 1];
	uint8_t mac[SECRET_MAC_BYTES];
	struct buf message = buf_over(text, sizeof text);
	struct str key = str_of(terminal->token);
	bool wrong = terminal->settings->wrong_token > 0 &&
		     rng_unit(&terminal->trouble_rng) < terminal->settings->wrong_token;
	buf_printf(&message, "%.*s|%s|%lld", STR_ARG(nonce), terminal->id,
		   (long long)terminal->epoch_ms);
	enum status status = secret_mac(wrong ? STR("not its token") : key, buf_str(&message), mac);
	CHECK(status == STATUS_OK);
	secret_print_hex(mac, sizeof mac / 2, hex);
	mfp_put_text(writer, MFP_hello_mac, str_of(hex));
}

void terminal_hello(struct terminal *terminal, struct str nonce, int64_t now_ns)
{
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_hello);
	mfp_put_i64(&writer, MFP_hello_v, 1);
	mfp_put_text(&writer, MFP_hello_id, str_of(terminal->id));
	mfp_put_i64(&writer, MFP_hello_ep, terminal->epoch_ms);
	put_mac(terminal, &writer, nonce);
	mfp_put_i64(&writer, MFP_hello_login, (int64_t)terminal->login);
	mfp_put_text(&writer, MFP_hello_srv, str_of(terminal->server));
	terminal->hello_settled = terminal_settled(terminal, now_ns);
	if (terminal->hello_settled)
		put_account(terminal, &writer);
	mfp_put_i64(&writer, MFP_hello_bld, BUILD);
	mfp_put_text(&writer, MFP_hello_ea, STR("sim"));
	mfp_put_i64(&writer, MFP_hello_off, terminal->settings->utc_offset / 900 * 900);
	mfp_put_i64(&writer, MFP_hello_dn, (int64_t)terminal->down_seen);
	if (terminal->hello_settled)
		put_standing(terminal, &writer);
	if (terminal_light_end(terminal, &writer))
		terminal_keep_hello(terminal, str_skip(buf_str(&terminal->light), writer.from));
}

/* ---- state ---- */

static double memory_mb(const struct terminal *terminal, int64_t now_ns)
{
	double minutes = (double)(now_ns - terminal->started_ns) / 60e9;
	return terminal->settings->memory + terminal->settings->memory_growth * minutes -
	       terminal->memory_trimmed_mb;
}

static void put_free(struct terminal *terminal, struct mfp_writer *writer)
{
	for (int i = 0; i < (int)terminal->settings->free_fields; i++) {
		terminal->free_values[i] += (int64_t)(rng_normal(&terminal->rng) * 30);
		mfp_put_i64(writer, (enum mfp_field)(MFP_state_x0 + i), terminal->free_values[i]);
	}
}

static void put_machine(struct terminal *terminal, struct mfp_writer *writer, int64_t now_ns)
{
	struct rng *rng = &terminal->rng;
	int64_t ping_us = terminal->settings->ping / 1000;
	/* The last one known: it keeps its old value while the broker is away. */
	ping_us += ping_us ? (int64_t)rng_below(rng, (uint64_t)ping_us / 10 + 1) : 0;
	mfp_put_i64(writer, MFP_state_ping, ping_us);
	mfp_put_number(writer, MFP_state_ret, (struct number){ 2, 2 });
	mfp_put_i64(writer, MFP_state_mem, (int64_t)memory_mb(terminal, now_ns));
	mfp_put_i64(writer, MFP_state_memp, MACHINE_MB);
	mfp_put_i64(writer, MFP_state_disk, DISK_MB);
	mfp_put_i64(writer, MFP_state_cores, CORES);
}

static void put_load(struct terminal *terminal, struct mfp_writer *writer)
{
	const struct sim_settings *settings = terminal->settings;
	mfp_put_i64(writer, MFP_state_lag,
		    terminal->lag_ms + (int64_t)rng_below(&terminal->rng, 16));
	mfp_put_i64(writer, MFP_state_q, (int64_t)terminal_waiting(terminal));
	mfp_put_i64(writer, MFP_state_inf, (int64_t)terminal_in_flight(terminal));
	mfp_put_i64(writer, MFP_state_tick, (int64_t)rng_below(&terminal->rng, 900));
	mfp_put_i64(writer, MFP_state_dr, (int64_t)terminal->dropped);
	mfp_put_i64(writer, MFP_state_dn, (int64_t)terminal->down_seen);
	if (settings->cpu >= 0)
		mfp_put_number(writer, MFP_state_cpu,
			       (struct number){ (int64_t)(settings->cpu * 10), 1 });
}

void terminal_put_state(struct terminal *terminal, int64_t now_ns)
{
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_state);
	mfp_put_i64(&writer, MFP_state_t, terminal_ms(terminal, now_ns));
	mfp_put_i64(&writer, MFP_state_con, broker_connected(terminal->broker));
	mfp_put_i64(&writer, MFP_state_ta, 1);
	mfp_put_i64(&writer, MFP_state_ma, 1);
	mfp_put_i64(&writer, MFP_state_aa, 1);
	mfp_put_i64(&writer, MFP_state_ae, 1);
	put_machine(terminal, &writer, now_ns);
	put_load(terminal, &writer);
	if (terminal_settled(terminal, now_ns)) {
		mfp_put_hash(&writer, MFP_state_ph, terminal_hash(terminal));
		mfp_put_i64(&writer, MFP_state_n, (int64_t)broker_position_count(terminal->broker));
	}
	put_free(terminal, &writer);
	terminal_light_end(terminal, &writer);
	terminal->lag_ms = 0;
}

/* ---- figures and quotes ---- */

static void tell_figures(struct terminal *terminal, int64_t now_ns)
{
	struct broker_figures figures;
	struct mfp_writer writer;
	if (now_ns < terminal->account_due_ns)
		return;
	broker_figures(terminal->broker, now_ns, &figures);
	if (memcmp(&figures, &terminal->figures_told, sizeof figures) == 0)
		return;
	terminal->account_due_ns = now_ns + terminal->account_ms * TERMINAL_MS;
	terminal_light_begin(terminal, &writer, MFP_VERB_account);
	mfp_put_i64(&writer, MFP_account_t, terminal_ms(terminal, now_ns));
	terminal_put_money(&writer, MFP_account_bal, figures.balance);
	terminal_put_money(&writer, MFP_account_eq, figures.equity);
	terminal_put_money(&writer, MFP_account_mar, figures.margin);
	terminal_put_money(&writer, MFP_account_fm, figures.free);
	terminal_put_money(&writer, MFP_account_ml, figures.level);
	terminal_put_money(&writer, MFP_account_cr, figures.credit);
	terminal_put_money(&writer, MFP_account_pl, figures.profit);
	if (terminal_light_end(terminal, &writer)) /* lost, they are told again */
		terminal->figures_told = figures;
}

static void tell_quote(struct terminal *terminal, int symbol, int64_t bid, int64_t now_ns)
{
	const struct symbol_row *row = symbol_row(symbol);
	struct mfp_writer writer;
	terminal_light_begin(terminal, &writer, MFP_VERB_quote);
	mfp_put_text(&writer, MFP_quote_sym, str_of(row->name));
	mfp_put_number(&writer, MFP_quote_bid, symbol_price(symbol, bid));
	mfp_put_number(&writer, MFP_quote_ask, symbol_price(symbol, bid + row->spread));
	mfp_put_i64(&writer, MFP_quote_spr, row->spread);
	mfp_put_i64(&writer, MFP_quote_dg, row->digits);
	mfp_put_word(&writer, MFP_quote_st, 0);
	mfp_put_i64(&writer, MFP_quote_sv, broker_server_ms(terminal->broker, now_ns));
	terminal_light_end(terminal, &writer);
}

/* Of the symbols in use, those whose price is another than the one told. */
static void tell_quotes(struct terminal *terminal, int64_t now_ns)
{
	uint32_t used = 0;
	for (size_t i = 0; i < broker_position_count(terminal->broker); i++)
		used |= 1u << broker_position_at(terminal->broker, i)->symbol;
	for (size_t i = 0; i < terminal->work_count; i++) {
		const struct record *record = terminal_work_at(terminal, i);
		used |= record->signal.symbol >= 0 ? 1u << record->signal.symbol : 0;
	}
	for (int symbol = 0; symbol < SIM_SYMBOLS; symbol++) {
		if (!(used & 1u << symbol))
			continue;
		int64_t bid = broker_bid(terminal->broker, symbol, now_ns);
		if (bid == terminal->bids_told[symbol])
			continue;
		terminal->bids_told[symbol] = bid;
		tell_quote(terminal, symbol, bid, now_ns);
	}
}

/* ---- the second ---- */

/* Lengths in ms of a loop that was to take 2,000, as recorded on a live account (51
 * rounds, sorted): median 2,083, 90th percentile 3,568, longest 9,455. */
static const uint16_t recorded_ms[] = {
	2061, 2064, 2065, 2066, 2066, 2066, 2067, 2067, 2067, 2068, 2068, 2068, 2069,
	2070, 2071, 2073, 2075, 2075, 2075, 2075, 2076, 2077, 2078, 2082, 2083, 2083,
	2087, 2088, 2088, 2089, 2089, 2089, 2090, 2090, 2091, 2100, 2103, 2105, 2118,
	2145, 2147, 2149, 2155, 2878, 3345, 3568, 4678, 4920, 7514, 9178, 9455,
};

/* How much longer the next interval takes than it should. */
static int64_t draw_stall_ns(struct terminal *terminal)
{
	int64_t interval_ns = terminal->state_ms * TERMINAL_MS;
	uint64_t pick;
	switch (terminal->settings->jitter) {
	case SIM_JITTER_SMALL:
		return (int64_t)rng_below(&terminal->rng, (uint64_t)interval_ns / 10 + 1);
	case SIM_JITTER_RECORDED:
		pick = rng_below(&terminal->rng, ARRAY_LEN(recorded_ms));
		return interval_ns / 2000 * (recorded_ms[pick] - 2000);
	default: return 0;
	}
}

/* The whole expert stands still in a stall, as it does when something blocks its thread. */
static void plan_second(struct terminal *terminal, int64_t now_ns)
{
	int64_t interval_ns = terminal->state_ms * TERMINAL_MS;
	int64_t stall_ns = draw_stall_ns(terminal);
	bool steady = terminal->settings->jitter == SIM_JITTER_NONE;
	bool behind = now_ns - terminal->state_due_ns >= interval_ns;
	terminal->state_due_ns =
	    (steady && !behind ? terminal->state_due_ns : now_ns) + interval_ns;
	terminal->stall_ns = terminal->state_due_ns;
	terminal->stall_until_ns = terminal->state_due_ns + stall_ns;
	terminal->lag_ms = stall_ns / TERMINAL_MS;
}

void terminal_report_init(struct terminal *terminal, int64_t now_ns)
{
	terminal->state_due_ns = terminal->account_due_ns = now_ns;
	terminal->stall_ns = terminal->stall_until_ns = 0;
	terminal->figures_told = (struct broker_figures){ .level = -1 };
	memset(terminal->bids_told, 0, sizeof terminal->bids_told);
}

void terminal_report_turn(struct terminal *terminal, int64_t now_ns)
{
	bool settled = terminal_settled(terminal, now_ns);
	if (settled && terminal->snapshot_due)
		tell_snapshot(terminal);
	if (now_ns < terminal->state_due_ns)
		return;
	if (settled)
		tell_changes(terminal);
	if (settled && terminal->snapshot_due)
		tell_snapshot(terminal);
	terminal_put_state(terminal, now_ns);
	if (settled) {
		tell_figures(terminal, now_ns);
		if (terminal->quotes_on)
			tell_quotes(terminal, now_ns);
	}
	plan_second(terminal, now_ns);
}
