/** A window alone: what it knows, what it forgets and when, and what that takes up. */
import { describe, expect, it } from 'vitest';
import type { WindowSettings } from '../../src/deduplication/settings.ts';
import {
  type AdmittedId,
  DeduplicationWindow,
  type WindowEntry,
  type WindowMemory,
} from '../../src/deduplication/window.ts';
import { bytesOf, textOf } from '../../src/message/text.ts';

const SETTINGS: WindowSettings = {
  size: 1000,
  ttlMs: -1,
  header: 'x-deduplication-header',
  whilePresent: false,
  persistent: true,
};

function make(settings: Partial<WindowSettings> = {}, bytesMax = Number.POSITIVE_INFINITY) {
  const memory: WindowMemory = { bytes: 0, bytesMax };
  return { memory, window: new DeduplicationWindow({ ...SETTINGS, ...settings }, memory, true) };
}

function known(window: DeduplicationWindow, ids: readonly string[], nowMs = 0): string[] {
  return ids.filter((id) => window.has(id, nowMs));
}

function admit(window: DeduplicationWindow, ids: readonly string[], nowMs = 0, ttlMs = -1): void {
  for (const id of ids) window.admit(id, ++seq, nowMs, ttlMs, true);
}

let seq = 0;

describe('bounds', () => {
  it('of count: the oldest are forgotten, and counted', () => {
    const { window } = make({ size: 3 });
    admit(window, ['a', 'b', 'c', 'd', 'e']);
    expect(known(window, ['a', 'b', 'c', 'd', 'e'])).toEqual(['c', 'd', 'e']);
    expect([window.size, window.forgotten]).toEqual([3, 2]);
  });

  it('of time: from the moment on at which it is over, and a new one counts anew', () => {
    const { window } = make({ ttlMs: 100 });
    admit(window, ['a'], 1000);
    expect(known(window, ['a'], 1099)).toEqual(['a']);
    expect(known(window, ['a'], 1100)).toEqual([]);
    admit(window, ['a'], 1100);
    expect(known(window, ['a'], 1199)).toEqual(['a']);
    expect(window.size).toBe(1);
  });

  it('of time, as a message has it, longer or shorter than the window', () => {
    const { window } = make({ ttlMs: 100 });
    admit(window, ['long'], 0, 500);
    admit(window, ['short'], 0, 10);
    admit(window, ['plain'], 0);
    expect(known(window, ['long', 'short', 'plain'], 50)).toEqual(['long', 'plain']);
    expect(known(window, ['long', 'short', 'plain'], 200)).toEqual(['long']);
  });

  it('of memory: what grows forgets its own oldest, and what is forgotten is given back', () => {
    const { window, memory } = make({}, 10 * 125);
    const ids = Array.from({ length: 40 }, (_, i) => `id-${String(i).padStart(2, '0')}`);
    admit(window, ids);
    expect(memory.bytes).toBeLessThanOrEqual(memory.bytesMax);
    expect(window.forgotten).toBe(40 - window.size);
    expect(known(window, ids)).toEqual(ids.slice(40 - window.size));
    window.close();
    expect(memory.bytes).toBe(0);
  });

  it('lowered while it lives', () => {
    const { window } = make();
    admit(window, ['a', 'b', 'c', 'd']);
    window.apply({ ...SETTINGS, size: 3 });
    expect(known(window, ['a', 'b', 'c', 'd'])).not.toContain('a');
    expect(known(window, ['d'])).toEqual(['d']);
  });
});

describe('while the message is there', () => {
  it('an id goes with it, and no other does', () => {
    const { window } = make({ whilePresent: true });
    window.admit('a', 10, 0, -1, true);
    window.admit('b', 20, 0, -1, true);
    window.admit('c', 30, 0, -1, true);
    window.left(20);
    window.left(25);
    expect(known(window, ['a', 'b', 'c'])).toEqual(['a', 'c']);
    window.left(10);
    window.left(30);
    expect([window.size, window.memoryBytes]).toEqual([0, 0]);
  });

  it('one with a time of its own stays for that long', () => {
    const { window } = make({ whilePresent: true });
    window.admit('a', 10, 0, 100, true);
    window.left(10);
    expect(known(window, ['a'], 99)).toEqual(['a']);
    expect(known(window, ['a'], 100)).toEqual([]);
  });
});

