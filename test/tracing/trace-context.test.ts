import { describe, expect, it } from 'vitest';
import { isSampled, newId, parseTraceparent } from '../../src/tracing/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  it('is read with its flag and state', () => {
    const read = { traceId: TRACE, spanId: SPAN, sampled: true, state: 'a=b' };
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`, 'a=b')).toEqual(read);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)).toMatchObject({ sampled: false, state: '' });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`, 'x'.repeat(2_000))).toMatchObject({ state: '' });
  });

  it('of a later version may say more, and of this one may not', () => {
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`)).toMatchObject({ traceId: TRACE });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01-more`)).toBeUndefined();
  });

  it.each(['', 'x', `ff-${TRACE}-${SPAN}-01`, `00-${'0'.repeat(32)}-${SPAN}-01`, `00-${TRACE}-${'0'.repeat(16)}-01`])(
    'is none: %s',
    (text) => expect(parseTraceparent(text)).toBeUndefined(),
  );

  it('in capitals is none', () => expect(parseTraceparent(`00-${TRACE.toUpperCase()}-${SPAN}-01`)).toBeUndefined());
});

it('identifiers are hexadecimal, as long as they must be, and each another one', () => {
  const ids = Array.from({ length: 2_000 }, () => newId(16));
  expect(new Set(ids).size).toBe(2_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(newId(8)).toMatch(/^[0-9a-f]{16}$/);
});

it('all, none or a part of the traces are sampled, the same ones every time', () => {
  const ids = Array.from({ length: 4_000 }, () => newId(16));
  const among = (part: number): number => ids.filter((id) => isSampled(id, part)).length;
  expect([among(0), among(1)]).toEqual([0, 4_000]);
  expect(among(0.25)).toBeGreaterThan(800);
  expect(among(0.25)).toBeLessThan(1_200);
  expect(among(0.25)).toBe(among(0.25));
});
