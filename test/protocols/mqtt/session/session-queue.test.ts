/** The queue of a session: while it is there its client hears, and when somebody deletes it the session is over, for all. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { openSession } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

const SHARE = '$share/g/jobs/+';
let data: string;
let broker: TestBroker;
let session: Session;

async function start(): Promise<void> {
  broker = await startTestBroker({ data, listen: ['mqtt://127.0.0.1:0'] });
  session = await openSession(broker);
}
beforeEach(() => {
  data = temporaryDirectory().path;
  return start();
});
afterEach(() => broker.close());

const connect = (id: string, more = {}): Promise<RawClient> => RawClient.connect(broker.ports.mqtt, id, more);
const noticed = (connections: number): Promise<void> =>
  until(() => broker.connections === connections, 'the broker to notice');
const written = (): string[] => session.state.keys('mqtt/').filter((key) => key.endsWith('/m'));
const deleteQueue = (): unknown => session.deleteQueue('mqtt-subscription-m', false, false);

describe.each([0, 1, 2] as const)('deleted while its client is there, subscribed with QoS %i', (qos) => {
  it.each([true, false])(
    'the client is told by the end of its connection, and nothing stays; clean: %s',
    async (clean) => {
      const client = await connect('m', { clean });
      await client.subscribe('a', qos);
      deleteQueue();
      await until(() => client.closed, 'the client to be told');
      expect(written()).toEqual([]);
      const again = await connect('m', { clean });
      expect(again.sessionPresent).toBe(false);
      await again.subscribe('a', qos);
      again.publish('a', 'heard');
      expect((await again.next('publish')).payload.toString()).toBe('heard');
    },
  );
});

describe.each([0, 1] as const)('deleted while its client is away, subscribed with QoS %i', (qos) => {
  async function away(): Promise<void> {
    const client = await connect('m', { clean: false });
    await client.subscribe('a', qos);
    await client.subscribe(SHARE, 1, 2);
    await client.vanish();
    await noticed(0);
  }

  it('the session is over at once, and with it the share whose last member it was', async () => {
    await away();
    deleteQueue();
    expect(session.queueExists(SHARE)).toBe(false);
    expect(written()).toEqual([]);
  });

  it('after a restart as well', async () => {
    await away();
    await broker.close();
    await start();
    expect(session.queueExists(SHARE)).toBe(true);
    deleteQueue();
    expect(session.queueExists(SHARE)).toBe(false);
    expect(written()).toEqual([]);
  });
});

it('a deferred will comes when its session ends so', async () => {
  const watcher = await connect('w');
  await watcher.subscribe('will', 0);
  const properties = { sessionExpiryInterval: 1000 };
  const will = {
    topic: 'will',
    payload: Buffer.from('gone'),
    qos: 0 as const,
    retain: false,
    properties: { willDelayInterval: 900 },
  };
  const client = await connect('m', { protocolVersion: 5, properties, will });
  await client.subscribe('a', 0);
  await client.vanish();
  await noticed(1);
  deleteQueue();
  expect((await watcher.next('publish')).payload.toString()).toBe('gone');
});

describe('a SUBSCRIBE that ends the connection', () => {
  const five = { protocolVersion: 5 as const, clean: false, properties: { sessionExpiryInterval: 1000 } };
  const three = { protocolVersion: 3 as const, protocolId: 'MQIsdp' as const, clean: false };
  it.each([
    ['no local on a share', five, { topic: SHARE, qos: 1, nl: true }],
    ['a share without a filter', five, { topic: '$share/g/', qos: 1 }],
    ['a filter that 3.1 cannot be refused', three, { topic: '$queue/q', qos: 1 }],
  ] as const)('grants nothing: %s', async (_, who, bad) => {
    const client = await connect('m', who);
    const subscriptions = [
      { topic: 'a', qos: 1 as const, nl: false, rap: false, rh: 0 },
      { nl: false, rap: false, rh: 0, ...bad },
    ];
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
    await until(() => client.closed, 'the broker to close');
    expect(client.packets.some(({ cmd }) => cmd === 'suback')).toBe(false);
    expect(session.queueExists('mqtt-subscription-m')).toBe(false);
  });
});

it('a subscription to $share alone, where nobody may publish, is refused', async () => {
  expect(await (await connect('m')).subscribe('$share', 1)).toBe(0x80);
});
