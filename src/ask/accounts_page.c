/* What the three answers about accounts share: heads, ages, notes, the JSON around. */
#include "ask/accounts_facts.h"
#include "base/check.h"

enum { SHOWN_PLACES = 8, USD_PLACES = 2 };

/* ---- numbers ---- */

static int32_t places_of(i128 e18)
{
	int32_t places = ACCOUNT_PLACES;
	while (places > 0 && e18 % 10 == 0) {
		e18 /= 10;
		places--;
	}
	return places;
}

struct figure accounts_figure(i128 e18, enum figure_sign sign)
{
	char text[FIGURE_BYTES + 1];
	int32_t places = places_of(e18);
	if (places <= SHOWN_PLACES)
		return figure_group(e18, ACCOUNT_PLACES, places, sign);
	struct figure rounded = figure_group(e18, ACCOUNT_PLACES, SHOWN_PLACES, sign);
	struct buf out = buf_over(text, sizeof text - 1);
	buf_char(&out, '~');
	buf_str_put(&out, figure_str(&rounded));
	text[out.len] = 0;
	return figure_word(text);
}

struct figure accounts_usd_figure(i128 usd_e8)
{
	return figure_group(usd_e8, 8, USD_PLACES, FIGURE_PLAIN);
}

/* ---- page ---- */

void accounts_print_title(const struct accounts_facts *facts, struct page *page, const char *what)
{
	char storage[96];
	struct buf title = buf_over(storage, sizeof storage);
	buf_str_put(&title, str_of(what));
	if (facts->symbol)
		buf_printf(&title, " · %s", facts->symbol);
	page_bold(page, buf_str(&title));
}

static void print_ago(const struct accounts_facts *facts, int64_t t_ms, struct page *page)
{
	int64_t now_ms = facts->request->now_ms;
	struct figure age = figure_age(now_ms > t_ms ? now_ms - t_ms : 0);
	if (now_ms)
		page_printf(page, " %.*s ago", STR_ARG(figure_str(&age)));
}

void accounts_print_head(const struct accounts_facts *facts, const struct account *account,
			 struct page *page)
{
	char storage[96];
	struct buf title = buf_over(storage, sizeof storage);
	page_end_line(page);
	buf_printf(&title, "%s · %s", account->name, venue_title(account->venue));
	page_bold(page, buf_str(&title));
	if (account->state == ACCOUNT_UP)
		return;
	page_text(page, account_state_text(account->state));
	if (account->failed_ms)
		print_ago(facts, account->failed_ms, page);
	if (account->until_ms) {
		struct figure until = figure_utc(account->until_ms);
		page_printf(page, ", until %.*s", STR_ARG(figure_str(&until)));
	}
	if (account->why[0])
		page_printf(page, ": %s", account->why);
	page_end_line(page);
}

void accounts_print_age(const struct accounts_facts *facts, const struct account *account,
			enum account_answer answer, struct page *page)
{
	if (!(account->answers >> answer & 1))
		return;
	page_text(page, account_answer_text(answer));
	if (!account->said_ms[answer])
		page_text(page, ": not known yet");
	else if (facts->request->now_ms)
		print_ago(facts, account->said_ms[answer], page);
	if (account->incomplete[answer])
		page_text(page, ", a part is left out");
	page_end_line(page);
}

void accounts_print_terminals_head(const struct accounts_facts *facts, struct page *page)
{
	page_end_line(page);
	page_bold(page, facts->simulated ? STR("SIMULATED TERMINALS") : STR("Terminals"));
}

void accounts_print_terminal(const struct instance *instance, struct page *page)
{
	page_printf(page, "%lld@%s", (long long)instance->login, instance->server);
	page_end_line(page);
}

bool accounts_page_full(const struct page *page) { return page->chars > PAGE_ROOM; }

void accounts_print_more(struct page *page, uint32_t count, const char *what)
{
	if (!count)
		return;
	page_printf(page, "… %u more %s: --json, or name an account", count, what);
	page_end_line(page);
}

static void print_rate(const struct accounts_facts *facts, const struct rate_noted *noted,
		       struct page *page)
{
	struct figure price = figure_price(noted->rate.price.mantissa, noted->rate.price.scale);
	page_printf(page, "%s %.*s (%s", noted->asset, STR_ARG(figure_str(&price)),
		    noted->rate.source);
	if (facts->rates.now_ms) {
		int64_t age_ms = facts->rates.now_ms - noted->rate.t_ms;
		struct figure age = figure_age(age_ms > 0 ? age_ms : 0);
		page_printf(page, ", %.*s old%s", STR_ARG(figure_str(&age)),
			    noted->stale ? ", stale" : "");
	}
	page_text(page, ")");
	page_end_line(page);
}

