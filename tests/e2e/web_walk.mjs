// Walks the dashboard of a running weir in Chromium, and prints a JSON line for each thing that
// was looked at: {"check", "why"}, why being "" where all is well.
//   node web_walk.mjs FOLDER-OF-PLAYWRIGHT-CORE CHROMIUM URL TOKEN [FOLDER-FOR-SCREENSHOTS]
import { createRequire } from 'node:module';

const [folder, chromiumPath, base, token, screens] = process.argv.slice(2);
const { chromium } = createRequire(folder + '/')(folder);
const WAIT = 20000; // for what comes at once on a quiet machine
const WIDE = { width: 1280, height: 820 };
const PHONE = { width: 390, height: 844 };

// Where each page is looked at, and the panels whose numbers have to move.
const pages = [
  ['now', '#/now', ['Parts', 'Ledger', 'Memory: full first', 'Terminals by state', 'Markets']],
  ['fleet', '#/fleet?terminal=sim-007', ['Terminals', 'Terminal sim-007']],
  ['redis', '#/redis', ['Budgets']],
  ['ledger', '#/ledger', ['Ledger']],
  ['markets', '#/markets?market=bybit:perp:ETHUSDT&tf=5m', ['Markets', 'ETHUSDT']],
  ['alerts', '#/alerts', []],
  ['ask', '#/ask?q=/cvd+BTC+15m', ['Answer']],
];
const letters = { now: 'n', fleet: 'f', redis: 'r', ledger: 'l', markets: 'm', alerts: 'a', ask: 'q' };
const shots = ['now light', 'markets light', 'fleet phone', 'markets phone', 'now phone'];

const troubles = [];
let expected = ''; // what the console may say: a refused token is an error of the browser's

function tell(check, why) {
  console.log(JSON.stringify({ check, why: why || '' }));
}

async function attempt(check, work) {
  try {
    tell(check, await work());
  } catch (error) {
    tell(check, String(error.stack ?? error).slice(0, 600));
  }
}

function watch(page) {
  const ours = (url) => url.startsWith(base) || url.startsWith(base.replace('http', 'ws'));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !(expected && message.text().includes(expected)))
      troubles.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => troubles.push(`error: ${error.stack}`));
  page.on('request', (request) => ours(request.url()) || troubles.push(`asks ${request.url()}`));
  page.on('websocket', (socket) => ours(socket.url()) || troubles.push(`opens ${socket.url()}`));
}

function takeTroubles() {
  return troubles.splice(0).join('; ');
}

const open = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);
const hash = (page) => page.evaluate(() => location.hash);
const pressed = (page, keys) => keys.split(' ').reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
const until = (page, test, argument) => page.waitForFunction(test, argument, { timeout: WAIT, polling: 100 });

// ---- what every page has to be ----

// A panel's text without its age, and its pictures.
function lookOf(title) {
  const panel = [...document.querySelectorAll('.panel')].find((one) => one.querySelector('h2').textContent === title);
  if (!panel)
    return null;
  const copy = panel.cloneNode(true);
  copy.querySelectorAll('.age').forEach((age) => age.remove());
  return copy.textContent + [...panel.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL()).join();
}

async function moves(page, titles) {
  const still = [];
  const first = await Promise.all(titles.map((title) => page.evaluate(lookOf, title)));
  for (const [i, title] of titles.entries()) {
    if (first[i] === null) {
      still.push(`there is no panel ${title}`);
      continue;
    }
    const deadline = Date.now() + WAIT;
    while (await page.evaluate(lookOf, title) === first[i] && Date.now() < deadline)
      await page.waitForTimeout(200);
    if (Date.now() >= deadline)
      still.push(`${title} stands still`);
  }
  return still.join('; ');
}

