/* asked.h - what was typed, read: a command of def/questions.def, a symbol and a
 * timeframe, or the fault that made it unreadable. Pure. Any thread. */
#pragma once

#include "base/str.h"
#include "def/market_id.h"
#include "def/questions.h"

enum { ASKED_WORD_MAX = 47 };

/* Why a question is not answered; asked_fault_code gives JSON's word for it. */
enum fault {
	FAULT_NONE,
	FAULT_EMPTY,
	FAULT_TOO_LONG,
	FAULT_CONTROL,           /* a control character */
	FAULT_UNKNOWN_COMMAND,   /* word: what was typed */
	FAULT_UNKNOWN_TIMEFRAME, /* word */
	FAULT_EXTRA,             /* word: one more than the command takes */
	FAULT_UNKNOWN_SYMBOL,    /* asked.symbol */
	FAULT_NO_PERP,           /* asked.symbol: no perpetual of it is followed */
	FAULT_UNKNOWN_ACCOUNT,   /* asked.account */
	FAULT_NO_DATA,
	FAULT_COUNT
};

struct asked {
	enum question question;          /* QUESTION_COUNT: not known */
	char symbol[ASKED_WORD_MAX + 1]; /* upper case, but an id as typed; "" when none is taken */
	int32_t minutes;                 /* of the timeframe; 0 when none is taken */
	uint8_t kind;                    /* enum kind of /top10; KIND_COUNT: both */
	bool by_oi;                      /* /top10: by open interest, not volume */
	struct str rest;                 /* of /alerts: what follows it, its first word in `word` */
	char account[ASKED_WORD_MAX + 1]; /* [NAME], or [SYM|NAME], as typed; "": all */
	char word[ASKED_WORD_MAX + 1];    /* the word at fault, printable ASCII, cut */
};

/* Reads a question of at most `max` bytes. *out is written always, as far as it
 * was understood. */
enum fault asked_parse(struct str text, size_t max, struct str symbol_default, struct asked *out);
/* A symbol as it is looked up and shown: upper case, but an id as typed; printable,
 * cut. out has ASKED_WORD_MAX + 1 bytes. */
void asked_keep_symbol(struct str word, char *out);
const char *asked_fault_code(enum fault fault);    /* "unknown_symbol"; NULL for none */
const char *asked_timeframe_text(int32_t minutes); /* "60m"; CHECKs that there is one */
/* "1h" as "60m"; false: not one of them, *minutes as it was. */
bool asked_timeframe_read(struct str word, int32_t *minutes);
/* "1m 5m 15m 30m 60m 4h 24h" */
const char *asked_timeframes(void);
/* The name without its slash. */
const char *asked_command(enum question question);
bool asked_takes_symbol(enum question question);
bool asked_takes_timeframe(enum question question);
