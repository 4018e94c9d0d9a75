/** Sessions across connections and across restarts of the broker, and shared subscriptions. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { temporaryDirectory } from '../../../support/directory.ts';
import { until } from '../../../support/until.ts';
import { openSession } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

let directory: { path: string; remove(): void };
let broker: TestBroker;

beforeEach(async () => {
  directory = temporaryDirectory();
  broker = await startTestBroker({ data: directory.path });
});
afterEach(async () => {
  await broker.close();
  directory.remove();
});

async function restart(): Promise<void> {
  await broker.close();
  broker = await startTestBroker({ data: directory.path });
}

const kept = { clean: false };
const connect = (clientId: string, options: object = {}): Promise<RawClient> =>
  RawClient.connect(broker.ports.mqtt, clientId, options);

/** Publishes with QoS 1 or 2 and waits until the broker has taken it over for good. */
async function send(client: RawClient, topic: string, payload: string, qos: 1 | 2 = 1, id = 1): Promise<void> {
  client.publish(topic, payload, qos, id);
  if (qos === 1) {
    await client.next('puback');
    return;
  }
  await client.next('pubrec');
  client.send({ cmd: 'pubrel', messageId: id });
  await client.next('pubcomp');
}

async function bodies(client: RawClient, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const packet = await client.next('publish');
    found.push(packet.payload.toString());
    if (packet.qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId! });
  }
  return found;
}

/** Kept sessions are asked the same after a lost connection and after a restart. */
const breaks: [string, (client: RawClient) => Promise<void>][] = [
  ['a lost connection', (client) => client.vanish()],
  ['DISCONNECT', (client) => client.leave()],
  ['a restart of the broker', () => restart()],
  [
    'a take-over',
    async (client) => {
      await (await connect('kept', kept)).vanish();
      void client;
    },
  ],
];

describe.each(breaks)('after %s, a kept session', (_, broken) => {
  it('is present, has its subscriptions, and what came meanwhile', async () => {
    const first = await connect('kept', kept);
    expect(first.sessionPresent).toBe(false);
    await first.subscribe('s/+', 1);
    await first.subscribe('t/#', 2, 2);
    await broken(first);
    const publisher = await connect('publisher');
    await send(publisher, 's/a', '1');
    await send(publisher, 't/b/c', '2', 2);
    await send(publisher, 'u', 'not for it');
    publisher.publish('s/a', 'QoS 0 is not kept');
    await send(publisher, 's/b', '3');
    const again = await connect('kept', kept);
    expect(again.sessionPresent).toBe(true);
    const found = [await again.next('publish'), await again.next('publish'), await again.next('publish')];
    expect(found.map((p) => [p.payload.toString(), p.qos, p.dup]).sort()).toEqual([
      ['1', 1, false],
      ['2', 2, false],
      ['3', 1, false],
    ]);
    await send(publisher, 's/c', 'live');
    expect((await again.next('publish')).payload.toString()).toBe('live');
    await again.vanish();
    await publisher.leave();
  });

  it('sends QoS 1 again that was not answered, and not what was', async () => {
    const first = await connect('kept', kept);
    await first.subscribe('q1', 1);
    for (const [i, body] of ['a', 'b', 'c'].entries()) await send(first, 'q1', body, 1, i + 1);
    const [a, b, c] = [await first.next('publish'), await first.next('publish'), await first.next('publish')];
    expect([a, b, c].map((p) => [p.payload.toString(), p.dup])).toEqual([
      ['a', false],
      ['b', false],
      ['c', false],
    ]);
    first.send({ cmd: 'puback', messageId: b.messageId! });
    await send(first, 'nobody', 'marker', 1, 9); // by now the answer has been seen, and its record is safe
    await broken(first);
    const again = await connect('kept', kept);
    const found = [await again.next('publish'), await again.next('publish')];
    expect(found.map((p) => p.payload.toString())).toEqual(['a', 'c']);
    await again.settle();
    expect(again.packets).toEqual([]);
    for (const packet of found) again.send({ cmd: 'puback', messageId: packet.messageId! });
    await again.leave();
  });

  it('sends QoS 2 again with the same identifier and DUP, or PUBREL, as far as it had come [MQTT-4.4.0-1]', async () => {
    const first = await connect('kept', kept);
    await first.subscribe('q2', 2);
    for (const [i, body] of ['a', 'b', 'c'].entries()) await send(first, 'q2', body, 2, i + 1);
    const [a, b, c] = [await first.next('publish'), await first.next('publish'), await first.next('publish')];
    // a: not answered; b: received; c: complete
    first.send({ cmd: 'pubrec', messageId: b.messageId! });
    first.send({ cmd: 'pubrec', messageId: c.messageId! });
    expect((await first.next('pubrel')).messageId).toBe(b.messageId);
    expect((await first.next('pubrel')).messageId).toBe(c.messageId);
    first.send({ cmd: 'pubcomp', messageId: c.messageId! });
    await send(first, 'nobody', 'marker', 1, 9);
    await broken(first);
    const again = await connect('kept', kept);
    const publish = await again.next('publish');
    expect([publish.payload.toString(), publish.messageId, publish.dup]).toEqual(['a', a.messageId, true]);
    expect((await again.next('pubrel')).messageId).toBe(b.messageId);
    again.send({ cmd: 'pubcomp', messageId: b.messageId! });
    again.send({ cmd: 'pubrec', messageId: a.messageId! });
    expect((await again.next('pubrel')).messageId).toBe(a.messageId);
    again.send({ cmd: 'pubcomp', messageId: a.messageId! });
    await again.settle();
    expect(again.packets).toEqual([]);
    await send(again, 'nobody', 'marker', 1, 9);
    await broken(again);
    const last = await connect('kept', kept);
    await last.settle();
    expect(last.packets).toEqual([]);
    await last.leave();
  });

  it('knows the QoS 2 messages that the client had not released', async () => {
    const watcher = await connect('watcher', kept);
    await watcher.subscribe('in', 1);
    const first = await connect('kept', kept);
    first.publish('in', 'once', 2, 77);
    await first.next('pubrec');
    await broken(first);
    const again = await connect('kept', kept);
    again.publish('in', 'once', 2, 77, { dup: true });
    await again.next('pubrec');
    again.send({ cmd: 'pubrel', messageId: 77 });
    await again.next('pubcomp');
    await send(again, 'in', 'another', 2, 77);
    if (watcher.closed) {
      const back = await connect('watcher', kept);
      expect(await bodies(back, 2)).toEqual(['once', 'another']);
    } else expect(await bodies(watcher, 2)).toEqual(['once', 'another']);
    await again.leave();
  });
});

