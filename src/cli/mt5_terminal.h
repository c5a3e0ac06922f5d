/* mt5_terminal.h - writes what a portable terminal needs to run the expert alone.
 *
 *   DIR/weir.ini                              start-up configuration, for /config:
 *   DIR/weir-start.cmd, weir-start.sh         start it: Windows, Wine
 *   DIR/MQL5/Presets/weir.set                 the expert's inputs, to load by hand
 *   DIR/MQL5/Profiles/Charts/weir/            one chart, minimised, with the expert
 *   DIR/weir/chart01.chr                      the same chart, for a clean start
 *
 * Files that hold the token are 0600. The expert is attached by the profile alone: what
 * [StartUp] attaches comes on top of what the terminal has saved in its profile, and two
 * experts with one name would follow. Blocking. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct mt5_terminal {
	struct str id, token;
	struct str host_name; /* of the machine; empty: not told */
	struct str weir;      /* weir's address, without the port */
	uint16_t port;        /* its port, never 443 */
	int64_t login;        /* 0: the terminal's own */
	struct str server;    /* of the broker; with a login only */
	struct str symbol;    /* of the chart; the broker must know it */
};

/* Makes DIR and what is missing below it. */
MUST_CHECK enum status mt5_terminal_write(const char *dir, const struct mt5_terminal *terminal,
					  struct err *err);
/* INVALID: a value that no configuration file can hold; says which. */
MUST_CHECK enum status mt5_terminal_check(const struct mt5_terminal *terminal, struct err *err);
