/**
 * A configuration file: YAML, read once at the start. Keeps the place of every key, so that an error can name its line.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { BrokerError } from '../message/errors.ts';

const SIZE_MAX_BYTES = 1024 * 1024;
/** What aliases stand for, all in all: a few lines of them could be made to stand for billions. */
const ALIASES_MAX = 1_000;

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
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      const why = READ_FAULTS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
      throw new BrokerError('invalid', `cannot read the configuration ${path}: ${why}`);
    }
    if (!isUtf8(bytes)) throw new BrokerError('invalid', `${path}: this is not text in UTF-8`);
    return ConfigFile.parse(path, bytes.toString('utf8'));
  }

  static parse(path: string, text: string): ConfigFile {
    if (text.length > SIZE_MAX_BYTES) throw new BrokerError('invalid', `${path}: larger than 1 MiB`);
    const lines = new LineCounter();
    const wrong = (offset: number, why: string): BrokerError =>
      new BrokerError('invalid', `${placeOf(path, lines, offset)}: ${why}`);
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    // A tag that is not known is a warning to the parser; here it would be a value of another kind than was meant.
    const problem =
      document.errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION') ?? document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) {
      const why = YAML_FAULTS[problem.code] ?? problem.message.split('\n', 1)[0]!;
      throw wrong(problem.pos[0], why);
    }
    visit(document, {
      Alias(_key, alias, ancestors) {
        const offset = alias.range?.[0] ?? 0;
        const meant = alias.resolve(document);
        if (meant === undefined)
          throw wrong(offset, `*${alias.source} stands for nothing: no &${alias.source} comes before it`);
        if (ancestors.includes(meant)) throw wrong(offset, `*${alias.source} stands within what it stands for`);
      },
      Pair(_key, { key }) {
        if (isScalar(key) || key === null) return;
        throw wrong((isNode(key) ? key.range?.[0] : undefined) ?? 0, 'a key must be a plain word');
      },
    });
    let values: unknown;
    try {
      values = document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {};
    } catch {
      throw wrong(0, `its aliases (*name) stand for more than ${ALIASES_MAX} values`);
    }
    if (typeof values !== 'object' || Array.isArray(values)) {
      throw wrong(0, 'must be keys and values, such as "data: ./data"');
    }
    return new ConfigFile(path, values as Record<string, unknown>, document, lines);
  }

  /** `entrepot.yaml:7:3`: line and column of the key at the end of `path`, or of the nearest one above it. */
  place(path: readonly PropertyKey[]): string {
    let node: unknown = this.document.contents;
    let offset = 0;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.document);
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) break;
        offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
        node = pair.value;
      } else if (isSeq(node) && typeof step === 'number') {
        const item = node.items[step];
        offset = (isNode(item) ? item.range?.[0] : undefined) ?? offset;
        node = item;
      } else {
        break;
      }
    }
    return placeOf(this.path, this.lines, offset);
  }
}

function placeOf(path: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${path}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it is not readable',
  EISDIR: 'it is a directory',
};

/** The parser's words where they speak to a programmer. */
const YAML_FAULTS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands here for the second time; keys must be unique',
  MULTIPLE_DOCS: 'a second document begins here (---); a configuration is one',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'tabs are not allowed as indentation; write blanks',
};
