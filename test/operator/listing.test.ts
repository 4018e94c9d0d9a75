import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { PHASE_GATHER, Turn } from '../../src/clock/turn.ts';
import { FirstFew } from '../../src/operator/listing/first-few.ts';
import { Listing, type Source } from '../../src/operator/listing/listing.ts';
import { NameIndex } from '../../src/operator/listing/name-index.ts';
import { compareKeys, compareText, type SortKey } from '../../src/operator/listing/order.ts';
import { Pace } from '../../src/operator/listing/pace.ts';
import { MANY, QueueIndex, UNUSED_MS } from '../../src/operator/queue-index.ts';
import { Queues, type QueueView } from '../../src/operator/queues.ts';
import { Sampler } from '../../src/operator/rates/sampler.ts';
import { CreepingClock } from '../support/creeping-clock.ts';

interface Thing {
  readonly name: string;
  readonly size: number;
}

const thing = (name: string, size = 0): Thing => ({ name, size });

it('an index has the names in their order, whatever came and went', () => {
  const name = fc.integer({ min: 0, max: 3_000 }).map(String);
  const change = fc.record({ add: fc.boolean(), name });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4_000, size: 'max' }), fc.nat(50), (changes, at) => {
      const index = new NameIndex<Thing>();
      const model = new Map<string, Thing>();
      for (const { add, name } of changes) {
        if (add) {
          const one = model.get(name) ?? thing(name);
          model.set(name, one);
          index.add(one);
        } else {
          const one = model.get(name);
          model.delete(name);
          index.remove(one ?? thing(name));
        }
      }
      const names = [...model.keys()].sort(compareText);
      expect(index.size).toBe(names.length);
      expect(index.slice(0, names.length + 1).map((one) => one.name)).toEqual(names);
      expect(index.slice(at, 7).map((one) => one.name)).toEqual(names.slice(at, at + 7));
      const from = names[at] ?? '';
      expect(index.after(from, 5).map((one) => one.name)).toEqual(names.filter((one) => one > from).slice(0, 5));
      expect(index.after(undefined, 5).map((one) => one.name)).toEqual(names.slice(0, 5));
      const back = [...names].reverse();
      expect(index.before(from, 5).map((one) => one.name)).toEqual(back.filter((one) => one < from).slice(0, 5));
      expect(index.before(undefined, 5).map((one) => one.name)).toEqual(back.slice(0, 5));
      const all: string[] = [];
      for (let last: string | undefined, some: Thing[]; ; last = some.at(-1)!.name) {
        some = index.before(last, 97);
        if (some.length === 0) break;
        all.push(...some.map((one) => one.name));
      }
      expect(all).toEqual(back);
    }),
    { numRuns: 40 },
  );
});

it('keeps the first few of many, in their order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.nat(30), (numbers, max) => {
      const first = new FirstFew<number>(max, (a, _aKey, b) => a - b);
      for (const number of numbers) first.offer(number, undefined);
      const found: number[] = [];
      while (first.size > 0) found.push(first.takeLast());
      expect(found.reverse()).toEqual([...numbers].sort((a, b) => a - b).slice(0, max));
    }),
  );
});

it('sorts values of all types: numbers, truth values, nothing, text', () => {
  const keys = ['b', null, 2, true, 'a', 1, undefined, false];
  expect([...keys].sort(compareKeys)).toEqual([1, 2, false, true, null, 'a', 'b', undefined]);
});

function listingOf(things: () => Iterable<Thing>, turn = new Turn()): Listing<Thing, Thing> {
  const source: Source<Thing, Thing> = {
    walk: () => things()[Symbol.iterator](),
    view: (one) => one,
    compare: (a, b) => compareText(a.name, b.name),
  };
  return new Listing(source, new Pace(new ManualClock(), turn));
}

it('a page is what a list of everything would have there', async () => {
  const things = Array.from({ length: 250 }, (_, i) => thing(`n${(i * 37) % 250}`, (i * 7) % 10));
  const listing = listingOf(() => things);
  const odd = ({ size }: Thing): boolean => size % 2 === 1;
  const bySize = [...things].filter(odd).sort((a, b) => b.size - a.size || compareText(b.name, a.name));
  const page = await listing.page(['/'], {
    visible: ({ name }) => name !== 'n7',
    filter: odd,
    sortBy: ({ size }) => size,
    reverse: true,
    skip: 20,
    take: 10,
  });
  const expected = bySize.filter(({ name }) => name !== 'n7');
  expect(page).toEqual({ items: expected.slice(20, 30), total: 249, filtered: expected.length });
});

