/** What the broker does about a half message by itself it does in its sender's name, who must be one that may; and ids are each user's own. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { RawClient } from '../protocols/stomp/raw-client.ts';
import { type RuledBroker, startRuledBroker } from './harness.ts';

let clock: ManualClock;
let broker: RuledBroker;
beforeEach(async () => {
  clock = new ManualClock();
  broker = await startRuledBroker({ clock });
  for (const user of ['u', 'v']) broker.rules.set(user, {});
});
afterEach(() => broker.stop());

const open = (user: string): Promise<RawClient> =>
  RawClient.open(broker.ports.stomp, '1.2', { login: user, passcode: 'p' });
const said = (action: string, id: string, check?: string): Record<string, string> => ({
  ...{ destination: '/queue/q', persistent: 'true', 'x-half-message': action, 'x-half-id': id },
  ...(check !== undefined && { 'x-check-address': check }),
});
/** Listens to a destination as `admin`; returns what has come by now. */
async function listen(destination: string): Promise<() => Promise<string[]>> {
  const reader = await open('admin');
  await reader.confirmed('SUBSCRIBE', { id: '1', destination });
  return async () => {
    await reader.confirmed('SEND', { destination: '/topic/nobody' });
    return reader.frames.splice(0).map(({ body }) => body.toString());
  };
}

describe('a silent sender is asked', () => {
  it.each([
    ['the queue', '/queue/checks', { write: '^amq\\.topic$' }],
    ['the exchange of topics', '/topic/checks', { write: '^amq\\.default$' }],
    ['the topic', '/topic/checks', { topics: [{ exchange: 'amq.topic', write: '^mine', read: '.*' }] }],
    ['the vhost', '/queue/checks', undefined],
  ])('only as long as he may publish to %s that he is asked at', async (_, address, taken) => {
    const come = await listen(address);
    await (await open('u')).confirmed('SEND', said('prepare', 'one', address));
    clock.advance(6_100);
    expect(await come()).toHaveLength(1);
    broker.rules.set('u', taken);
    clock.advance(12_100);
    expect(await come()).toEqual([]);
    broker.rules.set('u', {});
    clock.advance(24_100);
    expect(await come()).toHaveLength(1);
  });
});

describe('an id', () => {
  it('of one user says nothing to another, who has his own', async () => {
    const come = await listen('/queue/q');
    const [u, v] = [await open('u'), await open('v')];
    await u.confirmed('SEND', said('prepare', 'same'), 'of u');
    // Neither refused, which would tell that there is one, nor taken for a repeat.
    await v.confirmed('SEND', said('prepare', 'same'), 'of v');
    await v.confirmed('SEND', said('commit', 'same'));
    clock.advance(50);
    expect(await come()).toEqual(['of v']);
    await u.confirmed('SEND', said('commit', 'same'));
    clock.advance(50);
    expect(await come()).toEqual(['of u']);
  });

  it('of another ends nothing', async () => {
    const come = await listen('/queue/q');
    const u = await open('u');
    await u.confirmed('SEND', said('prepare', 'one'), 'of u');
    for (const action of ['commit', 'rollback']) {
      const v = await open('v');
      await v.refused('SEND', { ...said(action, 'one'), receipt: 'r' });
    }
    expect(await come()).toEqual([]);
    await u.confirmed('SEND', said('commit', 'one'));
    clock.advance(50);
    expect(await come()).toEqual(['of u']);
  });

  it('that several users have is ended by an operator who says whose is meant', async () => {
    const { halfMessages } = broker.running.operator;
    for (const user of ['u', 'v']) await (await open(user)).confirmed('SEND', said('prepare', 'same'), user);
    expect(() => halfMessages.end('/', 'same', 'rollback')).toThrow('say whose is meant');
    expect(() => halfMessages.end('/', 'same', 'rollback', 'w')).toThrow('no half message');
    halfMessages.end('/', 'same', 'rollback', 'u');
    expect([...halfMessages.list('/').items].map(({ user }) => user)).toEqual(['v']);
  });
});
