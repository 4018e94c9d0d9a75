/**
 * The pattern of a policy: a regular expression that is looked for anywhere in a name, as RabbitMQ has it. Whoever writes one
 * is trusted; whoever makes up names is not, and a backtracking expression can be kept busy for years by 50 letters.
 *
 * So expressions that cannot backtrack much (no quantified group, no back reference, two open quantifiers at most) are
 * simply run; others run under a time limit, and a name that takes longer does not match, which is reported.
 */
import { type Context, createContext, Script } from 'node:vm';
import { BrokerError } from '../../message/errors.ts';

const PATTERN_CHARS_MAX = 1024;
const PLAIN_NAME_CHARS_MAX = 512;
const TIME_LIMIT_MS = 20;
/** Names tried in one go under the limit: entering it costs a quarter of a millisecond. */
const TOGETHER = 1_000;
const REMEMBERED_MAX = 100_000;

const run = new Script('names.map((name) => expression.test(name))');

export class NamePattern {
  readonly text: string;
  private readonly expression: RegExp;
  private readonly plain: boolean;
  private readonly onTimeout: (pattern: string, name: string) => void;
  private context: Context | null = null;
  /** Answers that took the long way. */
  private readonly remembered = new Map<string, boolean>();

  /** @throws BrokerError invalid */
  constructor(text: string, onTimeout: (pattern: string, name: string) => void = () => {}) {
    if (text.length > PATTERN_CHARS_MAX) {
      throw new BrokerError('invalid', `the pattern is longer than ${PATTERN_CHARS_MAX} characters`);
    }
    try {
      this.expression = new RegExp(text);
    } catch (error) {
      throw new BrokerError('invalid', `not a valid regular expression: ${(error as Error).message}`);
    }
    this.text = text;
    this.plain = isPlain(text);
    this.onTimeout = onTimeout;
  }

  matches(name: string): boolean {
    if (this.plain && name.length <= PLAIN_NAME_CHARS_MAX) return this.expression.test(name);
    if (!this.remembered.has(name)) this.tryUnderLimit([name]);
    return this.remembered.get(name)!;
  }

  /** These names will be asked for next: a pattern that needs the limit tries many in one go. */
  prepare(names: readonly string[]): void {
    if (this.plain) return;
    const unknown = names.filter((name) => !this.remembered.has(name));
    for (let from = 0; from < unknown.length; from += TOGETHER)
      this.tryUnderLimit(unknown.slice(from, from + TOGETHER));
  }

  private tryUnderLimit(names: readonly string[]): void {
    if (this.remembered.size + names.length > REMEMBERED_MAX) this.remembered.clear();
    this.context ??= createContext(Object.create(null));
    this.context['expression'] = this.expression;
    this.context['names'] = names;
    try {
      const found = run.runInContext(this.context, { timeout: TIME_LIMIT_MS }) as boolean[];
      for (let i = 0; i < names.length; i++) this.remembered.set(names[i]!, found[i]!);
    } catch {
      if (names.length > 1) for (const name of names) this.tryUnderLimit([name]);
      else {
        this.remembered.set(names[0]!, false);
        this.onTimeout(this.text, names[0]!);
      }
    }
  }
}

/** Whether its cost is bounded by a small power of the name's length. It may say no too often. */
function isPlain(text: string): boolean {
  let open = 0;
  let inClass = false;
  for (let i = 0; i < text.length; i++) {
    const at = text[i]!;
    if (at === '\\') {
      const escaped = text[++i] ?? '';
      if (/[1-9k]/.test(escaped)) return false;
    } else if (inClass) {
      if (at === ']') inClass = false;
    } else if (at === '[') inClass = true;
    else if (at === ')' && /[*+?{]/.test(text[i + 1] ?? '')) return false;
    else if (at === '*' || at === '+' || at === '{') open++;
  }
  return open <= 2;
}