// Everything to be operated has a name, every panel its age, and what is simulated says so.
function isNamed() {
  const faults = [];
  const seen = (element) => element.offsetParent !== null;
  for (const element of document.querySelectorAll('button, a[href], input, select, textarea')) {
    const labelled = element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.[0]?.textContent;
    if (seen(element) && !labelled)
      faults.push(`no name: ${element.outerHTML.slice(0, 80)}`);
  }
  for (const age of document.querySelectorAll('.panel > header .age'))
    if (seen(age) && !/^\d+\s?(s|m)/.test(age.textContent))
      faults.push(`the age of ${age.parentNode.querySelector('h2').textContent} is ${age.textContent}`);
  for (const element of document.querySelectorAll('.lost'))
    if (!element.title)
      faults.push(`unknown without a why: ${element.outerHTML.slice(0, 80)}`);
  if (document.getElementById('simulated').hidden)
    faults.push('SIMULATED is not said');
  if (document.querySelectorAll('main .panel').length === 0)
    faults.push('no panel');
  return faults.slice(0, 5).join('; ');
}

// What is wider than the page, and words that do not stand out from what is behind them.
function isReadable() {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth)
    faults.push(`${document.documentElement.scrollWidth} px wide in ${innerWidth}`);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const probe = document.body.appendChild(document.createElement('span'));
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return light(getComputedStyle(probe).color.match(/\d+(\.\d+)?/g).map(Number));
  };
  for (const ground of ['panel', 'bg', 'raised'])
    for (const ink of ['text', 'dim', 'accent', 'buy', 'sell', 'ok', 'warn', 'critical']) {
      const [a, b] = [colour(ink), colour(ground)].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5)
        faults.push(`${ink} on ${ground}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
    }
  probe.remove();
  return faults.join('; ');
}

async function shoot(page, name) {
  if (!screens || !(name.endsWith('dark') || shots.includes(name)))
    return;
  await page.screenshot({ path: `${screens}/${name.replace(' ', '-')}.png`, scale: 'css' });
}

async function lookAt(page, [name, place, panels]) {
  await open(page, place);
  await page.waitForSelector(`main.page-${name} .panel`);
  await until(page, () => [...document.querySelectorAll('.panel:not([hidden]) > header .age')].every((age) => /\d/.test(age.textContent)));
  await attempt(`${name}: its numbers move`, () => moves(page, panels));
  await attempt(`${name}: named, aged, SIMULATED`, () => page.evaluate(isNamed));
  for (const [theme, size, variant] of [['dark', WIDE, 'dark'], ['light', WIDE, 'light'], ['light', PHONE, 'phone light'], ['dark', PHONE, 'phone']]) {
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize(size);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await attempt(`${name}: readable, ${variant}`, () => page.evaluate(isReadable));
    await shoot(page, `${name} ${variant}`);
  }
  await page.setViewportSize(WIDE);
  await attempt(`${name}: no error, no outside request`, async () => takeTroubles());
}

// ---- the token ----

async function showToken(page) {
  expected = '401';
  await page.goto(base + '/');
  await page.waitForSelector('#token[open]');
  await page.keyboard.type('this-is-not-a-token');
  await page.keyboard.press('Enter');
  await until(page, () => document.querySelector('#token[open] .why')?.textContent.includes('does not know'));
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
  await until(page, () => document.getElementById('link').dataset.state === 'live');
  expected = '';
  return takeTroubles();
}

// ---- keys alone ----

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  return { text: element.textContent.trim().slice(0, 40), tag: element.tagName, id: element.id, key: element.key ?? '',
    outlined: getComputedStyle(element).outlineStyle !== 'none' };
});

// Tab until it is so; the path has to be visible all along.
async function tabTo(page, is, most = 80) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    if (!now.outlined)
      throw new Error(`no focus to be seen on ${JSON.stringify(now)}`);
    if (is(now))
      return now;
  }
  throw new Error('Tab does not lead there');
}

async function walkPages(page) {
  for (const [name] of pages) {
    await page.evaluate(() => document.activeElement.blur());
    await pressed(page, `g ${letters[name]}`);
    await until(page, (id) => document.querySelector(`main.page-${id} .panel`) && document.querySelector('nav [aria-current=page]').getAttribute('href') === `#/${id}`, name);
  }
  await until(page, () => document.activeElement.id === 'question'); // it waits to be asked
  await page.evaluate(() => document.activeElement.blur());
  await pressed(page, 'g n');
  await until(page, () => location.hash === '#/now');
  await page.reload();
  await until(page, () => document.getElementById('link').dataset.state === 'live');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('Tab');
  const skip = await focused(page);
  if (!skip.text.startsWith('Skip'))
    throw new Error(`Tab leads to ${JSON.stringify(skip)} first`);
  await page.keyboard.press('Enter');
  return (await focused(page)).id === 'main' ? '' : 'the skip link does not lead to the page';
}

