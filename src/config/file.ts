/**
 * A configuration file: YAML, read once at the start. Keeps the place of every key, so that an error can name its line.
 */
import { readFileSync } from 'node:fs';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { BrokerError } from '../message/errors.ts';

const SIZE_MAX_BYTES = 1024 * 1024;

export class ConfigFile {
  readonly path: string;
  /** Plain values; an empty file is an empty object. */
  readonly values: Record<string, unknown>;
  private readonly document: Document;
  private readonly lines: LineCounter;

  private constructor(path: string, values: Record<string, unknown>, document: Document, lines: LineCounter) {
    this.path = path;
    this.values = values;
    this.document = document;
    this.lines = lines;
  }

  /** Throws a BrokerError of one line: not there, not readable, not YAML. */
  static read(path: string): ConfigFile {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const why =
        code === 'ENOENT'
          ? 'there is no such file'
          : code === 'EACCES'
            ? 'it is not readable'
            : (error as Error).message;
      throw new BrokerError('invalid', `cannot read the configuration ${path}: ${why}`);
    }
    return ConfigFile.parse(path, text);
  }

  static parse(path: string, text: string): ConfigFile {
    if (text.length > SIZE_MAX_BYTES) throw new BrokerError('invalid', `${path}: larger than 1 MiB`);
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const problem = document.errors[0];
    if (problem !== undefined) {
      const line = lines.linePos(problem.pos[0]).line;
      throw new BrokerError('invalid', `${path}:${line}: ${problem.message.split('\n', 1)[0]}`);
    }
    const values: unknown = document.toJS() ?? {};
    if (typeof values !== 'object' || Array.isArray(values)) {
      throw new BrokerError('invalid', `${path}:1: must be keys and values, such as "data: ./data"`);
    }
    return new ConfigFile(path, values as Record<string, unknown>, document, lines);
  }

  /** `entrepot.yaml:7`: where the key at the end of `path` stands, or the nearest one above it. */
  place(path: readonly PropertyKey[]): string {
    let node: unknown = this.document.contents;
    let offset = 0;
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) break;
        offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
        node = pair.value;
      } else if (typeof step === 'number') {
        const item = this.document.getIn(path.slice(0, path.indexOf(step) + 1), true);
        offset = (isScalar(item) ? item.range?.[0] : undefined) ?? offset;
        node = item;
      } else {
        break;
      }
    }
    return `${this.path}:${this.lines.linePos(offset).line}`;
  }
}
