/* binance.h - Binance spot and USDⓈ-M frames, raw or of a combined stream.
 *
 * Fields as in Binance's public documents and in recorded frames (2026). Of a
 * repeated key the first counts; keys that are not known are passed over. */
#pragma once

#include "codec/reader.h"
#include "codec/scan.h"

/* One parsed frame into reader's events. No event and no reason: not known. */
void binance_read(struct reader *reader, struct json_value root);

/* The object of one event, told apart by its `e` or, without one, its shape. */
void binance_read_trade(struct reader *reader, struct json_value data);
void binance_read_agg_trade(struct reader *reader, struct json_value data);
void binance_read_book(struct reader *reader, struct json_value data);
void binance_read_depth(struct reader *reader, struct json_value data);
void binance_read_depth_snapshot(struct reader *reader, struct json_value data);
void binance_read_kline(struct reader *reader, struct json_value data);
void binance_read_mark(struct reader *reader, struct json_value data);
void binance_read_force_order(struct reader *reader, struct json_value data);
void binance_read_ticker(struct reader *reader, struct json_value data);

/* `ethusdt@depth20@100ms`: the best levels again and again, not what changed. */
bool binance_stream_is_partial_depth(struct str stream);

/* The strict scanner: the frame's one event, or 0 when the frame is not spelled
 * exactly as the stream sends it. */
size_t binance_scan(struct scanner *scanner, enum kind kind, struct str frame, struct event *out);
