/* app.js - the shell: pages and their places, keys, theme, the state of the connection. A page
 * is an object { id, title, letter, open(host, params, shell) }, where shell.rewant() says that
 * `topics` has changed; open gives back
 *
 *   topics          what it wants pushed
 *   push(names)     topics that have news, at most 4 times a second
 *   change(params)  the address changed within the page
 *   tick()          a second has passed; key(event), leave(): keys that the shell leaves
 *   close()         whatever it started is to end */
import { everySecond, refreshAges, startAges } from '/age.js';
import { refreshColours } from '/chart.js';
import * as conn from '/conn.js';
import { h, setAttr, setLight, setText } from '/dom.js';
import { clock, span } from '/fmt.js';
import alerts from '/page_alerts.js';
import asking from '/page_ask.js';
import fleet from '/page_fleet.js';
import ledger from '/page_ledger.js';
import markets from '/page_markets.js';
import now from '/page_now.js';
import redis from '/page_redis.js';
import * as url from '/url.js';

const pages = [now, fleet, redis, ledger, markets, alerts, asking];
const partsOf = { fleet: ['fleet'], redis: ['segments'], ledger: ['archive', 'sinks'], markets: ['feeds'], alerts: ['alerts'] };
const rank = { off: 0, ok: 1, warn: 2, critical: 3 };
const THEME = 'weir.theme';
const AWAY_MS = 5000; /* nothing heard for so long is said */
const GO_MS = 1500;   /* a letter after g */

const main = document.getElementById('main');
const nav = document.getElementById('nav');
const lightElement = document.getElementById('light');
const banner = document.getElementById('banner');
const linkButton = document.getElementById('link');
const askInput = document.getElementById('ask');
const links = new Map();

let opened = null; /* { page, view, stop } */
let version = '';

/* ---- pages ---- */

function makeNav() {
	for (const page of pages) {
		const light = h('span.light', { hidden: true });
		const anchor = h('a', { href: url.link(page.id), 'aria-keyshortcuts': `g ${page.letter}` }, page.title, light);
		links.set(page.id, { anchor, light });
		nav.append(anchor);
	}
}

function openPage(page, params) {
	opened?.view.close?.();
	main.replaceChildren();
	main.className = `page-${page.id}`;
	const view = page.open(main, params, { rewant });
	const stop = opened?.stop;
	opened = { page, view, stop: conn.subscribe(view.topics) };
	stop?.();
	for (const [id, { anchor }] of links)
		setAttr(anchor, 'aria-current', id === page.id ? 'page' : null);
	scrollTo(0, 0);
	view.push(new Set(view.topics.filter((name) => conn.topic(name))));
	showTitle();
}

function showPlace({ page: id, params }) {
	const page = pages.find((one) => one.id === id);
	if (!page) {
		url.go(now.id);
		return;
	}
	if (opened?.page === page)
		opened.view.change?.(params);
	else
		openPage(page, params);
}

/* The page wants other topics: another terminal, another market. */
function rewant() {
	const { stop } = opened;
	opened.stop = conn.subscribe(opened.view.topics);
	stop();
}

/* ---- how weir is ---- */

function showTitle() {
	const state = conn.topic('now')?.data;
	const word = state && state.light !== 'ok' ? `${state.light.toUpperCase()} ` : '';
	document.title = `${word}${opened?.page.title ?? ''} · weir`;
}

function showNow() {
	const state = conn.topic('now')?.data;
	if (!state)
		return;
	setLight(lightElement, state.light, '', `weir ${state.version}: ${state.light}`);
	document.getElementById('simulated').hidden = !state.simulated;
	for (const [id, parts] of Object.entries(partsOf)) {
		const worst = state.parts.filter((part) => parts.includes(part.part))
			.reduce((a, b) => (rank[b.light] > rank[a?.light ?? 'off'] ? b : a), null);
		const { light } = links.get(id);
		light.hidden = !worst || rank[worst.light] < 2;
		if (!light.hidden)
			setLight(light, worst.light, '', worst.reason);
	}
	if (version && version !== state.version)
		showBanner(`weir is ${state.version} now: load this page again`, 'note');
	version ||= state.version;
	showTitle();
}

function showBanner(text, tone = '') {
	banner.hidden = !text;
	setText(banner, text);
	setAttr(banner, 'data-tone', tone);
}

function showState() {
	const { state, why, heardAt } = conn.connection();
	const names = { live: 'live', paused: 'PAUSED', hidden: 'hidden', away: 'no answer', refused: 'no token', connecting: 'connecting' };
	const hints = { live: 'numbers come as they change; space pauses', paused: 'nothing is sent or drawn; space goes on' };
	setAttr(linkButton, 'data-state', state);
	setAttr(linkButton, 'title', hints[state] ?? why);
	setAttr(linkButton, 'aria-pressed', String(conn.isPaused()));
	setText(linkButton, names[state]);
	const silent = heardAt ? performance.now() - heardAt : 0;
	if (state === 'away' && (silent > AWAY_MS || !heardAt))
		showBanner(`${why}. ${heardAt ? `What is shown is ${span(silent)} old. ` : ''}Trying again.`);
	else if (state === 'refused')
		showBanner(why);
	else if (banner.dataset.tone !== 'note' || state === 'paused')
		showBanner('');
	const dialog = document.getElementById('token');
	if (state === 'refused' && !dialog.open)
		askToken(why);
}

