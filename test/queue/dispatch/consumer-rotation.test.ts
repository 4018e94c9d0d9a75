/** Who is served when consumers are not all alike: priorities, and a single active consumer. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import {
  consume,
  openSession,
  queueArguments,
  type Recorder,
  send,
  startCore,
  TRANSIENT,
} from '../../vhost/harness.ts';

let broker: Broker;
let session: Session;

beforeEach(async () => {
  broker = await startCore(null);
  session = openSession(broker);
});

afterEach(() => broker.close());

const turn = (): void => broker.turn.end();
const publish = (bodies: string): void => {
  for (const body of bodies) send(session, 'q', body);
};
const bodies = (...recorders: Recorder[]): string[] => recorders.map((recorder) => recorder.bodies.join(''));
const single = (): void => {
  session.declareQueue('q', { ...TRANSIENT, arguments: queueArguments({ 'x-single-active-consumer': true }) });
};

describe('consumers with priorities', () => {
  beforeEach(() => {
    session.declareQueue('q', TRANSIENT);
  });

  it('get everything before those with lower ones, in turn among equals', () => {
    const low = consume(session, 'q');
    const a = consume(session, 'q', { priority: 5 });
    const b = consume(session, 'q', { priority: 5 });
    const lower = consume(session, 'q', { priority: -1 });
    publish('abcdef');
    turn();
    expect(bodies(low, a, b, lower)).toEqual(['', 'ace', 'bdf', '']);
  });

  it('leave to others what they have no room for, and come first again as soon as they have', () => {
    const low = consume(session, 'q', { prefetch: 2 });
    const high = consume(session, 'q', { priority: 1, prefetch: 1 });
    publish('abcd');
    turn();
    expect(bodies(high, low)).toEqual(['a', 'bc']);
    high.consumer.settle(high.seen[0]!.slot, ACCEPTED);
    low.consumer.settle(low.seen[0]!.slot, ACCEPTED);
    publish('e');
    turn();
    expect(bodies(high, low)).toEqual(['ad', 'bce']);
  });

  it('take turns among equals also when messages come one by one, and when one goes', () => {
    const a = consume(session, 'q', { priority: 1 });
    const b = consume(session, 'q', { priority: 1 });
    const c = consume(session, 'q', { priority: 1 });
    for (const body of 'abcd') {
      publish(body);
      turn();
    }
    expect(bodies(a, b, c)).toEqual(['ad', 'b', 'c']);
    b.consumer.cancel();
    for (const body of 'ef') {
      publish(body);
      turn();
    }
    expect(bodies(a, b, c)).toEqual(['adf', 'b', 'ce']);
  });
});

describe('a single active consumer', () => {
  beforeEach(single);

  it('gets everything; the next in line takes its place when it goes', () => {
    const a = consume(session, 'q', { prefetch: 2 });
    const b = consume(session, 'q');
    const c = consume(session, 'q', { priority: 9 });
    publish('abc');
    turn();
    expect(bodies(a, b, c)).toEqual(['ab', '', '']);
    a.consumer.cancel(RELEASED);
    turn();
    expect(bodies(a, b, c)).toEqual(['ab', '', 'abc']);
    c.consumer.cancel(RELEASED);
    turn();
    expect(bodies(b)).toEqual(['abc']);
  });

  it('goes on though one of those that wait goes', () => {
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    b.consumer.cancel();
    publish('a');
    turn();
    expect(bodies(a, b)).toEqual(['a', '']);
  });

  it('cannot be an exclusive one as well', () => {
    expect(() => consume(session, 'q', { exclusive: true })).toThrow("queue 'q' in vhost '/' in exclusive use");
  });
});
