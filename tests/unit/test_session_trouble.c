/* Days of random trouble in simulated time: what a session promises holds whatever the
 * venue does, and it is live again when the venue is well. */
#include "session_stage.h"

enum { NUMBERS = 100000, DOUBTS = 10000 };

static struct {
	struct rng rng;
	/* By trade: when the session gave it on (0: never), and whether a socket that was
	 * to get it kept it to itself. */
	int64_t given_ns[SYMBOLS][NUMBERS];
	bool muted[NUMBERS];
	uint64_t newest[SYMBOLS]; /* given */
	uint64_t checked[SYMBOLS];
	uint64_t doubted[SYMBOLS][DOUBTS]; /* the newest one when trades were interrupted */
	size_t n_doubts;
	uint64_t holes;
	int64_t paused_from_ns; /* 0: not paused */
	int64_t paused_ns;      /* in all, before that */
} chance;

static void set_paused(bool paused)
{
	if (chance.paused_from_ns)
		chance.paused_ns += stage.now_ns - chance.paused_from_ns;
	chance.paused_from_ns = paused ? stage.now_ns : 0;
	session_pause(stage.session, paused);
}

/* Time as the watchdogs see it: without pauses. */
static int64_t watched_ns(void)
{
	int64_t since_ns = chance.paused_from_ns ? chance.paused_from_ns : stage.now_ns;
	return since_ns - chance.paused_ns;
}

static int64_t stale_ns(void) { return stage.connection->classes[STREAM_TRADES].stale_ns; }

/* Below this a silence of trades is believed, and of all the rest too. */
static int64_t believed_ns(void)
{
	int64_t ping_ms = wire_of(stage.connection->venue, stage.connection->kind)->ping_ms;
	int64_t dead_ns = ping_ms * 2500000;
	return ping_ms && dead_ns < stale_ns() ? dead_ns : stale_ns();
}

static void keep_trade(size_t socket, size_t symbol, uint64_t number)
{
	(void)socket;
	assert_true(number < NUMBERS);
	if (!chance.given_ns[symbol][number])
		chance.given_ns[symbol][number] = watched_ns();
	if (number > chance.newest[symbol])
		chance.newest[symbol] = number;
}

static void keep_muted(void)
{
	for (size_t i = 0; i < 2; i++)
		if (stage.peers[i].muted >> STREAM_TRADES & 1)
			chance.muted[stage.traded[0]] = true;
}

/* Trades from `from` to before `to` were given to nobody: the session has said so after
 * the last one before and before the first one behind, or a socket kept them to itself
 * for less than the silence that is believed. */
static void check_hole(size_t symbol, uint64_t from, uint64_t to)
{
	bool is_told = false, is_muted = false;
	for (size_t i = 0; i < chance.n_doubts; i++)
		is_told |= chance.doubted[symbol][i] >= from - 1 && chance.doubted[symbol][i] < to;
	for (uint64_t i = from; i < to; i++)
		is_muted |= chance.muted[i];
	int64_t silence_ns = chance.given_ns[symbol][to] - chance.given_ns[symbol][from - 1];
	chance.holes++;
	assert_true(is_told || (is_muted && silence_ns < stale_ns() + stage.tick_ns));
}

static void check_holes(void)
{
	for (size_t symbol = 0; symbol < SYMBOLS; symbol++) {
		uint64_t last = chance.checked[symbol];
		for (uint64_t i = last + 1; i <= chance.newest[symbol]; i++) {
			if (!chance.given_ns[symbol][i])
				continue;
			if (i > last + 1 && last)
				check_hole(symbol, last + 1, i);
			last = i;
		}
		chance.checked[symbol] = last;
	}
}

/* A word about trades where one connection brings them all is a lie too. */
static void check_doubt(bool trades)
{
	assert_true(chance.n_doubts < DOUBTS);
	for (size_t i = 0; i < SYMBOLS && trades; i++)
		chance.doubted[i][chance.n_doubts] = chance.newest[i];
	chance.n_doubts += trades;
	for (size_t i = 0; i < 2 && trades; i++) {
		const struct peer *peer = &stage.peers[i];
		bool is_whole = fake_ws_is_open(socket_at(i)) && peer->trade_ns &&
				peer->answered == stage.connection->n_topics &&
				peer->answered_ns < stage.now_ns;
		assert_false(is_whole && stage.now_ns - peer->trade_ns < believed_ns());
	}
}

