/** Delayed messages that an operator drops before their time: gone for good, whatever is under way with them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { MessageView } from '../../../src/message/message.ts';
import { Operator } from '../../../src/operator/operator.ts';
import type { Journal } from '../../../src/vhost/journal/journal.ts';
import { until } from '../../support/until.ts';
import { DURABLE, makeDraft, openSession, type SendOptions, safe, startCore, vhostOf } from '../harness.ts';

const BY = { protocol: 'http', user: 'ann', client: '', consumer: '' };
const ALL = { limit: 500, visible: () => true };
let clock: ManualClock;
let broker: Broker;
let session: Session;
let operator: Operator;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-delays-'));
  clock = new ManualClock();
  await open();
  session.declareQueue('q', DURABLE);
});

afterEach(async () => {
  operator.close();
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<void> {
  broker = await startCore(join(directory, 'data'), { clock });
  session = openSession(broker);
  operator = new Operator(broker);
}

async function restart(): Promise<void> {
  await safe(session);
  operator.close();
  await broker.close();
  await open();
}

function delay(body: string, delayMs: number, send: SendOptions = {}): number {
  const draft = makeDraft(body, send);
  draft.delayMs = delayMs;
  session.publish(session.route('', 0, Buffer.from('q'), 0, 1), draft);
  return draft.seq;
}

/** Goes on with turns until it is answered: nothing else moves the broker here. */
async function answered<T>(asked: Promise<T>): Promise<T> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  asked.then(end, end);
  await until(() => {
    turns();
    return over;
  }, 'the answer');
  return asked;
}

function turns(): void {
  for (let i = 0; i < 4; i++) broker.turn.end();
}

const drop = (seq: number) => answered(operator.delayed.cancel('/', seq, BY));
const listed = async () => (await answered(operator.delayed.list('/', ALL))).items.map(({ position }) => position);
const delays = () => vhostOf(session).delays;

async function allDue(messages: number): Promise<void> {
  clock.advance(60_000);
  await until(() => {
    turns();
    return session.checkQueue('q').messages >= messages && delays().size === 0;
  }, `${messages} messages`);
  expect(session.checkQueue('q').messages).toBe(messages);
}

it('are never routed, and are counted and told of', async () => {
  const [a, b, c] = [delay('a', 2_000), delay('b', 1_000), delay('c', 1_500, { persistent: false })];
  expect(await listed()).toEqual([b, c, a]);
  await drop(b!);
  await drop(c!);
  expect(await listed()).toEqual([a]);
  const { counters, dropped } = vhostOf(session);
  expect(counters.droppedCancelled).toBe(2);
  expect(
    dropped
      .latest('cancelled')
      .map(({ position }) => position)
      .sort(),
  ).toEqual([b, c].sort());
  await expect(drop(b!)).rejects.toMatchObject({ code: 'not-found' });
  await expect(drop(4_711)).rejects.toMatchObject({ code: 'not-found' });
  await allDue(1);
});

it('stay gone through a restart, those that were dropped after one too', async () => {
  const [a, b, c] = [delay('a', 10_000), delay('b', 20_000), delay('c', 30_000)];
  await drop(a!);
  await restart();
  expect(await listed()).toEqual([b, c]);
  await drop(c!);
  await restart();
  expect(await listed()).toEqual([b]);
  await allDue(1);
});

it('are not written down by a checkpoint that began before', async () => {
  const seqs = Array.from({ length: 10_000 }, (_, i) => delay('m', 1_000 + (i % 97)));
  await safe(session);
  const written = new Set<number>();
  const journal = {
    delayedMany(messages: readonly { seq: number }[]) {
      for (const { seq } of messages) written.add(seq);
    },
    delayedKeys() {},
  } as unknown as Journal;
  const steps = delays().checkpoint(journal);
  steps.next();
  const left = seqs.filter((seq) => !written.has(seq));
  expect(left.length).toBeGreaterThan(1_000);
  const gone = left.filter((_, i) => i % 3 === 0);
  for (const seq of gone) delays().waiting.cancel(seq, null);
  for (const _ of steps) turns();
  expect(gone.filter((seq) => written.has(seq))).toEqual([]);
  expect(written.size).toBe(seqs.length - gone.length);
});

