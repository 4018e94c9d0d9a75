/** Which faults are tried: drawn at random from all that can be planted below some paths, or found again after changes. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, faultsOf } from './faults.ts';

/** The sources below the given paths (all, if there is none) that git knows or would add, from the root of the project. */
export function sources(root: string, copy: string, paths: readonly string[]): string[] {
  const flags = ['--cached', '--others', '--exclude-standard', 'src', 'protocols'];
  return execFileSync('git', ['ls-files', ...flags], { cwd: root })
    .toString()
    .split('\n')
    .filter((file) => file.endsWith('.ts') && existsSync(join(copy, file)))
    .filter((file) => paths.length === 0 || paths.some((path) => file === path || file.startsWith(`${path}/`)))
    .sort();
}

/** A number from 0 up to 1, one after the other, the same for a seed (mulberry32). */
function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Draw {
  /** In the order in which they were drawn. */
  readonly drawn: Fault[];
  /** How many there were to draw from. */
  readonly of: number;
}

export async function draw(copy: string, files: readonly string[], sample: number, seed: number): Promise<Draw> {
  const all: Fault[] = [];
  for (const file of files) all.push(...(await faultsOf(copy, file)));
  const next = random(seed);
  const taken = Math.min(sample, all.length);
  for (let at = 0; at < taken; at++) {
    const other = at + Math.floor(next() * (all.length - at));
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return { drawn: all.slice(0, taken), of: all.length };
}

export function lineOf(copy: string, { file, line }: Fault): string {
  return readFileSync(join(copy, file), 'utf8').split('\n')[line - 1]!.trim();
}

/** Finds faults again, by their line's text, in a copy that may have changed. Those whose line is gone are left out. */
export async function findAgain(
  copy: string,
  wanted: readonly { readonly fault: Fault; readonly source: string }[],
): Promise<Fault[]> {
  const now: Fault[] = [];
  for (const file of new Set(wanted.map(({ fault }) => fault.file))) {
    if (existsSync(join(copy, file))) now.push(...(await faultsOf(copy, file)));
  }
  return wanted.flatMap(({ fault, source }) => {
    const found = now.filter(
      (each) =>
        each.file === fault.file &&
        each.kind === fault.kind &&
        each.replacement === fault.replacement &&
        lineOf(copy, each) === source &&
        each.column === fault.column,
    );
    const closest = found.sort((a, b) => Math.abs(a.line - fault.line) - Math.abs(b.line - fault.line))[0];
    return closest === undefined ? [] : [closest];
  });
}