async function walkFleet(page) {
  await open(page, '#/fleet?view=table');
  await until(page, () => document.querySelectorAll('main tbody tr').length === 100);
  await pressed(page, 'f');
  await page.keyboard.type('sim-01');
  await until(page, () => document.querySelectorAll('main tbody tr').length === 10);
  await tabTo(page, (now) => now.tag === 'TR');
  await pressed(page, 'ArrowDown ArrowDown End ArrowUp Enter');
  await until(page, () => location.hash.includes('terminal=sim-018') && document.querySelector('.columns.open'));
  if ((await focused(page)).key !== 'sim-018')
    throw new Error('the focus is lost when a terminal opens');
  await page.keyboard.press('Escape');
  await until(page, () => !location.hash.includes('terminal') && !document.querySelector('.columns.open'));
  return takeTroubles();
}

async function walkMarkets(page) {
  await open(page, '#/markets?market=binance:perp:BTCUSDT');
  await until(page, () => document.querySelector('.chart canvas'));
  await page.evaluate(() => document.activeElement.blur());
  await pressed(page, ']');
  await until(page, () => location.hash.includes('tf=5m') && document.querySelector('[data-value="5m"]').getAttribute('aria-pressed') === 'true');
  await page.waitForSelector('.chart .readout:has-text(" C ")');
  await page.locator('.plot').first().focus();
  const readouts = () => page.evaluate(() => [...document.querySelectorAll('.chart .readout')].slice(0, 3).map((one) => one.textContent.slice(0, 5)));
  await pressed(page, 'Home');
  const first = await readouts();
  await pressed(page, 'ArrowRight');
  const second = await readouts();
  if (new Set(first).size !== 1 || new Set(second).size !== 1 || first[0] === second[0])
    return `the cursors do not go together: ${first} ${second}`;
  return takeTroubles();
}

async function walkShell(page) {
  await page.evaluate(() => document.activeElement.blur());
  await pressed(page, '?');
  await page.waitForSelector('#keys[open]');
  await pressed(page, 'Escape');
  await page.waitForSelector('#keys:not([open])', { state: 'attached' });
  await pressed(page, 't');
  await until(page, () => document.documentElement.dataset.theme === 'dark');
  await pressed(page, 't t');
  await pressed(page, '/');
  await page.keyboard.type('/price BTC');
  await pressed(page, 'Enter');
  await until(page, () => location.hash === '#/ask?q=/price+BTC' && document.querySelector('pre.answer')?.textContent.includes('price'));
  const command = await page.evaluate(() => document.querySelector('.command code').textContent);
  return command === 'weir ask /price BTC' ? takeTroubles() : `the command is ${command}`;
}

async function tryRules(page) {
  await open(page, '#/alerts');
  await page.locator('#rules').fill('BTC price > 1\nBTC price > 100000000');
  await page.locator('#rules').press('Control+Enter');
  await until(page, () => document.querySelectorAll('table[aria-label="When the rules would have fired"] tbody tr').length === 2);
  return takeTroubles();
}

// What is done to an alert is seen in its own row.
async function muteAlert(page) {
  await open(page, '#/alerts?state=firing');
  const row = page.locator('table[aria-label=Alerts] tbody tr:has-text("WhaleTrade")').first();
  await row.locator('button[data-verb=ack]:enabled').waitFor();
  const scope = await row.locator('td').nth(3).textContent();
  const same = page.locator(`table[aria-label=Alerts] tbody tr:has-text("WhaleTrade"):has(td[title="${scope}"])`);
  for (const [verb, says] of [['mute', 'unmute'], ['mute', 'mute 1 h'], ['ack', 'acked']]) {
    await same.locator(`button[data-verb=${verb}]`).focus();
    await pressed(page, 'Enter');
    await same.locator(`button[data-verb=${verb}]:text-is("${says}")`).waitFor();
  }
  return takeTroubles();
}

