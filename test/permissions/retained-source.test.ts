/** `retained.checkSource`: a retained message is shown as long as whoever had it retained may publish there, and again once he may. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { RawClient as MqttClient } from '../protocols/mqtt/raw-client.ts';
import { RawClient as StompClient } from '../protocols/stomp/raw-client.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';
import { type RuledBroker, RulesByUser, startRuledBroker } from './harness.ts';

const NO_MORE = { topics: [{ exchange: 'amq.topic', write: '^other', read: '.*' }] };

let clock: ManualClock;
let directory: ReturnType<typeof temporaryDirectory>;
let broker: RuledBroker;
let rules: RulesByUser;

beforeEach(async () => {
  clock = new ManualClock();
  directory = temporaryDirectory();
  rules = new RulesByUser();
  rules.set('u', {});
  await start();
});

afterEach(async () => {
  await broker.stop();
  directory.remove();
});

async function start(checkSource?: boolean): Promise<void> {
  broker = await startRuledBroker({ clock, data: directory.path, rules, checkSource: checkSource ?? true });
}

async function restart(checkSource?: boolean): Promise<void> {
  await broker.stop();
  await start(checkSource);
}

const connect = (clientId: string, user: string, more: object = {}): Promise<MqttClient> =>
  MqttClient.connect(broker.ports.mqtt, clientId, { username: user, password: Buffer.from('p'), ...more });

async function retain(user: string, topic: string, body = 'x', clientId = 'device'): Promise<void> {
  const client = await connect(clientId, user);
  client.publish(topic, body, 1, 1, { retain: true });
  await client.next('puback');
  await client.leave();
}

/** What a client of `admin` is shown that subscribes now. */
async function shown(filter = '#'): Promise<string[]> {
  const client = await connect('looker', 'admin');
  await client.subscribe(filter, 1);
  await client.subscribe('end', 1, 2);
  // What is retained comes first.
  client.publish('end', 'x', 1, 3);
  const topics: string[] = [];
  for (;;) {
    const { topic } = await client.next('publish');
    if (topic === 'end') break;
    topics.push(topic);
  }
  await client.leave();
  return topics.sort();
}

const withheld = (): number => broker.running.broker.statistics()[0]!.counters.withheldRetained;

describe('a retained message', () => {
  it('is not shown while its publisher may not publish there, after restarts neither, and is again when he may', async () => {
    await retain('u', 'mine');
    await retain('admin', 'theirs');
    expect(await shown()).toEqual(['mine', 'theirs']);
    rules.set('u', NO_MORE);
    expect([await shown(), withheld()]).toEqual([['theirs'], 1]);
    await restart();
    expect(await shown()).toEqual(['theirs']);
    // Once the log has been written anew.
    await restart();
    expect(await shown()).toEqual(['theirs']);
    rules.set('u', {});
    expect(await shown()).toEqual(['mine', 'theirs']);
  });

  it('of a user who is gone is not shown', async () => {
    await retain('u', 'mine');
    rules.set('u', undefined);
    expect(await shown()).toEqual([]);
  });

  it('is its last publisher’s, and nobody’s whom it was taken over from', async () => {
    await retain('u', 'mine');
    await retain('admin', 'mine', 'y');
    rules.set('u', NO_MORE);
    expect(await shown()).toEqual(['mine']);
    await retain('admin', 'mine', '');
    expect(await shown()).toEqual([]);
  });

  it('is judged with the identifier of the client that published it', async () => {
    rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^{client_id}\\..*', read: '.*' }] });
    await retain('u', 'one/x', 'x', 'one');
    expect(await shown()).toEqual(['one/x']);
    rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^not\\.{client_id}\\..*', read: '.*' }] });
    expect(await shown()).toEqual([]);
    rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^{client_id}\\..*', read: '.*' }] });
    await restart();
    expect(await shown()).toEqual(['one/x']);
  });

  it('that was delayed is its publisher’s when it comes, after a restart too', async () => {
    const client = await connect('device', 'u');
    client.publish('$delayed/5/late', 'x', 1, 1, { retain: true });
    await client.next('puback');
    await client.leave();
    await restart();
    clock.advance(6_000);
    let topics: string[] = [];
    for (let i = 0; i < 100 && topics.length === 0; i++) topics = await shown();
    expect(topics).toEqual(['late']);
    rules.set('u', NO_MORE);
    expect(await shown()).toEqual([]);
  });

  it('says nothing more of its publisher once it is over', async () => {
    const count = (): number => [...broker.running.broker.allVhosts][0]!.retainers.size;
    await retain('u', 'one');
    await retain('u', 'one', 'y');
    await retain('u', 'two');
    expect(count()).toBe(2);
    await retain('u', 'two', '');
    await restart();
    expect(count()).toBe(1);
  });

  it('that was a will, or part of a transaction, is its publisher’s as well', async () => {
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 1 as const, retain: true };
    const device = await connect('device', 'u', { will });
    const before = broker.running.connections;
    await device.vanish();
    await until(() => broker.running.connections < before, 'the end of the connection');
    await broker.stop();
    broker = await startRuledBroker({ clock, data: directory.path, rules, checkSource: true, compat: 'activemq' });
    const stomp = await StompClient.open(broker.ports.stomp, '1.2', { login: 'u', passcode: 'p' });
    stomp.send('BEGIN', { transaction: 't' });
    stomp.send('SEND', { destination: '/topic/tx', transaction: 't', 'ActiveMQ.Retain': 'true' }, 'x');
    stomp.send('COMMIT', { transaction: 't', receipt: 'r' });
    await stomp.next();
    stomp.cut();
    expect(await shown()).toEqual(['tx', 'will']);
    rules.set('u', NO_MORE);
    expect(await shown()).toEqual([]);
  });

  it('that nobody is known to have published is shown, and what the broker says of itself', async () => {
    await restart(false);
    await retain('u', 'mine');
    rules.set('u', NO_MORE);
    expect(await shown()).toEqual(['mine']);
    await restart(true);
    expect(await shown()).toEqual(['mine']);
    expect(await shown('$SYS/broker/version')).toEqual(['$SYS/broker/version']);
  });
});

it('is shown all the same unless that is set', async () => {
  await restart(false);
  await retain('u', 'mine');
  rules.set('u', NO_MORE);
  expect([await shown(), withheld()]).toEqual([['mine'], 0]);
});
