/* Connections: who subscribed to what, within the limits, and what reaches whom. */
#include <malloc.h>
#include <stdlib.h>

#include "venue_sim_impl.h"

enum { DAY_MS = 86400000, LIMIT_ARGS_SPOT = 10, MESSAGE_MAX = 4096, ARGS_CHARS_MAX = 21000 };

static const int64_t second_ns = 1000000000, handshake_window_ns = 300000000000;

static struct socket *socket_of(struct site *site, const struct fake_ws *ws)
{
	for (size_t i = 0; i < site->n_sockets; i++)
		if (site->sockets[i].ws == ws)
			return &site->sockets[i];
	return NULL;
}

/* ---- what goes out ---- */

static void say_now(struct socket *socket, struct str text)
{
	struct venue_sim *sim = socket->site->sim;
	if (fake_ws_say(socket->ws, text, venue_sim_now_ms(sim) * MS_NS))
		sim->counts.frames++;
}

/* When there is no room it comes at once: late or not, it comes. */
static void say_later(struct socket *socket, struct str text, int64_t delay_ms)
{
	struct site *site = socket->site;
	for (size_t i = 0; i < SITE_LATER; i++) {
		struct later *later = &site->later[i];
		if (later->due_ns)
			continue;
		char *copy = malloc(text.len);
		CHECK(copy);
		memcpy(copy, text.ptr, text.len);
		*later = (struct later){ sim_now_ns(site->sim) + delay_ms * MS_NS, socket,
					 socket->generation, str_make(copy, text.len) };
		return;
	}
	say_now(socket, text);
}

static bool is_told(const struct socket *socket, const struct market_sim *market,
		    enum stream_class class)
{
	const struct site *site = socket->site;
	bool mute = in_trouble(site, TROUBLE_MUTE) && (site->args[TROUBLE_MUTE] >> class & 1);
	return (socket->topics[market->index] >> class & 1) && !mute && fake_ws_is_open(socket->ws);
}

void site_say(struct market_sim *market, enum stream_class class, struct str frame)
{
	struct site *site = market->site;
	for (size_t i = 0; i < site->n_sockets; i++)
		if (is_told(&site->sockets[i], market, class))
			say_now(&site->sockets[i], frame);
}

void site_say_everybody(struct site *site, struct str frame)
{
	for (size_t i = 0; i < site->n_sockets && site->venue == VENUE_BINANCE; i++)
		say_now(&site->sockets[i], frame);
}

static void say_junk(struct socket *socket, struct market_sim *market)
{
	struct site *site = socket->site;
	char text[FRAME_BYTES];
	uint64_t noise = rng_next(&site->rng);
	size_t len =
	    noise % 2 ? sim_frame_malformed(text, &market->truth.label, noise >> 8)
		      : sim_frame_unknown(text, &market->truth.label, venue_sim_now_ms(site->sim));
	site->sim->counts.junk++;
	say_now(socket, str_make(text, len));
}

/* Something goes wrong with these trades on this connection; false: nothing. */
static bool say_wrongly(struct socket *socket, const struct trade_words *words, uint32_t times)
{
	struct site *site = socket->site;
	const struct venue_sim_odds *odds = &site->sim->config.odds;
	struct venue_sim_counts *counts = &site->sim->counts;
	int64_t delay_ms = 100 + (int64_t)rng_below(&site->rng, 7900);
	if (by_chance(site, odds->lost * times)) {
		counts->lost++;
	} else if (by_chance(site, odds->late * times)) {
		counts->late++;
		say_later(socket, words->frame, delay_ms);
	} else if (by_chance(site, odds->twice * times)) {
		counts->twice++;
		say_now(socket, words->frame);
		say_later(socket, words->frame, delay_ms);
	} else if (words->bad_time.len && by_chance(site, odds->bad_time * times)) {
		counts->bad_times++;
		say_now(socket, words->bad_time);
	} else if (words->bad_id.len && by_chance(site, odds->bad_id * times)) {
		counts->bad_ids++;
		say_now(socket, words->bad_id);
	} else {
		return false;
	}
	return true;
}