async function queryArchive(page) {
  await open(page, '#/ledger');
  await page.locator('#sql').fill('SELECT 6 * 7 AS answer, NULL AS nothing');
  await page.locator('#sql').press('Control+Enter');
  await until(page, () => document.querySelector('table[aria-label="Rows of the archive"] tbody')?.textContent === '42—');
  return takeTroubles();
}

// ---- the address ----

async function restore(page) {
  await page.goto('about:blank');
  await page.goto(`${base}/#/fleet?view=table&sort=eq&dir=desc&state=RUNNING&terminal=sim-003&minutes=15`);
  await until(page, () => document.querySelector('th[aria-sort=descending]')?.textContent === 'Equity' &&
    document.querySelector('.chip[data-value=RUNNING]').getAttribute('aria-pressed') === 'true' &&
    document.querySelector('[data-value="15"]').getAttribute('aria-pressed') === 'true' &&
    [...document.querySelectorAll('h2')].some((one) => one.textContent === 'Terminal sim-003'));
  await page.goto('about:blank');
  await page.goto(`${base}/#/redis?segment=rms&sort=keys&dir=asc`);
  await until(page, () => document.querySelector('.chip[data-value=rms]')?.getAttribute('aria-pressed') === 'true' &&
    document.querySelector('th[aria-sort=ascending]')?.textContent === 'Keys');
  await page.goBack();
  return takeTroubles();
}

// ---- a tab that nobody sees: without a screen every tab is one that is seen, so it is told ----

function hide(hidden) {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
  document.dispatchEvent(new Event('visibilitychange'));
}

async function beHidden(page) {
  let frames = 0;
  let requests = 0;
  page.on('websocket', (socket) => socket.on('framereceived', () => { frames++; }));
  page.on('request', () => { requests++; });
  await page.goto('about:blank');
  await page.goto(`${base}/#/fleet?terminal=sim-004`);
  await until(page, () => document.getElementById('link').dataset.state === 'live' && document.querySelector('.columns.open .fact'));
  await page.evaluate(hide, true);
  let quiet = 0;
  for (const deadline = Date.now() + WAIT; quiet < 3 && Date.now() < deadline;) { // what was under way still comes
    frames = requests = 0;
    await page.waitForTimeout(700);
    quiet = frames + requests === 0 ? quiet + 1 : 0;
  }
  const before = await page.evaluate(() => document.querySelector('main').textContent);
  await page.waitForTimeout(700);
  const same = before === await page.evaluate(() => document.querySelector('main').textContent);
  await page.evaluate(hide, false);
  await until(page, (text) => document.getElementById('link').dataset.state === 'live' && document.querySelector('main').textContent !== text, before);
  await page.evaluate(() => document.activeElement.blur());
  await pressed(page, 'Space');
  await until(page, () => document.getElementById('link').textContent === 'PAUSED');
  await pressed(page, 'Space');
  await until(page, () => document.getElementById('link').textContent === 'live');
  return quiet < 3 ? `${frames} messages and ${requests} requests in a hidden tab` : same ? takeTroubles() : 'a hidden tab was drawn';
}

const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
try {
  const page = await (await browser.newContext({ viewport: WIDE, colorScheme: 'dark' })).newPage();
  page.setDefaultTimeout(WAIT);
  watch(page);
  await attempt('a token is asked for, and a wrong one refused', () => showToken(page));
  for (const one of pages)
    await lookAt(page, one);
  await page.emulateMedia({ colorScheme: 'dark' });
  await attempt('every page by keys', () => walkPages(page));
  await attempt('a terminal by keys', () => walkFleet(page));
  await attempt('a market by keys', () => walkMarkets(page));
  await attempt('help, theme and a question by keys', () => walkShell(page));
  await attempt('rules are tried on the past', () => tryRules(page));
  await attempt('an alert is muted and acknowledged by keys', () => muteAlert(page));
  await attempt('the archive is asked', () => queryArchive(page));
  await attempt('the address restores what was shown', () => restore(page));
  await attempt('a hidden tab costs nothing', () => beHidden(page));
} finally {
  await browser.close();
}
