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

export class NamePattern {
  readonly text: string;
  private readonly expression: RE2JS;

  /** @throws BrokerError invalid */
  constructor(text: string) {
    if (text.length > PATTERN_CHARS_MAX) {
      throw new BrokerError('invalid', `the pattern is longer than ${PATTERN_CHARS_MAX} characters`);
    }
    try {
      this.expression = RE2JS.compile(text);
    } catch (error) {
      const why = (error as Error).message.replace(/^error parsing regexp: /, '');
      throw new BrokerError('invalid', `not a valid regular expression (RE2 syntax): ${why}`);
    }
    this.text = text;
  }

  matches(name: string): boolean {
    return this.expression.test(name);
  }

  /** A text as the pattern that matches it and nothing else of its kind. */
  static quoted(text: string): string {
    return RE2JS.quote(text);
  }
}
