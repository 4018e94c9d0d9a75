/**
 * Faults in the files of a copy, and out again. What the files were before is kept in a file beside the copy while a fault is
 * in, so that a run which was killed leaves none behind.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, planted } from './faults.ts';

export class Planting {
  readonly #copy: string;
  readonly #keptIn: string;

  constructor(copy: string, keptIn: string) {
    this.#copy = copy;
    this.#keptIn = keptIn;
  }

  /** Plants faults of different files; what was planted before is taken out. */
  plant(faults: readonly Fault[]): void {
    this.restore();
    const before = faults.map(({ file }): [string, string] => {
      const path = join(this.#copy, file);
      return [path, readFileSync(path, 'utf8')];
    });
    writeFileSync(this.#keptIn, JSON.stringify(before));
    before.forEach(([path, text], at) => {
      writeFileSync(path, planted(text, faults[at]!));
    });
  }

  /** Takes out what is planted, or was when an earlier run was killed. */
  restore(): void {
    if (!existsSync(this.#keptIn)) return;
    for (const [path, text] of JSON.parse(readFileSync(this.#keptIn, 'utf8')) as [string, string][]) {
      writeFileSync(path, text);
    }
    rmSync(this.#keptIn);
  }
}
