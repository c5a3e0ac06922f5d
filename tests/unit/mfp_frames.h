/* mfp_frames.h - the frames that the protocol's description shows, and shorthands that
 * the tests of MFP/1 share. */
#pragma once

#include <stdio.h>

#include "base/check.h"
#include "codec/mfp.h"

struct mfp_example {
	const char *line; /* without LF */
	enum mfp_verb verb;
	int fields;
};

static const struct mfp_example mfp_examples[] = {
	{ "B 0 v=1 srv=weir/0.1 nonce=6f1c2a9b3d4e5f60718293a4b5c6d7e8 hb=1000 dead=15000 "
	  "max=4096",
	  MFP_VERB_banner, 6 },
	{ "H 0 v=1 id=mt5-017 ep=1784046185431 mac=35cd832ccd3c88068e3314f439e1ecbd "
	  "login=90000001 srv=FPMarketsSC-Live cur=USD mm=hedge tm=real lev=500 bld=6090 ea=1.0.0 "
	  "off=10800 dn=88123 ld=227408982 lsv=1785821409459 ph=4b2312e8a4f7ba0d n=3",
	  MFP_VERB_hello, 18 },
	{ "H 0 v=1 id=host-3 ep=1784046185431 role=agent host=host-3 "
	  "mac=35cd832ccd3c88068e3314f439e1ecbd",
	  MFP_VERB_hello, 6 },
	{ "W 0 ses=4711 up=0 ld=227275625 lsv=1785760000632 snap=0 si=1000 ai=1000 rate=10 "
	  "t=1784046185440",
	  MFP_VERB_welcome, 9 },
	{ "E 0 code=auth msg=bad%20mac retry=30000", MFP_VERB_error, 3 },
	{ "S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=212 memp=16298 "
	  "disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 dn=88123 ph=4b2312e8a4f7ba0d n=3",
	  MFP_VERB_state, 20 },
	{ "M 0 id=mt5-017 t=1784046190100 pid=4412 cpu=37.5 rss=223 fd=311 thr=41 la=1.42 "
	  "up=86400",
	  MFP_VERB_host, 9 },
	{ "A 0 t=1784046190001 bal=3346.16 eq=2271.87 mar=164.53 fm=2107.34 ml=1380.82 cr=0.00 "
	  "pl=-1074.29",
	  MFP_VERB_account, 8 },
	{ "O 0 b=1 n=3", MFP_VERB_snapshot, 2 },
	{ "o 0 tk=237511830 id=237511830 sym=NZDCHF.r sd=sell vol=0.48 po=0.46850 pc=0.48030 "
	  "sl=0.00000 tp=0.46672 sw=-12.40 pl=-463.07 mg=0 sv=1785100000123",
	  MFP_VERB_position, 13 },
	{ "o 0 tk=237702274", MFP_VERB_position, 1 },
	{ "o 0 tk=242365136", MFP_VERB_position, 1 },
	{ "O 0 e=1 n=3 ph=4b2312e8a4f7ba0d", MFP_VERB_snapshot, 3 },
	{ "O 0 b=1 n=0", MFP_VERB_snapshot, 2 },
	{ "O 0 e=1 n=0", MFP_VERB_snapshot, 2 },
	{ "o 0 ev=mod tk=242365136 sl=54484.16 tp=52944.45 vol=0.20 pl=-116.15", MFP_VERB_position,
	  6 },
	{ "Q 0 sym=EURUSD bid=1.08510 ask=1.08514 spr=4 dg=5 st=open sv=1784046190412",
	  MFP_VERB_quote, 7 },
	{ "G 88124 sid=5629499534213121 act=open sd=buy sym=EURUSD vol=0.10 px=0 sl=1.08200 "
	  "tp=1.08900 dev=20 ttl=29850 cm=strat7",
	  MFP_VERB_signal, 11 },
	{ "Y 15 dn=88124 sid=5629499534213121 st=rx", MFP_VERB_ack, 3 },
	{ "R 16 sid=5629499534213121 st=done rc=10009 ord=573338240 deal=391774213 pos=573338240 "
	  "sym=EURUSD sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 com=-0.35 swp=0.00 fee=0.00 "
	  "pl=0.00 sv=1784046190412 ex=316 try=1",
	  MFP_VERB_result, 19 },
	{ "R 17 sid=5629499534213122 st=fail rc=10019 sym=EURUSD vol=5.00 ex=141 try=1 "
	  "msg=No%20money",
	  MFP_VERB_result, 8 },
	{ "D 18 deal=391781246 ord=573345696 pos=573338240 sym=BTCUSD sd=buy en=out rs=sl vol=1.00 "
	  "px=63450.64 lvl=63450.42 slp=22.0 com=-19.04 swp=0.00 fee=0.00 pl=-107.16 mg=0 "
	  "sv=1783436662781 cm=%5Bsl%2063450.42%5D",
	  MFP_VERB_deal, 18 },
	{ "K 0 up=18", MFP_VERB_durable, 1 },
	{ "C 88125 cid=991 op=throttle rate=2 for=60000", MFP_VERB_command, 4 },
	{ "Y 19 dn=88125 cid=991 st=ok", MFP_VERB_ack, 3 },
	{ "C 88126 cid=992 op=reconnect", MFP_VERB_command, 2 },
	{ "Y 20 dn=88126 cid=992 st=ok", MFP_VERB_ack, 3 },
	{ "C 88127 cid=993 op=restart code=75 wait=5000", MFP_VERB_command, 4 },
	{ "C 88128 cid=994 op=stop flat=0", MFP_VERB_command, 3 },
	{ "C 88129 cid=995 op=start", MFP_VERB_command, 2 },
	{ "C 88130 cid=996 op=snapshot", MFP_VERB_command, 2 },
	{ "C 88131 cid=997 op=set k=trim v=1", MFP_VERB_command, 4 },
	{ "P 0 t=1784046195000", MFP_VERB_probe, 1 },
	{ "p 0 t=1784046195000", MFP_VERB_echo, 1 },
	{ "Z 21 why=9", MFP_VERB_bye, 1 },
	{ "E 0 code=busy retry=5000", MFP_VERB_error, 2 },
};

/* The frame of a good line. */
static inline struct mfp_frame frame_of(struct str line)
{
	struct mfp_frame frame;
	struct mfp_fault fault = { "", "" };
	enum status status = mfp_read(line, MFP_ANY, &frame, &fault);
	if (status)
		print_error("%.*s\n%s: %s %s\n", STR_ARG(line), status_text(status), fault.what,
			    fault.key);
	assert_int_equal(status, STATUS_OK);
	return frame;
}

static inline void assert_str(struct str text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.ptr, expected, text.len);
}
