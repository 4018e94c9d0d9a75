/**
 * `node bench/console.ts [--queues N] [--messages N] [--data DIR] [--only TEXT]`: how quick the console is in a browser in front of a large broker.
 *
 * A broker of its own process, with 100,000 durable queues and 10,000,000 messages in one more (some 2 GB of disk), 1,000 exchanges with
 * a binding each, users and policies (`lists/fill.ts`), and 1,000 MQTT clients with a kept session, a subscription and a retained
 * message. Chromium signs in; each page is loaded anew, which includes its script: until something is painted, and until what it is about
 * is there. Then what one does there, from the click until the page shows its outcome, asked within the page at each frame: the longest
 * of three. Promised is 1,000 ms for a page and 200 ms for an answer; a line that is over says so. With --data the directory is filled if
 * it is not there yet, and kept. `ENTREPOT_CHROMIUM` names another browser than Debian's.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { connect as connectPacket, packet, publish, text, u16 } from '../conformance/mqtt/wire.ts';
import { startEntrepot } from '../conformance/peers/index.ts';
import { PLACES, type Place, type Shown } from './console/places.ts';

const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '100000' },
    messages: { type: 'string', default: '10000000' },
    connections: { type: 'string', default: '1000' },
    data: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
const PAGE_MS = 1_000;
const ANSWER_MS = 200;
const TIMES = 3;

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const own = values.data === undefined ? await mkdtemp(join(tmpdir(), 'entrepot-console-')) : undefined;
const data = join(values.data ?? own!, `console-${values.queues}-${values.messages}`);
if (!existsSync(data)) await fill();
spawnSync(process.execPath, [at('../scripts/ensure-console.mjs')], { stdio: 'inherit' });
const peer = await startEntrepot({ data, readyTimeoutMs: 120_000, environment: { ENTREPOT_CONNECTIONS_MAX: '20000' } });
const url = `http://127.0.0.1:${peer.httpPort}/`;
const sockets: Socket[] = [];
const browser = await chromium.launch({
  executablePath: process.env['ENTREPOT_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
let missed = 0;
try {
  for (let from = 0; from < Number(values.connections); from += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => connectOne(`c${from + i}`)));
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  await page.getByRole('textbox', { name: 'Name' }).fill('guest');
  await page.getByLabel('Password', { exact: true }).fill('guest');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  console.log(`${'a page, or what one does there'.padEnd(72)} painted    there`);
  for (const place of PLACES) {
    if (!place.name.includes(values.only)) continue;
    try {
      await visit(page, place);
    } catch (thrown) {
      missed++;
      console.log(`${place.name}: ${(thrown as Error).message}  <-- missed`);
    }
  }
} finally {
  await browser.close();
  for (const socket of sockets) socket.destroy();
  await peer.stop();
  if (own !== undefined) await rm(own, { recursive: true, force: true });
}
console.log(missed === 0 ? 'all within what is promised' : `MISSED: ${missed}, see above`);
process.exit(missed === 0 ? 0 : 1);

async function visit(page: Page, { name, at, shows, steps = [] }: Place): Promise<void> {
  const painted: number[] = [];
  const there: number[] = [];
  for (let n = 0; n < TIMES; n++) {
    // Another document in between: an address that differs behind # alone loads nothing anew.
    await page.goto('about:blank');
    await page.goto(`${url}#/${at}`, { waitUntil: 'commit' });
    there.push(await until(page, shows));
    painted.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0));
  }
  tell(name, Math.max(...there), PAGE_MS, Math.max(...painted));
  for (const { what, act, shows: outcome, once: only = false } of steps) {
    const took: number[] = [];
    for (let n = 0; n < (only ? 1 : TIMES); n++) {
      await watch(page);
      await act(page, n);
      took.push(await until(page, outcome(n), true));
    }
    tell(`  ${what}`, Math.max(...took), ANSWER_MS);
  }
}

async function fill(): Promise<void> {
  const given = ['--data', `${data}-begun`, '--queues', values.queues, '--messages', values.messages];
  const fills = spawn(process.execPath, [at('lists/fill.ts'), ...given, '--long', values.messages], {
    stdio: 'inherit',
  });
  const [code] = await once(fills, 'exit');
  if (code !== 0) throw new Error(`the data directory could not be filled: ${code}`);
  await rename(`${data}-begun`, data);
}

/** Takes up a kept session, subscribes, and has a message retained. */
function connectOne(clientId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(peer.mqttPort, '127.0.0.1', () =>
      socket.write(connectPacket({ level: 4, flags: 0xc0, payload: [text(clientId), text('guest'), text('guest')] })),
    );
    socket.once('data', (connack: Buffer) => {
      if (connack[3] !== 0) reject(new Error(`refused: ${connack.toString('hex')}`));
      socket.once('data', () => resolve());
      socket.write(publish(4, 0x31, `state/${clientId}`, undefined, 'on'));
      socket.write(packet(0x82, u16(1), text(`command/${clientId}`), 1));
    });
    socket.once('error', reject);
    sockets.push(socket);
  });
}

/** Notes when the last key was pressed, the last field changed, the last button clicked. */
async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const noted = globalThis as { begunMs?: number };
    if (noted.begunMs !== undefined) return;
    noted.begunMs = 0;
    for (const kind of ['click', 'input', 'change', 'submit']) {
      addEventListener(kind, (event) => (noted.begunMs = event.timeStamp), { capture: true });
    }
  });
}

/** Milliseconds since the page was asked for, or since what was done last, until this is there. */
function until(page: Page, [selector, pattern]: Shown, sinceDone = false): Promise<number> {
  return page.evaluate(
    ([selector, source, flags, sinceDone]) =>
      new Promise<number>((resolve, reject) => {
        const like = new RegExp(source, flags);
        const look = (): void => {
          const there = [...document.querySelectorAll(selector)].some((one) => like.test(one.textContent));
          const nowMs = performance.now();
          if (there) resolve(sinceDone ? nowMs - (globalThis as { begunMs?: number }).begunMs! : nowMs);
          else if (nowMs - started > 10_000) {
            reject(
              new Error(`no ${selector} like ${source}: ${document.querySelector('main')?.innerText.slice(0, 500)}`),
            );
          } else requestAnimationFrame(look);
        };
        const started = performance.now();
        look();
      }),
    [selector, pattern.source, pattern.flags, sinceDone] as const,
  );
}

function tell(what: string, thereMs: number, promisedMs: number, paintedMs?: number): void {
  const over = thereMs > promisedMs;
  if (over) missed++;
  const painted = paintedMs === undefined ? '' : `${paintedMs.toFixed(0)} ms`;
  console.log(
    `${what.padEnd(72)} ${painted.padStart(7)} ${`${thereMs.toFixed(0)} ms`.padStart(8)}${over ? '  <-- missed' : ''}`,
  );
}
