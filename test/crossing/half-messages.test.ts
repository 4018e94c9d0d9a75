/** Half messages in every protocol: stored and unseen until their publisher says how its own part of the work has ended. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import type { RawClient } from '../protocols/mqtt/raw-client.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { Amqp, mqttClient, mqttProperties, Stomp, WIRES, type Wire } from './harness.ts';

let clock: ManualClock;
let broker: TestBroker;
let amqp: Amqp;
let stomp: Stomp;
let device: RawClient;

async function start(data: string | null = null): Promise<void> {
  broker = await startTestBroker({ data, clock });
  amqp = await Amqp.open(broker);
  stomp = await Stomp.open(broker);
  device = await mqttClient(broker, 'device', true);
}
async function stop(): Promise<void> {
  amqp.close();
  stomp.close();
  await broker.close();
}

/** A mistake costs an AMQP client its channel. */
async function reopen(): Promise<void> {
  amqp.close();
  amqp = await Amqp.open(broker);
}

type Half = { readonly act: string; readonly id: string; readonly check?: string };
const facts = ({ act, id, check }: Half, prefix: string, text: (value: string) => string = (value) => value) => ({
  [`${prefix}x-half-message`]: text(act),
  [`${prefix}x-half-id`]: text(id),
  ...(check !== undefined && { [`${prefix}x-check-address`]: text(check) }),
});

/** Publishes to queue `q`; what the publisher is told: done, or refused. @param persistent what it says of the message */
async function send(wire: Wire | 'http', half: Half, body = 'half', persistent = true): Promise<'done' | 'refused'> {
  if (wire === 'amqp') {
    const raw = await amqp.publishAny(
      '',
      'q',
      facts(half, 'h:', (value) => `S:${value}`),
      body,
    );
    return raw === 'basic.ack' ? 'done' : 'refused';
  }
  if (wire === 'stomp') {
    const one = await Stomp.open(broker);
    const done = await one
      .sure('SEND', { destination: '/queue/q', persistent: String(persistent), ...facts(half, '') }, body)
      .then(
        () => 'done' as const,
        () => 'refused' as const,
      );
    one.close();
    return done;
  }
  if (wire === 'mqtt') {
    const properties = mqttProperties(facts(half, 'u:'))!;
    if (!persistent) {
      device.publish('$queue/q', body, 0, 0, { properties });
      device.send({ cmd: 'pingreq' });
      await device.next('pingresp');
      return 'done';
    }
    device.publish('$queue/q', body, 1, 1, { properties });
    return ((await device.next('puback')).reasonCode ?? 0) < 0x80 ? 'done' : 'refused';
  }
  const answer = await fetch(`http://127.0.0.1:${broker.ports.http}/api/exchanges/%2F/amq.default/publish`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      properties: { delivery_mode: persistent ? 2 : 1, headers: facts(half, '') },
      ...{ routing_key: 'q', payload: body, payload_encoding: 'string' },
    }),
  });
  return answer.ok ? 'done' : 'refused';
}

/** More than a message may hold in one piece. */
const LARGE = 'x'.repeat(300_000);
const DOORS = [...WIRES, 'http'] as const;
/** What queue `q` gets, so many at least, and all that is there then. */
async function waiting(atLeast = 0): Promise<string[]> {
  const bodies: string[] = [];
  while (bodies.length < atLeast) bodies.push((await amqp.next('q')).body);
  clock.advance(50);
  for (let got = await amqp.get('q'); got !== undefined; got = await amqp.get('q')) bodies.push(got.body);
  return bodies;
}

