/* fmt.js - numbers as people read them. What is not known is NONE, never a zero; times are
 * unix ms and UTC; decimals come as strings and keep the digits they came with. Pure. */

export const NONE = '—';

const MINUS = '\u2212';
const THIN = '\u2009';

function known(value) {
	return value !== null && value !== undefined && value !== '';
}

/* "63450.64" → "63,450.64", whatever its length: no digit is lost on the way. */
export function decimal(value) {
	if (!known(value))
		return NONE;
	const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(String(value)) ?? [];
	if (whole === undefined)
		return String(value);
	return (sign ? MINUS : '') + whole.replace(/\B(?=(\d{3})+$)/g, ',') + rest;
}

export function whole(value) {
	return known(value) ? decimal(Math.round(Number(value))) : NONE;
}

export function fixed(value, places) {
	return known(value) && Number.isFinite(Number(value)) ? decimal(Number(value).toFixed(places)) : NONE;
}

/* A price: as many places as its size wants, 5 digits of it at least. */
export function price(value) {
	const size = Math.abs(Number(value));
	return fixed(value, size >= 1000 ? 2 : size >= 10 ? 3 : size >= 1 ? 4 : 6);
}

/* With its sign, which says what colour says. */
export function signed(value, print = decimal) {
	return known(value) && Number(value) > 0 ? '+' + print(value) : print(value);
}

/* 1234567 → "1.235 M". */
export function short(value) {
	if (!known(value) || !Number.isFinite(Number(value)))
		return NONE;
	const number = Number(value);
	const size = Math.abs(number);
	const [unit, name] = size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : size >= 1e4 ? [1e3, 'k'] : [1, ''];
	const scaled = number / unit;
	const places = Math.abs(scaled) >= 100 ? 1 : Math.abs(scaled) >= 10 ? 2 : 3;
	return fixed(scaled, name || !Number.isInteger(number) ? places : 0) + (name ? THIN + name : '');
}

/* Bytes, in units of 1,000 as weir counts them. */
export function bytes(value) {
	if (!known(value))
		return NONE;
	const number = Number(value);
	if (Math.abs(number) < 1e3)
		return `${decimal(number)}${THIN}B`;
	const [unit, name] = Math.abs(number) >= 1e9 ? [1e9, 'GB'] : Math.abs(number) >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
	return fixed(number / unit, number / unit >= 100 ? 0 : 1) + THIN + name;
}

export function percent(share, places = 1) {
	return known(share) ? fixed(Number(share) * 100, places) + THIN + '%' : NONE;
}

/* How long: "4 s", "5 m 03 s", "3 h 12 m", "4 d 3 h". */
export function span(ms) {
	if (!known(ms))
		return NONE;
	const seconds = Math.max(0, Math.floor(Number(ms) / 1000));
	const two = (number) => String(number).padStart(2, '0');
	if (seconds < 60)
		return `${seconds}${THIN}s`;
	if (seconds < 3600)
		return `${Math.floor(seconds / 60)}${THIN}m ${two(seconds % 60)}${THIN}s`;
	if (seconds < 86400)
		return `${Math.floor(seconds / 3600)}${THIN}h ${two(Math.floor(seconds / 60) % 60)}${THIN}m`;
	return `${Math.floor(seconds / 86400)}${THIN}d ${Math.floor(seconds / 3600) % 24}${THIN}h`;
}

export function clock(ms) {
	return known(ms) ? new Date(Number(ms)).toISOString().slice(11, 19) : NONE;
}

/* Short enough for a column: the clock of today, else the day too. */
export function when(ms, now) {
	if (!known(ms))
		return NONE;
	const text = new Date(Number(ms)).toISOString();
	return text.slice(0, 10) === new Date(now).toISOString().slice(0, 10)
		? text.slice(11, 19) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
}

export function stamp(ms) {
	return known(ms) ? new Date(Number(ms)).toISOString().slice(0, 19).replace('T', ' ') + ' UTC' : NONE;
}

/* What colour a signed number takes. */
export function tone(value) {
	const number = Number(value);
	return !known(value) || number === 0 ? '' : number > 0 ? 'buy' : 'sell';
}
