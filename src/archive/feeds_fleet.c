/* Rows of terminals: accounts, instance_minutes. */
#include "archive/feeds_impl.h"
#include "base/check.h"

enum { MINUTE_US = 60000000 };
#define DAY_US  INT64_C(86400000000)
#define DEC_MAX INT64_C(999999999999999999) /* DECIMAL(18,8) */

/* ---- figures ---- */

static bool is_known(const struct instance *instance, enum sample sample)
{
	return instance->latest.known >> sample & 1;
}

/* e8; FEEDS_NO_FIGURE: not known, or no DECIMAL(18,8) is it exactly. */
static int64_t figure(struct feeds *feeds, const struct instance *instance, enum sample sample)
{
	int64_t e8;
	if (!is_known(instance, sample))
		return FEEDS_NO_FIGURE;
	struct number number = instance->latest.values[sample];
	const struct decimal exact = { number.mantissa, number.digits };
	if (!decimal_rescale(exact, ARCHIVE_DEC_PLACES, &e8) && e8 <= DEC_MAX && e8 >= -DEC_MAX)
		return e8;
	feeds->counts.range++;
	return FEEDS_NO_FIGURE;
}

static void put_figure(struct archive_rows *rows, enum archive_column column, int64_t e8)
{
	if (e8 != FEEDS_NO_FIGURE)
		archive_row_dec(rows, column, e8);
}

/* ---- accounts ---- */

struct account_row {
	const struct instance *instance;
	int64_t at_us;
	int64_t balance, equity, margin, free_margin, credit;
	const char *cause;
};

static void account_cells(struct archive_rows *rows, const void *what)
{
	const struct account_row *row = what;
	const struct instance *instance = row->instance;
	archive_row_text(rows, COLUMN_accounts_server, str_of(instance->server));
	archive_row_int(rows, COLUMN_accounts_login, instance->login);
	archive_row_int(rows, COLUMN_accounts_at_us, row->at_us);
	archive_row_text(rows, COLUMN_accounts_instance, str_of(instance->identity.id));
	archive_row_word(rows, COLUMN_accounts_currency, str_of(instance->currency));
	put_figure(rows, COLUMN_accounts_balance, row->balance);
	put_figure(rows, COLUMN_accounts_equity, row->equity);
	put_figure(rows, COLUMN_accounts_margin, row->margin);
	put_figure(rows, COLUMN_accounts_free_margin, row->free_margin);
	put_figure(rows, COLUMN_accounts_credit, row->credit);
	if (instance->leverage > 0)
		archive_row_int(rows, COLUMN_accounts_leverage, instance->leverage);
	archive_row_text(rows, COLUMN_accounts_cause, str_of(row->cause));
}

static uint64_t account_hash(struct str server, int64_t login)
{
	uint64_t hash = str_hash(server) ^ (uint64_t)login * 0x9E3779B97F4A7C15u;
	return hash ? hash : 1;
}

/* One a terminal, so that there are not more marks the more accounts there were. */
static void mark_name(struct buf *name, struct str terminal)
{
	buf_printf(name, "accounts:%.*s", STR_ARG(terminal));
}

static void put_mark_figure(struct buf *value, int64_t figure)
{
	buf_char(value, ' ');
	if (figure == FEEDS_NO_FIGURE)
		buf_char(value, '-');
	else
		buf_i64(value, figure);
}

void feeds_account_mark(const struct archive_row *row, struct buf *name, struct buf *value)
{
	struct str server = archive_cell_text(row, COLUMN_accounts_server);
	mark_name(name, archive_cell_text(row, COLUMN_accounts_instance));
	buf_i64(value,
		(int64_t)account_hash(server, archive_cell_int(row, COLUMN_accounts_login, 0)));
	put_mark_figure(value, archive_cell_int(row, COLUMN_accounts_at_us, 0));
	put_mark_figure(value, archive_cell_int(row, COLUMN_accounts_balance, FEEDS_NO_FIGURE));
	put_mark_figure(value, archive_cell_int(row, COLUMN_accounts_credit, FEEDS_NO_FIGURE));
	put_mark_figure(value, archive_cell_int(row, COLUMN_accounts_leverage, FEEDS_NO_FIGURE));
}

static bool mark_figure(struct str *rest, int64_t *out)
{
	struct str word;
	if (!str_split(rest, ' ', &word))
		return false;
	*out = FEEDS_NO_FIGURE;
	return str_eq(word, STR("-")) || str_to_i64(word, out) == STATUS_OK;
}