void site_say_trades(struct market_sim *market, const struct trade_words *words)
{
	struct site *site = market->site;
	uint32_t times = in_trouble(site, TROUBLE_STORM) ? (uint32_t)site->args[TROUBLE_STORM] : 1;
	for (size_t i = 0; i < site->n_sockets; i++) {
		struct socket *socket = &site->sockets[i];
		if (!is_told(socket, market, STREAM_TRADES))
			continue;
		site->sim->counts.trades++;
		if (by_chance(site, site->sim->config.odds.junk * times))
			say_junk(socket, market);
		if (!say_wrongly(socket, words, times))
			say_now(socket, words->frame);
	}
}

/* ---- what comes in ---- */

static const struct topic_word {
	const char *word; /* of the topic, without the symbol */
	enum stream_class class;
	bool is_public; /* Binance's futures: the base that has it */
} topic_words[VENUE_COUNT][6] = {
	[VENUE_BINANCE] = { { "@aggTrade", STREAM_TRADES, false },
			    { "@bookTicker", STREAM_BOOK, true },
			    { "@ticker", STREAM_TICKER, false },
			    { "@markPrice@1s", STREAM_MARK, false },
			    { "@forceOrder", STREAM_LIQUIDATIONS, false },
			    { "@depth@", STREAM_DEPTH, true } },
	[VENUE_BYBIT] = { { "publicTrade.", STREAM_TRADES, false },
			  { "tickers.", STREAM_TICKER, false },
			  { "kline.1.", STREAM_KLINES, false },
			  { "orderbook.50.", STREAM_DEPTH, false },
			  { "allLiquidation.", STREAM_LIQUIDATIONS, false } },
};

static bool topic_word_of(enum venue venue, struct str topic, const struct topic_word **word,
			  struct str *symbol)
{
	for (size_t i = 0; i < ARRAY_LEN(topic_words[venue]); i++) {
		struct str text = str_of(topic_words[venue][i].word);
		size_t at = venue == VENUE_BINANCE ? str_find_char(topic, '@') : 0;
		if (!text.len || !str_starts(str_skip(topic, at), text))
			continue;
		*word = &topic_words[venue][i];
		*symbol = at ? str_make(topic.ptr, at) : str_skip(topic, text.len);
		return true;
	}
	return false;
}

/* Taken is everything; only what this base has will ever come. */
static bool is_served(const struct socket *socket, const struct topic_word *word)
{
	const char *url = fake_ws_url(socket->ws);
	if (socket->site->venue != VENUE_BINANCE || socket->site->kind != KIND_PERP)
		return true;
	return strstr(url, word->is_public ? "/public/" : "/market/") != NULL;
}

static void subscribe(struct socket *socket, struct str topic)
{
	struct site *site = socket->site;
	const struct topic_word *word;
	struct str symbol;
	socket->n_topics++;
	socket->chars += topic.len + 3;
	if (!topic_word_of(site->venue, topic, &word, &symbol)) {
		site_breach(site, "no such topic: %.*s", STR_ARG(topic));
		return;
	}
	for (size_t i = 0; i < VENUE_SIM_SYMBOLS && is_served(socket, word); i++)
		if (str_eq_nocase(symbol, str_of(venue_sim_symbol(i))))
			socket->topics[i] |= 1u << word->class;
}

static void check_message(struct socket *socket, struct str message)
{
	struct site *site = socket->site;
	int64_t now_ns = sim_now_ns(site->sim), within = 0;
	int64_t most = site->venue == VENUE_BINANCE && site->kind == KIND_SPOT ? 5 : 10;
	socket->sent_ns[socket->n_sent++ % SITE_SENT] = now_ns;
	for (uint64_t i = 0; i < SITE_SENT && i < socket->n_sent; i++)
		within += socket->sent_ns[i] > now_ns - second_ns;
	if (within >= most) /* one is left for a pong */
		site_breach(site, "%d messages within a second", (int)within);
	if (message.len > MESSAGE_MAX)
		site_breach(site, "a message of %zu bytes", message.len);
}