it('is what a set of ids would be, through thousands of steps', () => {
  let state = 12345;
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const { window, memory } = make({ size: 40, whilePresent: true });
  const model = new Map<string, number>();
  let number = 0;
  for (let step = 0; step < 20_000; step++) {
    const id = `id${random(90)}`;
    if (random(3) > 0) {
      expect(window.has(id, 0), `step ${step}`).toBe(model.has(id));
      if (model.has(id)) continue;
      if (model.size === 40) model.delete(model.keys().next().value!);
      model.set(id, ++number);
      window.admit(id, number, 0, -1, true);
    } else {
      const at = model.get(id);
      if (at === undefined) window.left(number + 1);
      else {
        window.left(at);
        model.delete(id);
      }
    }
    expect(window.size).toBe(model.size);
  }
  const kept = keptBy(window, 7).map((entry) => entry.id);
  expect(kept).toEqual([...model.keys()]);
  const bytes = [...model.keys()].reduce((sum, id) => sum + 120 + id.length, 0);
  expect(memory.bytes).toBe(bytes);
});

/** What a checkpoint gets of it, as a start would read it. */
function keptBy(window: DeduplicationWindow, atATime: number): WindowEntry[] {
  const all: WindowEntry[] = [];
  for (const some of window.kept(atATime)) all.push(...some.map(entryOf));
  return all;
}

function entryOf({ bytes, start, end, seq, untilMs, whilePresent }: AdmittedId): WindowEntry {
  return { id: textOf(bytes, start, end), seq, untilMs, whilePresent };
}

/** What a window is, as plainly as it can be said: a list of ids in order. */
class Model {
  ids: { id: string; seq: number; untilMs: number; present: boolean; kept: boolean }[] = [];
  forgotten = 0;
  private readonly settings: WindowSettings;
  private readonly bytesMax: number;

  constructor(settings: WindowSettings, bytesMax: number) {
    this.settings = settings;
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.ids.reduce((sum, { id }) => sum + 120 + bytesOf(id).length, 0);
  }

  has(id: string, nowMs: number): boolean {
    return this.ids.some((one) => one.id === id && (one.untilMs === 0 || one.untilMs > nowMs));
  }

  admit(id: string, number: number, nowMs: number, ttlMs: number, kept: boolean): void {
    const ttl = ttlMs >= 0 ? ttlMs : this.settings.ttlMs;
    while (this.ids.length > 0 && this.ids[0]!.untilMs !== 0 && this.ids[0]!.untilMs <= nowMs) this.ids.shift();
    this.ids = this.ids.filter((one) => one.id !== id);
    const more = 120 + bytesOf(id).length;
    while (this.ids.length > 0 && (this.ids.length >= this.settings.size || this.bytes + more > this.bytesMax)) {
      this.ids.shift();
      this.forgotten++;
    }
    const present = this.settings.whilePresent && ttl < 0;
    this.ids.push({ id, seq: number, untilMs: ttl < 0 ? 0 : nowMs + ttl, present, kept });
  }

  left(number: number): void {
    this.ids = this.ids.filter((one) => one.seq !== number || !one.present);
  }
}

it.each([
  { size: 40, ttlMs: 50, whilePresent: false, bytesMax: Number.POSITIVE_INFINITY },
  { size: 500, ttlMs: -1, whilePresent: false, bytesMax: 9_000 },
  { size: 70, ttlMs: -1, whilePresent: true, bytesMax: Number.POSITIVE_INFINITY },
  { size: 1000, ttlMs: 200, whilePresent: true, bytesMax: 60_000 },
])('is what a list would be, with ids of any length, times and bounds: %o', ({ bytesMax, ...settings }) => {
  for (let seed = 1; seed <= 2; seed++) {
    let state = seed * 7919;
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    const { window, memory } = make(settings, bytesMax);
    const model = new Model({ ...SETTINGS, ...settings }, bytesMax);
    const idOf = (n: number): string => `${'\u00e9x\udc80'.repeat((n * n) % 23)}${n}`;
    let number = 0;
    let nowMs = 1000;
    for (let step = 0; step < 2_000; step++) {
      nowMs += random(4);
      const id = idOf(random(150));
      const lies = Buffer.concat([Buffer.from('..'), bytesOf(id), Buffer.from(id)]);
      const end = 2 + bytesOf(id).length;
      if (random(4) === 0) {
        const gone = number - random(60);
        window.left(gone);
        model.left(gone);
      } else {
        const was = model.has(id, nowMs);
        expect(window.knows(lies, 2, end, nowMs), `seed ${seed}, step ${step}`).toBe(was);
        if (was) continue;
        const ttlMs = random(5) === 0 ? random(300) : -1;
        const kept = random(3) > 0;
        number += random(3);
        model.admit(id, number, nowMs, ttlMs, kept);
        const { untilMs, present } = model.ids.at(-1)!;
        const admitted = window.take(lies, 2, end, number, nowMs, ttlMs, kept);
        expect(admitted).toMatchObject({ start: 2, end, seq: number, untilMs, whilePresent: present });
      }
      expect([window.size, window.forgotten, memory.bytes]).toEqual([model.ids.length, model.forgotten, model.bytes]);
    }
    const kept = model.ids.filter((one) => one.kept).map(({ id, seq, untilMs }) => ({ id, seq, untilMs }));
    expect(keptBy(window, 9).map(({ id, seq, untilMs }) => ({ id, seq, untilMs }))).toEqual(kept);
  }
});

