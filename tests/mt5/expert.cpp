/* The expert's own source, translated (translate.py), as one unit. */
#include <cstdio>

#include "mql5.h"

#define input
#include "WeirExpert.mq5"

/* For vectors: what the expert computes. */
extern "C" void expert_mac(const char *token, const char *nonce, const char *id, int64_t epoch,
			   char mac[40]);
extern "C" uint64_t expert_hash(const char *text);

void expert_mac(const char *token, const char *nonce, const char *id, int64_t epoch, char mac[40])
{
	string hex = HelloMac(string(token), string(nonce), string(id), epoch);
	snprintf(mac, 40, "%s", hex.s.c_str());
}

uint64_t expert_hash(const char *text) { return Fnv1a(string(text)); }