describe('a clean session', () => {
  it('has nothing of the kept one before it, and leaves nothing to the one after it [MQTT-3.1.2-6]', async () => {
    const first = await connect('c', kept);
    await first.subscribe('c/#', 2);
    await send(first, 'c/x', 'old', 2);
    await first.next('publish');
    await first.vanish();
    const clean = await connect('c');
    expect(clean.sessionPresent).toBe(false);
    await send(clean, 'c/x', 'to no one');
    await clean.settle();
    expect(clean.packets).toEqual([]);
    await clean.leave();
    const after = await connect('c', kept);
    expect(after.sessionPresent).toBe(false);
    await after.settle();
    expect(after.packets).toEqual([]);
    await after.leave();
    await restart();
    expect((await connect('c', kept)).sessionPresent).toBe(true);
  });

  it('is gone after a restart, queue and all', async () => {
    const clean = await connect('c');
    await clean.subscribe('c/#', 1);
    await restart();
    const again = await connect('c', kept);
    expect(again.sessionPresent).toBe(false);
    await send(again, 'c/x', 'nobody listens');
    await again.settle();
    expect(again.packets).toEqual([]);
  });
});

describe('an unsubscribed filter of a kept session', () => {
  it('stays away after a restart', async () => {
    const first = await connect('k', kept);
    await first.subscribe('one', 1);
    await first.subscribe('two', 1, 2);
    first.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['one'] });
    await first.next('unsuback');
    await restart();
    const again = await connect('k', kept);
    await send(again, 'one', 'no', 1, 1);
    await send(again, 'two', 'yes', 1, 2);
    expect(await bodies(again, 1)).toEqual(['yes']);
  });
});

describe('retained messages', () => {
  it('survive a restart', async () => {
    const client = await connect('r');
    client.publish('r/a', 'kept', 1, 1, { retain: true });
    await client.next('puback');
    await restart();
    const again = await connect('r');
    await again.subscribe('r/#', 1);
    const packet = await again.next('publish');
    expect([packet.payload.toString(), packet.retain, packet.qos]).toEqual(['kept', true, 1]);
  });
});

