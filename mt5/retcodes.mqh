// retcodes.mqh - what each return code of the trade server asks for. weir has the same table
// in src/def/retcodes.def, and a test compares the two.

enum WeirClass
{
	RETCODE_OK,      // final success; the deal has the numbers
	RETCODE_ACC,     // accepted, wait
	RETCODE_NOOP,    // nothing to do any more: a success
	RETCODE_FAST,    // a new price, again at once
	RETCODE_LATER,   // wait, then again
	RETCODE_UNK,     // outcome unknown: look for the magic first
	RETCODE_FIN,     // final failure
	RETCODE_CFG,     // final failure that somebody must mend
	RETCODE_REREAD,  // read the order or position again, then once more
	RETCODE_REFILL   // the next filling mode, once
};

struct WeirRetcode
{
	int       code;
	WeirClass kind;
	int       wait_ms;
};

const WeirRetcode RETCODES[] =
{
	{ 10004, RETCODE_FAST, 0 },
	{ 10006, RETCODE_FIN, 0 },
	{ 10007, RETCODE_FIN, 0 },
	{ 10008, RETCODE_ACC, 10000 },
	{ 10009, RETCODE_OK, 0 },
	{ 10010, RETCODE_OK, 0 },
	{ 10011, RETCODE_UNK, 1000 },
	{ 10012, RETCODE_UNK, 1000 },
	{ 10013, RETCODE_FIN, 0 },
	{ 10014, RETCODE_FIN, 0 },
	{ 10015, RETCODE_FIN, 0 },
	{ 10016, RETCODE_FIN, 0 },
	{ 10017, RETCODE_CFG, 0 },
	{ 10018, RETCODE_FIN, 0 },
	{ 10019, RETCODE_FIN, 0 },
	{ 10020, RETCODE_FAST, 0 },
	{ 10021, RETCODE_LATER, 1000 },
	{ 10022, RETCODE_FIN, 0 },
	{ 10023, RETCODE_REREAD, 0 },
	{ 10024, RETCODE_LATER, 1000 },
	{ 10025, RETCODE_NOOP, 0 },
	{ 10026, RETCODE_CFG, 0 },
	{ 10027, RETCODE_CFG, 0 },
	{ 10028, RETCODE_LATER, 500 },
	{ 10029, RETCODE_LATER, 1000 },
	{ 10030, RETCODE_REFILL, 0 },
	{ 10031, RETCODE_UNK, 0 },
	{ 10032, RETCODE_CFG, 0 },
	{ 10033, RETCODE_FIN, 0 },
	{ 10034, RETCODE_FIN, 0 },
	{ 10035, RETCODE_FIN, 0 },
	{ 10036, RETCODE_NOOP, 0 },
	{ 10038, RETCODE_REREAD, 0 },
	{ 10039, RETCODE_ACC, 10000 },
	{ 10040, RETCODE_FIN, 0 },
	{ 10041, RETCODE_FIN, 0 },
	{ 10042, RETCODE_CFG, 0 },
	{ 10043, RETCODE_CFG, 0 },
	{ 10044, RETCODE_CFG, 0 },
	{ 10045, RETCODE_CFG, 0 },
	{ 10046, RETCODE_CFG, 0 }
};

// A code that nobody knows says nothing of the outcome either.
WeirClass RetcodeClass(const int code)
{
	int count = ArraySize(RETCODES);
	for(int i = 0; i < count; i++)
		if(RETCODES[i].code == code)
			return RETCODES[i].kind;
	return RETCODE_UNK;
}

int RetcodeWait(const int code)
{
	int count = ArraySize(RETCODES);
	for(int i = 0; i < count; i++)
		if(RETCODES[i].code == code)
			return RETCODES[i].wait_ms;
	return 1000;
}
