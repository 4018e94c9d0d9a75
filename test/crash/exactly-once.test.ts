/** QoS 2 under kill -9, three rounds; `node scripts/crash.ts --exactly-once --rounds 100` is the long form. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOnceRounds } from '../../conformance/kill/exactly-once.ts';
import { OnceLedger } from '../../conformance/kill/once-ledger.ts';
import { type EntrepotPeer, startEntrepot } from '../../conformance/peers/index.ts';

describe('QoS 2 under kill -9', () => {
  let broker: EntrepotPeer;
  beforeAll(async () => {
    broker = await startEntrepot();
  });
  afterAll(() => broker?.stop());

  it('brings each message exactly once, in order', { timeout: 120_000 }, async () => {
    const reports = await runOnceRounds(broker, { rounds: 3, levels: [4, 5], completedMin: 50, completedMax: 400 });
    expect(reports.flatMap((report) => report.failures)).toEqual([]);
    for (const { counted, published, repeated } of reports) {
      expect(counted, 'by each of two subscribers').toBe(2 * published);
      expect(repeated, 'some were under way when the broker died').toBeGreaterThan(0);
    }
  });
});

describe('the count of it', () => {
  const counted = (...serials: number[]): OnceLedger => {
    const ledger = new OnceLedger();
    for (const serial of serials) ledger.count('p', serial);
    return ledger;
  };

  it('objects to a message that is missing, came twice, or out of order', () => {
    expect(counted(0, 1, 2).verdict('p', 3)).toEqual([]);
    expect(counted(0, 1).verdict('p', 3)).toEqual(['1 of 3 messages of p are missing']);
    expect(counted(0, 1, 1, 2).verdict('p', 3)).toEqual(['1 of p came after 1', '1 messages of p came more than once']);
    expect(counted(0, 2, 1).verdict('p', 3)).toEqual(['2 of p came after 0', '1 of p came after 2']);
    expect(counted().verdict('q', 1)).toEqual(['1 of 1 messages of q are missing']);
  });
});