function askToken(why) {
	const dialog = document.getElementById('token');
	const input = h('input', { type: 'password', 'aria-label': 'Token', autocomplete: 'current-password', required: true });
	const form = h('form', null, input, h('button.plain.main', null, 'Use it'));
	form.addEventListener('submit', (event) => {
		event.preventDefault();
		dialog.close();
		conn.setToken(input.value.trim());
	});
	dialog.replaceChildren(h('h2', { id: 'token-title' }, 'A token, please'),
		h('p', null, 'This weir answers those it knows: a token with the scope read (serve.tokens_file). It stays in this tab, until the tab is closed.'),
		form, h('p.why', null, why));
	dialog.showModal();
	input.focus();
}

/* ---- theme ---- */

function setTheme(theme) {
	setAttr(document.documentElement, 'data-theme', theme || null);
	const button = document.getElementById('theme');
	const names = { '': 'as the system is', dark: 'dark', light: 'light' };
	setText(button, { '': '◐', dark: '●', light: '○' }[theme]);
	setAttr(button, 'title', `Theme: ${names[theme]} (t)`);
	refreshColours();
}

function savedTheme() {
	const theme = localStorage.getItem(THEME) ?? '';
	return theme === 'dark' || theme === 'light' ? theme : '';
}

function nextTheme() {
	const next = { '': 'dark', dark: 'light', light: '' }[savedTheme()];
	localStorage.setItem(THEME, next);
	setTheme(next);
}

/* ---- keys ---- */

const keysHelp = [
	['/', 'ask'], ['g …', pages.map((page) => `${page.letter} ${page.title}`).join(', ')],
	['space', 'pause, and go on'], ['f', 'filter what is listed'],
	['↑ ↓ j k', 'walk through rows; Home, End, Page up and down'], ['enter', 'open the row'],
	['← →', 'the cursor of a chart, where one has the focus; of tiles'],
	['[ ]', 'the timeframe before and after'], ['esc', 'close what is open'], ['t', 'theme'], ['?', 'this'],
];

function showKeys() {
	const dialog = document.getElementById('keys');
	const list = h('dl');
	for (const [keys, what] of keysHelp)
		list.append(h('dt', null, ...keys.split(' ').map((key) => h('kbd', null, key))), h('dd', null, what));
	dialog.replaceChildren(h('h2', { id: 'keys-title' }, 'Keys'), list,
		h('p.dim', null, 'Times are UTC. — is what weir does not know: its title says why. Partial minutes are those of which trades may be missing. The address holds what is shown: copy it.'),
		h('form', { onsubmit: (event) => { event.preventDefault(); dialog.close(); } }, h('button.plain', null, 'Close')));
	dialog.showModal();
}

function focusAsk() {
	const field = document.getElementById('question') ?? (askInput.offsetParent ? askInput : null);
	if (!field) {
		url.go(asking.id);
		return;
	}
	field.focus();
	field.select();
}

function leave() {
	if (document.activeElement !== document.body && document.activeElement.matches('input, textarea'))
		document.activeElement.blur();
	else
		opened?.view.leave?.();
}

let goUntil = 0;

function onKey(event) {
	const typing = event.target.matches('input, textarea, select') || document.querySelector('dialog[open]');
	if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
		return;
	if (event.key === 'Escape' && !document.querySelector('dialog[open]')) {
		leave();
		return;
	}
	if (typing)
		return;
	const gone = performance.now() < goUntil && pages.find((page) => page.letter === event.key);
	goUntil = 0;
	if (gone) {
		event.preventDefault();
		url.go(gone.id);
		main.focus();
		return;
	}
	const actions = { '/': focusAsk, '?': showKeys, t: nextTheme, f: () => document.getElementById('filter')?.focus(),
		g: () => { goUntil = performance.now() + GO_MS; }, ' ': () => conn.setPaused(!conn.isPaused()) };
	const pressing = event.key === ' ' && event.target.closest('button, a, summary');
	if (actions[event.key] && !pressing) {
		event.preventDefault();
		actions[event.key]();
	} else {
		opened?.view.key?.(event);
	}
}

/* ---- start ---- */

makeNav();
setTheme(savedTheme());
document.addEventListener('keydown', onKey);
document.getElementById('theme').addEventListener('click', nextTheme);
document.getElementById('help').addEventListener('click', showKeys);
document.querySelector('.skip').addEventListener('click', (event) => {
	event.preventDefault();
	main.focus();
});
linkButton.addEventListener('click', () => {
	if (conn.connection().state === 'refused')
		askToken(conn.connection().why);
	else
		conn.setPaused(!conn.isPaused());
});
document.getElementById('asker').addEventListener('submit', (event) => {
	event.preventDefault();
	if (askInput.value.trim())
		url.go(asking.id, { q: askInput.value.trim() });
	askInput.blur();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', refreshColours);
conn.subscribe(['now']);
conn.onState(() => {
	showState();
	refreshAges();
});
conn.onPush((names) => {
	if (names.has('now'))
		showNow();
	opened?.view.push(names);
});
everySecond(() => {
	setText(document.getElementById('clock'), conn.isClockKnown() ? `${clock(conn.serverNow())} UTC` : '—');
	if (conn.connection().state === 'away')
		showState();
	opened?.view.tick?.();
});
url.onChange(showPlace);
showPlace(url.place());
startAges();
conn.start();