/* What an earlier run told through the terminal. */
static void restore(struct feeds *feeds, struct feeds_account_told *told, struct str terminal)
{
	char storage[WRITER_MARK_BYTES];
	struct buf name = buf_over(storage, sizeof storage);
	struct feeds_account_told was = { .told = true };
	int64_t account;
	mark_name(&name, terminal);
	struct str mark = writer_marked(feeds->config.writer, buf_str(&name));
	*told = (struct feeds_account_told){ 0 };
	if (!mark.len || !mark_figure(&mark, &account) || !mark_figure(&mark, &was.at_us) ||
	    !mark_figure(&mark, &was.balance) || !mark_figure(&mark, &was.credit) ||
	    !mark_figure(&mark, &was.leverage))
		return;
	*told = was;
	told->account = (uint64_t)account;
	told->day = was.at_us / DAY_US;
}

void feeds_restore_accounts(struct feeds *feeds)
{
	for (uint32_t slot = 0; slot < feeds->terminals_room; slot++) {
		const struct instance *instance = fleet_at(feeds->config.fleet, slot);
		struct feeds_account_told *told = &feeds->terminals[slot].account;
		if (instance && !told->account)
			restore(feeds, told, str_of(instance->identity.id));
	}
}

static bool same(const struct feeds_account_told *a, const struct feeds_account_told *b)
{
	return a->day == b->day && a->balance == b->balance && a->credit == b->credit &&
	       a->leverage == b->leverage;
}

/* Another terminal of the same account has said so. */
static bool was_told(const struct feeds *feeds, const struct feeds_account_told *now)
{
	for (uint32_t i = 0; i < feeds->terminals_room; i++) {
		const struct feeds_account_told *told = &feeds->terminals[i].account;
		if (told->account == now->account && told->told && same(told, now))
			return true;
	}
	return false;
}

static void tell_account(struct feeds *feeds, const struct instance *instance,
			 const struct feeds_account_told *now, const char *cause)
{
	const struct account_row row = {
		.instance = instance,
		.at_us = now->at_us,
		.balance = now->balance,
		.equity = figure(feeds, instance, SAMPLE_eq),
		.margin = figure(feeds, instance, SAMPLE_mar),
		.free_margin = figure(feeds, instance, SAMPLE_fm),
		.credit = now->credit,
		.cause = cause,
	};
	feeds_queue_put(&feeds->queues[FEEDS_ACCOUNTS], account_cells, &row);
}

void feeds_account(struct feeds *feeds, const struct instance *instance)
{
	CHECK(instance->slot < feeds->terminals_room);
	struct feeds_account_told *told = &feeds->terminals[instance->slot].account;
	if (!feeds->started || !instance->login || !instance->server[0] ||
	    !is_known(instance, SAMPLE_bal))
		return;
	uint64_t account = account_hash(str_of(instance->server), instance->login);
	if (told->account != account) /* its first, or it has logged in elsewhere */
		*told = (struct feeds_account_told){ .account = account, .at_us = told->at_us };
	int64_t at_us = feeds_wall_us(feeds);
	struct feeds_account_told now = {
		.account = account,
		.told = true,
		.day = at_us / DAY_US,
		.balance = figure(feeds, instance, SAMPLE_bal),
		.credit = figure(feeds, instance, SAMPLE_cr),
		.leverage = instance->leverage > 0 ? instance->leverage : FEEDS_NO_FIGURE,
		.at_us = at_us > told->at_us ? at_us : told->at_us + 1,
	};
	if (told->told && same(told, &now))
		return;
	bool daily = !told->told || now.day != told->day;
	if (!was_told(feeds, &now))
		tell_account(feeds, instance, &now, daily ? "daily" : "change");
	*told = now;
}

/* ---- minutes ---- */

static void mean_add(struct feeds_mean *mean, double value)
{
	if (!mean->count || value > mean->max)
		mean->max = value;
	mean->sum += value;
	mean->count++;
}

static void add(struct feeds_mean *mean, const struct instance *instance, enum sample sample)
{
	if (is_known(instance, sample))
		mean_add(mean, number_to_double(instance->latest.values[sample]));
}

struct minute_row {
	struct feeds *feeds;
	const struct instance *instance;
	const struct feeds_minute *minute;
};

