/**
 * A regular expression that is looked for anywhere in a name, as RabbitMQ has it in policies and permissions. Its time is linear in
 * the name's length, whatever it says: whoever writes one may be trusted, whoever makes up names is not, and an expression that
 * backtracks can be kept busy for years by 50 letters.
 *
 * The syntax is RE2's: what RabbitMQ's has beyond it (look-around, back references, possessive quantifiers) is refused. `$` is the end
 * of the name, also where a line break ends it.
 */
import { RE2JS } from 're2js';
import { BrokerError } from './errors.ts';

const PATTERN_CHARS_MAX = 1024;

type Matches = (name: string) => boolean;

/** Letters that stand for themselves, at the beginning, at the end, both or anywhere. */
const PLAIN = /^(\^?)((?:[\w :/@#%&=,~-]|\\[.-])*)(\$?)$/;

/** Most patterns say no more than that, and very many names may be looked at. Undefined: this one says more. */
function plainly(text: string): Matches | undefined {
  if (text === '.*') return () => true;
  const found = PLAIN.exec(text);
  if (found === null) return undefined;
  const [, begin, escaped = '', end] = found;
  const letters = escaped.replaceAll('\\', '');
  if (begin === '') return end === '' ? (name) => name.includes(letters) : (name) => name.endsWith(letters);
  return end === '' ? (name) => name.startsWith(letters) : (name) => name === letters;
}

export class NamePattern {
  readonly text: string;
  readonly matches: Matches;

  /** @throws BrokerError invalid */
  constructor(text: string) {
    if (text.length > PATTERN_CHARS_MAX) {
      throw new BrokerError('invalid', `the pattern is longer than ${PATTERN_CHARS_MAX} characters`);
    }
    this.matches = plainly(text) ?? expression(text);
    this.text = text;
  }

  /** A text as the pattern that matches it and nothing else of its kind. */
  static quoted(text: string): string {
    return RE2JS.quote(text);
  }
}

/** @throws BrokerError invalid */
function expression(text: string): Matches {
  try {
    const compiled = RE2JS.compile(text);
    return (name) => compiled.test(name);
  } catch (error) {
    const why = (error as Error).message.replace(/^error parsing regexp: /, '');
    throw new BrokerError('invalid', `not a valid regular expression (RE2 syntax): ${why}`);
  }
}
