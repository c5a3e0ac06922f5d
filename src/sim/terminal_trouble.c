/* What goes wrong with a terminal, as its settings say. */
#include "sim/chance.h"
#include "sim/terminal_impl.h"

enum { LONG_LINE_BYTES = 1 << 20, FLOOD_TURN = 64, GARBAGE_BYTES = 120 };
#define RELOAD_LEAST_NS  100000000
#define RELOAD_SPREAD_NS 1000000000

static int64_t after(struct terminal *terminal, int64_t now_ns, double per_second)
{
	return terminal->calm ? INT64_MAX
			      : chance_after_ns(&terminal->trouble_rng, now_ns, per_second);
}

void terminal_trouble_init(struct terminal *terminal, int64_t now_ns)
{
	const struct sim_settings *settings = terminal->settings;
	terminal->crash_ns = after(terminal, now_ns, settings->crash);
	terminal->reload_ns = after(terminal, now_ns, settings->reload);
	terminal->cut_ns = after(terminal, now_ns, settings->drop);
	terminal->freeze_ns = after(terminal, now_ns, settings->freeze);
	terminal->flood_ns = after(terminal, now_ns, settings->flood);
	terminal->garbage_ns = after(terminal, now_ns, settings->garbage);
	terminal->long_ns = after(terminal, now_ns, settings->long_line);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t terminal_trouble_next_ns(const struct terminal *terminal)
{
	int64_t next_ns = least(least(terminal->crash_ns, terminal->reload_ns),
				least(terminal->cut_ns, terminal->freeze_ns));
	if (terminal->calm)
		return INT64_MAX;
	if (terminal->link != LINK_UP)
		return next_ns;
	return least(least(next_ns, terminal->flood_ns),
		     least(terminal->garbage_ns, terminal->long_ns));
}

/* ---- of the process and the connection ---- */

/* Recompiled, another chart, other parameters, another account, another template. */
static int draw_why(struct terminal *terminal)
{
	static const int whys[] = { 2, 3, 5, 6, 7 };
	return whys[rng_below(&terminal->trouble_rng, ARRAY_LEN(whys))];
}

static void reload(struct terminal *terminal, int64_t now_ns)
{
	int64_t down_ns =
	    RELOAD_LEAST_NS + (int64_t)rng_below(&terminal->trouble_rng, RELOAD_SPREAD_NS);
	terminal->reload_ns = after(terminal, now_ns, terminal->settings->reload);
	terminal_reload(terminal, now_ns, draw_why(terminal), down_ns);
}

static void crash(struct terminal *terminal, int64_t now_ns)
{
	terminal->crash_ns = after(terminal, now_ns, terminal->settings->crash);
	terminal_crash(terminal, now_ns, terminal->settings->crash_down);
}

static void cut(struct terminal *terminal, int64_t now_ns)
{
	terminal->cut_ns = after(terminal, now_ns, terminal->settings->drop);
	if (terminal->link < LINK_BANNER)
		return;
	terminal->counts->cuts++;
	terminal_hang_up(terminal);
}

static void freeze(struct terminal *terminal, int64_t now_ns)
{
	terminal->counts->freezes++;
	terminal->frozen_until_ns = now_ns + terminal->settings->freeze_for;
	terminal->freeze_ns =
	    after(terminal, terminal->frozen_until_ns, terminal->settings->freeze);
}

void terminal_trouble_turn(struct terminal *terminal, int64_t now_ns)
{
	if (terminal->calm)
		return;
	if (now_ns >= terminal->crash_ns)
		crash(terminal, now_ns);
	else if (now_ns >= terminal->reload_ns)
		reload(terminal, now_ns);
	else if (now_ns >= terminal->cut_ns)
		cut(terminal, now_ns);
	else if (now_ns >= terminal->freeze_ns)
		freeze(terminal, now_ns);
}

/* ---- of the frames ---- */

static void put_random(struct terminal *terminal)
{
	char line[GARBAGE_BYTES];
	size_t len = 1 + rng_below(&terminal->trouble_rng, sizeof line - 1);
	for (size_t i = 0; i < len; i++) {
		char c = (char)rng_below(&terminal->trouble_rng, 256);
		line[i] = c == '\n' ? 'n' : c;
	}
	line[len - 1] = '\n';
	buf_put(&terminal->light, line, len);
}

static void put_garbage(struct terminal *terminal)
{
	static const char *const lines[] = {
		"",
		"X 0 what=this\n",
		"S 0 t=1\n",
		"S 0 t=abc con=1 ta=1 ma=1 aa=1 ae=1\n",
		"S 0 t=1 t=1 con=1 ta=1 ma=1 aa=1 ae=1\n",
		"D 0 deal=1\n",
		"S\n",
		"H 0 v=1\n",
		"o 0 tk=%zz\n",
		"K 0 up=1\n",
	};
	size_t which = rng_below(&terminal->trouble_rng, ARRAY_LEN(lines));
	terminal->counts->garbage++;
	if (which == 0)
		put_random(terminal);
	else
		buf_str_put(&terminal->light, str_of(lines[which]));
}

static void flood(struct terminal *terminal, int64_t now_ns)
{
	for (int n = 0; n < FLOOD_TURN && now_ns >= terminal->flood_ns; n++) {
		terminal->flood_ns = after(terminal, terminal->flood_ns, terminal->settings->flood);
		terminal_put_state(terminal, now_ns);
	}
	if (now_ns >= terminal->flood_ns) /* more than a turn holds */
		terminal->flood_ns = now_ns + 1;
}

void terminal_noise_turn(struct terminal *terminal, int64_t now_ns)
{
	if (terminal->calm)
		return;
	flood(terminal, now_ns);
	if (now_ns >= terminal->garbage_ns) {
		terminal->garbage_ns = after(terminal, now_ns, terminal->settings->garbage);
		put_garbage(terminal);
	}
	if (now_ns >= terminal->long_ns) {
		terminal->long_ns = after(terminal, now_ns, terminal->settings->long_line);
		terminal->counts->long_lines++;
		terminal->long_left = LONG_LINE_BYTES;
	}
}

/* ---- of the hello ---- */

void terminal_keep_hello(struct terminal *terminal, struct str line)
{
	if (terminal->settings->replay_hello <= 0)
		return;
	buf_clear(&terminal->old_hello);
	buf_str_put(&terminal->old_hello, line);
}

bool terminal_replays(struct terminal *terminal)
{
	double share = terminal->settings->replay_hello;
	if (terminal->calm || share <= 0 || !terminal->old_hello.len ||
	    rng_unit(&terminal->trouble_rng) >= share)
		return false;
	terminal->counts->replays++;
	terminal->counts->frames_sent++;
	buf_str_put(&terminal->light, buf_str(&terminal->old_hello));
	return true;
}
