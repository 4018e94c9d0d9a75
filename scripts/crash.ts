/**
 * `node scripts/crash.ts [--rounds N] [--peer entrepot|rabbitmq] [--forget-unsynced] [--exactly-once] [--users]`: kill -9 during load,
 * N times (20 unless said) on the same data, and after each restart the account: everything confirmed is there, everything
 * settled with a confirmation is gone. Exits 1 otherwise. `--forget-unsynced`: each kill also takes what was written and not
 * synced. `--exactly-once`: MQTT QoS 2 instead, end to end, each message counted once. `--users`: changes of users and permissions
 * instead.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runOnceRounds } from '../conformance/kill/exactly-once.ts';
import { runKillRounds } from '../conformance/kill/rounds.ts';
import { runUserRounds, type UserReport } from '../conformance/kill/user-rounds.ts';
import { startEntrepot, startRabbitmq } from '../conformance/peers/index.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    peer: { type: 'string', default: 'entrepot' },
    'forget-unsynced': { type: 'boolean', default: false },
    'exactly-once': { type: 'boolean', default: false },
    users: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number of rounds, not "${values.rounds}"`);
  process.exit(2);
}

const forget = values['forget-unsynced'];
if ((forget || values.users) && values.peer === 'rabbitmq') {
  console.error(
    '--forget-unsynced and --users are for this broker only: they stand between the broker and its files, or embed it',
  );
  process.exit(2);
}
const forgetful = fileURLToPath(new URL('../conformance/kill/forget-unsynced.ts', import.meta.url));
const nodeOptions = forget ? ['--import', forgetful] : [];
if (values.users) {
  let wrong = 0;
  let confirmed = 0;
  const onRound = (report: UserReport): void => {
    wrong += report.failures.length;
    confirmed += report.confirmed;
    const times = `killed after ${report.killedAfterMs.toFixed(0)} ms`;
    console.log(`round ${String(report.round).padStart(3)}  ${times}, ${report.confirmed} changes confirmed`);
    for (const failure of report.failures) console.log(`    ${failure}`);
  };
  await runUserRounds({ rounds, nodeOptions, onRound });
  console.log(`${rounds} kills, ${confirmed} changes of users confirmed, ${wrong} wrong`);
  process.exit(wrong === 0 ? 0 : 1);
}
const broker = values.peer === 'rabbitmq' ? await startRabbitmq() : await startEntrepot(forget ? { nodeOptions } : {});
// Whoever interrupts this ends the broker too, though that runs on after a kill of this process alone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    broker.stop().finally(() => process.exit(1));
  });
}
if (forget && !broker.transcript().includes('forgotten')) throw new Error('the broker has the usual files');
let failures = 0;
/** One round's line, and what was wrong in it. */
function print(round: number, line: string, wrong: readonly string[]): void {
  failures += wrong.length;
  console.log(
    `round ${String(round).padStart(3)}  ${line}  ${wrong.length === 0 ? 'all held' : `${wrong.length} WRONG`}`,
  );
  for (const failure of wrong.slice(0, 10)) console.log(`    ${failure}`);
}

async function exactlyOnce(): Promise<void> {
  const reports = await runOnceRounds(broker, {
    rounds,
    levels: [4, 5],
    onRound({ round, published, counted, repeated, killedAfterMs, restartMs, failures: wrong }) {
      const times = `killed after ${killedAfterMs.toFixed(0)} ms, back after ${restartMs.toFixed(0)} ms`;
      print(round, `${times}  published ${published}, counted ${counted}, ${repeated} packets repeated`, wrong);
    },
  });
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, r) => total + of(r), 0);
  console.log(
    `${reports.length} rounds, ${sum((r) => r.published)} messages published, ${sum((r) => r.counted)} counted, ` +
      `${sum((r) => r.repeated)} packets repeated, ${failures} wrong`,
  );
}

async function everyProtocol(): Promise<void> {
  const reports = await runKillRounds(broker, {
    rounds,
    onRound(report) {
      const { round, confirmed, published, delivered, redelivered, settled } = report;
      print(
        round,
        `killed after ${report.killedAfterMs.toFixed(0)} ms, back after ${report.restartMs.toFixed(0)} ms` +
          `  published ${published}, confirmed ${confirmed}` +
          `  delivered ${delivered} (${redelivered} marked redelivered), settled before ${settled}`,
        report.failures,
      );
    },
  });
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, r) => total + of(r), 0);
  console.log(
    `${reports.length} kills, ${sum((r) => r.confirmed)} messages confirmed, ${sum((r) => r.delivered)} deliveries checked, ${failures} wrong`,
  );
}

try {
  await (values['exactly-once'] ? exactlyOnce() : everyProtocol());
} finally {
  await broker.stop();
}
process.exit(failures === 0 ? 0 : 1);
