/** What a publisher asks for beside the body comes through a transaction as it does without one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Draft } from '../../../src/message/message.ts';
import type { Properties } from '../../../src/message/properties.ts';
import { consume, DURABLE, makeDraft, openSession, queueArguments, startCore } from '../harness.ts';

let broker: Broker;
let session: Session;
let clock: ManualClock;

/** Its property bytes are the group, as text. */
const dialect = {
  id: 9,
  name: 'test',
  decode: (view: { props: Buffer; propsStart: number; propsEnd: number }): Properties => ({
    headers: [],
    groupId: view.props.toString('utf8', view.propsStart, view.propsEnd),
  }),
};

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock, dialects: [dialect] });
  session = openSession(broker);
});
afterEach(() => broker.close());

const declare = (name: string, args: Record<string, string | number> = {}): void => {
  session.declareQueue(name, { ...DURABLE, arguments: queueArguments(args) });
};
const waiting = (queue: string): number => session.checkQueue(queue).messages;
const turn = (): void => broker.turn.end();
const pass = (ms: number): void => {
  clock.advance(ms);
  turn();
};

/** Publishes bodies in one way or the other, each with what `ask` sets. */
type Publish = (queue: string, body: string, ask?: (draft: Draft) => void) => void;
const filled = (body: string, ask?: (draft: Draft) => void): Draft => {
  const draft = makeDraft(body);
  ask?.(draft);
  return draft;
};
const routeTo = (queue: string) => session.route('', 0, Buffer.from(queue), 0, queue.length);
const ways: [string, Publish][] = [
  ['without a transaction', (queue, body, ask) => void session.publish(routeTo(queue), filled(body, ask))],
  [
    'in a transaction',
    (queue, body, ask) => {
      const transaction = session.transaction();
      const draft = filled(body, ask);
      transaction.publish(routeTo(queue), draft);
      draft.reset(); // the adapter uses it again before the commit
      transaction.commit();
    },
  ],
];

describe.each(ways)('%s', (_, publish) => {
  it('a time to live ends the message', () => {
    declare('q');
    publish('q', 'a', (draft) => (draft.ttlMs = 500));
    turn();
    pass(480);
    expect(waiting('q')).toBe(1);
    pass(40);
    expect(waiting('q')).toBe(0);
  });

  it('a priority goes first', () => {
    declare('q', { 'x-max-priority': 5 });
    publish('q', 'low');
    publish('q', 'high', (draft) => (draft.priority = 3));
    turn();
    const reader = consume(session, 'q');
    turn();
    expect(reader.bodies).toEqual(['high', 'low']);
  });

  it('a delay is waited for, and the time to live begins when it is over', () => {
    declare('q');
    publish('q', 'a', (draft) => {
      draft.delayMs = 1_000;
      draft.ttlMs = 300;
    });
    turn();
    pass(980);
    expect(waiting('q')).toBe(0);
    pass(40);
    turn(); // what is due is routed behind what the turn wrote
    expect(waiting('q')).toBe(1);
    pass(200);
    expect(waiting('q')).toBe(1);
    pass(120);
    expect(waiting('q')).toBe(0);
  });

  it('a group stays with one consumer', () => {
    declare('q');
    const readers = [consume(session, 'q'), consume(session, 'q')];
    for (const body of 'abcd') {
      publish('q', body, (draft) => {
        draft.grouped = true;
        draft.props = Buffer.from('g');
        draft.propsEnd = 1;
      });
    }
    turn();
    expect(readers.map(({ bodies }) => bodies.join('')).sort()).toEqual(['', 'abcd']);
  });

  it.each([0, 1, 2] as const)('an assurance of %i is what consumers are told', async (assurance) => {
    declare('q');
    const reader = consume(session, 'q');
    publish('q', 'a', (draft) => (draft.assurance = assurance));
    turn();
    await expect.poll(() => reader.seen.map((seen) => seen.assurance)).toEqual([assurance]);
  });

  it('whose it is is kept: its own subscription does not get it', () => {
    declare('q');
    session.bindQueue('q', 'amq.topic', 'k', { spelling: 0, arguments: [], notOwn: true });
    const route = () => session.route('amq.topic', 0, Buffer.from('k'), 0, 1);
    for (const origin of ['q', 'other']) {
      const draft = filled(origin, (one) => (one.origin = origin));
      if (publish === ways[0]![1]) session.publish(route(), draft);
      else {
        const transaction = session.transaction();
        transaction.publish(route(), draft);
        transaction.commit();
      }
    }
    const reader = consume(session, 'q');
    turn();
    expect(reader.bodies).toEqual(['other']);
  });
});

it('a rejection in a transaction is a dead letter with all it had', () => {
  declare('dead', { 'x-max-priority': 5 });
  declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' });
  for (const [body, priority] of [
    ['low', 0],
    ['high', 4],
  ] as const) {
    session.publish(
      routeTo('q'),
      filled(body, (draft) => (draft.priority = priority)),
    );
  }
  const reader = consume(session, 'q');
  turn();
  const transaction = session.transaction();
  for (const { slot } of reader.seen) transaction.settle(reader.consumer, slot, REJECTED);
  transaction.commit();
  const dead = consume(session, 'dead');
  turn();
  expect(dead.bodies).toEqual(['high', 'low']);
});
