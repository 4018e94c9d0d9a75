/** What is done after every doubt about an append, on an engine that gives reason for it. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { SharedLog } from '../../../src/cluster/engine.ts';
import type { ClusterEvent } from '../../../src/cluster/events.ts';
import { FencedAppender } from '../../../src/cluster/leader/fenced-appender.ts';
import { FakeEngine, FakeServers, type Mishaps } from '../fake/engine.ts';

class World {
  readonly clock = new ManualClock();
  readonly servers = new FakeServers(this.clock);
  readonly engine = new FakeEngine(this.servers);
  readonly events: ClusterEvent[] = [];
  log!: SharedLog;
  appender!: FencedAppender;

  static async make(): Promise<World> {
    const world = new World();
    world.log = await world.engine.sharedLog('v');
    world.appender = new FencedAppender(world.log, 0, world.clock, (event) => world.events.push(event));
    return world;
  }

  append(text: string): Promise<number> {
    return this.appender.append(Buffer.from(text));
  }

  /** Lets time go by until it has ended. */
  async settled<T>(work: Promise<T>, each = (): void => {}): Promise<T> {
    let ended = false;
    const mark = (): void => {
      ended = true;
    };
    work.then(mark, mark);
    for (let i = 0; !ended && i < 2000; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 5 === 4) this.clock.advance(20);
      each();
    }
    expect(ended, 'it ends').toBe(true);
    return work;
  }

  set(mishap: keyof Mishaps, likelihood: number): void {
    this.servers.mishaps[mishap] = likelihood;
  }

  get stored(): string[] {
    return [...this.servers.log('v').appends.values()].map(String);
  }
}

it('appends follow one another', async () => {
  const world = await World.make();
  expect([await world.append('one'), await world.append('two')]).toEqual([1, 2]);
  expect(world.stored).toEqual(['one', 'two']);
});

it('one whose acknowledgement got lost is read back, and is there once', async () => {
  const world = await World.make();
  world.set('ackLost', 1);
  const coming = world.append('one');
  await world.settled(world.log.bounds());
  world.set('ackLost', 0);
  expect(await world.settled(coming)).toBe(1);
  expect(await world.append('two')).toBe(2);
  expect(world.stored).toEqual(['one', 'two']);
});

it('one that was given up and arrives between two tries is there once', async () => {
  const world = await World.make();
  world.set('appendLate', 1);
  const coming = world.append('one');
  await world.settled(world.log.bounds());
  world.servers.deliverLate();
  world.set('appendLate', 0);
  expect(await world.settled(coming)).toBe(1);
  world.servers.deliverLate();
  expect(world.stored).toEqual(['one']);
});

it('an engine that is away for a while is told of, waited for, and nothing is stored twice', async () => {
  const world = await World.make();
  world.servers.away = true;
  const coming = world.append('one');
  for (let i = 0; i < 400; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (i % 5 === 4) world.clock.advance(20);
  }
  expect(world.events).toEqual([{ kind: 'engine-slow', full: false, reason: 'timeout' }]);
  world.servers.away = false;
  expect(await world.settled(coming)).toBe(1);
  world.servers.deliverLate();
  expect(world.stored).toEqual(['one']);
  expect(world.events.map(({ kind }) => kind)).toEqual(['engine-slow', 'engine-back']);
});

it('another node’s append ends it at the first refusal, and for good', async () => {
  const world = await World.make();
  await world.append('one');
  await world.log.append(1, Buffer.from('a claim'));
  await expect(world.settled(world.append('two'))).rejects.toThrow('append 2 is another node’s'.replace('’', "'"));
  const { refused } = world.servers.counts;
  await expect(world.append('three')).rejects.toThrow("another node's");
  expect(world.servers.counts.refused).toBe(refused);
  expect(refused).toBe(1);
  expect(world.stored).toEqual(['one', 'a claim']);
});

it('its own append with another node’s behind it is no success', async () => {
  const world = await World.make();
  world.set('ackLost', 1);
  const coming = world.append('one');
  await world.settled(world.log.bounds());
  world.set('ackLost', 0);
  await world.log.append(1, Buffer.from('a claim'));
  await expect(world.settled(coming)).rejects.toThrow('2 appends are there');
});

it('an engine that has forgotten what it acknowledged is not written to', async () => {
  const world = await World.make();
  await world.append('one');
  await world.append('two');
  world.servers.forget('v', 1);
  await expect(world.settled(world.append('three'))).rejects.toThrow(
    'append 2 was acknowledged, and the last one is 1 now',
  );
  expect(world.stored).toEqual(['one']);
});

it('what a damaged replica does not show is asked of another one', async () => {
  const world = await World.make();
  world.set('ackLost', 1);
  const coming = world.append('one');
  await world.settled(world.log.bounds());
  world.set('ackLost', 0);
  const { log } = world;
  let shown = false;
  const read = log.read.bind(log);
  log.read = (sequence) => (shown ? read(sequence) : Promise.resolve(null));
  log.distrust = async () => {
    shown = true;
  };
  expect(await world.settled(coming)).toBe(1);
});

it('what is under way when it is ended is given up', async () => {
  const world = await World.make();
  world.servers.away = true;
  const coming = world.append('one');
  await world.settled(new Promise((resolve) => setImmediate(resolve)));
  world.appender.end();
  await expect(world.settled(coming)).rejects.toThrow('the appender has ended');
});
