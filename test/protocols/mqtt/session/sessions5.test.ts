/** Sessions of 5.0 and what ends them; wills that wait. Time is told, and the broker goes down in between. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { temporaryDirectory } from '../../../support/directory.ts';
import { until } from '../../../support/until.ts';
import { type Harness, publish1, startHarness, text } from '../harness.ts';
import type { RawClient } from '../raw-client.ts';

let clock: ManualClock;
let directory: { path: string; remove(): void };
let harness: Harness;
beforeEach(async () => {
  clock = new ManualClock();
  directory = temporaryDirectory();
  harness = await startHarness({}, { clock, data: directory.path });
});
afterEach(async () => {
  await harness.broker.close();
  directory.remove();
});

async function restart(awayMs = 0): Promise<void> {
  await harness.broker.close();
  clock.advance(awayMs);
  harness = await startHarness({}, { clock, data: directory.path });
}

const keep = { clean: false };
const back = (clientId: string, sessionExpiryInterval: number): Promise<RawClient> =>
  harness.connect(clientId, { sessionExpiryInterval }, keep);
const lost = async (client: RawClient): Promise<void> => {
  await client.vanish();
  await until(() => harness.broker.connections === 0, 'the broker to notice');
};

describe('a session', () => {
  it.each<[string, () => Promise<void>]>([
    ['is there while its expiry is not over', async () => clock.advance(9_900)],
    ['is there after a restart in that time', () => restart(9_000)],
  ])('%s', async (_, meanwhile) => {
    const first = await back('c', 10);
    expect(first.sessionPresent).toBe(false);
    await first.subscribe('t', 1);
    await lost(first);
    await meanwhile();
    const again = await back('c', 10);
    expect(again.sessionPresent).toBe(true);
    expect(await publish1(again, 't', 'x')).toBe(0);
    expect(text(await again.next('publish'))).toBe('x');
  });

  it.each<[string, () => Promise<void>]>([
    ['is gone, and its queue with it, once its expiry is over', async () => clock.advance(10_100)],
    [
      'is gone though the broker was down at that time',
      async () => {
        await restart(10_100);
        clock.advance(20);
      },
    ],
    [
      'is gone after a restart in between',
      async () => {
        await restart(5_000);
        clock.advance(5_100);
      },
    ],
  ])('%s', async (_, meanwhile) => {
    const first = await back('c', 10);
    await first.subscribe('t', 1);
    await first.subscribe('$share/g/s', 1, 2);
    await lost(first);
    await meanwhile();
    const other = await harness.connect('other');
    expect(await publish1(other, 't', 'x')).toBe(0x10);
    expect(await publish1(other, 's', 'x')).toBe(0x10);
    expect((await back('c', 10)).sessionPresent).toBe(false);
  });

  it('that was connected when the broker was killed has its time from then on', async () => {
    const first = await back('c', 10);
    await first.subscribe('t', 1);
    await restart(60_000);
    expect((await back('c', 10)).sessionPresent).toBe(true);
  });

  it('never ends with 2^32 - 1, nor does one of 3.1.1', async () => {
    await (await back('five', 0xffff_ffff)).leave();
    await (await harness.connect311('four', keep)).leave();
    await restart(36_000_000);
    clock.advance(120_000);
    expect((await back('five', 0xffff_ffff)).sessionPresent).toBe(true);
    expect((await harness.connect311('four', keep)).sessionPresent).toBe(true);
  });

  it('may be given another expiry by DISCONNECT, but not one if it had none', async () => {
    const first = await back('c', 10);
    first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 1000 } });
    await until(() => first.closed);
    clock.advance(20_000);
    const again = await back('c', 10);
    expect(again.sessionPresent).toBe(true);
    again.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await until(() => again.closed);
    expect((await back('c', 10)).sessionPresent).toBe(false);
    const none = await harness.connect('none');
    none.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } });
    expect((await none.next('disconnect')).reasonCode).toBe(0x82);
  });

  it('that is resumed without expiry ends with its connection', async () => {
    await (await back('c', 10)).leave();
    const second = await harness.connect('c', {}, keep);
    expect(second.sessionPresent).toBe(true);
    await lost(second);
    expect((await back('c', 10)).sessionPresent).toBe(false);
  });

  it('has its subscriptions after a restart, with all that was asked for', async () => {
    const first = await back('c', 1000);
    const more = { nl: true, rap: true, rh: 1 as const };
    await first.subscribe('own/+', 1, 1, more, { subscriptionIdentifier: 7 });
    await first.subscribe('own/#', 1, 2, more, { subscriptionIdentifier: 70_000 });
    await first.subscribe('$share/g/s', 1, 3, { rap: true }, { subscriptionIdentifier: 9 });
    await restart();
    const again = await back('c', 1000);
    expect(await publish1(again, 'own/a', 'mine')).toBe(0x10);
    const other = await harness.connect('other');
    other.publish('own/a', 'theirs', 1, 1, { retain: true });
    other.publish('s', 'shared', 1, 2, { retain: true });
    const found = [await again.next('publish'), await again.next('publish')];
    const theirs = found.find((p) => p.topic === 'own/a')!;
    const shared = found.find((p) => p.topic === 's')!;
    expect([text(theirs), theirs.retain]).toEqual(['theirs', true]);
    expect([...(theirs.properties!.subscriptionIdentifier as number[])].sort()).toEqual([7, 70_000]);
    expect([text(shared), shared.retain, shared.properties!.subscriptionIdentifier]).toEqual(['shared', true, 9]);
  });

  it('has QoS 2 where it was, in both directions', async () => {
    const first = await back('c', 1000);
    await first.subscribe('t', 2);
    first.publish('t', 'x', 2, 5);
    await first.next('pubrec');
    const sent = await first.next('publish');
    await restart();
    const again = await back('c', 1000);
    const resent = await again.next('publish');
    expect([resent.messageId, resent.dup, text(resent)]).toEqual([sent.messageId, true, 'x']);
    again.publish('t', 'x', 2, 5, { dup: true });
    await again.next('pubrec');
    again.send({ cmd: 'pubrel', messageId: 5 });
    expect((await again.next('pubcomp')).reasonCode).toBe(0);
    again.send({ cmd: 'pubrec', messageId: resent.messageId! });
    await again.next('pubrel');
    await again.settle();
    expect(again.packets).toEqual([]);
  });
});

describe('a will with a delay', () => {
  const willed = (sessionExpiryInterval: number, willDelayInterval: number): Promise<RawClient> =>
    harness.connect(
      'mortal',
      { sessionExpiryInterval },
      {
        clean: false,
        will: {
          topic: 'will',
          payload: Buffer.from('gone'),
          qos: 1,
          retain: false,
          properties: { willDelayInterval, contentType: 'last', messageExpiryInterval: 50 },
        },
      },
    );
  const watch = async (): Promise<RawClient> => {
    const watcher = await back('watcher', 10_000);
    await watcher.subscribe('will', 1);
    return watcher;
  };
  const nothingYet = async (watcher: RawClient): Promise<void> => {
    await watcher.settle();
    expect(watcher.packets.filter((p) => p.cmd === 'publish')).toEqual([]);
  };
  const gone = async (mortal: RawClient): Promise<void> => {
    const before = harness.broker.connections;
    await mortal.vanish();
    await until(() => harness.broker.connections === before - 1, 'the broker to notice');
  };

  it('comes when it is due, with its properties', async () => {
    const watcher = await watch();
    await gone(await willed(1000, 10));
    clock.advance(9_900);
    await nothingYet(watcher);
    clock.advance(200);
    const will = await watcher.next('publish');
    expect([text(will), will.properties]).toEqual(['gone', { contentType: 'last', messageExpiryInterval: 50 }]);
  });

  it('comes when the session ends, if that is earlier', async () => {
    const watcher = await watch();
    await gone(await willed(5, 100));
    clock.advance(5_100);
    expect(text(await watcher.next('publish'))).toBe('gone');
    clock.advance(200_000);
    await nothingYet(watcher);
  });

  it('does not come if the client is back in time [MQTT5-3.1.3-9]', async () => {
    const watcher = await watch();
    await gone(await willed(1000, 10));
    clock.advance(5_000);
    const again = await back('mortal', 1000);
    expect(again.sessionPresent).toBe(true);
    clock.advance(60_000);
    await nothingYet(watcher);
  });

  it('comes at once if the client is back with a clean start', async () => {
    const watcher = await watch();
    await gone(await willed(1000, 10));
    await harness.connect('mortal');
    expect(text(await watcher.next('publish'))).toBe('gone');
  });

  it('comes after DISCONNECT with 0x04, and not after any other end of the client in order', async () => {
    const watcher = await watch();
    const polite = await willed(1000, 0);
    await polite.leave();
    await nothingYet(watcher);
    const asking = await willed(1000, 0);
    asking.send({ cmd: 'disconnect', reasonCode: 4 });
    expect(text(await watcher.next('publish'))).toBe('gone');
  });

  it.each<[string, number]>([
    ['before', 2_000],
    ['after', 60_000],
  ])('comes once, though the broker went down and came back %s it was due', async (_, awayMs) => {
    await lost(await watch());
    await gone(await willed(1000, 10));
    await restart(awayMs);
    const watcher = await back('watcher', 10_000);
    if (awayMs === 2_000) {
      await nothingYet(watcher);
      clock.advance(8_100);
    } else clock.advance(20);
    expect(text(await watcher.next('publish'))).toBe('gone');
    await restart();
    clock.advance(100_000);
    const again = await back('watcher', 10_000);
    const rest = again.packets.filter((p) => p.cmd === 'publish' && !p.dup);
    expect(rest).toEqual([]);
  });

  it('waits its time from the start on, where the broker was killed under its client', async () => {
    await lost(await watch());
    await willed(1000, 10);
    const copy = join(directory.path, 'copy');
    cpSync(join(directory.path, 'vhosts'), join(copy, 'vhosts'), { recursive: true }); // as a kill leaves it
    await harness.broker.close();
    clock.advance(60_000);
    harness = await startHarness({}, { clock, data: copy });
    const watcher = await back('watcher', 10_000);
    clock.advance(9_900);
    await nothingYet(watcher);
    clock.advance(200);
    expect(text(await watcher.next('publish'))).toBe('gone');
  });
});

describe('the server', () => {
  it('tells a client which identifier it was given, and what else is not as asked', async () => {
    await harness.broker.close();
    harness = await startHarness(
      { sessionExpiryMaxS: 60, keepAliveMaxS: 30, responseTopicPrefix: 'answers/', topicAliasMax: 3, receiveMax: 9 },
      { clock, data: directory.path },
    );
    const client = await harness.connect(
      '',
      { sessionExpiryInterval: 1000, requestResponseInformation: true },
      { keepalive: 99 },
    );
    const { assignedClientIdentifier: id, maximumPacketSize, ...rest } = client.connack!.properties!;
    expect(id).toMatch(/^auto-/);
    expect(maximumPacketSize).toBeGreaterThan(128 * 1024 * 1024);
    expect(rest).toEqual({
      sessionExpiryInterval: 60,
      serverKeepAlive: 30,
      responseInformation: `answers/${id}`,
      topicAliasMaximum: 3,
      receiveMaximum: 9,
    });
  });

  it('says why it ends a connection: taken over, silence, stop', async () => {
    const first = await harness.connect('c');
    const second = await harness.connect('c');
    expect((await first.next('disconnect')).reasonCode).toBe(0x8e);
    const quiet = await harness.connect('quiet', {}, { keepalive: 1 });
    clock.advance(1_600);
    const packet = await quiet.next('disconnect');
    expect(packet.reasonCode).toBe(0x8d);
    expect(packet.properties?.reasonString).toMatch(/keep alive/);
    const reserved = await harness.connect('r', { requestProblemInformation: false });
    await harness.broker.close();
    expect((await second.next('disconnect')).reasonCode).toBe(0x8b);
    expect((await reserved.next('disconnect')).properties).toBeUndefined();
  });

  it('sends a client elsewhere', async () => {
    for (const [permanent, reason] of [
      [false, 0x9c],
      [true, 0x9d],
    ] as const) {
      await harness.broker.close();
      harness = await startHarness(
        { redirect: { to: 'other.example:1883', permanent } },
        { clock, data: directory.path },
      );
      await expect(harness.connect('c')).rejects.toThrow(`CONNACK ${reason}`);
      await expect(harness.connect311('c')).rejects.toThrow('CONNACK 3');
    }
  });
});