describe('a shared subscription', () => {
  const filter = '$share/workers/jobs/+';

  it('gives each message to one member, and members come and go', async () => {
    const publisher = await connect('p');
    const members = [await connect('a'), await connect('b', kept), await connect('c')];
    for (const member of members) expect(await member.subscribe(filter, 1)).toBe(1);
    for (let i = 0; i < 30; i++) await send(publisher, `jobs/${i % 3}`, String(i));
    const found: string[][] = [[], [], []];
    await Promise.all(
      members.map(async (member, i) => {
        found[i] = await bodies(member, 10);
      }),
    );
    expect(found.flat().sort((x, y) => Number(x) - Number(y))).toEqual(Array.from({ length: 30 }, (_, i) => String(i)));
    await members[0]!.leave();
    await members[1]!.vanish();
    await until(() => broker.connections === 2, 'the broker to notice');
    for (let i = 30; i < 35; i++) await send(publisher, 'jobs/x', String(i));
    expect(await bodies(members[2]!, 5)).toEqual(['30', '31', '32', '33', '34']);
  });

  it('gives QoS 1 back to the group when a member is lost', async () => {
    const lost = await connect('lost');
    await lost.subscribe(filter, 1);
    const publisher = await connect('p');
    await send(publisher, 'jobs/1', 'job');
    await lost.next('publish');
    const other = await connect('other');
    await other.subscribe(filter, 1);
    await lost.vanish();
    const packet = await other.next('publish');
    expect([packet.payload.toString(), packet.dup]).toEqual(['job', false]);
  });

  it('gives QoS 2 that was sent to no one else, and to a kept member again [MQTT-4.8.2-5]', async () => {
    const publisher = await connect('p');
    const other = await connect('other');
    const member = await connect('member', kept);
    await member.subscribe(filter, 2);
    await send(publisher, 'jobs/1', 'job', 2);
    const sent = await member.next('publish');
    await other.subscribe(filter, 2);
    await member.vanish();
    await until(() => broker.connections === 2, 'the broker to notice');
    await send(publisher, 'jobs/2', 'next', 2);
    expect((await other.next('publish')).payload.toString()).toBe('next');
    const again = await connect('member', kept);
    const packet = await again.next('publish');
    expect([packet.payload.toString(), packet.messageId, packet.dup]).toEqual(['job', sent.messageId, true]);
    again.send({ cmd: 'pubrec', messageId: packet.messageId! });
    expect((await again.next('pubrel')).messageId).toBe(packet.messageId);
    expect(other.packets.filter((p) => p.cmd === 'publish')).toEqual([]);
  });

  it('keeps what is waiting for it through a restart, its kept members as well', async () => {
    const member = await connect('member', kept);
    await member.subscribe(filter, 1);
    await member.leave();
    const publisher = await connect('p');
    await send(publisher, 'jobs/1', 'a');
    await send(publisher, 'jobs/2', 'b');
    await restart();
    const again = await connect('member', kept);
    expect(await bodies(again, 2)).toEqual(['a', 'b']);
  });

  it('takes QoS 0 members, and does not replay retained messages', async () => {
    const publisher = await connect('p');
    publisher.publish('jobs/kept', 'retained', 1, 1, { retain: true });
    await publisher.next('puback');
    const member = await connect('m');
    expect(await member.subscribe(filter, 0)).toBe(0);
    await send(publisher, 'jobs/1', 'x', 2);
    publisher.publish('jobs/2', 'y');
    const found = [await member.next('publish'), await member.next('publish')];
    expect(found.map((p) => [p.payload.toString(), p.qos, p.retain])).toEqual([
      ['x', 0, false],
      ['y', 0, false],
    ]);
  });

  it('ends with its last member: what was sent may still be answered, and nothing waits any more', async () => {
    const member = await connect('m');
    await member.subscribe(filter, 1);
    const publisher = await connect('p');
    await send(publisher, 'jobs/1', 'unanswered');
    const packet = await member.next('publish');
    member.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [filter] });
    await member.next('unsuback');
    member.send({ cmd: 'puback', messageId: packet.messageId! });
    await send(publisher, 'jobs/2', 'to no one');
    await member.subscribe(filter, 1, 3);
    await send(publisher, 'jobs/3', 'new');
    expect(await bodies(member, 1)).toEqual(['new']);
  });
});

describe('a session whose queue an operator deletes', () => {
  it('ends: its client is told by closing, and finds nothing when it comes back', async () => {
    const client = await connect('victim', kept);
    await client.subscribe('v', 1);
    const operator = await openSession(broker);
    operator.deleteQueue('mqtt-subscription-victim', false, false);
    await until(() => client.closed, 'the connection to close');
    const again = await connect('victim', kept);
    expect(again.sessionPresent).toBe(false);
    await again.subscribe('v', 1);
    await send(again, 'v', 'works');
    expect(await bodies(again, 1)).toEqual(['works']);
    operator.close(true);
  });

  it('ends also while its client is away', async () => {
    const client = await connect('victim', kept);
    await client.subscribe('v', 1);
    await client.vanish();
    await until(() => broker.connections === 0, 'the broker to notice');
    const operator = await openSession(broker);
    operator.deleteQueue('mqtt-subscription-victim', false, false);
    expect((await connect('victim', kept)).sessionPresent).toBe(false);
    operator.close(true);
  });
});
