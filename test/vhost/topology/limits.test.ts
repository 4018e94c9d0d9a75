import { afterEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { DURABLE, openSession, startCore } from '../harness.ts';

let broker: Broker;
afterEach(() => broker.close());

const EXCHANGE = { durable: true, autoDelete: false, internal: false, arguments: [] };

describe('limits of a vhost', () => {
  it('bound queues, exchanges and the bindings of a queue, and what goes makes room', async () => {
    broker = await startCore(null, {
      vhosts: [{ name: '/', limits: { queues: 2, exchanges: 1, bindingsPerQueue: 2 } }],
    });
    const session = openSession(broker);
    session.declareQueue('a', DURABLE);
    session.declareQueue('b', DURABLE);
    session.declareQueue('b', DURABLE);
    expect(() => session.declareQueue('c', DURABLE)).toThrow(
      "cannot declare queue 'c': queue limit in vhost '/' (2) is reached",
    );
    session.deleteQueue('b', false, false);
    session.declareQueue('c', DURABLE);

    session.declareExchange('x', 'fanout', EXCHANGE);
    expect(() => session.declareExchange('y', 'fanout', EXCHANGE)).toThrow(
      "cannot declare exchange 'y': exchange limit in vhost '/' (1) is reached",
    );

    const bind = (key: string) => session.bindQueue('a', 'x', key, { spelling: 0, arguments: [] });
    bind('1');
    bind('2');
    bind('2');
    expect(() => bind('3')).toThrow(
      "cannot bind queue 'a' in vhost '/': limit of bindings of one queue (2) is reached",
    );
  });
});
