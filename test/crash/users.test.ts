/** Kill -9 while users change, three rounds; `node scripts/crash.ts --users --rounds 100` is the long form. */
import { describe, expect, it } from 'vitest';
import { UserLedger } from '../../conformance/kill/user-ledger.ts';
import { runUserRounds } from '../../conformance/kill/user-rounds.ts';

describe('kill -9 while users change', () => {
  it('loses no change that was confirmed, and leaves one under way whole or undone', { timeout: 120_000 }, async () => {
    const reports = await runUserRounds({ rounds: 3, confirmsMin: 50, confirmsMax: 300 });
    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { confirmed } of reports) expect(confirmed).toBeGreaterThanOrEqual(50);
  });
});

describe('the judge of it', () => {
  const user = { tag: '1', read: 'a', topic: null };
  const other = { ...user, read: 'b' };

  it('takes what was confirmed, or what was about to be', () => {
    const ledger = new UserLedger();
    ledger.line(`> u ${JSON.stringify(user)}`);
    ledger.line('= u');
    expect(ledger.verdict('u', user)).toEqual([]);
    ledger.line(`> u ${JSON.stringify(other)}`);
    expect(ledger.verdict('u', other)).toEqual([]);
  });

  it.each([
    ['is gone', null],
    ['is as it was before', { ...user, read: null }],
    ['is half changed', { ...other, topic: 'c' }],
  ])('objects to a user that %s', (_what, found) => {
    const ledger = new UserLedger();
    ledger.line(`> u ${JSON.stringify(user)}`);
    ledger.line('= u');
    ledger.line(`> u ${JSON.stringify(other)}`);
    expect(ledger.verdict('u', found)).toHaveLength(1);
  });

  it('objects to one that is there though it was deleted', () => {
    const ledger = new UserLedger();
    ledger.line('> u null');
    ledger.line('= u');
    expect(ledger.verdict('u', user)).toHaveLength(1);
  });
});
