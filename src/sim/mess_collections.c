/* Lists, sets, sorted sets, hashes, streams. Members of sets and fields are different from one
 * another by how they are made: what is written is what the server counts. */
#include "sim/mess_impl.h"

enum { EPOCH_S = 1700000000 };

static int64_t size_of(struct mess_ask *ask) { return mess_between(&ask->rng, ask->lo, ask->hi); }

static void put_i64(struct mess_value *value, int64_t number)
{
	buf_i64(mess_part(value), number);
	mess_part_end(value);
}

static void put_price(struct mess_value *value, struct rng *rng)
{
	mess_put_hundredths(mess_part(value), mess_between(rng, 100, 9000000));
	mess_part_end(value);
}

static void put_pair(struct mess_value *value, const char *field, const char *text)
{
	mess_part_text(value, field);
	mess_part_text(value, text);
}

static void put_number(struct mess_value *value, const char *field, int64_t number)
{
	mess_part_text(value, field);
	put_i64(value, number);
}

static int64_t stamp(struct rng *rng) { return EPOCH_S + mess_between(rng, 0, 30000000); }

static const char *any_symbol(struct rng *rng)
{
	return mess_symbol(rng_below(rng, mess_symbols_all()));
}

/* ---- lists ---- */

void mess_write_trades(struct mess_value *value, struct mess_ask *ask)
{
	int64_t id = mess_between(&ask->rng, 1000000, 9000000);
	for (int64_t n = size_of(ask); n > 0; n--, mess_part_end(value))
		mess_put_trade(mess_part(value), &ask->rng, id++);
}

void mess_write_jobs(struct mess_value *value, struct mess_ask *ask)
{
	for (int64_t n = size_of(ask); n > 0; n--, mess_part_end(value))
		buf_printf(mess_part(value),
			   "{\"job\": \"%s\", \"symbol\": \"%s\", \"at\": %lld, \"tries\": %d}",
			   rng_below(&ask->rng, 2) ? "open" : "notify", any_symbol(&ask->rng),
			   (long long)stamp(&ask->rng), (int)rng_below(&ask->rng, 3));
}

void mess_write_words(struct mess_value *value, struct mess_ask *ask)
{
	static const char *const regimes[] = { "trend", "range", "squeeze", "panic" };
	for (int64_t n = size_of(ask); n > 0; n--)
		mess_part_text(value, regimes[rng_below(&ask->rng, ARRAY_LEN(regimes))]);
}

void mess_write_prices(struct mess_value *value, struct mess_ask *ask)
{
	for (int64_t n = size_of(ask); n > 0; n--)
		put_price(value, &ask->rng);
}

/* As uuids; counted up, so that none comes twice. */
void mess_write_unique_ids(struct mess_value *value, struct mess_ask *ask)
{
	int64_t id = mess_between(&ask->rng, 10000000, 90000000);
	for (int64_t n = size_of(ask); n > 0; n--, mess_part_end(value))
		buf_printf(mess_part(value), "%08llx-%04x-4a1b-8c2d-%012llx",
			   (unsigned long long)(id += mess_between(&ask->rng, 1, 900)),
			   (unsigned)rng_below(&ask->rng, 65536),
			   (unsigned long long)rng_next(&ask->rng) >> 16);
}

/* Also of a set: each once. */
void mess_write_symbols(struct mess_value *value, struct mess_ask *ask)
{
	size_t first = rng_below(&ask->rng, mess_symbols_all());
	for (int64_t n = size_of(ask); n > 0; n--)
		mess_part_text(value, mess_symbol(first++));
}

/* ---- sets ---- */

void mess_write_numbers(struct mess_value *value, struct mess_ask *ask)
{
	int64_t id = mess_between(&ask->rng, 100000, 800000000);
	for (int64_t n = size_of(ask); n > 0; n--)
		put_i64(value, id += mess_between(&ask->rng, 1, 100000));
}

void mess_write_users(struct mess_value *value, struct mess_ask *ask)
{
	int64_t id = mess_between(&ask->rng, 100000, 800000);
	for (int64_t n = size_of(ask); n > 0; n--, mess_part_end(value))
		buf_printf(mess_part(value), "u%lld",
			   (long long)(id += mess_between(&ask->rng, 1, 99)));
}

void mess_write_ranked(struct mess_value *value, struct mess_ask *ask)
{
	int64_t size = size_of(ask);
	for (int64_t n = 1; n <= size; n++, mess_part_end(value))
		buf_printf(mess_part(value), "%02lld:%s", (long long)n, any_symbol(&ask->rng));
}

void mess_write_timed(struct mess_value *value, struct mess_ask *ask)
{
	int64_t at = stamp(&ask->rng);
	for (int64_t n = size_of(ask); n > 0; n--, mess_part_end(value))
		buf_printf(mess_part(value), "%lld:%s",
			   (long long)(at += mess_between(&ask->rng, 1, 900)),
			   any_symbol(&ask->rng));
}

/* ---- sorted sets: member, score ---- */

void mess_write_times(struct mess_value *value, struct mess_ask *ask)
{
	int64_t at = stamp(&ask->rng);
	for (int64_t n = size_of(ask); n > 0; n--) {
		at += mess_between(&ask->rng, 1, 900);
		put_i64(value, at);
		put_i64(value, at);
	}
}

static void put_board(struct mess_value *value, struct mess_ask *ask, int64_t size)
{
	int64_t id = mess_between(&ask->rng, 100000, 800000);
	for (int64_t n = size; n > 0; n--) {
		buf_printf(mess_part(value), "player%lld",
			   (long long)(id += mess_between(&ask->rng, 1, 99)));
		mess_part_end(value);
		put_i64(value, mess_between(&ask->rng, 1, 9999));
	}
}

