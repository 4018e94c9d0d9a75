/**
 * What the type check says of faults. It takes seconds whatever has changed, so faults of different files are looked at
 * together, one of each file in a round. Only what it says of a fault's own file counts.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './faults.ts';
import type { Planting } from './planting.ts';

/** What tests need does not matter here: half the work. */
const SETTINGS = { extends: './tsconfig.json', include: ['src', 'protocols'] };

interface TypeError {
  readonly line: number;
  readonly said: string;
}

async function check(copy: string): Promise<Map<string, TypeError>> {
  const project = join(copy, 'mutate.tsconfig.json');
  writeFileSync(project, JSON.stringify(SETTINGS));
  const tsc = join(copy, 'node_modules', 'typescript', 'bin', 'tsc');
  const child = spawn(process.execPath, [tsc, '--project', project, '--pretty', 'false'], {
    cwd: copy,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const errors = new Map<string, TypeError>();
  for (const said of Buffer.concat(chunks).toString().split('\n')) {
    const [, file, line] = /^(\S+?)\((\d+),\d+\): error /.exec(said) ?? [];
    if (file !== undefined && !errors.has(file)) errors.set(file, { line: Number(line), said });
  }
  return errors;
}

/** What it can only say for what stands in the same file: unused names, paths without a return, names without a value. */
const LOCAL = /error TS(6133|6138|6192|6196|6198|6199|2355|2366|7030|7027|7029|2454|2564|2565):/;

/** For each fault what the type check says, or null. */
export async function typeErrors(
  copy: string,
  planting: Planting,
  faults: readonly Fault[],
): Promise<(string | null)[]> {
  const found = new Map<Fault, string>();
  const left = new Map<string, Fault[]>();
  for (const fault of faults) left.set(fault.file, [...(left.get(fault.file) ?? []), fault]);
  const doubtful: Fault[] = [];
  while (left.size > 0) {
    const round: Fault[] = [];
    for (const [file, rest] of left) {
      round.push(rest.pop()!);
      if (rest.length === 0) left.delete(file);
    }
    planting.plant(round);
    const errors = await check(copy);
    for (const fault of round) {
      const error = errors.get(fault.file);
      if (error === undefined) continue;
      const lines = fault.replacement.split('\n').length;
      const there = error.line >= fault.line && error.line < fault.line + lines;
      // Elsewhere in the file it may come from what was planted in another.
      if (there || LOCAL.test(error.said)) found.set(fault, error.said);
      else doubtful.push(fault);
    }
  }
  for (const fault of doubtful) {
    planting.plant([fault]);
    const error = (await check(copy)).get(fault.file);
    if (error !== undefined) found.set(fault, error.said);
  }
  planting.restore();
  return faults.map((fault) => found.get(fault) ?? null);
}
