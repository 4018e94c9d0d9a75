/** The engine in memory keeps to the port; and its mishaps are those that JetStream was seen to have. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Engine } from '../../../src/cluster/engine.ts';
import { engineSuite } from '../engine-suite.ts';
import { FakeEngine, FakeServers } from './engine.ts';

engineSuite('an engine in memory', async () => {
  const clock = new ManualClock();
  const servers = new FakeServers(clock);
  return {
    open: async () => new FakeEngine(servers),
    loseAnswers: () => {
      servers.mishaps.ackLost = 1;
    },
    heal: () => {
      servers.mishaps.ackLost = 0;
    },
    kill: async (engine: Engine) => (engine as FakeEngine).kill(),
    monotonicMs: () => clock.monotonicMs(),
    leaseMs: servers.leaseMs,
    until: async (look) => {
      for (let i = 0; i < 1000; i++) {
        const found = await look();
        if (found !== null) return found;
        clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw new Error('it never came to be');
    },
    close: async () => {},
  };
});

const servers = (): FakeServers => new FakeServers(new ManualClock());

it('what was given up arrives later, and is stored only if nothing has come between', async () => {
  const world = servers();
  const log = await new FakeEngine(world).sharedLog('v');
  world.mishaps.appendLate = 1;
  expect((await log.append(0, Buffer.from('one'))).kind).toBe('unknown');
  world.mishaps.appendLate = 0;
  expect(await log.bounds()).toEqual({ first: 1, last: 0 });
  world.deliverLate();
  expect(await log.bounds()).toEqual({ first: 1, last: 1 });
  world.mishaps.appendLate = 1;
  expect((await log.append(1, Buffer.from('two'))).kind).toBe('unknown');
  world.mishaps.appendLate = 0;
  expect((await log.append(1, Buffer.from('a rival'))).kind).toBe('stored');
  world.deliverLate();
  expect(String(await log.read(2))).toBe('a rival');
  expect(await log.bounds()).toEqual({ first: 1, last: 2 });
});

it('a node that is cut off is not heard', async () => {
  const world = servers();
  const engine = new FakeEngine(world);
  const log = await engine.sharedLog('v');
  engine.cut = true;
  expect((await log.append(0, Buffer.from('one'))).kind).toBe('unknown');
  await expect(log.bounds()).rejects.toThrow('no answer');
  engine.cut = false;
  expect(await log.bounds()).toEqual({ first: 1, last: 0 });
});

it('a damaged replica shows a gap, never other bytes, until another one answers', async () => {
  const world = servers();
  const log = await new FakeEngine(world).sharedLog('v');
  for (let i = 0; i < 3; i++) await log.append(i, Buffer.from(`${i + 1}`));
  world.log('v').holes.add(2);
  const reader = log.follow(1);
  expect([(await reader.next())?.sequence, (await reader.next())?.sequence]).toEqual([1, 3]);
  await log.distrust();
  expect((await log.follow(2).next())?.sequence).toBe(2);
});