void mess_write_board(struct mess_value *value, struct mess_ask *ask)
{
	put_board(value, ask, size_of(ask));
}

void mess_write_board_long(struct mess_value *value, struct mess_ask *ask)
{
	put_board(value, ask, size_of(ask));
	buf_str_put(mess_part(value), STR("player "));
	mess_put_hex(mess_part(value), &ask->rng, (int)mess_between(&ask->rng, 80, 200));
	mess_part_end(value);
	put_i64(value, mess_between(&ask->rng, 1, 9999));
}

void mess_write_due(struct mess_value *value, struct mess_ask *ask)
{
	int64_t at = stamp(&ask->rng);
	for (int64_t n = size_of(ask); n > 0; n--) {
		buf_str_put(mess_part(value), STR("job-"));
		mess_put_hex(mess_part(value), &ask->rng, 16);
		mess_part_end(value);
		put_i64(value, at += mess_between(&ask->rng, 1, 900));
	}
}

/* ---- hashes: field, value ---- */

void mess_write_record(struct mess_value *value, struct mess_ask *ask)
{
	struct rng *rng = &ask->rng;
	int64_t size = size_of(ask);
	put_number(value, "id", mess_between(rng, 1000000, 99999999));
	put_pair(value, "symbol", any_symbol(rng));
	put_pair(value, "side", rng_below(rng, 2) ? "buy" : "sell");
	mess_part_text(value, "entry");
	put_price(value, rng);
	mess_part_text(value, "qty");
	put_price(value, rng);
	put_number(value, "opened", stamp(rng));
	for (int64_t n = 7; n <= size; n++) {
		buf_printf(mess_part(value), "target%lld", (long long)(n - 6));
		mess_part_end(value);
		put_price(value, rng);
	}
}

static void put_profile(struct mess_value *value, struct mess_ask *ask)
{
	static const char *const countries[] = { "DE", "FR", "US", "IN", "BR" };
	struct rng *rng = &ask->rng;
	int64_t id = mess_between(rng, 1000, 9999999), size = size_of(ask);
	put_number(value, "joined", stamp(rng));
	put_pair(value, "country", countries[rng_below(rng, ARRAY_LEN(countries))]);
	put_pair(value, "theme", rng_below(rng, 2) ? "dark" : "light");
	mess_part_text(value, "name");
	buf_printf(mess_part(value), "trader%lld", (long long)id);
	mess_part_end(value);
	for (int64_t n = 5; n <= size; n++) {
		buf_printf(mess_part(value), "option%lld", (long long)n);
		mess_part_end(value);
		put_i64(value, mess_between(rng, 0, 20));
	}
}

void mess_write_profile(struct mess_value *value, struct mess_ask *ask) { put_profile(value, ask); }

void mess_write_profile_long(struct mess_value *value, struct mess_ask *ask)
{
	put_profile(value, ask);
	mess_part_text(value, "about");
	for (int64_t n = mess_between(&ask->rng, 20, 60); n > 0; n--)
		buf_printf(mess_part(value), "%s ", any_symbol(&ask->rng));
	mess_part_end(value);
}

static void put_session(struct mess_value *value, struct mess_ask *ask)
{
	struct rng *rng = &ask->rng;
	put_number(value, "user_id", mess_between(rng, 100000000, 999999999));
	put_pair(value, "lang", rng_below(rng, 2) ? "en" : "de");
	put_number(value, "last_seen", stamp(rng));
	put_number(value, "pages", mess_between(rng, 1, 300));
}

void mess_write_session(struct mess_value *value, struct mess_ask *ask) { put_session(value, ask); }

void mess_write_session_secret(struct mess_value *value, struct mess_ask *ask)
{
	put_session(value, ask);
	mess_part_text(value, rng_below(&ask->rng, 2) ? "password" : "api_secret");
	mess_put_hex(mess_part(value), &ask->rng, 24);
	mess_part_end(value);
}

void mess_write_many(struct mess_value *value, struct mess_ask *ask)
{
	int64_t size = size_of(ask);
	for (int64_t n = 0; n < size; n++) {
		buf_printf(mess_part(value), "f%06lld", (long long)n);
		mess_part_end(value);
		put_price(value, &ask->rng);
	}
}

void mess_write_fat(struct mess_value *value, struct mess_ask *ask)
{
	int64_t size = size_of(ask);
	for (int64_t n = 0; n < size; n++) {
		buf_printf(mess_part(value), "row%06lld", (long long)n);
		mess_part_end(value);
		mess_put_hex(mess_part(value), &ask->rng, 1000);
		mess_part_end(value);
	}
}

void mess_write_sent(struct mess_value *value, struct mess_ask *ask)
{
	int64_t size = size_of(ask);
	for (int64_t n = 0; n < size; n++) {
		mess_part_text(value, mess_symbol((size_t)n));
		mess_put_trade(mess_part(value), &ask->rng, n + 1000);
		mess_part_end(value);
	}
}

/* ---- streams: three fields an entry ---- */

void mess_write_events(struct mess_value *value, struct mess_ask *ask)
{
	for (int64_t n = size_of(ask); n > 0; n--) {
		put_pair(value, "symbol", any_symbol(&ask->rng));
		mess_part_text(value, "price");
		put_price(value, &ask->rng);
		put_pair(value, "side", rng_below(&ask->rng, 2) ? "buy" : "sell");
	}
}