it('pieces are the whole list, sorted as asked, a few at a time', async () => {
  const things = Array.from({ length: 300 }, (_, i) => thing(`n${(i * 37) % 300}`));
  const names: string[] = [];
  for await (const piece of listingOf(() => things).pieces(['/'])) {
    expect(piece.length).toBeLessThanOrEqual(16);
    names.push(...piece.map(({ name }) => name));
  }
  expect(names).toEqual(things.map(({ name }) => name).sort(compareText));
});

it('pieces are the whole list where more are sorted than are kept at a time, by keys of all types', async () => {
  const things = Array.from({ length: 45_000 }, (_, i) => thing(`n${(i * 7) % 45_000}`, i % 1_000));
  const keyOf = ({ size }: Thing): SortKey => (size % 3 === 0 ? undefined : size % 3 === 1 ? size : `s${size}`);
  const found: Thing[] = [];
  for await (const piece of listingOf(() => things).pieces(['/'], { sortBy: keyOf, reverse: true }))
    found.push(...piece);
  const expected = [...things].sort((a, b) => compareKeys(keyOf(a), keyOf(b)) || compareText(a.name, b.name)).reverse();
  expect(found.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
});

it('does no more in a turn than a slice, however many lists are made', async () => {
  const clock = new CreepingClock();
  clock.stepMs = 0.01;
  const turn = new Turn();
  const seen = new Map<number, number>();
  function* things(): Generator<Thing> {
    for (let i = 0; i < 5_000; i++) {
      seen.set(turn.number, (seen.get(turn.number) ?? 0) + 1);
      yield thing(`n${i}`);
    }
  }
  const source: Source<Thing, Thing> = {
    walk: things,
    view: (one) => one,
    compare: (a, b) => compareText(a.name, b.name),
  };
  const pace = new Pace(clock, turn);
  await Promise.all(Array.from({ length: 4 }, () => new Listing(source, pace).page(['/'], { skip: 0, take: 10 })));
  expect([...seen.values()].reduce((a, b) => a + b)).toBe(20_000);
  // Half a millisecond of a clock that goes on by a hundredth of one each time it is asked: once in sixteen things.
  expect(Math.max(...seen.values())).toBeLessThanOrEqual(1_000);
});

it('an index is made when it is asked for, follows what comes and goes, and is let go of when nobody asks', async () => {
  const clock = new ManualClock();
  const broker = await Broker.start({ dataDirectory: null, dialects: [], clock });
  try {
    const { topology } = broker.vhostsByName.get('/')!;
    const { registry } = topology;
    const options = { durable: false, exclusive: false, autoDelete: false, arguments: [] };
    for (const name of ['b', 'a', 'd']) topology.declareQueue(name, options, null);
    const index = new QueueIndex(broker, new Pace(clock, broker.turn));
    expect(registry.watcher).toBeNull();
    const made = index.whenReady(['/']);
    topology.declareQueue('c', options, null);
    topology.deleteQueue(topology.find('b')!);
    await made;
    topology.declareQueue('aa', options, null);
    expect(index.slice(['/'], 0, 10).map(({ name }) => name)).toEqual(['a', 'aa', 'c', 'd']);
    clock.advance(UNUSED_MS + 1_000);
    expect(registry.watcher).toBeNull();
  } finally {
    await broker.close();
  }
});

it('an index that was asked again lasts as long again, and no longer', async () => {
  const clock = new ManualClock();
  const broker = await Broker.start({ dataDirectory: null, dialects: [], clock });
  try {
    const { registry } = broker.vhostsByName.get('/')!.topology;
    const index = new QueueIndex(broker, new Pace(clock, broker.turn));
    await index.whenReady(['/']);
    clock.advance(UNUSED_MS / 2);
    expect(index.count(['/'])).toBe(0);
    clock.advance(UNUSED_MS / 2 + 1_000);
    expect(registry.watcher).not.toBeNull();
    clock.advance(UNUSED_MS / 2);
    expect(registry.watcher).toBeNull();
  } finally {
    await broker.close();
  }
});

it('a slice is over once its time is, and not before', async () => {
  const clock = new ManualClock();
  const turn = new Turn();
  const pace = new Pace(clock, turn);
  const slice = pace.next();
  for (let i = 0; i < 3; i++) turn.end();
  await slice;
  for (let i = 0; i < 100; i++) expect([pace.over(), pace.late()]).toEqual([false, false]);
  clock.advance(20);
  expect(pace.late()).toBe(true);
  expect(Array.from({ length: 16 }, () => pace.over())).toContain(true);
});

it('a slice has its time whatever else is done at the end of its turn', async () => {
  const clock = new ManualClock();
  const turn = new Turn();
  const pace = new Pace(clock, turn);
  const slice = pace.next();
  const slow = { inTurn: false, endOfTurn: () => clock.advance(20) };
  for (let i = 0; i < 3; i++) {
    turn.end();
    turn.add(PHASE_GATHER, slow);
  }
  turn.end();
  await slice;
  expect(pace.late()).toBe(false);
});

it('what nobody waits for gets some of the slices, and most are for lists that somebody waits for', async () => {
  const turn = new Turn();
  const pace = new Pace(new ManualClock(), turn);
  const got: string[] = [];
  const work = async (what: string, background: boolean): Promise<void> => {
    while (got.length < 30) {
      await pace.next(background);
      got.push(what);
    }
  };
  const all = [work('a list', false), work('nobody', true)];
  for (let turns = 0; turns < 50; turns++) {
    turn.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  const background = got.slice(0, 30).filter((what) => what === 'nobody').length;
  expect(background).toBeGreaterThanOrEqual(8);
  expect(background).toBeLessThanOrEqual(12);
});

it('a vhost of very many queues has its index from the start on and keeps it until it is short', async () => {
  const clock = new ManualClock();
  const broker = await Broker.start({ dataDirectory: null, dialects: [], clock });
  try {
    const { topology } = broker.vhostsByName.get('/')!;
    const { registry } = topology;
    const index = new QueueIndex(broker, new Pace(clock, broker.turn));
    index.begin();
    expect(registry.watcher).toBeNull();
    const options = { durable: false, exclusive: false, autoDelete: false, arguments: [] };
    for (let n = 0; n < MANY; n++) topology.declareQueue(`q${n}`, options, null);
    index.begin();
    await index.whenReady(['/']);
    clock.advance(3 * UNUSED_MS);
    expect(registry.watcher).not.toBeNull();
    expect(index.count(['/'])).toBe(MANY);
    topology.deleteQueue(topology.find('q0')!);
    clock.advance(3 * UNUSED_MS);
    expect(registry.watcher).toBeNull();
  } finally {
    await broker.close();
  }
});

it('pages are the same whether there is an index or not', async () => {
  const clock = new ManualClock();
  const broker = await Broker.start({ dataDirectory: null, dialects: [], clock });
  try {
    const { topology } = broker.vhostsByName.get('/')!;
    const options = { durable: false, exclusive: false, autoDelete: false, arguments: [] };
    for (let n = 0; n < 700; n++) topology.declareQueue(`q${(n * 37) % 700}`, options, null);
    const pace = new Pace(clock, broker.turn);
    const { list } = new Queues(broker, pace, new Sampler(broker, pace), new QueueIndex(broker, pace));
    const pages = () =>
      Promise.all(
        [
          { skip: 0, take: 5 },
          { skip: 600, take: 200 },
          { skip: 3, take: 5, reverse: true },
          { skip: 1, take: 3, filter: ({ name }: QueueView) => name.endsWith('7') },
          { skip: 10, take: 4, sortBy: ({ name }: QueueView) => name.length, reverse: true },
          { skip: 0, take: 50, sortBy: ({ name }: QueueView) => name.at(-1), reverse: true },
          { skip: 0, take: 50, sortBy: ({ name }: QueueView) => name.at(-1) },
          { skip: 5, take: 9, sortBy: () => 1 },
          { skip: 5, take: 9, sortBy: () => 1, reverse: true },
          { skip: 5, take: 9, filter: () => true, reverse: true },
          { skip: 0, take: 0, sortBy: () => 1 },
        ].map(async (query) => {
          const { items, total, filtered } = await list.page(['/'], query);
          return { names: items.map(({ name }) => name), total, filtered };
        }),
      );
    const without = await pages();
    await list.pieces(['/']).next();
    expect(topology.registry.watcher).not.toBeNull();
    expect(await pages()).toEqual(without);
    expect(without[0]!.names).toEqual(['q0', 'q1', 'q10', 'q100', 'q101']);
    expect(without[1]!.names).toHaveLength(100);
    expect(without[3]).toMatchObject({ total: 700, filtered: 70 });
  } finally {
    await broker.close();
  }
});
