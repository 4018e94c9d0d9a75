import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SubscriptionConsumer } from '../../../../protocols/mqtt/deliver/subscription-consumer.ts';
import { PacketWindow, PUBLISHED_1, PUBLISHED_2, RELEASED } from '../../../../protocols/mqtt/session/packet-window.ts';

const feed = new SubscriptionConsumer('q', false, 2, () => {});

describe('the packet window', () => {
  it('knows each identifier in use and no other, whatever the order of takes and frees', () => {
    const step = fc.oneof(fc.constant('take' as const), fc.nat(200));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const window = new PacketWindow();
        const model = new Map<number, number>();
        let slot = 0;
        for (const what of steps) {
          if (what === 'take') {
            const place = window.take(feed, slot, PUBLISHED_1);
            const id = window.ids[place]!;
            expect(id).toBeGreaterThan(0);
            expect(model.has(id)).toBe(false);
            model.set(id, slot++);
          } else if (model.size > 0) {
            const id = [...model.keys()][what % model.size]!;
            window.free(window.find(id));
            model.delete(id);
          }
        }
        expect(window.size).toBe(model.size);
        for (const [id, expected] of model) expect(window.slots[window.find(id)]).toBe(expected);
        for (let id = 1; id < 500; id++) if (!model.has(id)) expect(window.find(id)).toBe(-1);
      }),
    );
  });

  it('uses an identifier again as late as it can', () => {
    const window = new PacketWindow();
    const seen = new Set<number>();
    for (let i = 0; i < 65_535; i++) {
      const place = window.take(feed, 0, PUBLISHED_1);
      seen.add(window.ids[place]!);
      window.free(place);
    }
    expect(seen.size).toBe(65_535);
    expect(seen.has(0)).toBe(false);
  });

  it('holds all 65535 identifiers, and says when there are no more', () => {
    const window = new PacketWindow();
    for (let i = 0; i < 65_535; i++) window.take(feed, i, PUBLISHED_1);
    expect(window.size).toBe(65_535);
    expect(() => window.take(feed, 0, PUBLISHED_1)).toThrow(RangeError);
  });

  it('takes identifiers of a former run, also those that collide in a small table', () => {
    const window = new PacketWindow();
    for (const id of [1, 17, 33, 65_535, 257]) window.restore(id, PUBLISHED_2);
    for (const id of [1, 17, 33, 65_535, 257]) expect(window.ids[window.find(id)]).toBe(id);
    const fresh = window.ids[window.take(feed, 0, PUBLISHED_1)]!;
    expect([1, 17, 33, 65_535, 257]).not.toContain(fresh);
  });

  it('lists identifiers oldest first, round the end of the numbers', () => {
    const window = new PacketWindow();
    for (let i = 0; i < 65_532; i++) window.free(window.take(feed, 0, PUBLISHED_1));
    const ids = [0, 1, 2, 3, 4].map(() => window.ids[window.take(feed, 0, RELEASED)]!);
    expect(ids).toEqual([65_533, 65_534, 65_535, 1, 2]);
    expect(window.idsAt(RELEASED)).toEqual(ids);
  });
});
