/* bybit.h - Bybit v5 public frames, spot and linear.
 *
 * Fields as in Bybit's public documents and in published recordings (2026). Of a
 * repeated key the first counts; keys that are not known are passed over. */
#pragma once

#include "codec/reader.h"
#include "codec/scan.h"

/* One parsed frame into reader's events. No event and no reason: not known. */
void bybit_read(struct reader *reader, struct json_value root);

/* One topic each; `rest` is the topic behind its first point ("5.BTCUSDT" of
 * "kline.5.BTCUSDT"). */
void bybit_read_trades(struct reader *reader, struct json_value root, struct str rest);
void bybit_read_tickers(struct reader *reader, struct json_value root, struct str rest);
void bybit_read_liquidations(struct reader *reader, struct json_value root, struct str rest);
void bybit_read_klines(struct reader *reader, struct json_value root, struct str rest);
void bybit_read_orderbook(struct reader *reader, struct json_value root, struct str rest);

/* What the frame says `type` is; wants snapshot or delta. */
bool bybit_is_snapshot(struct reader *reader, struct json_value root);
/* "Buy" or "Sell" in member S. */
uint8_t bybit_side(struct reader *reader, struct json_value from);

/* The strict scanner: the frame's events, or 0 when the frame is not spelled
 * exactly as the stream sends it. */
size_t bybit_scan(struct scanner *scanner, struct str frame, struct event *out);
