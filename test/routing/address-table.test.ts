import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../../src/routing/address-table.ts';

/** The address lies in the middle of other bytes, as in a chunk. */
function ask(table: AddressTable<number>, exchange: string, key: string): number | undefined {
  const bytes = Buffer.from(`#${exchange}#${key}#`);
  const end = 1 + Buffer.byteLength(exchange);
  return table.find(bytes, 1, end, end + 1, bytes.length - 1);
}

function tell(table: AddressTable<number>, exchange: string, key: string, value: number): void {
  const bytes = Buffer.from(`#${exchange}#${key}#`);
  const end = 1 + Buffer.byteLength(exchange);
  table.set(bytes, 1, end, end + 1, bytes.length - 1, value);
}

const name = fc.oneof(fc.constantFrom('', 'a', 'b', 'ab', 'ba'), fc.string({ unit: 'binary', maxLength: 12 }));

describe('an address table', () => {
  it('is a map from addresses', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, name, fc.boolean()), { maxLength: 300 }), (steps) => {
        const table = new AddressTable<number>();
        const model = new Map<string, number>();
        for (const [i, [exchange, key, write]] of steps.entries()) {
          const at = JSON.stringify([exchange, key]);
          if (write) {
            tell(table, exchange, key, i);
            model.set(at, i);
          }
          expect(ask(table, exchange, key)).toBe(model.get(at));
        }
        expect(table.size).toBe(model.size);
      }),
    );
  });

  it('knows ten thousand, in any order', () => {
    const table = new AddressTable<number>();
    for (let i = 0; i < 10_000; i++) tell(table, 'amq.topic', `device.${i}.state`, i);
    const wrong: number[] = [];
    for (const step of [1, 7919]) {
      for (let i = 0; i < 10_000; i++) {
        const n = (i * step) % 10_000;
        if (ask(table, 'amq.topic', `device.${n}.state`) !== n) wrong.push(n);
      }
    }
    expect(wrong).toEqual([]);
    expect(ask(table, 'amq.topi', 'cdevice.1.state')).toBeUndefined();
  });

  it('starts anew when it has as many entries, or as many bytes, as it may', () => {
    const table = new AddressTable<number>({ entriesMax: 10, bytesMax: 100 });
    for (let i = 0; i < 11; i++) tell(table, '', `k${i}`, i);
    expect(table.size).toBe(1);
    expect(ask(table, '', 'k10')).toBe(10);
    expect(ask(table, '', 'k9')).toBeUndefined();
    tell(table, '', 'x'.repeat(98), 1);
    expect(table.size).toBe(1);
    tell(table, '', 'x'.repeat(101), 2);
    expect(ask(table, '', 'x'.repeat(101))).toBeUndefined();
    expect(ask(table, '', 'x'.repeat(98))).toBe(1);
  });

  it('stays fast when a client makes all its addresses hash alike', () => {
    const table = new AddressTable<number>({ entriesMax: 5000 });
    const first = collisions(400);
    for (const [i, key] of first.entries()) tell(table, '', key, i);
    // 256 places are looked at, and no more are ever taken by one hash.
    expect(table.size).toBeLessThanOrEqual(257);
    const last = first.length - 1;
    expect(ask(table, '', first[last]!)).toBe(last);
  });
});

/** Keys of one hash: two blocks that lead from one state to the same other, in all combinations. */
function collisions(n: number): string[] {
  const blocks: [string, string][] = [];
  let state = 0x811c9dc5 | 0;
  const step = (from: number, text: string): number => {
    let hash = from;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash;
  };
  while (2 ** blocks.length < n) {
    const seen = new Map<number, string>();
    for (let i = 0; ; i++) {
      const text = (Math.imul(i, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
      const end = step(state, text);
      const other = seen.get(end);
      if (other !== undefined) {
        blocks.push([other, text]);
        state = end;
        break;
      }
      seen.set(end, text);
    }
  }
  return Array.from({ length: n }, (_, k) => blocks.map((pair, b) => pair[(k >> b) & 1]).join(''));
}
