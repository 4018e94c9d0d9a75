/** Messages that need not outlive the broker: what they take up follows what of them lives. */
import { afterEach, expect, it } from 'vitest';
import {
  ACCEPTED,
  type DeliverySink,
  MARK_REFUSED,
  MODIFIED,
  NO_BACKPRESSURE,
  type Outcome,
  RELEASED,
} from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { isSpillName } from '../../../src/log/transient/spill.ts';
import type { MessageView } from '../../../src/message/message.ts';
import type { TransientLayout } from '../../../src/vhost/options.ts';
import { MemoryFiles } from '../../log/memory-files.ts';
import { Random } from '../../simulation/world/random.ts';
import { consume, makeDraft, openSession, queueArguments, send, startCore, TRANSIENT } from '../harness.ts';

const SMALL: TransientLayout = { blockBytes: 8192, residentBytesMax: 16 * 1024, spillFileBytes: 64 * 1024 };
let broker: Broker | undefined;
let clock: ManualClock;
let files: MemoryFiles;
let session: Session;

async function start(transient: TransientLayout = SMALL): Promise<void> {
  clock = new ManualClock();
  files = new MemoryFiles();
  broker = await startCore('/data', { clock, files, transient });
  session = openSession(broker);
}

afterEach(() => broker?.close());

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Seconds go by, and the disk does what it is asked. */
async function seconds(n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    clock.advance(1_000);
    await turns(20);
  }
}

function spillBytes(): number {
  let bytes = 0;
  for (const path of files.names.keys()) {
    if (isSpillName(path.slice(path.lastIndexOf('/') + 1))) bytes += files.bytes(path).length;
  }
  return bytes;
}

const figures = () => broker!.statistics()[0]!.transient;

function bodyOf(i: number): string {
  return `message ${i} ${'x'.repeat((i * 7) % 200)}`;
}

it('gives the disk back when a queue is deleted or purged', async () => {
  await start();
  for (const end of ['purge', 'delete'] as const) {
    session.declareQueue('q', TRANSIENT);
    for (let i = 0; i < 3000; i++) {
      send(session, 'q', bodyOf(i), { persistent: false });
      if (i % 50 === 0) await turns(2);
    }
    await seconds(1);
    expect(spillBytes()).toBeGreaterThan(100 * 1024);
    expect(figures().spillBytes).toBe(spillBytes());
    if (end === 'purge') session.purgeQueue('q');
    else session.deleteQueue('q', false, false);
    await seconds(3);
    expect(spillBytes()).toBe(0);
    expect(figures().residentBytes).toBeLessThanOrEqual(SMALL.blockBytes!);
  }
});

it('does not keep what was consumed for the sake of a few messages that wait', async () => {
  await start();
  session.declareQueue('slow', TRANSIENT);
  session.declareQueue('fast', TRANSIENT);
  for (let i = 0; i < 5000; i++) {
    send(session, i % 60 === 0 ? 'slow' : 'fast', bodyOf(i), { persistent: false });
    if (i % 50 === 0) await turns(2);
  }
  const full = spillBytes();
  const fast = consume(session, 'fast', { settled: true });
  for (let n = 0; fast.seen.length < 4916 && n < 5_000; n++) await turns(1);
  await seconds(30);
  expect(full).toBeGreaterThan(300 * 1024);
  expect(spillBytes()).toBeLessThan(32 * 1024);
  const slow = consume(session, 'slow', { settled: true });
  for (let n = 0; slow.seen.length < 84 && n < 1_000; n++) await turns(1);
  expect(slow.bodies).toEqual(Array.from({ length: 84 }, (_, i) => bodyOf(i * 60)));
  await seconds(5);
  expect(spillBytes()).toBe(0);
});

