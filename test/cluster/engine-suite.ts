/** What every engine must keep to (`src/cluster/cluster.md`, «The port»): the same tests for the one in memory and for JetStream. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, SharedLog } from '../../src/cluster/engine.ts';

/** An engine's servers, and what a test may do to them. */
export interface EngineWorld {
  /** An engine of another node each time. */
  open(): Promise<Engine>;
  /** From now on what this engine sends arrives, and no answer comes back. */
  loseAnswers(engine: Engine): void;
  /** All is well again. */
  heal(engine: Engine): void;
  /** The node dies without a word. */
  kill(engine: Engine): Promise<void>;
  /** Milliseconds on the clock that `deadlineMs` is told in. */
  monotonicMs(): number;
  readonly leaseMs: number;
  /** Lets time go by until it holds. */
  until<T>(look: () => Promise<T | null>): Promise<T>;
  close(): Promise<void>;
}

const bytes = (text: string): Buffer => Buffer.from(text);

/** @param more tests on the same servers */
export function engineSuite(
  name: string,
  make: () => Promise<EngineWorld>,
  hookMs = 30_000,
  more: (world: () => EngineWorld) => void = () => {},
): void {
  describe(name, () => {
    let world: EngineWorld;
    let engine: Engine;
    let other: Engine;
    let logs = 0;

    beforeAll(async () => {
      world = await make();
      engine = await world.open();
      other = await world.open();
    }, hookMs);
    afterAll(() => world?.close(), hookMs);

    const fresh = (): Promise<SharedLog> => engine.sharedLog(`log ${++logs}`);
    const both = async (): Promise<[SharedLog, SharedLog]> => {
      const log = await fresh();
      return [log, await other.sharedLog(`log ${logs}`)];
    };
    const fill = async (log: SharedLog, ...texts: string[]): Promise<void> => {
      for (const [i, text] of texts.entries()) {
        expect(await log.append(i, bytes(text))).toEqual({ kind: 'stored', sequence: i + 1 });
      }
    };
    const texts = async (log: SharedLog, from: number, count: number): Promise<string[]> => {
      const reader = log.follow(from);
      const found: string[] = [];
      while (found.length < count) {
        const append = await reader.next();
        found.push(`${append?.sequence} ${append?.bytes}`);
      }
      reader.stop();
      return found;
    };

    it('keeps nothing of a shared log to which nothing was appended', async () => {
      const log = await fresh();
      expect(await log.bounds()).toEqual({ first: 1, last: 0 });
      expect(await log.read(1)).toBe(null);
    });

    it('stores an append behind the one it expects, and brings it back byte for byte', async () => {
      const log = await fresh();
      await fill(log, 'one', 'two');
      expect(await log.bounds()).toEqual({ first: 1, last: 2 });
      expect(String(await log.read(1))).toBe('one');
      expect(String(await log.read(2))).toBe('two');
    });

    it('takes appends as long as it says', async () => {
      const log = await fresh();
      const long = Buffer.alloc(log.appendBytesMax, 0x5a);
      expect(await log.append(0, long)).toEqual({ kind: 'stored', sequence: 1 });
      expect((await log.read(1))?.equals(long)).toBe(true);
      await expect(log.append(1, Buffer.alloc(log.appendBytesMax + 1))).rejects.toThrow(RangeError);
    });

    it('refuses an append that expects too little or too much, and says which is the last', async () => {
      const log = await fresh();
      await fill(log, 'one', 'two');
      expect(await log.append(1, bytes('late'))).toEqual({ kind: 'refused', last: 2 });
      expect(await log.append(5, bytes('early'))).toEqual({ kind: 'refused', last: 2 });
      expect(await log.append(0, bytes('late'))).toEqual({ kind: 'refused', last: 2 });
      expect(await log.bounds()).toEqual({ first: 1, last: 2 });
    });

    it('stores one of two that expect the same', async () => {
      const [log, rival] = await both();
      const outcomes = await Promise.all([log.append(0, bytes('mine')), rival.append(0, bytes('theirs'))]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['refused', 'stored']);
      expect(await log.bounds()).toEqual({ first: 1, last: 1 });
      expect(String(await log.read(1))).toBe(outcomes[0].kind === 'stored' ? 'mine' : 'theirs');
    });

    it('an append whose answer got lost is told from one that was not stored by reading it back', async () => {
      const log = await fresh();
      await fill(log, 'one');
      world.loseAnswers(engine);
      const lost = await log.append(1, bytes('two'));
      world.heal(engine);
      expect(lost.kind).toBe('unknown');
      const again = await world.until(async () => {
        const outcome = await log.append(1, bytes('two'));
        return outcome.kind === 'unknown' ? null : outcome;
      });
      expect(again).toEqual({ kind: 'refused', last: 2 });
      expect(String(await log.read(2))).toBe('two');
      expect(await log.append(2, bytes('three'))).toEqual({ kind: 'stored', sequence: 3 });
    });

    it('reads in order from where it is told, and goes on with what comes', async () => {
      const [log, there] = await both();
      await fill(log, 'one', 'two', 'three');
      expect(await texts(there, 2, 2)).toEqual(['2 two', '3 three']);
      const reader = there.follow(3);
      expect((await reader.next())?.sequence).toBe(3);
      const coming = reader.next();
      await log.append(3, bytes('four'));
      const four = await coming;
      expect(`${four?.sequence} ${four?.bytes}`).toBe('4 four');
      reader.stop();
    });

    it('a reader that is stopped while it waits gets nothing more', async () => {
      const log = await fresh();
      const reader = log.follow(1);
      const coming = reader.next();
      await fill(log, 'one');
      expect((await coming)?.sequence).toBe(1);
      const more = reader.next();
      reader.stop();
      expect(await more).toBe(null);
      expect(await reader.next()).toBe(null);
    });

    it('gives up what is not needed, and goes on counting', async () => {
      const log = await fresh();
      await fill(log, 'one', 'two', 'three', 'four');
      await log.discardBelow(3);
      expect(await log.bounds()).toEqual({ first: 3, last: 4 });
      expect(await log.read(2)).toBe(null);
      expect(await texts(log, 1, 2)).toEqual(['3 three', '4 four']);
      await log.discardBelow(5);
      expect(await log.bounds()).toEqual({ first: 5, last: 4 });
      expect(await log.append(0, bytes('from the start'))).toEqual({ kind: 'refused', last: 4 });
      expect(await log.append(4, bytes('five'))).toEqual({ kind: 'stored', sequence: 5 });
    });

    it('lets another replica answer, and nothing is lost by it', async () => {
      const log = await fresh();
      await fill(log, 'one', 'two');
      await log.distrust();
      expect(
        await world.until(() =>
          log.read(2).then(
            (found) => found && String(found),
            () => null,
          ),
        ),
      ).toBe('two');
    });

    it('gives a lease to one at a time, and a larger epoch to the next', async () => {
      const name = 'lease / of ünusual name';
      expect(await engine.leaseHolder(name)).toBe(null);
      const lease = await engine.takeLease(name, 'a');
      expect(lease).not.toBe(null);
      expect(await other.takeLease(name, 'b')).toBe(null);
      expect(await engine.takeLease(name, 'a')).toBe(null);
      expect(await other.leaseHolder(name)).toEqual({ holder: 'a', epoch: lease!.epoch });
      expect(lease!.deadlineMs()).toBeGreaterThan(world.monotonicMs());
      expect(lease!.deadlineMs()).toBeLessThanOrEqual(world.monotonicMs() + world.leaseMs);
      await lease!.giveBack();
      const next = await other.takeLease(name, 'b');
      expect(next!.epoch).toBeGreaterThan(lease!.epoch);
      await next!.giveBack();
    });

    it('a lease outlives its time while its holder does, and not longer', async () => {
      const holder = await world.open();
      const lease = await holder.takeLease('kept', 'a');
      const first = lease!.deadlineMs();
      await world.until(async () => (lease!.deadlineMs() > first + world.leaseMs ? true : null));
      expect(await other.takeLease('kept', 'b')).toBe(null);
      await world.kill(holder);
      const deadline = lease!.deadlineMs();
      const next = await world.until(() => other.takeLease('kept', 'b'));
      expect(world.monotonicMs()).toBeGreaterThanOrEqual(deadline);
      expect(next.epoch).toBeGreaterThan(lease!.epoch);
      await next.giveBack();
    });

    more(() => world);

    it('says what it is', async () => {
      expect((await engine.describe()).about).not.toBe('');
    });
  });
}
