/* url.js - the page and all that it shows are in the address: #/fleet?terminal=sim-001&sort=eq.
 * A copied link opens the same view; back and forward work. One owner: the hash. */

let current = parse();
const listeners = new Set();

/* Colons stay readable: market=binance:perp:BTCUSDT. */
function encode(text) {
	return encodeURIComponent(text).replace(/%3A/gi, ':').replace(/%2F/gi, '/').replace(/%20/g, '+');
}

function parse() {
	const text = location.hash.replace(/^#\/?/, '');
	const cut = text.indexOf('?');
	const params = new URLSearchParams(cut < 0 ? '' : text.slice(cut + 1));
	return { page: cut < 0 ? text : text.slice(0, cut), params: Object.fromEntries(params) };
}

export function link(page, params = {}) {
	const pairs = Object.entries(params).filter(([, value]) => value !== '' && value !== null && value !== undefined);
	const query = pairs.map(([key, value]) => `${encode(key)}=${encode(String(value))}`).join('&');
	return `#/${page}${query ? '?' + query : ''}`;
}

export function place() {
	return current;
}

export function go(page, params = {}) {
	const next = link(page, params);
	if (next !== location.hash)
		location.hash = next;
}

/* Changes parameters of this page; '' takes one away. What is typed or sorted replaces the
 * entry of the history, what is opened makes a new one. */
export function change(params, { replace = true } = {}) {
	const next = link(current.page, { ...current.params, ...params });
	if (next === location.hash)
		return;
	if (!replace) {
		location.hash = next;
		return;
	}
	history.replaceState(null, '', next);
	tell();
}

export function onChange(listener) {
	listeners.add(listener);
}

function tell() {
	const before = current;
	current = parse();
	for (const listener of listeners)
		listener(current, before);
}

addEventListener('hashchange', tell);
