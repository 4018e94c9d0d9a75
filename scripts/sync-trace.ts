/**
 * `node scripts/sync-trace.ts [--count N]`: N confirms (1,000 unless said) in each of AMQP, MQTT and STOMP under strace,
 * and for each of them the proof that the sync covering the message had returned before the confirm was written.
 */
import { parseArgs } from 'node:util';
import { straceInstalled, traceConfirms } from '../conformance/sync-trace/run.ts';

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000' } } });
if (!straceInstalled()) {
  console.error('strace is not installed here; without it the order of system calls cannot be seen.');
  process.exit(2);
}
let failures = 0;
for (const verdict of await traceConfirms(Number(values.count))) {
  failures += verdict.failures.length;
  console.log(
    `${verdict.protocol.padEnd(6)} ${verdict.covered} of ${verdict.messages} confirms were written after their sync had returned` +
      ` (${verdict.syncs} syncs by ${verdict.by}; closest: ${verdict.slackMinUs} µs)`,
  );
  for (const failure of verdict.failures.slice(0, 10)) console.log(`    ${failure}`);
}
process.exit(failures === 0 ? 0 : 1);
