/* broker.h - between terminal.cpp and broker.cpp. */
#pragma once

#include "mql5.h"

void broker_reset(uint64_t seed);
void broker_step();
int broker_linked();
int64_t broker_utc_ms();

/* terminal.cpp's */
int64_t broker_clock();
void broker_tells(const MqlTradeTransaction &trans, const MqlTradeRequest &request,
		  const MqlTradeResult &result);
