/* scenario.h - scenario files: what happens in the simulated world, and what must hold.
 *
 * A line is a statement; `#` begins a comment. Durations are 5ms, 10s, 3m, 2h.
 * Before the first `at`:
 *   seed N                    of the venues' world (default 1)
 *   seeds N                   run the file N times, with seed, seed + 1, …
 *   symbols A,B               as the venues write them (BTCUSDT,ETHUSDT)
 *   rate N                    trades a second over all markets (40)
 *   start MS                  unix ms of the beginning (2024-08-09 00:10:30 UTC)
 *   full                      books, depth and rates too
 *   faults K=PPM …            duplicate delay drop malformed unknown
 *   redis K=V …               sync=always|everysec latency= spacing= timeout= reconnect=
 *                             maxmemory=BYTES pending=BYTES
 *   flush DURATION            of the market store (1s)
 * Then, times ascending:
 *   at TIME ACTION            runs the world to TIME and does it
 * Actions:
 *   weir start|kill|stop|restart   kill is -9; stop drains; restart is stop and start,
 *                                  and every minute must come back as it was
 *   redis kill|start|hang|wake|break
 *   redis healthy|oom|readonly|misconf|loading|noperm
 *   redis cut N before|after       the connection breaks at the N-th command from now
 *   redis latency DURATION
 *   feed stale|break VENUE:KIND|all
 *   feed refuse|accept             whether anybody can connect
 *   say VENUE:KIND FRAME           one frame of the file's own
 *   clock jump [-]DURATION         of the wall clock alone
 *   allow-loss DURATION            what was delivered so long before now may be missing
 *                                  from the tape: a kill took it
 *   expect up | down               weir is restored and connected, or not
 *   expect minutes                 complete minutes are the venue's, partial ones no more
 *   expect delivered               every minute is exactly what was delivered in time
 *   expect tape                    the server's tape has every delivered trade once, in order
 *   expect counts                  trades, duplicates and late are the truth (one process)
 *   expect bad                     so are malformed and unknown frames
 *   expect WHAT OP N               OP: = < >; WHAT: partial complete (minutes), dropped
 *                                  (chunks), damaged (entries), failed (transactions),
 *                                  trades (delivered), lost (commands by a kill)
 * What is not there is an error with its line. */
#pragma once

#include "world.h"

/* Runs the text with its own seed + `round`; *rounds is what `seeds` says. The err
 * text begins with the line. */
enum status scenario_run(struct str text, uint64_t round, uint64_t *rounds, struct err *err);
