/* closed_table.h - what a chunk of closed trades looks like; closed.c writes and reads it.
 *
 * Format 1, magic `wT`, after the frame's head (pack_frame.h): priors version, count
 * (varints); login (signed varint); server (its length in a byte, its bytes); powers of ten
 * of the unit of times (µs) and of money (a byte each); count of symbols (varint), for each
 * its name as the server's, and the powers of ten of its price and volume units (a byte
 * each); first closing time / its unit, first position (signed varints); payload: rows of
 * the packer (packer.h), one a trade.
 *
 * Memory before the first row: closed.last and position.last are the header's. Of each
 * symbol is remembered, all 0 at first: the last closing price (in 10^-8), volume and
 * commission (in units), and of the trade whose |product| was the largest (the newer of
 * equals) that product and its profit (in units). The product is that of its gain in price
 * (in 10^-8; of a sell, open - close) and its volume in units; it is 0 where one of these is
 * not within ±2^62, and one that is not so itself is not remembered. Sums are modulo 2^64,
 * and what is divided by a unit is cut. A row:
 *	symbol      its number in the header
 *	sell, fine, has_sl, has_tp   0 or 1. fine: one of the prices is no multiple of the
 *	            symbol's unit: the unit of this row's prices is 10^-8
 *	closed      / unit
 *	lasted      (closed - opened) / unit
 *	position
 *	volume      less the symbol's last
 *	open        less the symbol's last closing price
 *	move        close - open
 *	sl, tp      less open; 0 where there is none
 *	commission  less last commission × volume / last volume
 *	swap, fee
 *	pnl         less profit × this row's product / product
 *	deals       less 2
 * Quotients are rounded half away from zero; one whose divisor is 0, or in which a factor of
 * the dividend is not within ±2^62, is 0. */
#pragma once

#include "codec/packer.h"

enum closed_column {
	CLOSED_SYMBOL,
	CLOSED_SELL,
	CLOSED_FINE,
	CLOSED_HAS_SL,
	CLOSED_HAS_TP,
	CLOSED_CLOSED,
	CLOSED_LASTED,
	CLOSED_POSITION,
	CLOSED_VOLUME,
	CLOSED_OPEN,
	CLOSED_MOVE,
	CLOSED_SL,
	CLOSED_TP,
	CLOSED_COMMISSION,
	CLOSED_SWAP,
	CLOSED_FEE,
	CLOSED_PNL,
	CLOSED_DEALS,
	CLOSED_COLUMNS
};

/* The start is flat (priors version 0). */
enum { CLOSED_SLOTS = 1326 };

