/** Pulling and redriving by a program that holds the broker, without a protocol and without a user. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { REJECTED, type Session } from '../../src/api/index.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';
import { consume, DURABLE, queueArguments, safe, send } from '../vhost/harness.ts';

let clock: ManualClock;
let running: RunningBroker;
let session: Session;

async function start(data: string | null = null): Promise<void> {
  running = await createBroker({ data, clock });
  session = running.operator.enterAsOperator('/');
  const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(dead) });
  session.declareQueue('dead', DURABLE);
}
beforeEach(() => {
  clock = new ManualClock();
  return start();
});
afterEach(() => running.close());

const put = (queue: string, ...bodies: string[]): Promise<boolean> => {
  for (const body of bodies) send(session, queue, body, { persistent: true });
  return safe(session);
};
const pull = async (queue: string, query: object = {}) => {
  const pulled = await running.operator.pull('/', queue, query);
  return pulled.map(({ token, message }) => ({ token, body: message.body.toString() }));
};
/** What is there by then, while as little time passes as it takes. */
async function soon<T>(asked: Promise<T>): Promise<T> {
  let open = true;
  const close = (): void => {
    open = false;
  };
  asked.then(close, close);
  while (open) {
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return asked;
}
const waiting = (queue: string): number => session.checkQueue(queue).messages;
/** Dead letters of `q` with these bodies. */
async function die(...bodies: string[]): Promise<void> {
  const before = waiting('dead');
  await put('q', ...bodies);
  const reader = consume(session, 'q');
  await until(() => reader.seen.length === bodies.length, 'what is to die');
  for (const { slot } of reader.seen) reader.consumer.settle(slot, REJECTED);
  reader.consumer.cancel();
  await until(() => waiting('dead') === before + bodies.length, 'the dead letters');
}

it('a pull takes as many as it is told, waits for the first, and each is ended by its token', async () => {
  const { pulls } = running.operator;
  expect(await soon(pull('q'))).toEqual([]);
  const asked = pull('q', { max: 2, waitMs: 20_000 });
  await put('q', 'a');
  expect((await asked).map(({ body }) => body)).toEqual(['a']);
  await put('q', 'b', 'c');
  const two = await pull('q', { max: 5, leaseMs: 1_000 });
  expect(two.map(({ body }) => body)).toEqual(['b', 'c']);
  const [b, c] = two.map(({ token }) => token) as [string, string];
  expect(await pulls.end([b], 'reject')).toEqual([]);
  expect(waiting('dead')).toBe(1);
  clock.advance(900);
  expect(pulls.renew([c, b], 1_000)).toEqual([b]);
  clock.advance(900);
  expect(waiting('q')).toBe(0);
  clock.advance(200);
  await until(() => waiting('q') === 1, 'what was held too long');
  expect(await pulls.end([c], 'ack')).toEqual([c]);
  const again = await pull('q', { deferralTokens: ['k'] });
  expect(await pulls.defer([again[0]!.token], { token: 'k', dueMs: -1, delayMs: 60_000 })).toEqual([]);
  expect((await pull('q', { deferralTokens: ['k'] })).map(({ body }) => body)).toEqual(['c']);
});

it('nobody waits for a pull that was aborted, and what is not there is named', async () => {
  const gone = new AbortController();
  const asked = running.operator.pull('/', 'q', { waitMs: 20_000 }, { signal: gone.signal });
  gone.abort();
  expect(await asked).toEqual([]);
  await put('q', 'a');
  expect(waiting('q')).toBe(1);
  await expect(running.operator.pull('/', 'none')).rejects.toMatchObject({ code: 'not-found' });
  await expect(running.operator.pull('nowhere', 'q')).rejects.toMatchObject({ code: 'not-found' });
});

it('a redrive takes dead letters back, counted before, and is stopped and gone on with', async () => {
  const { redrives } = running.operator;
  await die('1', '2', '3');
  expect(await redrives.count('/', 'dead')).toMatchObject({
    matching: 3,
    origins: [{ queue: 'q', messages: 3, exists: true }],
  });
  const { id } = redrives.start('/', 'dead', { rate: 1 });
  expect(redrives.stop('/', id)).toMatchObject({ progress: { state: 'stopped', moved: 0 }, user: null });
  expect(redrives.resume('/', id).progress.state).toBe('running');
  for (let i = 0; i < 500 && waiting('dead') > 0; i++) {
    clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([waiting('q'), waiting('dead'), redrives.find('/', id)!.progress.moved]).toEqual([3, 0, 3]);
  redrives.delete('/', id);
  expect(redrives.list('/')).toEqual([]);
});

it('a redrive that a program began goes on after a restart', () =>
  withTemporaryDirectory(async (directory) => {
    await running.close();
    await start(directory);
    await die('1', '2');
    const { id } = running.operator.redrives.start('/', 'dead', { rate: 1, attempts: 'reset' });
    await running.close();
    await start(directory);
    const { redrives } = running.operator;
    expect(redrives.find('/', id)).toMatchObject({ user: null, plan: { attempts: 'reset', rate: 1 } });
    for (let i = 0; i < 500 && waiting('dead') > 0; i++) {
      clock.advance(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([waiting('q'), waiting('dead')]).toEqual([2, 0]);
    await running.close();
  }));
