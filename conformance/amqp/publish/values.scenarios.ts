/**
 * Values by their types and bytes: which bindings are one, what a headers exchange calls equal, and that tables pass through
 * dead letters and redeliveries byte for byte. By hand, for no client library can say all of it.
 */
import { expect } from 'vitest';
import { within } from '../../support/inbox.ts';
import { PATIENCE_MS } from '../clients/arrivals.ts';
import {
  bits,
  body,
  EMPTY_TABLE,
  field,
  HEADERS_FLAG,
  header,
  long,
  method,
  publish,
  short,
  table,
  u8,
  u16,
  u32,
  u64,
} from '../clients/frames.ts';
import type { RawConnection } from '../clients/raw.ts';
import { type Run, rawScenario, topic } from '../scenario.ts';

const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
const single = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
};

/** A value of each type, by its letter. */
const VALUES: Readonly<Record<string, readonly [letter: string, bytes: Buffer]>> = {
  void: ['V', Buffer.alloc(0)],
  'int8 5': ['b', u8(5)],
  'uint8 5': ['B', u8(5)],
  'int16 5': ['s', u16(5)],
  'uint16 5': ['u', u16(5)],
  'int32 5': ['I', u32(5)],
  'uint32 5': ['i', u32(5)],
  'int64 5': ['l', u64(5)],
  'int64 6': ['l', u64(6)],
  'float 5': ['f', single(5)],
  'double 5': ['d', double(5)],
  'double 5.5': ['d', double(5.5)],
  'timestamp 5': ['T', u64(5)],
  'decimal 5': ['D', Buffer.concat([u8(0), u32(5)])],
  'decimal 5.0': ['D', Buffer.concat([u8(1), u32(50)])],
  'text 5': ['S', long('5')],
  'bytes 5': ['x', long('5')],
  true: ['t', u8(1)],
  'text FF': ['S', long(Buffer.of(0xff))],
  'text FE': ['S', long(Buffer.of(0xfe))],
  'bytes FF': ['x', long(Buffer.of(0xff))],
  'list of int32 5': ['A', long(Buffer.concat([Buffer.from('I'), u32(5)]))],
  'list of int64 5': ['A', long(Buffer.concat([Buffer.from('l'), u64(5)]))],
  'table a, b': ['F', table(field('a', 'I', u32(1)), field('b', 'I', u32(2)))],
  'table b, a': ['F', table(field('b', 'I', u32(2)), field('a', 'I', u32(1)))],
};
const NAMES = Object.keys(VALUES).filter((name) => name !== 'void');
/** Headers that equal each other though they are not the same. */
const NUMBERS = NAMES.filter((name) => /^(?:u?int\d+|float|double|timestamp) 5$/.test(name));
const ALIKE: readonly (readonly string[])[] = [NUMBERS, ['text 5', 'bytes 5'], ['text FF', 'bytes FF']];

const valued = (name: string): Buffer => field('h', ...VALUES[name]!);

async function declare(raw: RawConnection, queue: string, ...args: readonly Buffer[]): Promise<void> {
  raw.send(method(1, 'queue.declare', u16(0), short(queue), bits(false, true, false, false, false), table(...args)));
  await raw.expect('queue.declare-ok', 1);
}

async function exchange(raw: RawConnection, name: string, type: string): Promise<void> {
  const flags = bits(false, false, false, false, false);
  raw.send(method(1, 'exchange.declare', u16(0), short(name), short(type), flags, EMPTY_TABLE));
  await raw.expect('exchange.declare-ok', 1);
}

async function bind(raw: RawConnection, queue: string, x: string, key: string, args = EMPTY_TABLE): Promise<void> {
  raw.send(method(1, 'queue.bind', u16(0), short(queue), short(x), short(key), bits(false), args));
  await raw.expect('queue.bind-ok', 1);
}

async function unbind(raw: RawConnection, queue: string, x: string, key: string, args = EMPTY_TABLE): Promise<void> {
  raw.send(method(1, 'queue.unbind', u16(0), short(queue), short(x), short(key), args));
  await raw.expect('queue.unbind-ok', 1);
}

/** How many messages a queue had. */
async function purge(raw: RawConnection, queue: string): Promise<number> {
  raw.send(method(1, 'queue.purge', u16(0), short(queue), bits(false)));
  return (await raw.expect('queue.purge-ok', 1)).u32();
}

function send(raw: RawConnection, x: string, key: string, properties: Buffer): void {
  raw.send(publish(1, x, key), header(1, 1, properties), body(1, 'x'));
}

const withHeaders = (...fields: readonly Buffer[]): Buffer => Buffer.concat([u16(HEADERS_FLAG), table(...fields)]);

async function remove(raw: RawConnection, queues: readonly string[], x?: string): Promise<void> {
  if (x !== undefined) {
    raw.send(method(1, 'exchange.delete', u16(0), short(x), bits(false, false)));
    await raw.expect('exchange.delete-ok', 1);
  }
  for (const queue of queues) {
    raw.send(method(1, 'queue.delete', u16(0), short(queue), bits(false, false, false)));
    await raw.expect('queue.delete-ok', 1);
  }
}

