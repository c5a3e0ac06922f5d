/* openapi.h - def/routes.def and def/answers.def as an OpenAPI 3.0.3 document. Any thread. */
#pragma once

#include "base/buf.h"

void openapi_print(struct buf *out);
