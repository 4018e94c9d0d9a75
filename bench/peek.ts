/**
 * `node bench/peek.ts [--messages N] [--bytes N] [--data DIR]`: what it takes to look into a queue in which N messages wait (default:
 * ten million of 100 bytes, some 2 GB of disk): the first page from either end and from the middle, a selector, a text, and what the
 * process' memory grows by meanwhile. Broker and client share this process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBroker } from '../src/index.ts';
import { AT_LEAST_ONCE, DOT, Draft } from '../src/message/message.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000000' },
    bytes: { type: 'string', default: '100' },
    data: { type: 'string', default: tmpdir() },
  },
});
const messages = Number(values.messages);
const directory = await mkdtemp(join(values.data, 'entrepot-peek-'));
const broker = await createBroker({ listen: ['http://127.0.0.1:0'], data: directory });
const MIB = 1024 * 1024;

async function fill(): Promise<void> {
  const session = broker.operator.enterAsOperator('/');
  session.declareQueue('long', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  const key = Buffer.from('long');
  const draft = new Draft();
  const body = Buffer.alloc(Number(values.bytes), 'x');
  const route = session.route('', DOT, key, 0, key.length);
  const safe = (): Promise<void> => new Promise((resolve) => session.whenSafe(session.mark(), () => resolve()));
  for (let i = 0; i < messages; i++) {
    draft.reset();
    draft.assurance = AT_LEAST_ONCE;
    draft.body = body;
    body.write(String(i).padStart(10, '0'));
    draft.bodyEnd = body.length;
    session.publish(route, draft);
    if (i % 20_000 === 0) await safe();
  }
  await safe();
  session.close(true);
}

const path = `http://127.0.0.1:${broker.port('http')}/v1/vhosts/%2F/queues/long/messages`;
const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;

async function look(what: string, query: string): Promise<void> {
  const rss = process.memoryUsage().rss;
  const times: number[] = [];
  let scanned = 0;
  let shown = 0;
  for (let i = 0; i < 5; i++) {
    const before = performance.now();
    const response = await fetch(`${path}?${query}`, { headers: { authorization } });
    const body = (await response.json()) as { scanned: number; messages: unknown[] };
    times.push(performance.now() - before);
    scanned = body.scanned;
    shown = body.messages.length;
  }
  const [first] = times;
  const median = times.toSorted((a, b) => a - b)[2]!;
  const grown = (process.memoryUsage().rss - rss) / MIB;
  console.log(
    `${what.padEnd(34)} first ${first!.toFixed(1).padStart(8)} ms   median ${median.toFixed(1).padStart(8)} ms   scanned ${String(scanned).padStart(7)}   shown ${String(shown).padStart(4)}   resident ${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MiB`,
  );
}

try {
  const began = performance.now();
  await fill();
  console.log(`${messages} messages in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  // What was begun while it was filled ends first.
  await look('(to warm up)', 'limit=1');
  await look('oldest, 50', 'from=oldest&limit=50');
  await look('newest, 50', 'from=newest&limit=50');
  await look('from the middle, 50', `from=position:${Math.floor(messages / 2)}&limit=50`);
  await look('back from the middle, 50', `from=before:${Math.floor(messages / 2)}&limit=50`);
  await look('oldest, 1000', 'from=oldest&limit=1000');
  await look('a selector that matches nothing', `selector=${encodeURIComponent("colour = 'red'")}`);
  await look('a text that is nowhere', 'text=nowhere');
} finally {
  await broker.close();
  await rm(directory, { recursive: true, force: true });
}