static void print_names(const struct accounts_facts *facts, bool unpriced, const char *head,
			const char *tail, struct page *page)
{
	bool any = false;
	for (uint32_t i = 0; i < facts->noted_count && page->chars < PAGE_CHARS - 160; i++) {
		const struct rate_noted *noted = &facts->noted[i];
		bool is_one = noted->known ? !noted->rate.t_ms && !unpriced : unpriced;
		if (!is_one)
			continue;
		page_text(page, any ? ", " : head);
		page_text(page, noted->asset);
		any = true;
	}
	if (!any)
		return;
	page_text(page, tail);
	page_end_line(page);
}

void accounts_print_foot(struct accounts_facts *facts, struct page *page)
{
	bool head = false;
	for (uint32_t i = 0; i < facts->noted_count && page->chars < PAGE_CHARS - 400; i++) {
		if (!facts->noted[i].known || !facts->noted[i].rate.t_ms)
			continue;
		if (!head)
			page_line(page, "Rates in USD, of the newest trade:");
		head = true;
		print_rate(facts, &facts->noted[i], page);
	}
	print_names(facts, false, "", " held at 1.00 USD.", page);
	print_names(facts, true, "Without a rate: ", ".", page);
	if (!facts->request->now_ms)
		return;
	struct figure when = figure_utc(facts->request->now_ms);
	page_printf(page, "as of %.*s", STR_ARG(figure_str(&when)));
	page_end_line(page);
}

/* ---- JSON ---- */

void accounts_json_e18(struct json_out *json, const char *key, bool known, i128 e18)
{
	json_out_known_decimal(json, key, known, e18, ACCOUNT_PLACES);
}

void accounts_json_head(const struct account *account, struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "name", str_of(account->name));
	json_out_str(json, "venue", str_of(venue_text(account->venue)));
	json_out_str(json, "state", str_of(account_state_text(account->state)));
	json_out_word(json, "why", account->why[0] ? account->why : NULL);
	json_out_known_i64(json, "until_ms", account->until_ms > 0, account->until_ms);
	json_out_known_i64(json, "failed_ms", account->failed_ms > 0, account->failed_ms);
	json_out_open(json, "answers", '[');
	for (enum account_answer answer = 0; answer < ACCOUNT_ANSWERS; answer++) {
		if (!(account->answers >> answer & 1))
			continue;
		json_out_open(json, NULL, '{');
		json_out_str(json, "answer", str_of(account_answer_text(answer)));
		json_out_known_i64(json, "said_ms", account->said_ms[answer] > 0,
				   account->said_ms[answer]);
		json_out_bool(json, "complete", !account->incomplete[answer]);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

void accounts_json_terminal(const struct instance *instance, struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "terminal", str_of(instance->identity.id));
	json_out_i64(json, "login", instance->login);
	json_out_str(json, "server", str_of(instance->server));
	json_out_str(json, "currency", str_of(instance->currency));
	json_out_known_i64(json, "heard_ms", instance->heard_ms > 0, instance->heard_ms);
}

void accounts_json_rates(const struct accounts_facts *facts, struct json_out *json)
{
	json_out_open(json, "rates", '[');
	for (uint32_t i = 0; i < facts->noted_count; i++) {
		const struct rate_noted *noted = &facts->noted[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "asset", str_of(noted->asset));
		json_out_known_decimal(json, "usd", noted->known, noted->rate.price.mantissa,
				       noted->rate.price.scale);
		json_out_word(json, "source", noted->known ? noted->rate.source : NULL);
		json_out_known_i64(json, "t_ms", noted->rate.t_ms > 0, noted->rate.t_ms);
		json_out_bool(json, "stale", noted->stale);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static bool any_stale(const struct accounts_facts *facts)
{
	for (uint32_t i = 0; i < facts->noted_count; i++)
		if (facts->noted[i].stale)
			return true;
	return false;
}

static void answer_json(struct accounts_facts *facts, accounts_json *write, struct str text,
			struct buf *out)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "command", str_of(asked_command(facts->asked->question)));
	json_out_null(&json, "symbol");
	json_out_known_i64(&json, "as_of_ms", facts->request->now_ms > 0, facts->request->now_ms);
	json_out_null(&json, "coverage");
	json_out_bool(&json, "simulated", facts->simulated && facts->terminal_count > 0);
	json_out_bool(&json, "stale", any_stale(facts));
	json_out_null(&json, "error");
	json_out_open(&json, "data", '{');
	write(facts, &json);
	json_out_close(&json, '}');
	json_out_str(&json, "text", text);
	json_out_close(&json, '}');
}

enum ask_outcome accounts_answer(struct accounts_facts *facts, accounts_print *print,
				 accounts_json *write, struct buf *out)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	bool json = facts->request->format == ASK_JSON;
	struct page page;
	page_init(&page, json ? &text : out, facts->request->format == ASK_HTML);
	print(facts, &page);
	if (json)
		answer_json(facts, write, buf_str(&text), out);
	return ASK_ANSWERED;
}
