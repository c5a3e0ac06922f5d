/* age.js - how old every number is. One timer ticks once a second for all that shows an age,
 * and not at all in a hidden tab. */
import { NONE, span } from '/fmt.js';
import { serverNow } from '/conn.js';
import { setAttr, setText } from '/dom.js';

const STALE_MS = 10000;
const shown = new Set();
const ticks = new Set();
let timer = 0;

/* element shows the age of at(), a unix ms or null; returns what ends that. Older than stale
 * ms it is said to be STALE; Infinity: never. */
export function showAge(element, at, stale = STALE_MS) {
	const entry = { element, at, stale };
	shown.add(entry);
	show(entry);
	return () => shown.delete(entry);
}

export function everySecond(listener) {
	ticks.add(listener);
	return () => ticks.delete(listener);
}

function show({ element, at, stale }) {
	const t_ms = at();
	const age = serverNow() - t_ms;
	const isStale = Boolean(t_ms) && age > stale;
	setText(element, !t_ms ? NONE : isStale ? `STALE ${span(age)}` : span(age));
	setAttr(element, 'data-stale', isStale);
	setAttr(element, 'title', t_ms ? 'how old these numbers are' : 'nothing has come yet');
}

export function refreshAges() {
	for (const entry of shown)
		show(entry);
}

function tick() {
	refreshAges();
	for (const listener of ticks)
		listener();
}

function follow() {
	clearInterval(timer);
	if (!document.hidden) {
		tick();
		timer = setInterval(tick, 1000);
	}
}

document.addEventListener('visibilitychange', follow);

export function startAges() {
	follow();
}
