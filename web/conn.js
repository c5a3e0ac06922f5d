/* conn.js - the one connection to weir: a WebSocket that pushes topics, and GETs beside it.
 *
 *   const stop = subscribe(['now', 'fleet']);     what a page needs; stop() when it goes
 *   onPush((topics) => …);                        at most 4 times a second, in a frame
 *   topic('fleet')                                { t_ms, data, rows } or undefined
 *
 * A hidden tab and a paused one say so to weir, which then sends nothing; what is shown stays,
 * and its age goes on. Lists come whole, after a pause again, and then as changed rows, by key.
 * A connection that breaks is made again, later each time; a token that is refused is asked
 * for. */
import { topicRows } from '/tables.js';

const PUSH_MS = 250;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const TOPICS_MAX = 16;
const TOKEN = 'weir.token';
const BARS_MAX = 300;
const lists = Object.fromEntries(topicRows.filter((row) => row.list).map((row) => [row.name, row]));

const topics = new Map();
const wanted = new Map(); /* topic → how many want it */
const pushes = new Set();
const states = new Set();
const dirty = new Set();

let socket = null;
let state = 'connecting'; /* connecting, live, paused, hidden, away, refused */
let why = '';
let paused = false;
let failures = 0;
let retryTimer = 0;
let flushTimer = 0;
let flushedAt = 0;
let clockOffset = 0;
let clockKnown = false;
let heardAt = 0;
let connecting = false;

/* ---- what others see ---- */

export function topic(name) {
	return topics.get(name);
}

export function connection() {
	return { state, why, heardAt };
}

export function isPaused() {
	return paused;
}

/* Whether anything is to be asked or drawn. */
export function isActive() {
	return !paused && !document.hidden;
}

/* weir's clock, as well as messages tell it; before the first, this machine's. */
export function serverNow() {
	return Date.now() + clockOffset;
}

export function isClockKnown() {
	return clockKnown;
}

export function onPush(listener) {
	pushes.add(listener);
}

export function onState(listener) {
	states.add(listener);
}

export function token() {
	return sessionStorage.getItem(TOKEN) ?? '';
}

export function setToken(text) {
	if (text)
		sessionStorage.setItem(TOKEN, text);
	else
		sessionStorage.removeItem(TOKEN);
	failures = 0;
	reconnect();
}

/* ---- asking ---- */

export class Refusal extends Error {
	constructor(status, text) {
		super(text);
		this.status = status;
	}
}

/* The answer's JSON; a Refusal says in one line why there is none. */
export async function ask(path, { body, signal, answers = [200] } = {}) {
	const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
	if (body !== undefined)
		headers['Content-Type'] = 'application/json';
	let response;
	try {
		response = await fetch(path, { headers, signal, method: body === undefined ? 'GET' : 'POST',
			body: body === undefined ? undefined : JSON.stringify(body) });
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new Refusal(0, 'weir does not answer');
	}
	const text = await response.text();
	let data = null;
	try {
		data = JSON.parse(text);
	} catch {
		data = null;
	}
	if (response.status === 401)
		refuse(token() ? 'weir does not know this token' : 'weir asks for a token');
	if (answers.includes(response.status) && data !== null)
		return Object.assign(data, response.headers.get('Weir-Truncated') ? { truncated: true } : {});
	throw new Refusal(response.status, data?.error ?? data?.detail ?? `weir answered ${response.status}`);
}

/* ---- topics ---- */

export function subscribe(names) {
	const added = names.filter((name) => !wanted.has(name));
	for (const name of names)
		wanted.set(name, (wanted.get(name) ?? 0) + 1);
	if (wanted.size > TOPICS_MAX)
		throw new Error('more topics than weir gives to one client');
	say('sub', added);
	return () => unsubscribe(names);
}

function unsubscribe(names) {
	const gone = [];
	for (const name of names) {
		const left = wanted.get(name) - 1;
		if (left > 0) {
			wanted.set(name, left);
			continue;
		}
		wanted.delete(name);
		topics.delete(name);
		gone.push(name);
	}
	say('unsub', gone);
}

function send(message) {
	if (socket?.readyState === WebSocket.OPEN)
		socket.send(JSON.stringify(message));
}

function say(op, names) {
	if (names.length)
		send({ op, topics: names });
}

/* A list of rows: whole, or what of it changed. */
function takeRows(name, message, before) {
	const { list, key } = lists[name];
	const rows = message.data ? new Map() : before?.rows ?? new Map();
	for (const row of message.data?.[list] ?? message.changed ?? [])
		rows.set(row[key], row);
	for (const gone of message.gone ?? [])
		rows.delete(gone);
	return { t_ms: message.t_ms, data: message.data ?? before?.data, rows };
}

const COLUMNS = ['t', 'o', 'h', 'l', 'c', 'buy', 'sell', 'cvd', 'partial'];