it('are nobody’s where they are being read because they are due soon', async () => {
  const body = 'x'.repeat(2_000);
  const seqs = Array.from({ length: 300 }, (_, i) => delay(body, 5_000 + i));
  await restart();
  // Reading begins a second before they are due.
  clock.advance(4_500);
  turns();
  for (const seq of seqs.slice(0, 100)) delays().waiting.cancel(seq, null);
  await allDue(200);
  expect(vhostOf(session).counters.unreadable).toBe(0);
});

it('are dropped where they cannot be read', async () => {
  const seq = delay('a', 1_000);
  await safe(session);
  const { store } = vhostOf(session);
  store.view = () => false;
  store.copy = () => undefined;
  store.load = (_seq, _flags, done) => done(new Error('damaged'));
  clock.advance(2_000);
  await until(() => {
    turns();
    return vhostOf(session).counters.unreadable > 0;
  }, 'the report');
  turns();
  const { items } = await answered(operator.delayed.list('/', ALL));
  expect(items.map(({ position, message }) => [position, message])).toEqual([[seq, undefined]]);
  await drop(seq);
  expect(delays().size).toBe(0);
});

it('are listed in pages, in the order in which they are due, whatever comes and goes between them', async () => {
  const due = new Map<number, number>();
  for (let i = 0; i < 700; i++) due.set(delay('m', 10_000 + ((i * 7_919) % 500)), (i * 7_919) % 500);
  const order = [...due].sort(([a, x], [b, y]) => x - y || a - b).map(([seq]) => seq);
  const seen: number[] = [];
  let after: { dueAtMs: number; position: number } | undefined;
  do {
    const page = await answered(operator.delayed.list('/', { limit: 64, after, visible: () => true }));
    seen.push(...page.items.map(({ position }) => position));
    after = page.next;
    // One behind the page goes, one before it comes.
    const behind = order.find((seq) => !seen.includes(seq) && due.has(seq));
    if (behind !== undefined) {
      delays().waiting.cancel(behind, null);
      due.delete(behind);
    }
    delay('early', 5_000);
  } while (after !== undefined);
  expect(seen).toEqual(order.filter((seq) => due.has(seq)));
});

it('tell by whom in their passports, where that is noted', async () => {
  session.declareQueue('noted', { ...DURABLE, arguments: [{ name: 'x-passport', value: true }] });
  const draft = makeDraft('m');
  draft.delayMs = 1_000;
  session.publish(session.route('', 0, Buffer.from('noted'), 0, 5), draft);
  const { seq } = draft;
  await drop(seq);
  const { events, dropped } = await answered(operator.passports.of('/', { position: seq }));
  expect(events.map(({ event, by }) => [event, by?.user])).toEqual([
    ['published', 'anonymous'],
    ['delayed', 'anonymous'],
    ['removed', 'ann'],
  ]);
  expect(dropped.map(({ reason }) => reason)).toEqual(['cancelled']);
});

it('hold nobody up: a page of very many is made in slices', async () => {
  const { waiting } = delays();
  for (let i = 0; i < 50_000; i++) delay('m', 100_000 + ((i * 7_919) % 50_000), { persistent: false });
  let slices = 0;
  const asked = operator.delayed.list('/', { limit: 10, after: { dueAtMs: 1, position: 0 }, visible: () => true });
  let over = false;
  const page = asked.then((made) => {
    over = true;
    return made;
  });
  await until(() => {
    if (!over) slices++;
    broker.turn.end();
    return over;
  }, 'the page');
  expect((await page).items).toHaveLength(10);
  expect(waiting.size).toBe(50_000);
  expect(slices).toBeGreaterThan(1);
  expect(waiting.show(waiting.first(1)[0]!, new MessageView())).toBe(true);
});
