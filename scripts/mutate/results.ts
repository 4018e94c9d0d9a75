/** What came of each fault, a line each in a file that only grows: a fault that was tried further has a later line. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Fault } from './faults.ts';

export interface Result {
  readonly fault: Fault;
  /** The line as it stands, to find it again after changes. */
  readonly source: string;
  readonly change: string;
  /** What noticed it: a test, or what the type check says. */
  readonly noticedBy: string | null;
  /** Test files that were run without noticing. */
  readonly ran: readonly string[];
  /** How many test files reach it. */
  readonly reaching: number;
  /** The type check has been asked. */
  readonly typed: boolean;
  /** How long it took to try, in ms. */
  readonly spentMs: number;
}

const TYPES = 'type check: ';

export const byTypes = (said: string): string => TYPES + said;

export const identity = (fault: Fault, source: string): string =>
  JSON.stringify([fault.file, fault.where, source, fault.kind, fault.column - fault.start, fault.replacement]);

export class Results {
  readonly #path: string;
  readonly #byFault = new Map<string, Result>();

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line !== '') this.#keep(JSON.parse(line) as Result);
    }
  }

  #keep(result: Result): void {
    this.#byFault.set(identity(result.fault, result.source), result);
  }

  get all(): Result[] {
    return [...this.#byFault.values()];
  }

  get survivors(): Result[] {
    return this.all.filter(({ noticedBy }) => noticedBy === null);
  }

  of(fault: Fault, source: string): Result | undefined {
    return this.#byFault.get(identity(fault, source));
  }

  add(result: Result): void {
    this.#keep(result);
    appendFileSync(this.#path, `${JSON.stringify(result)}\n`);
  }

  /** Forgets those that were not noticed, so that they are tried anew. */
  forgetSurvivors(): void {
    for (const { fault, source } of this.survivors) this.#byFault.delete(identity(fault, source));
    writeFileSync(this.#path, this.all.map((result) => `${JSON.stringify(result)}\n`).join(''));
  }

  /** In words: of all, and of those that the type check lets pass. */
  share(): string {
    const all = this.all;
    const noticed = all.filter(({ noticedBy }) => noticedBy !== null);
    const typed = noticed.filter(({ noticedBy }) => noticedBy?.startsWith(TYPES));
    const part = (some: number, of: number) => `${some} of ${of} (${(of === 0 ? 0 : some / of).toFixed(3)})`;
    const rest = part(noticed.length - typed.length, all.length - typed.length);
    return `${part(noticed.length, all.length)} noticed, ${typed.length} by the type check; of the others ${rest}`;
  }
}