describe('what a checkpoint gets of it', () => {
  it('what is in the log, once, though it changes on the way', () => {
    const { window } = make();
    for (let i = 1; i <= 100; i++) window.admit(`a${i}`, i, 0, -1, i % 10 !== 0);
    const seen: WindowEntry[] = [];
    let first = true;
    for (const some of window.kept(20)) {
      seen.push(...some.map(entryOf));
      // The ring is put in order in the middle of it.
      if (first) for (let i = 101; i <= 400; i++) window.admit(`a${i}`, i, 0, -1, true);
      first = false;
    }
    const expected = Array.from({ length: 400 }, (_, i) => i + 1).filter((i) => i > 100 || i % 10 !== 0);
    expect(seen.map((entry) => entry.id)).toEqual(expected.map((i) => `a${i}`));
  });

  it('and a new one knows it again, but for what is over', () => {
    const { window } = make({ ttlMs: 100 });
    admit(window, ['old'], 0);
    admit(window, ['a', 'b'], 50);
    window.admitNumber('p', 7n, 1000, 50, -1, true);
    window.refusedNumber('p', 8n, 1001, 50, -1);
    window.admitNumber('p', 9n, 1002, 50, -1, true);
    const again = make({ ttlMs: 100 }).window;
    again.restore(keptBy(window, 10), window.keptPublishers(), 120);
    expect(known(again, ['old', 'a', 'b'], 120)).toEqual(['a', 'b']);
    expect([6n, 7n, 8n, 9n, 10n].map((n) => again.hasNumber('p', n, 120))).toEqual([true, true, false, true, false]);
  });
});

describe('publishers that number their messages', () => {
  it('every number up to the highest is a repeat', () => {
    const { window } = make();
    window.admitNumber('p', 5n, 1, 0, -1, true);
    window.admitNumber('p', 9n, 2, 0, -1, true);
    expect([4n, 5n, 7n, 9n, 10n].map((n) => window.hasNumber('p', n, 0))).toEqual([true, true, true, true, false]);
    expect(window.hasNumber('q', 1n, 0)).toBe(false);
  });

  it('but for one that was tried and not taken, until it is', () => {
    const { window } = make();
    window.refusedNumber('p', 5n, 1, 0, -1);
    expect(window.hasNumber('p', 5n, 0)).toBe(false);
    window.admitNumber('p', 6n, 2, 0, -1, true);
    expect([4n, 5n, 6n].map((n) => window.hasNumber('p', n, 0))).toEqual([true, false, true]);
    expect(window.admitNumber('p', 5n, 3, 0, -1, true)).toMatchObject({ highest: 6n, open: [] });
    expect(window.hasNumber('p', 5n, 0)).toBe(true);
  });

  it('numbers are of 64 bits', () => {
    const { window } = make();
    window.admitNumber('p', 0xffff_ffff_ffff_fffen, 1, 0, -1, true);
    expect(window.hasNumber('p', 0xffff_ffff_ffff_ffffn, 0)).toBe(false);
    expect(window.hasNumber('p', 0xffff_ffff_ffff_fffen, 0)).toBe(true);
  });

  it('who has published longest ago is forgotten first', () => {
    const { window } = make({ size: 2 });
    window.admitNumber('p', 1n, 1, 0, -1, true);
    window.admitNumber('q', 1n, 2, 0, -1, true);
    window.admitNumber('p', 2n, 3, 0, -1, true);
    window.admitNumber('r', 1n, 4, 0, -1, true);
    expect(['p', 'q', 'r'].map((name) => window.hasNumber(name, 1n, 0))).toEqual([true, false, true]);
  });
});
