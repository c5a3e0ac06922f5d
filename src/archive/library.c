#include "archive/library.h"

#include "archive/duck.h"

const char *archive_library_version(struct err *err)
{
	const struct duck *duck = duck_load(err);
	return duck ? duck->library_version() : NULL;
}