static struct str between(struct str text, const char *from, const char *stop)
{
	const char *at = memmem(text.ptr, text.len, from, strlen(from));
	if (!at)
		return STR("");
	struct str rest = str_skip(text, (size_t)(at - text.ptr) + strlen(from));
	size_t len = 0;
	while (len < rest.len && !strchr(stop, rest.ptr[len]))
		len++;
	return str_make(rest.ptr, len);
}

static void acknowledge(struct socket *socket, struct str message)
{
	struct site *site = socket->site;
	bool bybit = site->venue == VENUE_BYBIT;
	char text[256];
	struct buf out = buf_over(text, sizeof text);
	struct str id =
	    bybit ? between(message, "\"req_id\":\"", "\"") : between(message, "\"id\":", ",}");
	if (bybit)
		buf_printf(&out,
			   "{\"success\":true,\"ret_msg\":\"\",\"conn_id\":\"c-%llu\","
			   "\"req_id\":\"%.*s\",\"op\":\"subscribe\"}",
			   (unsigned long long)socket->generation, STR_ARG(id));
	else
		buf_printf(&out, "{\"result\":null,\"id\":%.*s}", STR_ARG(id));
	CHECK(!out.overflow);
	uint64_t luck = rng_below(&site->rng, 20);
	if (luck == 0)
		return; /* never */
	if (luck < 4)
		say_later(socket, buf_str(&out), 200 + (int64_t)rng_below(&site->rng, 2500));
	else
		say_now(socket, buf_str(&out));
}

static void on_subscribe(struct socket *socket, struct str message)
{
	struct site *site = socket->site;
	struct str list = between(message, "[", "]"), topic;
	size_t count = 0;
	size_t streams = site->venue == VENUE_BINANCE && site->kind == KIND_SPOT ? 1024 : 200;
	for (; list.len && str_split(&list, ',', &topic); count++)
		subscribe(socket, str_make(topic.ptr + 1, topic.len - 2));
	if (site->venue == VENUE_BYBIT && site->kind == KIND_SPOT && count > LIMIT_ARGS_SPOT)
		site_breach(site, "%zu topics in a message", count);
	if (socket->n_topics > streams || socket->chars > ARGS_CHARS_MAX)
		site_breach(site, "%zu topics, %zu characters", socket->n_topics, socket->chars);
	acknowledge(socket, message);
}

static void on_sent(void *ctx, struct fake_ws *ws, struct str message)
{
	struct site *site = ctx;
	struct socket *socket = socket_of(site, ws);
	CHECK(socket);
	check_message(socket, message);
	if (str_eq(message, STR("{\"op\":\"ping\"}")))
		say_now(socket, site->kind == KIND_SPOT
				    ? STR("{\"success\":true,\"ret_msg\":\"pong\",\"conn_id\":"
					  "\"c\",\"op\":\"ping\"}")
				    : STR("{\"success\":true,\"ret_msg\":\"pong\",\"conn_id\":"
					  "\"c\",\"req_id\":\"\",\"op\":\"ping\"}"));
	else if (memmem(message.ptr, message.len, "UBSCRIBE", 8) ||
		 memmem(message.ptr, message.len, "ubscribe", 8))
		on_subscribe(socket, message);
	else
		site_breach(site, "not understood: %.60s", message.ptr);
}

static void count_handshake(struct site *site)
{
	int64_t now_ns = sim_now_ns(site->sim), within = 0;
	int64_t most = site->venue == VENUE_BINANCE ? 300 : 500;
	site->handshakes_ns[site->n_handshakes++ % SITE_HANDSHAKES] = now_ns;
	for (uint64_t i = 0; i < SITE_HANDSHAKES && i < site->n_handshakes; i++)
		within += site->handshakes_ns[i] > now_ns - handshake_window_ns;
	if (within > most)
		site_breach(site, "%d handshakes within 5 minutes", (int)within);
	site->sim->counts.handshakes++;
	site->sim->counts.refused +=
	    in_trouble(site, TROUBLE_REFUSE) || in_trouble(site, TROUBLE_UNPLUG);
}

