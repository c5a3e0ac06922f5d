#include "codec/entries_plan.h"

#include "base/check.h"

const struct pack_table entries_table = { .name = "entries",
					  .columns = entries_columns,
					  .n_columns = ENTRIES_COLUMN_COUNT,
					  .n_slots = ENTRIES_TABLE_SLOTS };

#define STEP(field, kind, column, digits)                                                          \
	{                                                                                          \
		field, ENTRIES_##kind, ENTRIES_C_##column, digits                                  \
	}

/* What is expected of a field looks at those before it. */
static const struct entries_step results_steps[] = {
	STEP(ENTRIES_R_t, NUMBER, T, 0),       STEP(ENTRIES_R_ex, NUMBER, EX, 0),
	STEP(ENTRIES_R_sid, SID, SID_AGE, 0),  STEP(ENTRIES_R_ins, TEXT, INS, 0),
	STEP(ENTRIES_R_st, TEXT, ST, 0),       STEP(ENTRIES_R_rc, NUMBER, RC, 0),
	STEP(ENTRIES_R_sym, TEXT, SYM, 0),     STEP(ENTRIES_R_sd, TEXT, SD, 0),
	STEP(ENTRIES_R_id, TEXT, ID, 0),       STEP(ENTRIES_R_vol, NUMBER, VOL, 2),
	STEP(ENTRIES_R_px, PRICE, PX, 0),      STEP(ENTRIES_R_rq, PRICE, RQ, 0),
	STEP(ENTRIES_R_slp, NUMBER, SLP, 1),   STEP(ENTRIES_R_ord, ORDER, ORD, 0),
	STEP(ENTRIES_R_deal, NUMBER, DEAL, 0), STEP(ENTRIES_R_pos, NUMBER, POS, 0),
	STEP(ENTRIES_R_com, NUMBER, COM, 2),   STEP(ENTRIES_R_swp, NUMBER, SWP, 2),
	STEP(ENTRIES_R_fee, NUMBER, FEE, 2),   STEP(ENTRIES_R_pnl, NUMBER, PNL, 2),
	STEP(ENTRIES_R_sv, SV, SV, 0),         STEP(ENTRIES_R_try, NUMBER, TRY, 0),
	STEP(ENTRIES_R_en, TEXT, EN, 0),       STEP(ENTRIES_R_rs, TEXT, RS, 0),
	STEP(ENTRIES_R_mg, NUMBER, MG, 0),     STEP(ENTRIES_R_cm, TEXT, CM, 0),
	STEP(ENTRIES_R_why, TEXT, WHY, 0),     STEP(ENTRIES_R_rid, RID, RID, 0),
};

static const struct entries_step signals_steps[] = {
	STEP(ENTRIES_S_act, TEXT, ACT, 0),       STEP(ENTRIES_S_to, TEXT, TO, 0),
	STEP(ENTRIES_S_sym, TEXT, SYM, 0),       STEP(ENTRIES_S_sd, TEXT, SD, 0),
	STEP(ENTRIES_S_ty, TEXT, TY, 0),         STEP(ENTRIES_S_vol, NUMBER, VOL, 2),
	STEP(ENTRIES_S_px, PRICE, PX, 0),        STEP(ENTRIES_S_slim, PRICE, SLIM, 0),
	STEP(ENTRIES_S_sl, PRICE, SL, 0),        STEP(ENTRIES_S_tp, PRICE, TP, 0),
	STEP(ENTRIES_S_dev, NUMBER, DEV, 0),     STEP(ENTRIES_S_ord, NUMBER, ORD, 0),
	STEP(ENTRIES_S_pos, NUMBER, POS, 0),     STEP(ENTRIES_S_by, NUMBER, BY, 0),
	STEP(ENTRIES_S_drain, NUMBER, DRAIN, 0), STEP(ENTRIES_S_exp, NUMBER, EXP, 0),
	STEP(ENTRIES_S_id, TEXT, ID, 0),         STEP(ENTRIES_S_cm, TEXT, CM, 0),
};

static const struct str results_names[] = {
#define RESULT(id, unit, meaning) { #id, sizeof #id - 1 },
#include "def/results.def"
#undef RESULT
};

static const struct str signals_names[] = {
#define SIGNAL(key, type, meaning)      { #key, sizeof #key - 1 },
#define SIGNAL_WIRE(key, type, meaning) { #key, sizeof #key - 1 },
#include "def/signals.def"
#undef SIGNAL
#undef SIGNAL_WIRE
};

#define R(field) (UINT32_C(1) << ENTRIES_R_##field)
#define S(field) (UINT32_C(1) << ENTRIES_S_##field)
#define FILLED                                                                                     \
	(R(rid) | R(sid) | R(ins) | R(st) | R(rc) | R(ord) | R(deal) | R(pos) | R(sym) | R(sd) |   \
	 R(vol) | R(px) | R(com) | R(swp) | R(fee) | R(pnl) | R(ex) | R(sv) | R(t) | R(try))