describe('a half message', () => {
  beforeEach(async () => {
    clock = new ManualClock();
    await start();
    await amqp.declare('q');
  });
  afterEach(stop);

  describe.each(DOORS)('prepared over %s', (door) => {
    it.each(DOORS)('is seen once it is committed, over %s', async (other) => {
      expect(await send(door, { act: 'prepare', id: 'one' }, 'work')).toBe('done');
      expect(await waiting()).toEqual([]);
      expect(await send(other, { act: 'commit', id: 'one' }, '')).toBe('done');
      expect(await waiting(1)).toEqual(['work']);
    });

    it('is never seen once it is rolled back', async () => {
      await send(door, { act: 'prepare', id: 'one' });
      expect(await send(door, { act: 'rollback', id: 'one' })).toBe('done');
      expect(await waiting()).toEqual([]);
      expect(await send(door, { act: 'commit', id: 'one' })).toBe('refused');
    });

    it('is kept though it is large and says that it may be lost', async () => {
      expect(await send(door, { act: 'prepare', id: 'one' }, LARGE, false)).toBe('done');
      expect(await send(door, { act: 'commit', id: 'one' }, '')).toBe('done');
      expect((await waiting(1)).map(({ length }) => length)).toEqual([LARGE.length]);
    });

    it('leaves nothing of a large body that came with the word that ended it', async () => {
      for (const act of ['commit', 'rollback']) {
        for (let i = 0; i < 10; i++) expect(await send(door, { act, id: 'none' }, LARGE)).toBe('refused');
      }
      const metrics = await (await fetch(`http://127.0.0.1:${broker.ports.http}/metrics`)).text();
      expect(Number(/^entrepot_log_live_bytes(?:\{[^}]*\})? (\S+)/m.exec(metrics)![1])).toBeLessThan(LARGE.length);
    });

    it('is refused where what is said makes no sense', async () => {
      expect(await send(door, { act: 'perhaps', id: 'one' })).toBe('refused');
      await reopen();
      expect(await send(door, { act: 'prepare', id: '' })).toBe('refused');
      await reopen();
      expect(await waiting()).toEqual([]);
    });
  });

  it('that there is not is refused, and one that has lost its answer may ask again', async () => {
    expect(await send('amqp', { act: 'commit', id: 'none' })).toBe('refused');
    await send('amqp', { act: 'prepare', id: 'one' }, 'once');
    expect(await send('amqp', { act: 'prepare', id: 'one' }, 'again')).toBe('done');
    expect(await send('amqp', { act: 'commit', id: 'one' })).toBe('done');
    expect(await send('amqp', { act: 'commit', id: 'one' })).toBe('done');
    expect(await send('amqp', { act: 'rollback', id: 'one' })).toBe('refused');
    expect(await waiting(1)).toEqual(['once']);
  });

  it('is asked for at its check address, in growing intervals, and dropped when nobody ever answers', async () => {
    await amqp.declare('checks');
    await send('amqp', { act: 'prepare', id: 'one', check: 'checks' });
    const seconds: number[] = [];
    const began = clock.epochMs();
    for (let i = 0; i < 15; i++) {
      let check = await amqp.get('checks');
      while (check === undefined) {
        clock.advance(1_000);
        check = await amqp.get('checks');
      }
      expect(check.properties).toMatchObject({ 'h:x-half-message': 'S:check', 'h:x-half-id': 'S:one' });
      seconds.push(Math.round((clock.epochMs() - began) / 1_000));
    }
    expect(seconds.slice(0, 5)).toEqual([6, 18, 42, 90, 186].map((s) => expect.closeTo(s, -0.7)));
    expect(seconds[14]! - seconds[13]!).toBeLessThanOrEqual(301);
    clock.advance(302_000);
    expect(await send('amqp', { act: 'commit', id: 'one' })).toBe('refused');
    expect(await waiting()).toEqual([]);
  });

  it('is asked for when and as often as a policy says, and goes or not as that says', async () => {
    await amqp.declare('checks');
    const asked = async (): Promise<number> => {
      let count = 0;
      while ((await amqp.get('checks')) !== undefined) count++;
      return count;
    };
    const policy = (pattern: string, applyTo: 'queues' | 'exchanges', more: object) =>
      broker.setPolicy('/', { name: applyTo, pattern, applyTo, definition: { ...more } });
    await policy('^q$', 'queues', {
      'half-message-check-after': 1_000,
      'half-message-checks': 2,
      'half-message-default': 'commit',
    });
    await policy('^amq.fanout$', 'exchanges', { 'half-message-checks': 0 });
    await amqp.bind('q', 'amq.fanout', '');
    await send('amqp', { act: 'prepare', id: 'one', check: 'checks' }, 'committed');
    const other = facts({ act: 'prepare', id: 'two', check: 'checks' }, 'h:', (value) => `S:${value}`);
    await amqp.publishAny('amq.fanout', '', other, 'dropped');
    for (const [ms, count] of [
      [900, 0],
      [200, 1],
      [1_800, 0],
      [200, 1],
    ] as const) {
      clock.advance(ms);
      expect(await asked()).toBe(count);
    }
    // Not asked at all, and rolled back, as nobody says otherwise.
    clock.advance(3_000);
    expect([await asked(), await waiting()]).toEqual([0, []]);
    expect(await send('amqp', { act: 'commit', id: 'two' })).toBe('refused');
    clock.advance(1_000);
    expect(await waiting(1)).toEqual(['committed']);
    expect(await send('amqp', { act: 'commit', id: 'one' })).toBe('done');
  });

  it('has checks that reach a device by its topic', async () => {
    await device.subscribe('checks/orders', 1);
    await send('mqtt', { act: 'prepare', id: 'one', check: 'checks/orders' });
    clock.advance(6_100);
    const check = await device.next('publish');
    expect(check.topic).toBe('checks/orders');
    expect(check.properties!.userProperties).toMatchObject({ 'x-half-message': 'check', 'x-half-id': 'one' });
  });

  it('is ended by an operator in the place of its publisher, who finds it listed', async () => {
    await send('stomp', { act: 'prepare', id: 'a/b' }, 'work');
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
    const base = `http://127.0.0.1:${broker.ports.http}/v1/vhosts/%2F/half-messages`;
    const listed = await (await fetch(base, { headers: { authorization } })).json();
    expect(listed).toMatchObject({ total: 1, halfMessages: [{ id: 'a/b', user: 'guest', asked: 0 }] });
    const ended = await fetch(`${base}/a%2Fb/commit`, { method: 'POST', headers: { authorization } });
    expect(ended.status).toBe(204);
    expect(await waiting(1)).toEqual(['work']);
    expect((await fetch(`${base}/none/rollback`, { method: 'POST', headers: { authorization } })).status).toBe(404);
  });

  it('of a transaction is prepared when that is committed', async () => {
    const said = { destination: '/queue/q', persistent: 'true', ...facts({ act: 'prepare', id: 'one' }, '') };
    await stomp.sure('BEGIN', { transaction: 't' });
    await stomp.sure('SEND', { ...said, transaction: 't' }, 'work');
    expect(await send('amqp', { act: 'commit', id: 'one' })).toBe('refused');
    await stomp.sure('COMMIT', { transaction: 't' });
    expect(await send('amqp', { act: 'commit', id: 'one' })).toBe('done');
    expect(await waiting(1)).toEqual(['work']);
  });
});

it('half messages wait on through a restart, and so does what is known of those that have ended', () =>
  withTemporaryDirectory(async (data) => {
    clock = new ManualClock();
    await start(data);
    await amqp.declare('q');
    for (const id of ['kept', 'gone', 'sent']) await send('amqp', { act: 'prepare', id, check: 'checks' }, id);
    await send('amqp', { act: 'rollback', id: 'gone' });
    await send('amqp', { act: 'commit', id: 'sent' });
    await stop();
    await start(data);
    await amqp.declare('checks');
    expect(await waiting(1)).toEqual(['sent']);
    expect(await send('amqp', { act: 'rollback', id: 'gone' })).toBe('done');
    clock.advance(6_100);
    expect((await amqp.next('checks')).properties['h:x-half-id']).toBe('S:kept');
    expect(await send('amqp', { act: 'commit', id: 'kept' })).toBe('done');
    expect(await waiting(1)).toEqual(['kept']);
    await stop();
  }));