static void on_asked(void *ctx, struct fake_ws *ws)
{
	struct site *site = ctx;
	struct socket *socket = socket_of(site, ws);
	if (!socket) {
		CHECK(site->n_sockets < SITE_SOCKETS);
		socket = &site->sockets[site->n_sockets++];
	}
	uint64_t generation = socket->generation + 1;
	*socket = (struct socket){
		.site = site, .ws = ws, .generation = generation, .asked_ns = sim_now_ns(site->sim)
	};
	count_handshake(site);
}

/* ---- ends ---- */

void site_end_all(struct site *site, int code)
{
	for (size_t i = 0; i < site->n_sockets; i++)
		if (fake_ws_is_open(site->sockets[i].ws))
			fake_ws_close(site->sockets[i].ws, code, STR(""));
}

void site_end_one(struct site *site, int code)
{
	size_t from = site->n_sockets ? rng_below(&site->rng, site->n_sockets) : 0;
	for (size_t i = 0; i < site->n_sockets; i++) {
		struct socket *socket = &site->sockets[(from + i) % site->n_sockets];
		if (!fake_ws_is_open(socket->ws))
			continue;
		fake_ws_close(socket->ws, code, STR(""));
		return;
	}
}

void site_stale_all(struct site *site)
{
	for (size_t i = 0; i < site->n_sockets; i++)
		if (fake_ws_is_open(site->sockets[i].ws))
			fake_ws_go_stale(site->sockets[i].ws);
}

/* A venue ends a connection after a day; weir is to be gone before. */
static void end_old(struct site *site, int64_t now_ns)
{
	for (size_t i = 0; i < site->n_sockets; i++) {
		struct socket *socket = &site->sockets[i];
		if (!fake_ws_is_open(socket->ws) || now_ns - socket->asked_ns < DAY_MS * MS_NS)
			continue;
		site->sim->counts.ended_by_age++;
		fake_ws_close(socket->ws, 1001, STR("24 hours"));
	}
}

void site_ws_step(struct site *site, int64_t now_ns)
{
	for (size_t i = 0; i < SITE_LATER; i++) {
		struct later *later = &site->later[i];
		if (!later->due_ns || now_ns < later->due_ns)
			continue;
		struct str text = later->text;
		bool same = later->generation == later->socket->generation;
		later->due_ns = 0;
		if (same)
			say_now(later->socket, text);
		free((void *)text.ptr);
	}
	end_old(site, now_ns);
}

/* ---- life ---- */

void site_ws_init(struct site *site)
{
	const struct fake_ws_peer peer = { on_asked, on_sent, site };
	site->crowd =
	    fake_ws_crowd_create(site->sim->config.timers, site->sim->config.clock, &peer);
}

void site_ws_deinit(struct site *site)
{
	for (size_t i = 0; i < SITE_LATER; i++)
		if (site->later[i].due_ns)
			free((void *)site->later[i].text.ptr);
	fake_ws_crowd_destroy(site->crowd);
}

static size_t kept_by(const struct fake_ws *ws)
{
	size_t n = fake_ws_sent_count(ws), bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += malloc_usable_size((void *)fake_ws_sent(ws, i).ptr);
	return bytes + n * sizeof(struct str); /* and their list */
}

size_t site_kept_bytes(const struct site *site)
{
	size_t bytes = 0;
	for (size_t i = 0; i < SITE_LATER; i++)
		if (site->later[i].due_ns)
			bytes += malloc_usable_size((void *)site->later[i].text.ptr);
	for (size_t i = 0; i < site->n_sockets; i++)
		bytes += kept_by(site->sockets[i].ws);
	return bytes;
}
