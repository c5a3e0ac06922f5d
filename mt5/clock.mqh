// clock.mqh - two clocks: a steady one for waiting, UTC in ms for the wire.
//
// TimeGMT() knows whole seconds only. UTC ms are a base plus the steady clock, and the base
// is moved whenever the sum leaves the second that TimeGMT() tells; a step of the PC's clock
// is followed at once.

long g_clock_base;  // UTC ms minus the steady clock

long ClockTick()
{
	return (long)GetTickCount64();
}

void ClockInit()
{
	g_clock_base = (long)TimeGMT() * 1000 - ClockTick();
}

long ClockUtc()
{
	long second = (long)TimeGMT() * 1000;
	long now = g_clock_base + ClockTick();
	if(now < second)
		g_clock_base += second - now;
	else if(now > second + 999)
		g_clock_base -= now - (second + 999);
	return g_clock_base + ClockTick();
}

// Broker server minus UTC in seconds, to the quarter of an hour.
long ClockServerOffset()
{
	long difference = (long)TimeTradeServer() - (long)TimeGMT();
	long half = (difference >= 0) ? 450 : -450;
	return (difference + half) / 900 * 900;
}
