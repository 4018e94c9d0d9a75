/** Consumers that do not take every message: selectors, and groups that stay with one consumer. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MARK_REFUSED, MODIFIED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Dialect } from '../../../src/message/dialect.ts';
import {
  consume,
  DURABLE,
  makeDraft,
  openSession,
  queueArguments,
  type Recorder,
  type SendOptions,
  safe,
  startCore,
  TRANSIENT,
} from '../../vhost/harness.ts';

/** Properties are `colour` or `colour/group`. */
let decoded = 0;
const DIALECT: Dialect = {
  id: 9,
  name: 'test',
  decode(view) {
    decoded++;
    const [colour, group] = view.props.toString('utf8', view.propsStart, view.propsEnd).split('/');
    return { headers: [{ name: 'colour', value: colour! }], ...(group === undefined ? {} : { groupId: group }) };
  },
};

let broker: Broker;
let session: Session;
let directory: string;
let data: string;
let clock: ManualClock;

const start = async (log = {}): Promise<void> => {
  broker = await startCore(data, { clock, dialects: [DIALECT], log });
  session = openSession(broker);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-matching-'));
  data = join(directory, 'data');
  clock = new ManualClock();
  await start();
  session.declareQueue('q', DURABLE);
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

const turn = (): void => broker.turn.end();
const send = (body: string, colour: string, options: SendOptions = {}, queue = 'q'): number => {
  const key = Buffer.from(queue);
  const draft = makeDraft(body, options);
  draft.props = Buffer.from(colour);
  draft.propsEnd = draft.props.length;
  draft.grouped = colour.includes('/');
  return session.publish(session.route('', 0, key, 0, key.length), draft);
};
const only = (colour: string, more = {}) => consume(session, 'q', { selector: `colour = '${colour}'`, ...more });
const bodies = (...recorders: Recorder[]): string[] => recorders.map((recorder) => recorder.bodies.join(''));
const waiting = (): number => session.checkQueue('q').messages;

describe('a consumer with a selector', () => {
  it('gets what it asks for, in order, and others pass by without waiting', () => {
    const red = only('red');
    const blue = only('blue');
    for (const [i, colour] of ['red', 'green', 'blue', 'red', 'green', 'blue'].entries()) send(`${i}`, colour);
    turn();
    expect(bodies(red, blue)).toEqual(['03', '25']);
    expect(waiting()).toBe(2);
    const rest = consume(session, 'q');
    turn();
    expect(bodies(rest)).toEqual(['14']);
  });

  it('takes turns with others that want the same, and those that want everything', () => {
    const a = only('red');
    const b = only('red');
    const all = consume(session, 'q');
    for (let i = 0; i < 6; i++) send(`${i}`, 'red');
    turn();
    expect(bodies(a, b, all)).toEqual(['03', '14', '25']);
  });

  it('has a full neighbour wait, and goes past it', () => {
    const red = only('red', { prefetch: 1 });
    const blue = only('blue');
    for (const [i, colour] of ['red', 'red', 'blue'].entries()) send(`${i}`, colour);
    turn();
    expect(bodies(red, blue)).toEqual(['0', '2']);
    red.consumer.settle(red.seen[0]!.slot, ACCEPTED);
    turn();
    expect(bodies(red)).toEqual(['01']);
  });

  it('gets again what was given back, before what came later', () => {
    const red = only('red', { prefetch: 2 });
    for (const [i, colour] of ['blue', 'red', 'red', 'red'].entries()) send(`${i}`, colour);
    turn();
    red.consumer.settle(red.seen[0]!.slot, MODIFIED);
    turn();
    expect(bodies(red)).toEqual(['121']);
    expect(red.seen[2]).toMatchObject({ attempts: 1, redelivered: true });
    red.consumer.cancel(RELEASED);
    const all = consume(session, 'q');
    turn();
    expect(bodies(all)).toEqual(['0123']);
  });

  it('looks at each message once, however often it is woken', () => {
    const red = only('red');
    for (let i = 0; i < 500; i++) send('x', 'blue');
    turn();
    decoded = 0;
    for (let i = 0; i < 20; i++) {
      send('y', 'blue');
      red.consumer.wake();
      turn();
    }
    expect(decoded).toBe(20);
  });

  it('finds what lies behind more than one turn looks at', async () => {
    for (let i = 0; i < 9000; i++) send('x', 'blue');
    send('y', 'red');
    const red = only('red');
    turn();
    expect(bodies(red)).toEqual(['']);
    await expect.poll(() => bodies(red)).toEqual(['y']);
    expect(waiting()).toBe(9000);
  });

  it('is refused with a selector that cannot be read, and the queue is as it was', () => {
    expect(() => consume(session, 'q', { selector: 'colour = ' })).toThrow();
    const all = consume(session, 'q');
    send('x', 'red');
    turn();
    expect(bodies(all)).toEqual(['x']);
  });

  it('reads messages that lie on the disk', async () => {
    await broker.close();
    await start({ blockBytes: 4096, segmentBytes: 16_384, residentBytesMax: 4096 });
    for (let i = 0; i < 60; i++) send(`${i % 10}${'x'.repeat(500)}`, i % 6 === 0 ? 'red' : 'blue');
    await safe(session);
    const red = only('red');
    await expect.poll(() => red.seen.length).toBe(10);
    expect(red.seen.map(({ body }) => body[0]).join('')).toBe('0628406284');
    expect(waiting()).toBe(50);
  });

  it('leaves holes that neither a checkpoint nor a kill fills again', async () => {
    const red = only('red');
    for (let i = 0; i < 20; i++) send(`${i % 10}`, i % 3 === 1 ? 'red' : 'blue');
    turn();
    for (const { slot } of red.seen) red.consumer.settle(slot, ACCEPTED);
    await safe(session);
    const copy = join(directory, 'copy');
    cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
    await broker.close(); // with a checkpoint
    await start();
    const wanted = '0235689124578';
    for (const from of [data, copy]) {
      if (from === copy) {
        await broker.close();
        data = copy;
        await start();
      }
      const all = consume(session, 'q');
      await expect.poll(() => bodies(all)).toEqual([wanted]);
      all.consumer.cancel(RELEASED);
    }
  });

  it('does not get what has waited too long, wherever it lies', () => {
    send('0', 'blue');
    send('1', 'red', { ttlMs: 100 });
    send('2', 'red');
    turn();
    clock.advance(200);
    const red = only('red');
    turn();
    expect(bodies(red)).toEqual(['2']);
    expect(waiting()).toBe(1);
  });

  it('gets the higher priorities first', () => {
    session.declareQueue('p', { ...TRANSIENT, arguments: queueArguments({ 'x-max-priority': 9 }) });
    for (let i = 0; i < 8; i++) send(`${i}`, i % 2 === 0 ? 'red' : 'blue', { priority: i < 4 ? 1 : 5 }, 'p');
    const red = consume(session, 'p', { selector: "colour = 'red'", prefetch: 3 });
    turn();
    expect(bodies(red)).toEqual(['460']);
    const all = consume(session, 'p');
    turn();
    expect(bodies(all)).toEqual(['57123']);
  });

  it('that wants nothing of a full queue does not keep it from refusing', () => {
    const args = queueArguments({ 'x-max-length': 2, 'x-overflow': 'reject-publish' });
    session.declareQueue('full', { ...TRANSIENT, arguments: args });
    consume(session, 'full', { selector: "colour = 'red'" });
    const marks = [1, 2, 3].map(() => send('x', 'blue', {}, 'full') === MARK_REFUSED);
    expect(marks).toEqual([false, false, true]);
  });
});

describe('a group', () => {
  it('stays with one consumer, in order; those without one go to whoever is next', () => {
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    for (const [body, colour] of [
      ['0', 'x/g'],
      ['1', 'x/h'],
      ['2', 'x/g'],
      ['3', 'x'],
      ['4', 'x/g'],
      ['5', 'x/h'],
    ] as const) {
      send(body, colour);
    }
    turn();
    expect(new Set(bodies(a, b))).toEqual(new Set(['024', '135']));
  });

  it('waits for its consumer, while others go on', () => {
    const a = consume(session, 'q', { prefetch: 1 });
    const b = consume(session, 'q', { prefetch: 5 });
    send('0', 'x/g');
    turn();
    const [owner, other] = a.seen.length === 1 ? [a, b] : [b, a];
    if (owner === b) return;
    for (const [body, colour] of [
      ['1', 'x/g'],
      ['2', 'x/h'],
      ['3', 'x/g'],
    ] as const)
      send(body, colour);
    turn();
    expect(bodies(owner, other)).toEqual(['0', '2']);
    owner.consumer.settle(owner.seen[0]!.slot, ACCEPTED);
    turn();
    expect(bodies(owner, other)).toEqual(['01', '2']);
  });

  it('moves on when its consumer leaves, with what that one held first', () => {
    const a = consume(session, 'q', { prefetch: 2 });
    for (let i = 0; i < 4; i++) send(`${i}`, 'x/g');
    turn();
    const b = consume(session, 'q');
    turn();
    expect(bodies(a, b)).toEqual(['01', '']);
    a.consumer.cancel(RELEASED);
    turn();
    expect(bodies(b)).toEqual(['0123']);
  });

  it('is remembered while there are so many of them, and then the one that was used longest ago is not', () => {
    const a = consume(session, 'q', { prefetch: 1 });
    const b = consume(session, 'q', { prefetch: 1 });
    // Both are there from the beginning, or groups would be shared out anew; one is busy with what is of no group.
    send('none', 'x', { persistent: false });
    send('none', 'x', { persistent: false });
    turn();
    a.consumer.settle(a.seen[0]!.slot, ACCEPTED);
    const last = 16_384;
    for (let group = 1; group <= last; group++) {
      send(`${group}`, `x/${group}`, { persistent: false });
      turn();
      if (group < last) a.consumer.settle(a.seen.at(-1)!.slot, ACCEPTED);
    }
    expect(a.seen.length).toBe(last + 1);
    send('first again', 'x/1', { persistent: false });
    b.consumer.settle(b.seen[0]!.slot, ACCEPTED);
    turn();
    expect(b.bodies).toEqual(['none']);
    a.consumer.settle(a.seen.at(-1)!.slot, ACCEPTED);
    turn();
    expect(a.bodies.at(-1)).toBe('first again');
    // With one group more the second is forgotten, not the first, which has been used since.
    send('more', `x/${last + 1}`, { persistent: false });
    turn();
    for (const group of [1, 2]) send(`${group}`, `x/${group}`, { persistent: false });
    b.consumer.settle(b.seen[1]!.slot, ACCEPTED);
    turn();
    expect(b.bodies).toEqual(['none', 'more', '2']);
  });

  it('is a group after a kill as well', async () => {
    for (let i = 0; i < 4; i++) send(`${i}`, 'x/g');
    await safe(session);
    const copy = join(directory, 'copy');
    cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
    await broker.close();
    data = copy;
    await start();
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    await expect.poll(() => a.seen.length + b.seen.length).toBe(4);
    expect(bodies(a, b).sort()).toEqual(['', '0123']);
  });
});

it('nothing is lost, doubled or given to the wrong one, whatever consumers do', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('send' as const),
      colour: fc.constantFrom('red', 'blue', 'green'),
      group: fc.constantFrom('', '/g', '/h'),
    }),
    fc.record({
      do: fc.constant('consume' as const),
      want: fc.constantFrom('red', 'blue', ''),
      prefetch: fc.constantFrom(0, 1, 3),
    }),
    fc.record({ do: fc.constant('settle' as const), outcome: fc.constantFrom(ACCEPTED, RELEASED, MODIFIED) }),
    fc.record({ do: fc.constant('leave' as const) }),
    fc.record({ do: fc.constant('turn' as const) }),
  );
  let round = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(-1, 3), (steps, priorityMax) => {
      const name = `r${round++}`;
      const args = priorityMax < 0 ? {} : { 'x-max-priority': priorityMax };
      session.declareQueue(name, { ...TRANSIENT, arguments: queueArguments(args) });
      const readers: { recorder: Recorder; want: string; held: number[]; from: number }[] = [];
      const settled = new Set<string>();
      let sent = 0;
      const update = (): void => {
        for (const reader of readers) {
          for (; reader.from < reader.recorder.seen.length; reader.from++) {
            const { body } = reader.recorder.seen[reader.from]!;
            if (settled.has(body)) throw new Error(`${body} came again`);
            if (reader.want !== '' && !body.startsWith(reader.want)) throw new Error(`${body} went to ${reader.want}`);
            for (const other of readers) {
              for (const i of other.held) {
                const held = other.recorder.seen[i]!.body;
                if (held === body) throw new Error(`${body} is held twice`);
                const group = /\/[gh]/.exec(held)?.[0];
                if (group !== undefined && other !== reader && body.includes(group))
                  throw new Error(`${group} is split`);
              }
            }
            reader.held.push(reader.from);
          }
        }
      };
      for (const act of steps) {
        if (act.do === 'send')
          send(`${act.colour}${act.group}-${sent++}`, `${act.colour}${act.group}`, { priority: sent % 5 }, name);
        else if (act.do === 'consume') {
          const selector = act.want === '' ? {} : { selector: `colour = '${act.want}'` };
          const recorder = consume(session, name, { prefetch: act.prefetch, ...selector });
          readers.push({ recorder, want: act.want, held: [], from: 0 });
        } else if (act.do === 'turn') turn();
        update();
        const reader = readers[sent % Math.max(1, readers.length)];
        if (reader === undefined) continue;
        if (act.do === 'settle' && reader.held.length > 0) {
          const seen = reader.recorder.seen[reader.held.shift()!]!;
          if (act.outcome === ACCEPTED) settled.add(seen.body);
          reader.recorder.consumer.settle(seen.slot, act.outcome);
        } else if (act.do === 'leave') {
          readers.splice(readers.indexOf(reader), 1);
          reader.recorder.consumer.cancel(RELEASED);
        }
      }
      for (const reader of readers.splice(0)) reader.recorder.consumer.cancel(RELEASED);
      const rest = consume(session, name);
      turn();
      expect(new Set([...rest.bodies, ...settled]).size).toBe(sent);
      expect(rest.bodies.length + settled.size).toBe(sent);
      session.deleteQueue(name, false, false);
    }),
    { numRuns: 300 },
  );
});
