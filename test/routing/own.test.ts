/** Bindings that leave out what the owner of their queue publishes itself, and the numbers that bindings carry. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BindOptions, DATA_SEVERAL, DATA_SEVERAL_OWN } from '../../src/api/index.ts';
import { Draft, type MessageView, SLASH } from '../../src/message/message.ts';
import { openSession } from '../protocols/mqtt/harness.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

let broker: TestBroker;
beforeEach(async () => {
  broker = await startTestBroker({ data: null });
});
afterEach(() => broker.close());

const plain = { spelling: SLASH, arguments: [] } as const;

async function stage() {
  const session = await openSession(broker);
  for (const name of ['mine', 'other']) {
    session.declareQueue(name, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  }
  const publish = (origin: string): void => {
    const draft = new Draft();
    draft.origin = origin;
    const key = Buffer.from('a/b');
    session.publish(session.route('amq.topic', SLASH, key, 0, key.length), draft);
  };
  return { session, publish, counts: () => ['mine', 'other'].map((name) => session.checkQueue(name).messages) };
}

it('what a queue leaves out is only what its owner publishes', async () => {
  const { session, publish, counts } = await stage();
  for (const name of ['mine', 'other']) session.bindQueue(name, 'amq.topic', 'a/+', { ...plain, notOwn: true });
  publish('mine');
  expect(counts()).toEqual([0, 1]);
  publish('');
  expect(counts()).toEqual([1, 2]);
  publish('other');
  expect(counts()).toEqual([2, 2]);
  publish('stranger');
  expect(counts()).toEqual([3, 3]);
});

it('a binding beside it that wants everything gets everything, and a change takes effect at once', async () => {
  const { session, publish, counts } = await stage();
  session.bindQueue('mine', 'amq.topic', 'a/+', { ...plain, notOwn: true });
  session.bindQueue('mine', 'amq.topic', 'a/b', plain);
  publish('mine');
  expect(counts()).toEqual([1, 0]);
  session.bindQueue('mine', 'amq.topic', 'a/b', { ...plain, notOwn: true });
  publish('mine');
  expect(counts()).toEqual([1, 0]);
  session.bindQueue('mine', 'amq.topic', 'a/+', plain);
  publish('mine');
  expect(counts()).toEqual([2, 0]);
});

const NOT_OWN = { ...plain, notOwn: true } as const;
/** What the owner of `mine` publishes with assurance 2, as its queue shows it: assurance, number, retain flag. */
it.each<[string, [filter: string, options: BindOptions][], [number, number, boolean]]>([
  [
    'a binding beside it grants what the owner publishes, on its own terms',
    [
      ['a/b', { ...NOT_OWN, assurance: 2, data: 1, keepRetain: true }],
      ['a/+', { ...plain, assurance: 1, data: 2 }],
    ],
    [1, 2, false],
  ],
  [
    'in the other order as well',
    [
      ['a/+', { ...plain, assurance: 1, data: 2 }],
      ['a/b', { ...NOT_OWN, assurance: 2, data: 1, keepRetain: true }],
    ],
    [1, 2, false],
  ],
  [
    'two of them together',
    [
      ['a/+', { ...plain, assurance: 1, data: 2 }],
      ['a/b', { ...NOT_OWN, assurance: 2, data: 1 }],
      ['#', { ...plain, assurance: 2, data: 3, keepRetain: true }],
    ],
    [2, DATA_SEVERAL_OWN, true],
  ],
])('%s', async (_, bindings, shown) => {
  const session = await openSession(broker);
  session.declareQueue('mine', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  for (const [filter, options] of bindings) session.bindQueue('mine', 'amq.topic', filter, options);
  const seen: [number, number, boolean][] = [];
  const sink = {
    deliver: (view: MessageView) => seen.push([view.effectiveAssurance, view.subscriptionData, view.retained]),
    cancelled: () => {},
  };
  for (const origin of ['mine', 'stranger', 'mine']) {
    const draft = new Draft();
    Object.assign(draft, { origin, assurance: 2, retain: true, body: Buffer.from('x'), bodyEnd: 1 });
    const key = Buffer.from('a/b');
    session.publish(session.route('amq.topic', SLASH, key, 0, key.length), draft);
    await new Promise<void>((done) => session.whenSafe(session.mark(), () => done()));
    session.get('mine', true, sink, () => {});
  }
  const all = bindings.map(([, options]) => options);
  const everyone = [2, DATA_SEVERAL, all.some(({ keepRetain }) => keepRetain === true)];
  expect(seen).toEqual([shown, everyone, shown]);
});

it.each<[string, number[], number]>([
  ['one number is shown', [7], 7],
  ['none is 0', [0, 0], 0],
  ['one beside a binding without is shown', [0, 7], 7],
  ['the same twice is shown', [7, 7], 7],
  ['two are several', [7, 8], DATA_SEVERAL],
  ['three are several, whatever comes last', [7, 8, 0, 9], DATA_SEVERAL],
  ['a large one counts as several', [1 << 20], DATA_SEVERAL],
])('%s', async (_, data, shown) => {
  const { session, publish } = await stage();
  const filters = ['a/b', 'a/+', 'a/#', '#'];
  for (const [i, number] of data.entries()) {
    session.bindQueue('mine', 'amq.topic', filters[i]!, { ...plain, data: number });
  }
  publish('');
  const seen: number[] = [];
  const sink = {
    deliver: (view: { subscriptionData: number }) => seen.push(view.subscriptionData),
    cancelled: () => {},
  };
  session.get('mine', true, sink, () => {});
  expect(seen).toEqual([shown]);
});