interface Got {
  readonly tag: bigint;
  readonly properties: Buffer;
}

/** basic.get until there is one. */
async function take(raw: RawConnection, queue: string): Promise<Got> {
  const asked = (async (): Promise<Got> => {
    for (;;) {
      raw.send(method(1, 'basic.get', u16(0), short(queue), bits(false)));
      const { name, fields } = await raw.method();
      if (name === 'basic.get-empty') continue;
      expect(name).toBe('basic.get-ok');
      const tag = fields.u64();
      return { tag, properties: (await raw.content()).properties };
    }
  })();
  return within(asked, PATIENCE_MS, () => `nothing came into ${queue}`);
}

const reject = (raw: RawConnection, tag: bigint, requeue: boolean): void =>
  raw.send(method(1, 'basic.reject', u64(tag), bits(requeue)));

/** What the broker may not change: a correlation id of any bytes, text in Latin-1, a name that is no UTF-8, odd types. */
const CORRELATION = Buffer.from('8f0001fffe107f80c328a0a1e228a100', 'hex');
const CORRELATION_FLAG = 0x0400;
const FIELDS = [
  field('latin', 'S', long(Buffer.from('caf\xe9', 'latin1'))),
  Buffer.concat([u8(2), Buffer.of(0xff, 0xfe), Buffer.from('I'), u32(1)]),
  field('binary', 'x', long(CORRELATION)),
  field('deep', 'F', table(field('list', 'A', long(Buffer.concat([Buffer.from('S'), long(Buffer.of(0xe9))]))))),
  field('decimal', 'D', Buffer.concat([u8(2), u32(314)])),
  field('small', 's', u16(7)),
];
const ALL = Buffer.concat([u16(HEADERS_FLAG | CORRELATION_FLAG), table(...FIELDS), short(CORRELATION)]);

/** That nothing of it is missing, nor changed, whatever else is there. */
function expectUntouched(properties: Buffer): void {
  for (const one of [...FIELDS, short(CORRELATION)]) {
    expect(properties.includes(one), `${one.toString('latin1')} in ${properties.toString('latin1')}`).toBe(true);
  }
}

async function dying(t: Run, raw: RawConnection): Promise<{ q: string; dead: string }> {
  const [q, dead] = [t.name(), t.name('dead')];
  await declare(raw, dead);
  const to = [field('x-dead-letter-exchange', 'S', long('')), field('x-dead-letter-routing-key', 'S', long(dead))];
  await declare(raw, q, ...to);
  return { q, dead };
}