/* One bar more, or the newest one again. */
function takeBar(message, before) {
	const bars = before?.data?.bars;
	if (!bars)
		return before;
	const last = bars.t.length - 1;
	const at = last >= 0 && bars.t[last] === message.bar.t ? last : last + 1;
	if (at <= last || last < 0 || message.bar.t > bars.t[last])
		for (const column of COLUMNS)
			bars[column][at] = message.bar[column] ?? null;
	if (bars.t.length > BARS_MAX)
		for (const column of COLUMNS)
			bars[column].shift();
	return { t_ms: message.t_ms, data: before.data };
}

/* A whole answer that came by a GET counts as a push of the topic. */
export function put(name, data, t_ms) {
	if (wanted.has(name)) {
		topics.set(name, { t_ms, data });
		mark(name);
	}
}

function take(message) {
	heardAt = performance.now();
	if (message.t_ms)
		setClock(message.t_ms);
	const name = message.topic;
	if (!wanted.has(name))
		return;
	const before = topics.get(name);
	let next = before;
	if (lists[name])
		next = takeRows(name, message, before);
	else if (message.bar)
		next = takeBar(message, before);
	else if (message.data !== undefined)
		next = { t_ms: message.t_ms, data: message.data };
	if (next)
		topics.set(name, next);
	mark(name);
}

/* Of messages the one that was quickest under way tells the clock best. */
function setClock(t_ms) {
	const offset = t_ms - Date.now();
	clockOffset = !clockKnown || offset > clockOffset || clockOffset - offset > 5000
		? offset : clockOffset + (offset - clockOffset) * 0.02;
	clockKnown = true;
}

/* ---- pushes: gathered, and drawn in a frame ---- */

function mark(name) {
	dirty.add(name);
	if (!flushTimer)
		flushTimer = setTimeout(() => requestAnimationFrame(flush),
			Math.max(0, flushedAt + PUSH_MS - performance.now()));
}

function flush() {
	flushTimer = 0;
	flushedAt = performance.now();
	const names = new Set(dirty);
	dirty.clear();
	if (isActive())
		for (const listener of pushes)
			listener(names);
}

/* ---- the connection ---- */

function setState(next, reason = '') {
	if (next === state && reason === why)
		return;
	state = next;
	why = reason;
	for (const listener of states)
		listener(state, why);
}

function refuse(reason) {
	clearTimeout(retryTimer);
	socket?.close();
	socket = null;
	setState('refused', reason);
}

function idleState() {
	return document.hidden ? 'hidden' : paused ? 'paused' : 'live';
}

function onOpen() {
	failures = 0;
	heardAt = performance.now();
	if (!isActive())
		send({ op: 'pause' });
	say('sub', [...wanted.keys()]);
	setState(idleState());
}

function onMessage(event) {
	let message;
	try {
		message = JSON.parse(event.data);
	} catch {
		return;
	}
	if (message.topic)
		take(message);
	else if (message.error)
		console.warn('weir:', message.error);
}

function onClose(which) {
	if (which !== socket)
		return;
	socket = null;
	retry('the connection to weir is gone');
}

function retry(reason) {
	if (state === 'refused')
		return;
	setState('away', reason);
	const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
	failures++;
	clearTimeout(retryTimer);
	retryTimer = setTimeout(connect, wait);
}

function reconnect() {
	const old = socket;
	socket = null;
	old?.close();
	state = 'connecting';
	connect();
}

/* A WebSocket cannot tell why it was refused: a GET before it can. */
async function connect() {
	clearTimeout(retryTimer);
	if (document.hidden || connecting)
		return;
	connecting = true;
	try {
		await ask('/api/v1/now').then((now) => {
			if (now.t_ms)
				setClock(now.t_ms);
			put('now', now, now.t_ms);
		});
		open();
	} catch (refusal) {
		retry(refusal.message);
	} finally {
		connecting = false;
	}
}

function open() {
	const protocols = ['weir.v1', ...(token() ? [`bearer.${token()}`] : [])];
	let next;
	try {
		next = new WebSocket(location.origin.replace(/^http/, 'ws') + '/api/v1/ws', protocols);
	} catch {
		refuse('a browser can send tokens of letters, digits and - . _ ~ + only');
		return;
	}
	socket = next;
	next.onopen = () => onOpen();
	next.onmessage = onMessage;
	next.onclose = () => onClose(next);
}

export function setPaused(next) {
	paused = next;
	tellActivity();
}

function tellActivity() {
	if (!socket || socket.readyState !== WebSocket.OPEN) {
		if (!document.hidden && state !== 'refused' && !socket)
			connect();
		return;
	}
	send({ op: isActive() ? 'resume' : 'pause' });
	setState(idleState());
}

document.addEventListener('visibilitychange', tellActivity);

export function start() {
	connect();
}
