/* Reading trade_signals: new entries, and first those that are pending and not told. */
#include "base/check.h"
#include "store/signal_store_impl.h"

static void ask_page(struct signal_store *store);

static void read_later(struct signal_store *store, int64_t delay_ns)
{
	store->busy = false;
	store->stood_known = false;
	store->read_at_ns = clock_monotonic_ns(store->clock) + delay_ns;
}

/* The page may have become ours all the same. */
static void read_failed(struct signal_store *store)
{
	store->counts.failed++;
	store->behind = true;
	read_later(store, RETRY_NS);
}

/* ---- telling ---- */

static bool entry_id(const struct redis_reply *entry, struct stream_id *id)
{
	return entry->type == REDIS_ARRAY && entry->count == 2 &&
	       stream_id_parse(entry->items[0].text, id) == STATUS_OK;
}

/* NULL: it was not kept. */
static const struct signal_stood *stood_of(const struct signal_store *store, struct stream_id id)
{
	for (size_t i = 0; i < store->stood_count; i++)
		if (stream_id_cmp(store->stood[i].id, id) == 0)
			return &store->stood[i];
	return NULL;
}

static void put_field(struct signal_entry *entry, struct str name, struct str value)
{
	if (entry->count == SIGNAL_FIELDS_MAX)
		return;
	entry->keys[entry->count] = name;
	entry->values[entry->count++] = value;
}

static void unpack(struct signal_store *store, struct str chunk, struct signal_entry *entry)
{
	size_t fields, rows;
	const struct str *names = entries_fields(ENTRIES_SIGNALS, &fields);
	if (entries_read(store->reader, ENTRIES_SIGNALS, chunk, &rows) || rows != 1) {
		entry->fault = "p";
		return;
	}
	const struct str *values = entries_row(store->reader, 0);
	for (size_t i = 0; i < fields; i++)
		if (values[i].ptr)
			put_field(entry, names[i], values[i]);
}

/* `p` beside other fields is one that nobody knows. */
static void read_fields(struct signal_store *store, const struct redis_reply *fields,
			struct signal_entry *entry)
{
	const struct redis_reply *items = fields->items;
	if (fields->count == 2 && str_eq(items[0].text, STR("p"))) {
		unpack(store, items[1].text, entry);
		return;
	}
	for (size_t i = 0; i + 1 < fields->count; i += 2)
		put_field(entry, items[i].text, items[i + 1].text);
}

static bool tell(struct signal_store *store, struct stream_id id, const struct redis_reply *fields)
{
	struct signal_entry entry = { .id = id, .sid = signal_sid(id) };
	read_fields(store, fields, &entry);
	entry.again = stream_id_cmp(id, store->again_until) <= 0;
	if (entry.again) {
		const struct signal_stood *stood = stood_of(store, id);
		if (!stood)
			return false;
		entry.member_count = signal_stood_members(store, stood);
		entry.members = store->members;
	}
	if (!store->hooks.on_signal(store->hooks.ctx, &entry))
		return false;
	store->counts.read++;
	store->counts.unreadable += entry.fault != NULL;
	store->counts.again += entry.again;
	return true;
}

/* False: the owner has no room for it. What is not there any more is acknowledged. */
static bool take_entry(struct signal_store *store, const struct redis_reply *entry)
{
	struct stream_id id;
	if (!entry_id(entry, &id)) {
		store->counts.failed++;
		return true;
	}
	if (signal_store_is_done(store, id)) {
		store->cursor = id;
		return true;
	}
	if (entry->items[1].type != REDIS_ARRAY) {
		store->counts.vanished++;
		signal_store_done(store, signal_sid(id), id);
	} else if (!tell(store, id, &entry->items[1])) {
		return false;
	}
	store->cursor = id;
	return true;
}

static void take_page(struct signal_store *store, const struct redis_reply *entries)
{
	bool room = true;
	size_t i = 0;
	while (i < entries->count && (room = take_entry(store, &entries->items[i])))
		i++;
	if (!room) {
		store->behind = true;
		read_later(store, RETRY_NS);
		return;
	}
	bool full = entries->count >= SIGNAL_PAGE;
	bool more = full || store->behind;
	store->caught = store->caught || !more;
	store->behind = store->behind && full;
	read_later(store, 0);
	if (more)
		signal_store_read(store);
}

/* ---- where entries of an earlier run stand ---- */