static uint32_t some_classes(void)
{
	return rng_below(&chance.rng, 2) ? UINT32_MAX
					 : 1u << rng_below(&chance.rng, STREAM_CLASSES);
}

static void calm(void)
{
	stage.muted = 0;
	stage.no_acks = stage.no_pongs = stage.late_acks = false;
	stage.refuses = NULL;
	fake_ws_crowd_refuse(stage.crowd, 0, NULL);
	fake_ws_crowd_hang(stage.crowd, false);
	set_paused(false);
}

static void trouble(void)
{
	static const int codes[] = { 1000, 1001, 1006, 1008, 1011 };
	static const char *const reasons[] = { "connection refused", "HTTP 429", "HTTP 502" };
	size_t socket = rng_below(&chance.rng, 2);
	switch (rng_below(&chance.rng, 12)) {
	case 0:
	case 1: fake_ws_break(socket_at(socket), codes[rng_below(&chance.rng, 5)]); break;
	case 2: fake_ws_crowd_refuse(stage.crowd, 1006, reasons[rng_below(&chance.rng, 3)]); break;
	case 3: fake_ws_crowd_hang(stage.crowd, true); break;
	case 4: stage.muted = some_classes(); break;
	case 5: stage.peers[socket].muted |= some_classes(); break;
	case 6: say_text(socket, "{\"e\":\"serverShutdown\",\"E\":1770123456789}"); break;
	case 7: set_paused(rng_below(&chance.rng, 2)); break;
	case 8: stage.no_acks = true; break;
	case 9: stage.no_pongs = true; break;
	case 10: fake_ws_go_stale(socket_at(socket)), stage.peers[socket].muted = UINT32_MAX; break;
	default: stage.late_acks = true; break;
	}
}

static void check_flow(void)
{
	for (unsigned i = 0; i < STREAM_CLASSES; i++) {
		int64_t last_ns = session_last_ns(stage.session, (enum stream_class)i);
		if (stage.connection->classes[i].stale_ns)
			assert_true(stage.now_ns - last_ns <= stage.tick_ns);
	}
}

static void troubled_days(struct setting setting, int64_t days)
{
	int64_t start_ns;
	memset(&chance, 0, sizeof chance);
	rng_init(&chance.rng, setting.seed);
	set_up(setting);
	stage.tick_ns = 2 * SECOND + SECOND / 2;
	stage.on_trade = keep_trade;
	stage.on_said = keep_muted;
	stage.on_interrupted = check_doubt;
	session_open(stage.session);
	start_ns = stage.now_ns;
	while (stage.now_ns - start_ns < days * 24 * HOUR) {
		stage.n_asked = 0; /* the ring of the gate remembers, and on_asked within a phase */
		int64_t calm_ns = stage.now_ns + (int64_t)rng_below(&chance.rng, 4 * HOUR);
		while (stage.now_ns < calm_ns) {
			if (rng_below(&chance.rng, 2))
				calm();
			trouble();
			run((int64_t)rng_below(&chance.rng, 3 * MINUTE));
		}
		calm();
		run(20 * MINUTE);
		assert_true(is_live());
		check_holes();
		check_flow();
	}
	assert_int_equal(fake_ws_crowd_count(stage.crowd), 2);
	assert_true(chance.n_doubts > 0 && chance.holes > 0);
	tear_down();
}

static uint64_t seeds = 6;

static void days_of_random_trouble_keep_every_promise(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		static const struct setting kinds[] = {
			{ VENUE_BYBIT, KIND_PERP, NULL, SYMBOLS, 0, 0, 0 },
			{ VENUE_BYBIT, KIND_SPOT, NULL, SYMBOLS, 0, 0, 0 },
			{ VENUE_BINANCE, KIND_PERP, "/market", SYMBOLS, 0, 0, 0 },
		};
		struct setting setting = kinds[seed % ARRAY_LEN(kinds)];
		setting.seed = seed;
		setting.attempts = seed % 4 == 0 ? 10 : 0;
		troubled_days(setting, 2);
	}
}

/* More seeds on the command line, for a long look. */
int main(int argc, char **argv)
{
	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_of_random_trouble_keep_every_promise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