static const struct pack_column closed_columns[CLOSED_COLUMNS] = {
	[CLOSED_SYMBOL] = { .name = "symbol",
			    .transform = PACK_REPEAT,
			    .base = 4,
			    .natural = true,
			    .len_bits = 3,
			    .depth = 2,
			    .lens = 7 },
	[CLOSED_SELL] = { .name = "sell",
			  .transform = PACK_BIT,
			  .base = 45,
			  .n_hit = 1,
			  .hit = { { CLOSED_SELL, 0 } } },
	[CLOSED_FINE] = { .name = "fine",
			  .transform = PACK_REPEAT,
			  .base = 47,
			  .rare = true,
			  .natural = true,
			  .len_bits = 1,
			  .depth = 0,
			  .lens = 0 },
	[CLOSED_HAS_SL] = { .name = "has_sl",
			    .transform = PACK_BIT,
			    .base = 50,
			    .n_hit = 1,
			    .hit = { { CLOSED_HAS_SL, 0 } } },
	[CLOSED_HAS_TP] = { .name = "has_tp",
			    .transform = PACK_BIT,
			    .base = 52,
			    .n_hit = 2,
			    .hit = { { CLOSED_HAS_TP, 0 }, { CLOSED_HAS_SL, 0 } } },
	[CLOSED_CLOSED] = { .name = "closed",
			    .transform = PACK_DELTA,
			    .base = 56,
			    .len_bits = 6,
			    .depth = 1,
			    .lens = 40 },
	[CLOSED_LASTED] = { .name = "lasted",
			    .transform = PACK_PLAIN,
			    .base = 204,
			    .len_bits = 6,
			    .depth = 1,
			    .lens = 40 },
	[CLOSED_POSITION] = { .name = "position",
			      .transform = PACK_DELTA,
			      .base = 352,
			      .len_bits = 6,
			      .depth = 1,
			      .lens = 40 },
	[CLOSED_VOLUME] = { .name = "volume",
			    .transform = PACK_PLAIN,
			    .base = 500,
			    .len_bits = 5,
			    .depth = 1,
			    .lens = 12,
			    .n_hit = 1,
			    .hit = { { CLOSED_SYMBOL, 0 } } },
	[CLOSED_OPEN] = { .name = "open",
			  .transform = PACK_PLAIN,
			  .base = 561,
			  .len_bits = 5,
			  .depth = 1,
			  .lens = 24,
			  .n_hit = 1,
			  .hit = { { CLOSED_SYMBOL, 0 } },
			  .n_len = 1,
			  .len = { { CLOSED_SYMBOL, 0 } } },
	[CLOSED_MOVE] = { .name = "move",
			  .transform = PACK_PLAIN,
			  .base = 678,
			  .len_bits = 5,
			  .depth = 1,
			  .lens = 24,
			  .n_sign = 1,
			  .sign = { { CLOSED_SELL, 0 } } },
	[CLOSED_SL] = { .name = "sl",
			.transform = PACK_PLAIN,
			.base = 763,
			.len_bits = 5,
			.depth = 1,
			.lens = 24,
			.n_hit = 1,
			.hit = { { CLOSED_HAS_SL, 0 } },
			.n_sign = 1,
			.sign = { { CLOSED_SELL, 0 } } },
	[CLOSED_TP] = { .name = "tp",
			.transform = PACK_PLAIN,
			.base = 849,
			.len_bits = 5,
			.depth = 1,
			.lens = 24,
			.n_hit = 1,
			.hit = { { CLOSED_HAS_TP, 0 } },
			.n_sign = 1,
			.sign = { { CLOSED_SELL, 0 } } },
	[CLOSED_COMMISSION] = { .name = "commission",
				.transform = PACK_PLAIN,
				.base = 935,
				.len_bits = 5,
				.depth = 1,
				.lens = 16,
				.n_hit = 1,
				.hit = { { CLOSED_SYMBOL, 0 } },
				.n_len = 1,
				.len = { { CLOSED_SYMBOL, 0 } } },
	[CLOSED_SWAP] = { .name = "swap",
			  .transform = PACK_PLAIN,
			  .base = 1036,
			  .len_bits = 5,
			  .depth = 1,
			  .lens = 16,
			  .n_hit = 1,
			  .hit = { { CLOSED_SWAP, 0 } } },
	[CLOSED_FEE] = { .name = "fee",
			 .transform = PACK_PLAIN,
			 .base = 1105,
			 .rare = true,
			 .len_bits = 5,
			 .depth = 1,
			 .lens = 16 },
	[CLOSED_PNL] = { .name = "pnl",
			 .transform = PACK_PLAIN,
			 .base = 1173,
			 .len_bits = 5,
			 .depth = 1,
			 .lens = 24,
			 .n_hit = 1,
			 .hit = { { CLOSED_PNL, 0 } },
			 .n_len = 1,
			 .len = { { CLOSED_PNL, 0 } } },
	[CLOSED_DEALS] = { .name = "deals",
			   .transform = PACK_PLAIN,
			   .base = 1290,
			   .rare = true,
			   .len_bits = 4,
			   .depth = 1,
			   .lens = 8 },
};

extern const struct pack_table closed_table;