it('refuses what need not outlive the broker once memory and disk for it are used up, and nothing else', async () => {
  await start({ ...SMALL, fullBytes: 48 * 1024, spillBytesMax: 64 * 1024 });
  session.declareQueue('q', TRANSIENT);
  session.declareQueue('durable', { ...TRANSIENT, durable: true });
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    if (send(session, 'q', bodyOf(i), { persistent: false }).mark === MARK_REFUSED) refused++;
    if (i % 20 === 0) await turns(2);
  }
  expect(refused).toBeGreaterThan(100);
  expect(broker!.statistics()[0]!.counters.refusedTransient).toBe(refused);
  expect(spillBytes()).toBeLessThanOrEqual(64 * 1024);
  expect(figures()).toMatchObject({ full: true, spillBytesMax: 64 * 1024 });
  expect(send(session, 'durable', 'kept').mark).toBeGreaterThan(0);
  // What was taken is there, in order, and with it gone there is room again.
  const got = consume(session, 'q', { settled: true });
  for (let n = 0; got.seen.length < 3000 - refused && n < 2_000; n++) await turns(1);
  expect(got.seen).toHaveLength(3000 - refused);
  await seconds(1);
  expect(send(session, 'q', 'again', { persistent: false }).mark).not.toBe(MARK_REFUSED);
});

/** Reads all of what it is handed, large bodies too, which come later. */
class Reader implements DeliverySink {
  readonly got: { text: string; slot: number }[] = [];
  reading = 0;

  deliver(view: MessageView, slot: number): void {
    if (view.large === null) {
      this.got.push({ text: view.body.toString('latin1', view.bodyStart, view.bodyEnd), slot });
      return;
    }
    const reader = session.readBody(view.large);
    const parts: string[] = [];
    const readOn = (): void => {
      while (reader.next(1 << 20)) parts.push(reader.buffer.toString('latin1', reader.start, reader.end));
      if (reader.remaining > 0) return;
      this.reading--;
      reader.close();
      this.got.push({ text: parts.join(''), slot });
    };
    reader.onReady = readOn;
    reader.onError = (error) => this.got.push({ text: error.message, slot });
    this.reading++;
    readOn();
  }

  cancelled(): void {}
}

it('loses and changes nothing, whatever is kept, given back, delayed, copied, large or let go', async () => {
  const KIB = 1024;
  let compacted = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const random = new Random(seed);
    const spillFileBytes = random.pick([512, 1024, 4096]) * KIB;
    await start({ blockBytes: 160 * KIB, residentBytesMax: 320 * KIB, fullBytes: 2 ** 40, spillFileBytes });
    const names = ['a', 'b', 'c', 'd'];
    const waiting = new Map<string, Set<string>>();
    for (const name of names) {
      session.declareQueue(name, {
        ...TRANSIENT,
        arguments: queueArguments(name === 'd' ? { 'x-max-priority': 4 } : {}),
      });
      session.bindQueue(name, 'amq.fanout', '', { spelling: 0, arguments: [] });
      waiting.set(name, new Set());
    }
    const wrong: string[] = [];
    let next = 0;
    const publish = (): void => {
      const large = random.chance(0.01);
      const text = `${++next} ${'y'.repeat(large ? 200_000 : random.below(4000))}`;
      const everywhere = random.chance(0.2);
      const name = random.pick(names);
      const key = Buffer.from(everywhere ? '' : name);
      const route = session.route(everywhere ? 'amq.fanout' : '', 0, key, 0, key.length);
      const draft = makeDraft(large ? '' : text, { persistent: false, priority: random.below(4) });
      if (large) {
        const body = session.openBody(text.length, false);
        body.append(Buffer.from(text), 0, text.length);
        draft.large = body;
      }
      if (random.chance(0.1)) draft.delayMs = random.below(20_000);
      session.publish(route, draft);
      for (const to of everywhere ? names : [name]) waiting.get(to)!.add(text);
    };
    const take = async (name: string, all: boolean): Promise<void> => {
      const sink = new Reader();
      const options = {
        tag: 'c',
        settled: false,
        exclusive: false,
        prefetch: all ? 0 : 1 + random.below(40),
        arguments: [],
      };
      const consumer = session.consume(name, options, sink, NO_BACKPRESSURE);
      for (let n = 0; n < (all ? 400 : 10) || sink.reading > 0; n++) {
        await turns(3);
        for (const { text, slot } of sink.got.splice(0)) {
          const outcome = all ? ACCEPTED : random.pick<Outcome>([ACCEPTED, ACCEPTED, ACCEPTED, RELEASED, MODIFIED]);
          if (!waiting.get(name)!.has(text)) wrong.push(`${name} got ${text.slice(0, 40)}, ${text.length} long`);
          if (outcome === ACCEPTED) waiting.get(name)!.delete(text);
          consumer.settle(slot, outcome);
        }
        if (wrong.length > 10) break;
      }
      consumer.cancel(RELEASED);
    };
    for (let step = 0; step < 40; step++) {
      for (let n = random.below(60); n > 0; n--) publish();
      await turns(random.below(6));
      if (random.chance(0.4)) await take(random.pick(names), false);
      if (random.chance(0.4)) await seconds(1);
    }
    await seconds(30);
    compacted += figures().compactedFiles;
    for (const name of names) await take(name, true);
    for (const name of names) if (waiting.get(name)!.size > 0) wrong.push(`${name} lacks ${waiting.get(name)!.size}`);
    await seconds(20);
    expect(wrong, `seed ${seed}`).toEqual([]);
    expect(broker!.statistics()[0]!.counters.unreadable).toBe(0);
    expect(spillBytes(), `seed ${seed}`).toBe(0);
    await broker!.close();
    broker = undefined;
  }
  expect(compacted).toBeGreaterThan(3);
});

