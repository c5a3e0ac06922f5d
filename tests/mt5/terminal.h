/* terminal.h - a terminal and a broker that exist in memory, for the expert's own source.
 *
 * The expert (expert.cpp) runs on the functions of mql5.h, which terminal.cpp implements:
 * time that only mt_step moves, files with a page cache that a kill loses, one socket whose
 * other end is the test, and a broker with positions, orders, deals and a history. What the
 * broker does with the next request is told beforehand. One terminal a process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MT_STEP_MS = 50, MT_OFFSET_S = 10800, MT_LINE_MAX = 4200 };

/* What becomes of a request. */
enum mt_fate {
	MT_DONE,    /* executed and answered */
	MT_CODE,    /* answered with a code, not executed */
	MT_SILENT,  /* executed, never answered */
	MT_LOST,    /* neither */
	MT_PARTS,   /* two deals, two seconds apart */
	MT_CUT,     /* half of it, the rest is cancelled */
	MT_HALF,    /* the same, but its state in the history is partial */
	MT_UNSENT,  /* OrderSendAsync itself says no, with the code */
	MT_WRONGLY, /* executed, and answered with the code */
};

/* ---- the terminal ---- */
void mt_reset(uint64_t seed); /* never used before; hedging account, EURUSD and BTCUSD */
void mt_inputs(const char *id, const char *token);
int mt_start(void);         /* the expert is loaded; OnInit's answer */
void mt_unload(int reason); /* OnDeinit */
void mt_kill(void);         /* the process ends: what was not flushed is lost */
void mt_step(void);         /* MT_STEP_MS pass; events, then OnTimer */
int64_t mt_now_ms(void);    /* UTC */
bool mt_closed(int *code);  /* TerminalClose was called */
const char *mt_log(void);   /* what the expert printed */
void mt_lose_file(const char *name);
void mt_hold_file(const char *name); /* somebody else has it open */
void mt_disk_full(bool full);
int mt_watched(void); /* symbols in Market Watch */

/* ---- the wire ---- */
void mt_listen(bool listens);
int mt_connections(void); /* since mt_reset */
bool mt_connected(void);
void mt_say(const char *bytes, size_t n);
bool mt_hear(char line[MT_LINE_MAX]); /* the expert's next line, without LF */
void mt_cut(void);
void mt_send_most(size_t bytes); /* a SocketSend takes no more; 0: it fails */

/* ---- the broker ---- */
void mt_link(bool up);                     /* TERMINAL_CONNECTED; lists come back after a second */
void mt_netting(void);                     /* the account's margin mode, from now on */
void mt_fate(enum mt_fate fate, int code); /* of the next request that has none yet */
void mt_latency(int64_t ms);
void mt_price(const char *symbol, double bid, double ask);
void mt_filling(int modes);    /* SYMBOL_FILLING_MODE; others are answered 10030 */
void mt_no_events(bool none);  /* no OnTradeTransaction at all */
void mt_hide_deal(int64_t ms); /* the next deal comes into the history so much later */
int mt_requests(void);         /* that left the terminal since mt_reset */
int mt_positions(void);
double mt_volume(uint64_t sid); /* of the deals of the expert's orders with this magic */
int mt_orders(uint64_t sid);    /* those that were executed */
int mt_pending(void);
uint64_t mt_open_by_hand(const char *symbol, bool buy, double volume, double sl, double tp);
void mt_hit_stop(uint64_t position);
uint64_t mt_balance(double amount); /* its deal */
uint64_t mt_newest_deal(int64_t *server_ms);
int mt_deals(void);
uint64_t mt_deal(int index);  /* oldest first */
void mt_tell_deal(int index); /* its event, now */
uint64_t mt_position(int index);

#ifdef __cplusplus
}
#endif
