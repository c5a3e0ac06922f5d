#include "fuzz/decode_differ.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	differ_input(VENUE_BYBIT, data, size);
	return 0;
}
