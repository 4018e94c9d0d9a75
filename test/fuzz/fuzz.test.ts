/**
 * A bounded run of every fuzz target: the same inputs each time, so that a failure here is a change's. The long runs are
 * `node scripts/fuzz.ts`.
 */
import { describe, expect, it } from 'vitest';
import { FuzzHarness } from './harness.ts';
import { inputOf } from './mutate.ts';
import { fuzz } from './run.ts';
import { targets } from './targets.ts';

const INPUTS = Number(process.env['ENTREPOT_FUZZ_INPUTS'] ?? 3_000);

describe.each(Object.values(targets))('$name', (target) => {
  it('takes its conversations undamaged, so that the damaged ones come far', async () => {
    for (const { prelude, packets } of target.conversations) {
      const harness = await FuzzHarness.open(target);
      await harness.converse({ bytes: Buffer.concat([...prelude, ...packets]), cuts: [] });
      expect(target.complaints(harness.protocol)).toBe(0);
      await harness.close();
    }
  });

  it('is not brought out of order by damaged ones', async () => {
    const result = await fuzz(target, { seed: 1, from: 0, inputs: INPUTS });
    expect(result.failures).toEqual([]);
    expect(result.inputs).toBe(INPUTS);
  }, 120_000);

  it('an input is made again from its number', () => {
    for (let index = 0; index < 50; index++) expect(inputOf(target, 7, index)).toEqual(inputOf(target, 7, index));
  });
});

describe('the fuzzer itself', () => {
  const target = Object.values(targets)[0]!;
  const planted = (onData: (chunk: Buffer) => void) => ({
    ...target,
    protocol: () => {
      const protocol = target.protocol();
      return {
        name: protocol.name,
        dialect: protocol.dialect,
        detect: protocol.detect,
        accept: () => ({ data: onData, drained: () => {}, closed: () => {}, shutdown: () => {} }),
      };
    },
    internalErrors: () => 0,
    complaints: () => 0,
  });

  it('finds an exception', async () => {
    const target = planted((chunk) => {
      if (chunk.includes(0xff)) throw new Error('planted');
    });
    const { failures } = await fuzz(target, { seed: 1, from: 0, inputs: 500, failuresMax: 1 });
    expect(failures[0]).toContain('planted');
  });

  it('finds a hang', async () => {
    const target = planted((chunk) => {
      if (chunk.length < 1_000) return;
      const from = process.threadCpuUsage();
      while (process.threadCpuUsage(from).user < 90_000);
    });
    const { failures } = await fuzz(target, { seed: 1, from: 0, inputs: 50, failuresMax: 1 });
    expect(failures[0]).toMatch(/took \d+ ms/);
  });

  it('finds memory that stays', async () => {
    const kept: Buffer[] = [];
    const target = planted((chunk) => {
      if (chunk.length > 100) kept.push(Buffer.alloc(8_000, chunk[0]));
    });
    const { failures } = await fuzz(target, { seed: 1, from: 0, inputs: 11_000 });
    expect(failures[0]).toMatch(/bytes stayed/);
  }, 60_000);
});
