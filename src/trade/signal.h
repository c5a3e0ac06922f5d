/* signal.h - one entry of trade_signals, read and checked against def/signals.def.
 *
 * Values are kept as text, in the storage of the signal: do copy it freely. Pure; any
 * thread. */
#pragma once

#include "codec/mfp.h"

enum signal_field {
#define SIGNAL(key, type, meaning)      SIGNAL_##key,
#define SIGNAL_WIRE(key, type, meaning) SIGNAL_##key,
#include "def/signals.def"
#undef SIGNAL
#undef SIGNAL_WIRE
	SIGNAL_FIELDS
};

enum { SIGNAL_BYTES_MAX = 512, SIGNAL_TEXT_MAX = 31, SIGNAL_TO_MAX = 128 };

struct signal {
	struct {
		uint16_t at, len; /* len 0: absent */
	} values[SIGNAL_FIELDS];
	uint16_t used;
	char text[SIGNAL_BYTES_MAX];
};

const char *signal_field_name(enum signal_field field);
/* NULL: it is right; else the field at fault, by name. What could be read is in *out. */
const char *signal_read(struct signal *out, const struct str *keys, const struct str *values,
			size_t count);
struct str signal_text(const struct signal *signal, enum signal_field field);
/* A COUNT; `absent` where it is not there. */
int64_t signal_i64(const struct signal *signal, enum signal_field field, int64_t absent);
/* It makes a position, or an order that may. */
bool signal_opens(const struct signal *signal);
/* The G line, LF included. symbol: as the broker names it; empty: as the signal does. */
void signal_write(struct buf *out, const struct signal *signal, struct str symbol, uint64_t down,
		  uint64_t sid, int64_t ttl_ms);
