#include "archive/duck.h"

#include <dlfcn.h>
#include <pthread.h>

/* The WAL's format, and what is known of its damage (db_wal.c), is this one's. */
#define DUCK_VERSION "v1.4."

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct duck table;
static bool loaded;

static enum status load(struct err *err)
{
	void *library = dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(err, STATUS_UNAVAILABLE, "DuckDB cannot be loaded: %s", dlerror());
	const char *missing = NULL;
#define DUCK(name)                                                                                 \
	*(void **)(void *)&table.name = dlsym(library, "duckdb_" #name);                           \
	if (!table.name)                                                                           \
		missing = #name;
	DUCK_FUNCTIONS
#undef DUCK
	if (missing)
		return err_set(err, STATUS_VERSION, "libduckdb.so has no duckdb_%s", missing);
	const char *version = table.library_version();
	if (!str_starts(str_of(version), STR(DUCK_VERSION)))
		return err_set(err, STATUS_VERSION,
			       "libduckdb.so is %s, wanted is " DUCK_VERSION "x", version);
	return STATUS_OK;
}

const struct duck *duck_load(struct err *err)
{
	pthread_mutex_lock(&lock);
	if (!loaded)
		loaded = load(err) == STATUS_OK;
	const struct duck *duck = loaded ? &table : NULL;
	pthread_mutex_unlock(&lock);
	return duck;
}
