/**
 * Valid conversations, damaged: whatever comes, the adapter answers in its own form or closes, never throws, never
 * hangs, keeps nothing. Bounded here; ENTREPOT_FUZZ_RUNS asks for more.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amqp } from '../../../protocols/amqp/index.ts';
import { Broker } from '../../../src/broker.ts';
import type { Transport } from '../../../src/protocol.ts';
import { Output } from '../../../src/transport/output.ts';
import {
  CHANNEL_OPEN,
  frame,
  GREETING,
  header,
  method,
  OPEN,
  publish,
  START_OK,
  short,
  TUNE_OK,
  u8,
  u16,
  u32,
  u64,
} from './wire.ts';

const RUNS = Number(process.env['ENTREPOT_FUZZ_RUNS'] ?? 3000);
const table = u32(0);
const queue = short('fuzzed');
const conversation: Buffer[] = [
  method(1, 50, 10, u16(0), queue, u8(0), table),
  method(1, 40, 10, u16(0), short('fuzzed-x'), short('topic'), u8(0), table),
  method(1, 50, 20, u16(0), queue, short('fuzzed-x'), short('a.#'), u8(0), table),
  method(1, 85, 10, u8(0)),
  method(1, 60, 10, u32(0), u16(10), u8(0)),
  method(1, 60, 20, u16(0), queue, short('t'), u8(0), table),
  publish(1, 'fuzzed-x', 'a.b', 1),
  header(1, 6, Buffer.concat([u16(0x9000), short('x/y'), u8(2)])),
  frame(3, 1, Buffer.from('abc')),
  frame(3, 1, Buffer.from('def')),
  publish(1, '', 'fuzzed'),
  header(1, 0, Buffer.concat([u16(0x2000), u32(7), u8(1), Buffer.from('aI'), u32(5)])),
  method(1, 60, 70, u16(0), queue, u8(0)),
  method(1, 60, 80, u64(1), u8(1)),
  method(1, 60, 120, u64(0), u8(3)),
  method(1, 60, 110, u8(1)),
  publish(1, '', 'fuzzed'),
  header(1, 200_000),
  frame(3, 1, Buffer.alloc(100_000)),
  frame(3, 1, Buffer.alloc(100_000)),
  method(1, 50, 50, u16(0), queue, short('fuzzed-x'), short('a.#'), table),
  method(1, 50, 30, u16(0), queue, u8(0)),
  method(1, 60, 30, short('t'), u8(0)),
  method(2, 20, 10, short('')),
  method(2, 90, 10),
  publish(2, '', 'fuzzed'),
  header(2, 1),
  frame(3, 2, u8(1)),
  method(2, 90, 20),
  method(2, 90, 30),
  frame(8, 0),
  method(1, 50, 40, u16(0), queue, u8(0)),
  method(1, 40, 20, u16(0), short('fuzzed-x'), u8(0)),
  method(1, 20, 40, u16(200), short(''), u16(0), u16(0)),
  method(0, 10, 50, u16(200), short(''), u16(0), u16(0)),
];
const PRELUDE = [GREETING, START_OK, TUNE_OK, OPEN, CHANNEL_OPEN];

let broker: Broker;
const protocol = amqp();
beforeAll(async () => {
  broker = await Broker.start({ dataDirectory: null, dialects: [protocol.dialect] });
});
afterAll(() => broker.close());

/** Lets one client say `bytes` in pieces, and go. */
async function converse(bytes: Buffer, pieces: number[], to = broker, spoken = protocol): Promise<void> {
  const output = new Output({ writeAll: () => true, unsentBytes: 0 }, to.turn);
  const address = { address: '127.0.0.1', port: 1 };
  let open = true;
  let paused = false;
  const transport: Transport = {
    remote: address,
    local: address,
    loopback: true,
    secure: false,
    output,
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
    end: () => {
      open = false;
    },
    destroy: () => {
      open = false;
    },
  };
  const handler = spoken.accept(transport, to);
  output.onDrained = () => handler.drained();
  let at = 0;
  for (let i = 0; at < bytes.length && open; i++) {
    for (let turns = 0; paused && open && turns < 50; turns++) await new Promise(setImmediate);
    if (paused || !open) break;
    const n = pieces.length === 0 ? bytes.length : pieces[i % pieces.length]!;
    const chunk = Buffer.from(bytes.subarray(at, at + n));
    at += n;
    // Processor time: on a busy machine the clock on the wall says nothing.
    const before = process.cpuUsage();
    handler.data(chunk);
    expect(process.cpuUsage(before).user).toBeLessThan(100_000);
    chunk.fill(0xaa);
  }
  to.turn.end();
  handler.closed();
}

type Damage =
  | { kind: 'byte'; at: number; value: number }
  | { kind: 'drop' | 'twice' | 'swap'; frame: number }
  | { kind: 'cut'; at: number };
const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('drop' as const, 'twice' as const, 'swap' as const),
      frame: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }) },
);

describe('damaged conversations', () => {
  test('never bring the adapter out of order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(damage, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 5 }),
        async (damages, greeted, pieces) => {
          const frames: Buffer[] = conversation.map((f) => Buffer.from(f));
          const whole = (): Buffer => Buffer.concat(frames);
          for (const d of damages) {
            if (d.kind === 'byte') {
              // Within the first bytes of some frame, where the meaning is.
              const f = frames[d.at % frames.length];
              if (f !== undefined) f[(d.at >>> 5) % Math.min(f.length, 40)] = d.value;
            } else if (d.kind === 'drop') frames.splice(d.frame % frames.length, 1);
            else if (d.kind === 'twice') frames.splice(d.frame % frames.length, 0, frames[d.frame % frames.length]!);
            else if (d.kind === 'swap') frames.push(frames.splice(d.frame % frames.length, 1)[0]!);
            else if (d.kind === 'cut') {
              const bytes = whole();
              frames.splice(0, frames.length, bytes.subarray(0, d.at % bytes.length));
            }
            if (frames.length === 0) return;
          }
          await converse(Buffer.concat([...(greeted ? PRELUDE : [GREETING]), whole()]), pieces);
        },
      ),
      { numRuns: RUNS },
    );
    expect(protocol.stats.internalErrors).toBe(0);
    expect(protocol.stats.connectionsClosed).toBe(protocol.stats.connectionsOpened);
  }, 120_000);

  test('noise of any kind is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 5 }), async (noise, prelude) => {
        await converse(Buffer.concat([...PRELUDE.slice(0, prelude), noise]), [7]);
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    );
    expect(protocol.stats.internalErrors).toBe(0);
  });

  test('the undamaged conversation passes, so that the damaged ones come far', async () => {
    // A broker of its own: the damaged conversations have left odd queues in the other.
    const fresh = amqp();
    const own = await Broker.start({ dataDirectory: null, dialects: [fresh.dialect] });
    await converse(Buffer.concat([...PRELUDE, ...conversation]), [], own, fresh);
    expect(fresh.stats).toMatchObject({ connectionErrors: 0, channelErrors: 0, bodiesAbandoned: 0, refused: 0 });
    await own.close();
  });
});