#define MOVED  (R(rid) | R(ins) | R(st) | R(deal) | R(com) | R(swp) | R(fee) | R(pnl) | R(sv) | R(t))
#define TRADED (MOVED | R(ord) | R(pos) | R(sym) | R(sd) | R(vol) | R(px) | R(en) | R(rs))

/* A fill, what came without one, a deal of its own, of a stop, a balance, weir's own. */
static const uint32_t results_shapes[] = {
	FILLED | R(id) | R(rq) | R(slp),
	FILLED | R(rq) | R(slp),
	R(rid) | R(id) | R(sid) | R(ins) | R(st) | R(rc) | R(sym) | R(vol) | R(ex) | R(t) | R(try) |
	    R(why),
	TRADED | R(mg),
	TRADED | R(mg) | R(rq) | R(slp) | R(cm),
	MOVED | R(sd) | R(cm),
	R(rid) | R(id) | R(sid) | R(ins) | R(st) | R(t) | R(try) | R(why),
	R(rid) | R(st),
};

#define OPENED (S(id) | S(to) | S(act) | S(sym) | S(sd) | S(vol))

static const uint32_t signals_shapes[] = {
	OPENED | S(exp) | S(sl) | S(tp),
	OPENED,
	OPENED | S(exp),
	S(id) | S(to) | S(act) | S(exp) | S(pos),
};

const struct entries_plan entries_plans[ENTRIES_TABLES] = {
	[ENTRIES_RESULTS] = { results_steps, ARRAY_LEN(results_steps), results_names,
			      ARRAY_LEN(results_names), results_shapes, ARRAY_LEN(results_shapes) },
	[ENTRIES_SIGNALS] = { signals_steps, ARRAY_LEN(signals_steps), signals_names,
			      ARRAY_LEN(signals_names), signals_shapes, ARRAY_LEN(signals_shapes) },
};

_Static_assert(ARRAY_LEN(results_steps) == ARRAY_LEN(results_names) &&
		   ARRAY_LEN(signals_steps) == ARRAY_LEN(signals_names),
	       "every field has its step");
_Static_assert((int)ENTRIES_R_FIELDS <= ENTRIES_FIELDS_MAX &&
		   (int)ENTRIES_S_FIELDS <= ENTRIES_FIELDS_MAX,
	       "a bit for each field");

#define WORD(text)                                                                                 \
	{                                                                                          \
		text, sizeof text - 1                                                              \
	}

static const struct str known_st[] = { WORD("done"), WORD("part"),    WORD("fail"),
				       WORD("exp"),  WORD("refused"), WORD("unk") };
static const struct str known_sd[] = { WORD("buy"),    WORD("sell"),       WORD("balance"),
				       WORD("credit"), WORD("charge"),     WORD("correction"),
				       WORD("bonus"),  WORD("commission"), WORD("other") };
static const struct str known_sym[] = {
	WORD("EURUSD"), WORD("XAUUSD"), WORD("GBPUSD"), WORD("USDJPY"), WORD("BTCUSD"),
	WORD("USDCHF"), WORD("AUDUSD"), WORD("USDCAD"), WORD("NZDUSD"), WORD("EURJPY"),
	WORD("GBPJPY"), WORD("EURGBP"), WORD("ETHUSD"), WORD("US30"),   WORD("US500"),
	WORD("NAS100"), WORD("GER40"),  WORD("XAGUSD"), WORD("EURCHF"), WORD("AUDJPY"),
};
static const struct str known_en[] = { WORD("in"), WORD("out"), WORD("inout"), WORD("outby") };
static const struct str known_rs[] = { WORD("client"), WORD("mobile"), WORD("web"), WORD("expert"),
				       WORD("sl"),     WORD("tp"),     WORD("so"),  WORD("other") };
static const struct str known_to[] = { WORD("all") };
static const struct str known_act[] = { WORD("open"),    WORD("close"), WORD("closeby"),
					WORD("modify"),  WORD("pend"),  WORD("cancel"),
					WORD("closeall") };
static const struct str known_ty[] = { WORD("limit"), WORD("stop"), WORD("stop_limit") };

#define KNOWN(column, list) [ENTRIES_C_##column - ENTRIES_C_INS] = { list, ARRAY_LEN(list) }

const struct entries_known entries_known[ENTRIES_SETS] = {
	KNOWN(ST, known_st), KNOWN(SD, known_sd), KNOWN(SYM, known_sym), KNOWN(EN, known_en),
	KNOWN(RS, known_rs), KNOWN(TO, known_to), KNOWN(ACT, known_act), KNOWN(TY, known_ty),
};