it('a body that arrives in pieces and may be lost is not taken past the bound, though it never ends', async () => {
  const KIB = 1024;
  await start({ blockBytes: 160 * KIB, residentBytesMax: 320 * KIB, fullBytes: 960 * KIB, spillBytesMax: 1024 * KIB });
  session.declareQueue('q', TRANSIENT);
  const piece = Buffer.alloc(64 * KIB, 'x');
  const bodies = Array.from({ length: 20 }, () => session.openBody(20 * 64 * KIB, false));
  let most = 0;
  for (let n = 0; n < 19; n++) {
    for (const body of bodies) body.append(piece, 0, piece.length);
    await turns(2);
    most = Math.max(most, figures().residentBytes);
  }
  // All of it would be 24 MiB.
  expect(most).toBeLessThan(1_500 * KIB);
  expect(spillBytes()).toBeLessThanOrEqual(1024 * KIB);
  for (const body of bodies) {
    body.append(piece, 0, piece.length);
    const route = session.route('', 0, Buffer.from('q'), 0, 1);
    const draft = makeDraft('', { persistent: false });
    draft.large = body;
    session.publish(route, draft);
  }
  const { refusedTransient } = broker!.statistics()[0]!.counters;
  expect(refusedTransient).toBeGreaterThan(10);
  expect(session.checkQueue('q').messages).toBe(20 - refusedTransient);
  session.purgeQueue('q');
  await seconds(3);
  expect(spillBytes()).toBe(0);
  expect(figures().full).toBe(false);
});

it('a body that arrives in pieces and must not be lost holds publishers back while the disk is behind', async () => {
  await start();
  files.hold = 'write';
  const piece = Buffer.alloc(64 * 1024, 'x');
  const body = session.openBody(200 * 1024 * 1024, true);
  let n = 0;
  while (!session.congested && n++ < 1_500) body.append(piece, 0, piece.length);
  expect(n).toBeLessThan(1_200);
  body.abort();
  files.release();
});

it('a client that publishes little goes on while another is held back that fills the memory', async () => {
  await start({ residentBytesMax: 1024 * 1024 * 1024 });
  const little = openSession(broker!);
  session.declareQueue('q', TRANSIENT);
  const body = Buffer.alloc(64 * 1024, 'x');
  let n = 0;
  while (!session.congested && n++ < 4_000) send(session, 'q', body);
  expect(n).toBeLessThan(4_000);
  send(little, 'q', Buffer.from('small'));
  expect([session.congested, little.congested]).toEqual([true, false]);
  send(little, 'q', body);
  expect(little.congested).toBe(true);
});
