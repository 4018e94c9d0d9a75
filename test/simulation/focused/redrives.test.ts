/** A bounded number of random histories of dead letters that go back, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import { Redrives } from '../../../src/operator/redrives/redrives.ts';
import { QueueContents } from '../../../src/queue/queue-contents.ts';
import { JournaledState } from '../../../src/vhost/journal/adapter-state.ts';
import { Publisher } from '../../../src/vhost/publish/publisher.ts';
import { RepublishedDraft } from '../../../src/vhost/timers/republished-draft.ts';
import { firstWrong, plant } from './planting.ts';
import { runRedrives } from './redrives.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_REDRIVES'] ?? 60);

describe('redrives', () => {
  it(`neither double nor lose, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { begun: 0, met: 0, back: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runRedrives(seed);
      for (const name of ['begun', 'met', 'back'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(HISTORIES);
  });

  it('would be found out if what was moved stayed as well', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(QueueContents.prototype as QueueContents<never>, 'remove', (remove) => {
      return function (this: QueueContents<never>, seq, flags) {
        if (++n % 5 !== 0) remove.call(this, seq, flags);
      };
    });
    expect(await firstWrong(runRedrives)).toMatch(/twice|accepted/);
  });

  it('would be found out if it were moved for this life only', { timeout: 120_000 }, async () => {
    plant(RepublishedDraft.prototype, 'fill', (fill) => {
      return function (this: RepublishedDraft, view, again) {
        fill.call(this, view, again);
        Object.defineProperty(this.draft, 'assurance', { get: () => 0, set() {}, configurable: true });
      };
    });
    expect(await firstWrong(runRedrives)).toMatch(/is lost/);
  });

  it('would be found out if one were taken out and never came', { timeout: 120_000 }, async () => {
    let n = 0;
    plant(Publisher.prototype, 'publishAlong', (publishAlong) => {
      return function (this: Publisher, route, draft, full) {
        // What an operator moves comes this way, and has come from somewhere.
        return draft.continues > 0 && ++n % 9 === 0 ? 0 : publishAlong.call(this, route, draft, full);
      };
    });
    expect(await firstWrong(runRedrives)).toMatch(/is lost/);
  });

  it('would be found out if a restart forgot it', { timeout: 120_000 }, async () => {
    plant(Redrives.prototype, 'begin', () => () => {});
    expect(await firstWrong(runRedrives)).toMatch(/is forgotten/);
  });

  it('would be found out if how far it had come were ahead of what was done', { timeout: 120_000 }, async () => {
    plant(JournaledState.prototype, 'put', (put) => {
      return function (this: JournaledState, key, value) {
        if (!key.startsWith('redrive-at:')) return put.call(this, key, value);
        const progress = JSON.parse(value.toString()) as { next: number; state: string };
        return put.call(this, key, Buffer.from(JSON.stringify({ ...progress, next: 1e9, state: 'done' })));
      };
    });
    expect(await firstWrong(runRedrives)).toMatch(/left behind|is lost|goes no further/);
  });
});
