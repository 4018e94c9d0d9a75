/**
 * A reader of JSON that does it in parts: `JSON.parse` has no end before all is read, and sixteen megabytes of somebody's request are
 * a quarter of a second in which nobody else gets anything.
 *
 * It takes what `JSON.parse` takes, but for what nests deeper than DEPTH_MAX; whole numbers of 64 bits are exact, as in `parseJson`.
 */
import { exactNumber } from './values.ts';

/** No request means to nest that deep. */
const DEPTH_MAX = 1_000;
/** Values that are read at a time: some twenty microseconds. */
const VALUES_A_PART = 128;

type Members = Record<string, unknown>;

const BLANKS = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: readonly (readonly [word: string, value: unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
/** A text in JSON holds none of these as they are. */
const NOT_PLAIN = /[\\\u0000-\u001f]/;

class JsonReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** @throws SyntaxError */
  *read(): Generator<void, unknown> {
    /** What is not closed yet, from the outside in; and the names at which the next one of each that has names goes. */
    const open: (unknown[] | Members)[] = [];
    const names: string[] = [];
    for (let count = 1; ; count++) {
      if (count % VALUES_A_PART === 0) yield;
      let value = this.value();
      if (value instanceof Opened) {
        const made = value.members ? {} : [];
        if (!this.took(value.members ? '}' : ']')) {
          if (open.length === DEPTH_MAX) throw new SyntaxError(`JSON that nests deeper than ${DEPTH_MAX}`);
          open.push(made);
          names.push(value.members ? this.name() : '');
          continue;
        }
        value = made;
      }
      // What is complete may complete what it is in.
      for (;;) {
        const into = open.at(-1);
        if (into === undefined) {
          if (this.next() !== '') throw this.wrong();
          return value;
        }
        const list = Array.isArray(into);
        if (list) into.push(value);
        else define(into, names.at(-1)!, value);
        if (this.took(',')) {
          if (!list) names[names.length - 1] = this.name();
          break;
        }
        this.take(list ? ']' : '}');
        value = into;
        open.pop();
        names.pop();
      }
    }
  }

  /** The next character that is none of the blanks, which it stands at; '' at the end. */
  private next(): string {
    BLANKS.lastIndex = this.at;
    BLANKS.exec(this.text);
    this.at = BLANKS.lastIndex;
    return this.text.charAt(this.at);
  }

  private took(sign: string): boolean {
    if (this.next() !== sign) return false;
    this.at++;
    return true;
  }

  private take(sign: string): void {
    if (!this.took(sign)) throw this.wrong();
  }

  private name(): string {
    if (this.next() !== '"') throw this.wrong();
    const name = this.string();
    this.take(':');
    return name;
  }

  private value(): unknown {
    const first = this.next();
    if (first === '"') return this.string();
    if (first === '{' || first === '[') {
      this.at++;
      return first === '{' ? MEMBERS : LIST;
    }
    for (const [word, value] of WORDS) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    NUMBER.lastIndex = this.at;
    const source = NUMBER.exec(this.text)?.[0];
    if (source === undefined) throw this.wrong();
    this.at += source.length;
    return exactNumber(Number(source), source);
  }

  private string(): string {
    const { text } = this;
    const from = this.at;
    let end = text.indexOf('"', from + 1);
    while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (end < 0) throw this.wrong();
    this.at = end + 1;
    const plain = text.slice(from + 1, end);
    return NOT_PLAIN.test(plain) ? (JSON.parse(text.slice(from, end + 1)) as string) : plain;
  }

  private wrong(): SyntaxError {
    return new SyntaxError(`no JSON at ${this.at}`);
  }
}

/** A list or an object begins. */
class Opened {
  readonly members: boolean;

  constructor(members: boolean) {
    this.members = members;
  }
}

const MEMBERS = new Opened(true);
const LIST = new Opened(false);

/** An odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

/** As `JSON.parse` does: a name of the prototype is a name like any other. */
function define(into: Members, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
  } else into[name] = value;
}

/** Reads some of it at each `next`; returns what it says. @throws SyntaxError from `next` */
export function readJson(text: string): Generator<void, unknown> {
  return new JsonReader(text).read();
}
