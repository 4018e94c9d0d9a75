/** Long properties are converted once though other messages come in between, within a bound. */
import { describe, expect, it } from 'vitest';
import { type Conversion, Conversions } from '../../../../protocols/mqtt/mapping/conversions.ts';
import { MessageView } from '../../../../src/message/message.ts';

function viewOf(props: Buffer, dialect = 1): MessageView {
  const view = new MessageView();
  view.dialect = dialect;
  // Somewhere in a block, as messages lie.
  view.props = Buffer.concat([Buffer.alloc(7, 0xee), props, Buffer.alloc(5, 0xee)]);
  view.propsStart = 7;
  view.propsEnd = 7 + props.length;
  return view;
}

const conversionOf = (props: Buffer, resultBytes = 10): Conversion => ({
  dialect: 1,
  props,
  result: Buffer.alloc(resultBytes),
  lossy: false,
  text: false,
});
const properties = (length: number, fill: number): Buffer => Buffer.alloc(length, fill);

describe('conversions of properties', () => {
  it('of fifty long ones in rotation are all found, each its own', () => {
    const conversions = new Conversions();
    const all = Array.from({ length: 50 }, (_, i) => conversionOf(properties(2_000, i)));
    for (const one of all) conversions.add(one);
    for (let round = 0; round < 2; round++) {
      for (const one of all) expect(conversions.find(viewOf(one.props))).toBe(one);
    }
  });

  it('are those of these very bytes, in their dialect', () => {
    const conversions = new Conversions();
    conversions.add(conversionOf(properties(2_000, 1)));
    expect(conversions.find(viewOf(properties(2_000, 2)))).toBeUndefined();
    expect(conversions.find(viewOf(properties(1_999, 1)))).toBeUndefined();
    expect(conversions.find(viewOf(properties(2_000, 1), 2))).toBeUndefined();
  });

  it('of short ones are remembered until the next', () => {
    const conversions = new Conversions();
    const [first, second] = [conversionOf(properties(20, 1)), conversionOf(properties(20, 2))];
    conversions.add(first);
    expect(conversions.find(viewOf(first.props))).toBe(first);
    conversions.add(second);
    expect(conversions.find(viewOf(first.props))).toBeUndefined();
  });

  it('take so much memory at most, and the oldest go first', () => {
    const conversions = new Conversions();
    const all = Array.from({ length: 5 }, (_, i) => conversionOf(properties(1_000_000, i), 3_000_000));
    for (const one of all) conversions.add(one);
    expect(all.map(({ props }) => conversions.find(viewOf(props)) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    const many = Array.from({ length: 100 }, (_, i) => conversionOf(properties(1_024, i)));
    for (const one of many) conversions.add(one);
    expect(many.filter(({ props }) => conversions.find(viewOf(props)) !== undefined)).toHaveLength(64);
  });
});