static void put_mean(struct archive_rows *rows, enum archive_column column,
		     const struct feeds_mean *mean)
{
	if (mean->count)
		archive_row_real(rows, column, mean->sum / mean->count);
}

static void put_max(struct archive_rows *rows, enum archive_column column,
		    const struct feeds_mean *mean)
{
	if (mean->count)
		archive_row_real(rows, column, mean->max);
}

static void minute_cells(struct archive_rows *rows, const void *what)
{
	const struct minute_row *row = what;
	const struct instance *instance = row->instance;
	const struct feeds_minute *minute = row->minute;
	struct feeds *feeds = row->feeds;
	archive_row_text(rows, COLUMN_instance_minutes_instance, str_of(instance->identity.id));
	archive_row_int(rows, COLUMN_instance_minutes_minute_us, minute->minute * MINUTE_US);
	archive_row_int(rows, COLUMN_instance_minutes_samples,
			__builtin_popcountll(minute->seconds));
	archive_row_text(rows, COLUMN_instance_minutes_state,
			 str_of(instance_state_text(instance->state)));
	put_mean(rows, COLUMN_instance_minutes_cpu_mean, &minute->cpu);
	put_max(rows, COLUMN_instance_minutes_cpu_max, &minute->cpu);
	put_max(rows, COLUMN_instance_minutes_memory_max, &minute->memory);
	put_mean(rows, COLUMN_instance_minutes_ping_mean, &minute->ping);
	put_max(rows, COLUMN_instance_minutes_ping_max, &minute->ping);
	put_max(rows, COLUMN_instance_minutes_lag_max, &minute->lag);
	put_max(rows, COLUMN_instance_minutes_queue_max, &minute->queue);
	put_figure(rows, COLUMN_instance_minutes_balance, figure(feeds, instance, SAMPLE_bal));
	put_figure(rows, COLUMN_instance_minutes_equity, figure(feeds, instance, SAMPLE_eq));
	put_figure(rows, COLUMN_instance_minutes_profit, figure(feeds, instance, SAMPLE_pl));
	if (is_known(instance, SAMPLE_n))
		archive_row_int(rows, COLUMN_instance_minutes_positions,
				(int64_t)number_to_double(instance->latest.values[SAMPLE_n]));
}

static void close_minute(struct feeds *feeds, const struct instance *instance)
{
	struct feeds_minute *minute = &feeds->terminals[instance->slot].minute;
	const struct minute_row row = { feeds, instance, minute };
	if (minute->minute && minute->terminal == str_hash(str_of(instance->identity.id)))
		feeds_queue_put(&feeds->queues[FEEDS_MINUTES], minute_cells, &row);
	*minute = (struct feeds_minute){ 0 };
}

void feeds_sample(struct feeds *feeds, const struct instance *instance)
{
	CHECK(instance->slot < feeds->terminals_room);
	struct feeds_minute *minute = &feeds->terminals[instance->slot].minute;
	int64_t now_us = feeds_wall_us(feeds), number = now_us / MINUTE_US;
	uint64_t terminal = str_hash(str_of(instance->identity.id));
	if (minute->minute != number || minute->terminal != terminal)
		close_minute(feeds, instance);
	minute->minute = number;
	minute->terminal = terminal;
	minute->seconds |= UINT64_C(1) << now_us % MINUTE_US / 1000000;
	add(&minute->cpu, instance, SAMPLE_cpu);
	add(&minute->memory, instance, SAMPLE_mem);
	add(&minute->ping, instance, SAMPLE_ping);
	add(&minute->lag, instance, SAMPLE_lag);
	double experts =
	    is_known(instance, SAMPLE_q) ? number_to_double(instance->latest.values[SAMPLE_q]) : 0;
	mean_add(&minute->queue, experts + instance->waiting);
}

/* Also of terminals that have gone silent since. */
void feeds_close_minutes(struct feeds *feeds, bool open_too)
{
	int64_t now = feeds_wall_us(feeds) / MINUTE_US;
	for (uint32_t slot = 0; slot < feeds->terminals_room; slot++) {
		struct feeds_minute *minute = &feeds->terminals[slot].minute;
		const struct instance *instance = fleet_at(feeds->config.fleet, slot);
		if (!minute->minute || (minute->minute == now && !open_too))
			continue;
		if (instance)
			close_minute(feeds, instance);
		else
			*minute = (struct feeds_minute){ 0 };
	}
}
