/**
 * What a service has done, in a file of lines, each synced before the service goes on: it stands for the database that a real one has.
 * A line that a crash has cut short is no line.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

export class Journal {
  private readonly file: number;
  private readonly known = new Set<string>();

  constructor(path: string) {
    const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
    for (const line of before.split('\n').slice(0, -1)) this.known.add(line);
    this.file = openSync(path, 'a');
    // What was cut short must not become the beginning of the next line.
    if (before !== '' && !before.endsWith('\n')) writeSync(this.file, '\n');
  }

  has(what: string, id: string): boolean {
    return this.known.has(`${what} ${id}`);
  }

  /** Safe when it returns. */
  write(what: string, id: string): void {
    writeSync(this.file, `${what} ${id}\n`);
    fsyncSync(this.file);
    this.known.add(`${what} ${id}`);
  }

  /** The ids of which this was written. */
  all(what: string): string[] {
    const prefix = `${what} `;
    return [...this.known].filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
  }

  close(): void {
    closeSync(this.file);
  }
}