export const values = topic('values', [
  rawScenario('headers: what equals what, by type', '§3.1.3.4', async (t) => {
    const raw = await t.rawChannel();
    const x = t.name('x');
    await exchange(raw, x, 'headers');
    const queues = NAMES.map((_, i) => t.name(`v${i}`));
    for (const [i, q] of queues.entries()) {
      await declare(raw, q);
      await bind(raw, q, x, '', table(valued(NAMES[i]!)));
    }
    for (const name of NAMES) {
      send(raw, x, '', withHeaders(valued(name)));
      const hit: string[] = [];
      for (const [i, q] of queues.entries()) if ((await purge(raw, q)) > 0) hit.push(NAMES[i]!);
      const expected = ALIKE.find((group) => group.includes(name)) ?? [name];
      expect(hit, `a message with ${name}`).toEqual(NAMES.filter((other) => expected.includes(other)));
    }
    await remove(raw, queues, x);
  }),

  rawScenario('bindings are one if their arguments are the same, types and all', '§1.7.2.3', async (t) => {
    const raw = await t.rawChannel();
    const [x, q] = [t.name('x'), t.name()];
    await exchange(raw, x, 'fanout');
    await declare(raw, q);
    for (const [i, one] of NAMES.entries()) {
      for (const other of NAMES.slice(i + 1)) {
        await bind(raw, q, x, 'k', table(valued(one)));
        await bind(raw, q, x, 'k', table(valued(other)));
        await unbind(raw, q, x, 'k', table(valued(one)));
        send(raw, x, '', u16(0));
        expect(await purge(raw, q), `${other} after ${one} has gone`).toBe(1);
        await unbind(raw, q, x, 'k', table(valued(other)));
        send(raw, x, '', u16(0));
        expect(await purge(raw, q), `neither ${one} nor ${other}`).toBe(0);
      }
    }
    await remove(raw, [q], x);
  }),

  rawScenario('bindings are one whatever the order of their arguments', '§1.7.2.3', async (t) => {
    const raw = await t.rawChannel();
    const [x, q] = [t.name('x'), t.name()];
    await exchange(raw, x, 'fanout');
    await declare(raw, q);
    const [a, b] = [field('a', 'I', u32(1)), field('b', 'I', u32(2))];
    await bind(raw, q, x, 'k', table(a, b));
    await bind(raw, q, x, 'k', table(b, a));
    await unbind(raw, q, x, 'k', table(a, b));
    send(raw, x, '', u16(0));
    expect(await purge(raw, q)).toBe(0);
    await remove(raw, [q], x);
  }),

  rawScenario('arguments of a queue that is declared again: what equals what, by type', '§1.7.2.1', async (t) => {
    const declareWith = async (q: string, argument: string, name: string): Promise<string> => {
      const raw = await t.rawChannel();
      const args = table(field(argument, ...VALUES[name]!));
      raw.send(method(1, 'queue.declare', u16(0), short(q), bits(false, false, false, false, false), args));
      const { name: answer, fields } = await raw.method();
      raw.cut();
      return answer === 'queue.declare-ok' ? 'ok' : `${fields.u16()} ${fields.short()}`;
    };
    const cases = [
      ['x-max-length', 'int32 5', NUMBERS.filter((name) => !/float|double/.test(name))],
      ['x-dead-letter-exchange', 'text 5', ['text 5', 'bytes 5']],
    ] as const;
    for (const [argument, first, equal] of cases) {
      const q = t.name();
      expect(await declareWith(q, argument, first)).toBe('ok');
      for (const name of ['void', ...NAMES]) {
        if (/decimal|list|table|F[EF]/.test(name)) continue; // RabbitMQ crashes on some of them
        const shown = name === 'void' ? 'none' : `'${name === 'true' ? name : name.split(' ')[1]}'`;
        const real = /^(?:float|double) 5$/.test(name) ? `'5.0'` : shown;
        const what = `queue '${q}' in vhost '/'`;
        const refusal = `406 PRECONDITION_FAILED - inequivalent arg '${argument}' for ${what}: received ${real} but current is '5'`;
        expect(await declareWith(q, argument, name), name).toBe(
          (equal as readonly string[]).includes(name) ? 'ok' : refusal,
        );
      }
      await remove(await t.rawChannel(), [q]);
    }
  }),

  rawScenario('a dead letter keeps the bytes of its properties and headers', 'dlx', async (t) => {
    const raw = await t.rawChannel();
    const { q, dead } = await dying(t, raw);
    send(raw, '', q, ALL);
    reject(raw, (await take(raw, q)).tag, false);
    const once = await take(raw, dead);
    expectUntouched(once.properties);
    expect(once.properties.includes(Buffer.from('x-death'))).toBe(true);
    await remove(raw, [q, dead]);
  }),

  rawScenario('so does one that dies of its own time to live, which it loses', 'dlx; ttl', async (t) => {
    const raw = await t.rawChannel();
    const { q, dead } = await dying(t, raw);
    const flags = HEADERS_FLAG | CORRELATION_FLAG | 0x0100;
    send(raw, '', q, Buffer.concat([u16(flags), table(...FIELDS), short(CORRELATION), short('1')]));
    const letter = await take(raw, dead);
    expectUntouched(letter.properties);
    expect(letter.properties.readUInt16BE(0)).toBe(HEADERS_FLAG | CORRELATION_FLAG);
    await remove(raw, [q, dead]);
  }),

  rawScenario(
    'a redelivery by a quorum queue keeps the bytes of its properties and headers',
    'quorum-queues',
    async (t) => {
      const raw = await t.rawChannel();
      const q = t.name();
      await declare(raw, q, field('x-queue-type', 'S', long('quorum')));
      send(raw, '', q, ALL);
      reject(raw, (await take(raw, q)).tag, true);
      const again = await take(raw, q);
      expectUntouched(again.properties);
      expect(again.properties.includes(field('x-delivery-count', 'l', u64(1)))).toBe(true);
      await remove(raw, [q]);
    },
  ),

  rawScenario('of a header that comes twice the first is delivered', '§4.2.5.5', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    await declare(raw, q);
    const [first, second, other] = [field('k', 'I', u32(1)), field('k', 'I', u32(2)), field('j', 'V')];
    send(raw, '', q, withHeaders(first, other, second));
    const delivered = t.differs('repeated-names') ? [first, other, second] : [first, other];
    expect((await take(raw, q)).properties).toEqual(withHeaders(...delivered));
    await remove(raw, [q]);
  }),

  rawScenario('BCC is taken away, and nothing else is touched', 'sender-selected', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    await declare(raw, q);
    const hidden = field('BCC', 'A', long(Buffer.concat([Buffer.from('S'), long(t.name('nowhere'))])));
    const correlated = u16(HEADERS_FLAG | CORRELATION_FLAG);
    send(
      raw,
      '',
      q,
      Buffer.concat([correlated, table(...FIELDS.slice(0, 3), hidden, ...FIELDS.slice(3)), short(CORRELATION)]),
    );
    expect((await take(raw, q)).properties).toEqual(ALL);
    await remove(raw, [q]);
  }),
]);
