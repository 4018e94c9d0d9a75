/**
 * Kill -9 while users and permissions change, again and again on the same data: what was confirmed is in force after each start, and
 * a change that was under way is there whole or not at all.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createBroker } from '../../src/index.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { KEPT_USERS, type KeptUser, UserLedger } from './user-ledger.ts';

export interface UserReport {
  readonly round: number;
  readonly confirmed: number;
  readonly killedAfterMs: number;
  /** What was wrong; empty if nothing. */
  readonly failures: readonly string[];
}

export interface UserRoundsOptions {
  readonly rounds: number;
  /** A kill comes after so many confirmed changes; where in between is left to chance. */
  readonly confirmsMin?: number;
  readonly confirmsMax?: number;
  /** For the broker that is killed. */
  readonly nodeOptions?: readonly string[];
  readonly onRound?: (report: UserReport) => void;
}

const PROGRAM = fileURLToPath(new URL('./user-changes.ts', import.meta.url));

export async function runUserRounds(options: UserRoundsOptions): Promise<UserReport[]> {
  const { rounds, confirmsMin = 50, confirmsMax = 600, nodeOptions = [], onRound } = options;
  const directory = await temporaryDirectory('users');
  const ledger = new UserLedger();
  const reports: UserReport[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      const before = ledger.confirmed;
      const startedMs = performance.now();
      await changeUntilKilled(directory.path, round, nodeOptions, ledger, () => {
        const target = before + confirmsMin + Math.floor(Math.random() * (confirmsMax - confirmsMin));
        return () => ledger.confirmed >= target;
      });
      const killedAfterMs = performance.now() - startedMs;
      const failures = await judge(directory.path, ledger);
      const report = { round, confirmed: ledger.confirmed - before, killedAfterMs, failures };
      reports.push(report);
      onRound?.(report);
    }
  } finally {
    await directory.remove();
  }
  return reports;
}

async function changeUntilKilled(
  directory: string,
  round: number,
  nodeOptions: readonly string[],
  ledger: UserLedger,
  when: () => () => boolean,
): Promise<void> {
  const child = spawn(process.execPath, [...nodeOptions, PROGRAM, directory, String(round)]);
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  const enough = when();
  let killed = false;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    ledger.line(line);
    if (killed || !enough()) return;
    killed = true;
    child.kill('SIGKILL');
  });
  // What it had said before it died is read to its end.
  await Promise.all([once(lines, 'close'), once(child, 'close')]);
  if (!killed) throw new Error(`the broker ended by itself\n${errors}`);
}

async function judge(directory: string, ledger: UserLedger): Promise<string[]> {
  const broker = await createBroker({ data: directory });
  try {
    return KEPT_USERS.flatMap((name) => ledger.verdict(name, kept(broker.users.get(name))));
  } finally {
    await broker.close();
  }
}

type Shown = ReturnType<Awaited<ReturnType<typeof createBroker>>['users']['get']>;

function kept(found: Shown): KeptUser | null {
  if (found === undefined) return null;
  const { tags, permissions, topicPermissions } = found;
  return { tag: tags[0] ?? '', read: permissions[0]?.read ?? null, topic: topicPermissions[0]?.read ?? null };
}