/* What does not fit is asked for again with the next page, which begins there. */
static void keep_stood(struct signal_store *store, const struct redis_reply *reply)
{
	struct signal_stood *stood = &store->stood[store->stood_count];
	size_t from = store->stood_text.len;
	if (store->stood_full)
		return;
	signal_stood_keep(store, reply);
	if (store->stood_text.overflow) {
		store->stood_text.overflow = false;
		store->stood_text.len = from;
		store->stood_full = true;
		store->counts.stood_cut++;
		return;
	}
	stood->from = from;
	stood->to = store->stood_text.len;
	store->stood_count++;
}

static void on_stood(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	static const struct redis_reply none = { .type = REDIS_ARRAY };
	if (status && status != STATUS_REDIS_WRONGTYPE)
		store->stood_known = false;
	keep_stood(store, status ? &none : reply);
	if (--store->stood_due > 0)
		return;
	if (store->stood_known)
		ask_page(store);
	else
		read_failed(store);
}

static bool is_again(const struct signal_store *store, const struct redis_reply *entries)
{
	struct stream_id id;
	return entries->count > 0 && entry_id(&entries->items[0], &id) &&
	       stream_id_cmp(id, store->again_until) <= 0;
}

/* The page is read once more when all is known, as a reply lives for its call only. */
static void ask_stood(struct signal_store *store, const struct redis_reply *entries)
{
	store->behind = true; /* it is pending now, also when it came as new */
	store->stood_count = 0;
	store->stood_full = false;
	buf_clear(&store->stood_text);
	store->stood_known = true;
	CHECK(store->stood_due == 0);
	for (size_t i = 0; i < entries->count && store->stood_due < SIGNAL_PAGE; i++) {
		struct key key;
		struct signal_stood *stood = &store->stood[store->stood_due];
		if (!entry_id(&entries->items[i], &stood->id))
			continue;
		struct str argv[] = { STR("HGETALL"), key_signal(&key, signal_sid(stood->id)) };
		if (redis_command(store->redis, argv, ARRAY_LEN(argv), on_stood, store)) {
			store->stood_known = false;
			break;
		}
		store->stood_due++;
	}
	if (store->stood_due == 0)
		read_failed(store);
}

/* ---- a page ---- */

static void on_group_made(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	bool there =
	    status == STATUS_REDIS_ERR && reply && str_starts(reply->text, STR("BUSYGROUP"));
	if (status && !there) {
		read_failed(store);
		return;
	}
	store->counts.groups_made += !there;
	store->cursor = (struct stream_id){ 0 };
	read_later(store, 0);
}

bool signal_store_is_behind(const struct signal_store *store)
{
	return store->behind || !store->caught;
}

/* [[stream, [entry…]]], or nil. */
static const struct redis_reply *entries_of(const struct redis_reply *reply)
{
	static const struct redis_reply none = { .type = REDIS_ARRAY };
	if (reply->type == REDIS_NIL)
		return &none;
	if (reply->type != REDIS_ARRAY || reply->count != 1 || reply->items[0].count != 2 ||
	    reply->items[0].items[1].type != REDIS_ARRAY)
		return NULL;
	return &reply->items[0].items[1];
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	const struct redis_reply *entries = status ? NULL : entries_of(reply);
	if (status == STATUS_REDIS_NOGROUP)
		signal_store_make_group(store, on_group_made);
	else if (!entries)
		read_failed(store);
	else if (!store->reads) /* stopped meanwhile: told after the next start */
		read_failed(store);
	else if (is_again(store, entries) && !store->stood_known)
		ask_stood(store, entries);
	else
		take_page(store, entries);
}

static void ask_page(struct signal_store *store)
{
	char storage[ID_BYTES], number[8];
	struct buf text = buf_over(storage, sizeof storage),
		   count = buf_over(number, sizeof number);
	struct key key;
	stream_id_print(&text, store->cursor);
	buf_u64(&count, SIGNAL_PAGE);
	struct str argv[] = { STR("XREADGROUP"),
			      STR("GROUP"),
			      STR("router"),
			      STR("weir"),
			      STR("COUNT"),
			      buf_str(&count),
			      STR("STREAMS"),
			      key_trade_signals(&key),
			      store->behind ? buf_str(&text) : STR(">") };
	store->busy = true;
	if (redis_command(store->redis, argv, ARRAY_LEN(argv), on_page, store))
		read_failed(store);
}

void signal_store_read(struct signal_store *store)
{
	if (!store->reads || store->busy || store->done_count > SIGNAL_DONE_MAX / 2 ||
	    clock_monotonic_ns(store->clock) < store->read_at_ns)
		return;
	ask_page(store);
}
