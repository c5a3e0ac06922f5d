/* symbols.h - what brokers call the symbols that producers write (fleet.md 3.6).
 *
 *   [symbols.FPMarketsSC-Live]
 *   EURUSD = EURUSD.r
 *
 * Once a broker's server has a section, a symbol that is not in it is unknown there, the
 * broker's own spelling too; without a section names go as they are. Pure; lookups are one
 * hash and a compare. One thread. */
#pragma once

#include "def/config.h"

enum symbols_found { SYMBOLS_AS_IT_IS, SYMBOLS_MAPPED, SYMBOLS_UNKNOWN };

struct symbols;

struct symbols *symbols_create(void); /* no sections; NULL: no memory */
void symbols_destroy(struct symbols *symbols);
/* What the settings say from now on. NO_MEMORY: it stays as it was. */
MUST_CHECK enum status symbols_configure(struct symbols *symbols, const struct config *config);
/* *out: what to send; it lives until the next configure. */
enum symbols_found symbols_find(const struct symbols *symbols, struct str server, struct str name,
				struct str *out);
