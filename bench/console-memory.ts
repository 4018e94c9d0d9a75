/**
 * `node bench/console-memory.ts [--seconds N] [--step S] [--only TEXT]`: how much memory pages of the console have over an hour that they are open in
 * front of a broker with 50,000 messages a second. The hour is a page's own: its clock is wound on by two seconds at a time, and a
 * stand-in tells what a broker would (`console/hour.ts`); lists come from a real broker. After a quarter all that pages keep is as full
 * as it gets; a page that has grown since then by a tenth is told, and the exit code is 1.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import amqp from 'amqplib';
import { startEntrepot } from '../conformance/peers/index.ts';
import { grew, hour, LIVE_PAGES, StandIn } from './console/hour.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3600' },
    step: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
  },
});
spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/ensure-console.mjs', import.meta.url))], {
  stdio: 'inherit',
});
const peer = await startEntrepot({ readyTimeoutMs: 60_000 });
const standIn = await StandIn.start(peer.httpPort);
let missed = false;
try {
  const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}`);
  const channel = await client.createChannel();
  for (let i = 0; i < 200; i++) await channel.assertQueue(`jobs.${i}`);
  const work = setInterval(() => {
    for (let i = 0; i < 50; i++) channel.sendToQueue(`jobs.${i}`, Buffer.alloc(100));
  }, 200);
  for (const { name, at, begin, step } of LIVE_PAGES) {
    if (!name.includes(values.only)) continue;
    const startedMs = performance.now();
    const stepSeconds = Number(values.step);
    const measured = await hour({
      ...{ executablePath: process.env['ENTREPOT_CHROMIUM'] ?? '/usr/bin/chromium', url: standIn.url },
      ...{ login: ['guest', 'guest'], at, seconds: Number(values.seconds), stepSeconds },
      ...(begin !== undefined && { begin }),
      ...(step !== undefined && { step: (second: number) => step(standIn, second, stepSeconds) }),
    });
    const took = ((performance.now() - startedMs) / 1_000).toFixed(0);
    const said = measured.map((one) => `${(one.heapBytes / 1e6).toFixed(1)} MB ${one.nodes} nodes`).join(', ');
    const worse = grew(measured);
    if (worse !== undefined) missed = true;
    console.log(`${name.padEnd(20)} ${said}; in ${took} s${worse === undefined ? '' : `  <-- missed: ${worse}`}`);
  }
  clearInterval(work);
  await client.close();
} finally {
  await standIn.stop();
  await peer.stop();
}
process.exit(missed ? 1 : 0);
