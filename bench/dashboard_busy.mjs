// How busy pages of a running weir keep the main thread: a JSON line for each.
//   node dashboard_busy.mjs FOLDER-OF-PLAYWRIGHT-CORE CHROMIUM URL TOKEN SECONDS HASH…
import { createRequire } from 'node:module';

const [folder, chromiumPath, base, token, seconds, ...hashes] = process.argv.slice(2);
const { chromium } = createRequire(folder + '/')(folder);
const SETTLE_MS = 4000;

async function metrics(session) {
  const { metrics: list } = await session.send('Performance.getMetrics');
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 } });
  await context.addInitScript((text) => sessionStorage.setItem('weir.token', text), token);
  for (const hash of hashes) {
    const page = await context.newPage();
    let pushes = 0;
    page.on('websocket', (socket) => socket.on('framereceived', () => { pushes++; }));
    await page.goto(`${base}/${hash}`);
    await page.waitForFunction(() => document.getElementById('link').dataset.state === 'live');
    await page.waitForTimeout(SETTLE_MS);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' }); // others' load does not count
    const before = await metrics(session);
    const began = Date.now();
    pushes = 0;
    await page.waitForTimeout(seconds * 1000);
    const after = await metrics(session);
    const share = (name) => Number((100000 * (after[name] - before[name]) / (Date.now() - began)).toFixed(2));
    console.log(JSON.stringify({ page: hash, busy_percent: share('TaskDuration'), script_percent: share('ScriptDuration'), pushes, nodes: after.Nodes }));
    await page.close();
  }
} finally {
  await browser.close();
}
