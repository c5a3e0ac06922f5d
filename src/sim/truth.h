/* truth.h - the file of what simulated terminals really did, one JSON object a line:
 *
 *   {"e":"order","t_ms":…,"ins":"mt5-017","sid":…,"deal":…,"pos":…,"vol":"0.10"}
 *       each deal at a broker, and each order that ended without one (deal, pos 0). sid:
 *       the signal whose result tells it; 0: own trading, stops, deposits. t_ms: when the
 *       order was sent, of a deal without an order when it happened.
 *   {"e":"ack","t_ms":…,"ins":"mt5-017","sid":…,"deal":…,"st":"done","pnl":"-1.20"}
 *       each result or deal frame that weir acknowledged (K or W), when it did. One that
 *       a terminal tells again is acknowledged again.
 *
 * Written to a buffer; sim_truth_flush writes it out, as a full buffer does. What cannot
 * be written is counted and left out; no line is ever cut. Blocking writes of a plain
 * file. One thread. */
#pragma once

#include "base/err.h"
#include "sim/terminal.h"

struct sim_truth;

/* The file is made anew. */
MUST_CHECK enum status sim_truth_open(const char *path, struct sim_truth **truth, struct err *err);
/* Flushes. NULL is fine. */
void sim_truth_close(struct sim_truth *truth);
void sim_truth_order(struct sim_truth *truth, struct str instance, const struct broker_fact *fact);
void sim_truth_ack(struct sim_truth *truth, struct str instance, const struct terminal_ack *ack);
void sim_truth_flush(struct sim_truth *truth);
/* Lines that could not be written. */
uint64_t sim_truth_lost(const struct sim_truth *truth);
