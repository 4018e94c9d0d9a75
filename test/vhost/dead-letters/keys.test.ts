/** A message that was sent to several keys at once dies under all of them. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { Annotations } from '../../../src/message/deaths/annotations.ts';
import type { Dialect } from '../../../src/message/dialect.ts';
import { consume, makeDraft, openSession, queueArguments, startCore, TRANSIENT } from '../harness.ts';

/** Properties are the other keys, as `a,b`. */
const DIALECT: Dialect = {
  id: 9,
  name: 'test',
  decode: (view) => ({
    headers: [
      {
        name: 'CC',
        value: { type: 'list', value: view.props.toString('utf8', view.propsStart, view.propsEnd).split(',') },
      },
    ],
  }),
};

let broker: Broker;
let session: Session;

beforeEach(async () => {
  broker = await startCore(null, { dialects: [DIALECT] });
  session = openSession(broker);
  for (const name of ['a', 'b', 'c']) session.declareQueue(name, TRANSIENT);
});

afterEach(() => broker.close());

function die(args: Record<string, string>): void {
  session.declareQueue('q', { ...TRANSIENT, arguments: queueArguments(args) });
  session.bindQueue('q', 'amq.fanout', '', { spelling: 0, arguments: [] });
  const draft = makeDraft('x');
  draft.props = Buffer.from('b,c');
  draft.propsEnd = 3;
  session.publish(session.route('amq.fanout', 0, Buffer.from('a'), 0, 1), draft);
  const taken = consume(session, 'q');
  broker.turn.end();
  taken.consumer.settle(taken.seen[0]!.slot, REJECTED);
}

const waiting = (): number[] => ['a', 'b', 'c'].map((name) => session.checkQueue(name).messages);

it('each of them leads on, and its record names them', () => {
  die({ 'x-dead-letter-exchange': '' });
  expect(waiting()).toEqual([1, 1, 1]);
  const letter = consume(session, 'b');
  broker.turn.end();
  const notes = JSON.parse(letter.seen[0]!.notes) as Annotations;
  expect(notes.deaths[0]!.routingKeys).toEqual(['a', 'b', 'c']);
});

it('but for a queue that names a key of its own', () => {
  die({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'c' });
  expect(waiting()).toEqual([0, 0, 1]);
  const letter = consume(session, 'c');
  broker.turn.end();
  expect((JSON.parse(letter.seen[0]!.notes) as Annotations).rekeyed).toBe(true);
});
