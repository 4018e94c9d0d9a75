/**
 * `node scripts/crash.ts [--rounds N] [--peer entrepot|rabbitmq] [--forget-unsynced]`: kill -9 during load, N times (20
 * unless said) on the same data, and after each restart the account: everything confirmed is there, everything settled with
 * a confirmation is gone. Exits 1 otherwise. `--forget-unsynced`: each kill also takes what was written and not synced.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runKillRounds } from '../conformance/kill/rounds.ts';
import { startEntrepot, startRabbitmq } from '../conformance/peers.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    peer: { type: 'string', default: 'entrepot' },
    'forget-unsynced': { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number of rounds, not "${values.rounds}"`);
  process.exit(2);
}

const forget = values['forget-unsynced'];
if (forget && values.peer === 'rabbitmq') {
  console.error('--forget-unsynced is for this broker only: it stands between the broker and its files');
  process.exit(2);
}
const forgetful = fileURLToPath(new URL('../conformance/kill/forget-unsynced.ts', import.meta.url));
const broker =
  values.peer === 'rabbitmq'
    ? await startRabbitmq()
    : await startEntrepot(forget ? { nodeOptions: ['--import', forgetful] } : {});
if (forget && !broker.transcript().includes('forgotten')) throw new Error('the broker has the usual files');
let failures = 0;
try {
  const reports = await runKillRounds(broker, {
    rounds,
    onRound(report) {
      failures += report.failures.length;
      const { round, confirmed, published, delivered, redelivered, settled } = report;
      console.log(
        `round ${String(round).padStart(2)}  killed after ${report.killedAfterMs.toFixed(0)} ms, back after ${report.restartMs.toFixed(0)} ms` +
          `  published ${published}, confirmed ${confirmed}` +
          `  delivered ${delivered} (${redelivered} marked redelivered), settled before ${settled}` +
          `  ${report.failures.length === 0 ? 'all held' : `${report.failures.length} WRONG`}`,
      );
      for (const failure of report.failures.slice(0, 10)) console.log(`    ${failure}`);
    },
  });
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, r) => total + of(r), 0);
  console.log(
    `${reports.length} kills, ${sum((r) => r.confirmed)} messages confirmed, ${sum((r) => r.delivered)} deliveries checked, ${failures} wrong`,
  );
} finally {
  await broker.stop();
}
process.exit(failures === 0 ? 0 : 1);
