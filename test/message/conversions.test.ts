/** Long properties are converted once though other messages come in between, within a bound. */
import { describe, expect, it } from 'vitest';
import { Conversions } from '../../src/message/conversions.ts';
import { MessageView } from '../../src/message/message.ts';
import { REFERENCED_BYTES_MIN } from '../../src/message/pinned-memory.ts';

function viewOf(props: Buffer, dialect = 1): MessageView {
  const view = new MessageView();
  view.dialect = dialect;
  // Somewhere in a block, as messages lie.
  view.props = Buffer.concat([Buffer.alloc(7, 0xee), props, Buffer.alloc(5, 0xee)]);
  view.propsStart = 7;
  view.propsEnd = 7 + props.length;
  return view;
}

const properties = (length: number, fill: number): Buffer => Buffer.alloc(length, fill);

describe('conversions of properties', () => {
  const keep = (conversions: Conversions, props: Buffer, resultBytes = 10) =>
    conversions.add(viewOf(props), Buffer.alloc(resultBytes, props[0]), 0, false);

  it('of fifty long ones in rotation are all found, each its own', () => {
    const conversions = new Conversions();
    const all = Array.from({ length: 50 }, (_, i) => keep(conversions, properties(2_000, i)));
    for (let round = 0; round < 2; round++) {
      for (const one of all) expect(conversions.find(viewOf(one.props))).toBe(one);
    }
    expect(all.map(({ result }) => result[0])).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('are those of these very bytes, in their dialect, of a checked user or not, for whoever asks', () => {
    const conversions = new Conversions();
    const one = keep(conversions, properties(2_000, 1));
    expect(conversions.find(viewOf(properties(2_000, 1)))).toBe(one);
    expect(conversions.find(viewOf(properties(2_000, 2)))).toBeUndefined();
    expect(conversions.find(viewOf(properties(1_999, 1)))).toBeUndefined();
    expect(conversions.find(viewOf(properties(2_000, 1), 2))).toBeUndefined();
    expect(conversions.find(viewOf(properties(2_000, 1)), 1)).toBeUndefined();
    expect(conversions.find(Object.assign(viewOf(properties(2_000, 1)), { userChecked: true }))).toBeUndefined();
  });

  it('of short ones are remembered until the next', () => {
    const conversions = new Conversions();
    const first = keep(conversions, properties(20, 1));
    expect(conversions.find(viewOf(first.props))).toBe(first);
    keep(conversions, properties(20, 2));
    expect(conversions.find(viewOf(first.props))).toBeUndefined();
  });

  it('have bytes of their own, which may be written from where they lie if they are many', () => {
    const conversions = new Conversions();
    const result = Buffer.alloc(REFERENCED_BYTES_MIN, 'a');
    const long = conversions.add(viewOf(properties(2_000, 1)), result, 0, false);
    const short = conversions.add(viewOf(properties(2_000, 2)), result.subarray(1), 0, false);
    result.fill('b');
    expect([long.result, short.result]).toEqual([
      Buffer.alloc(REFERENCED_BYTES_MIN, 'a'),
      Buffer.alloc(REFERENCED_BYTES_MIN - 1, 'a'),
    ]);
    expect([long.memory?.pinned().bytes, short.memory]).toEqual([REFERENCED_BYTES_MIN, null]);
  });

  it('take so much memory at most, and the oldest go first', () => {
    const conversions = new Conversions();
    const all = Array.from({ length: 5 }, (_, i) => keep(conversions, properties(1_000_000, i), 3_000_000));
    expect(all.map(({ props }) => conversions.find(viewOf(props)) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    const many = Array.from({ length: 100 }, (_, i) => keep(conversions, properties(1_024, i)));
    expect(many.filter(({ props }) => conversions.find(viewOf(props)) !== undefined)).toHaveLength(64);
  });
});
