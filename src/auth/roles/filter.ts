/**
 * The filter of a rule, compiled: whether it matches a topic, or covers a subscription's filter. Each comparison walks both once,
 * for `#` is the last level of a rule.
 *
 * `%u` and `%c` are filled in literally. A name that has `/`, `+` or `#` in it could be more than one level: a rule that allows does
 * not match then, one that denies matches what it says.
 */
import { SLASH } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';

const VARIABLE = /%[uc]/;
const UNFIT = /[/+#]/;
/** One level; all that is left. No level is equal to them: no bytes are read as a lone surrogate. */
const ONE = '\ud800+';
const REST = '\ud800#';

/** Who asks. */
export interface Asker {
  /** Undefined: it gave no name, and `%u` stands for nothing. */
  readonly user: string | undefined;
  /** Undefined: its protocol has no such thing, and `%c` stands for nothing. */
  readonly clientId?: string | undefined;
}

export class Filter {
  private readonly text: string;
  private readonly allow: boolean;
  /** Null: it depends on who asks. */
  private readonly fixed: readonly string[] | null;

  constructor(text: string, allow: boolean) {
    this.text = text;
    this.allow = allow;
    this.fixed = VARIABLE.test(text) ? null : text.split('/').map(compiled);
  }

  /** The filter as it stands for who asks; undefined: for them it does not. */
  shownFor(asker: Asker): string | undefined {
    return this.levelsFor(asker) === undefined
      ? undefined
      : this.text.replace(/%[uc]/g, (name) => filled(name, asker)!);
  }

  /** @param topic its levels, dotted */
  matches(topic: readonly string[], asker: Asker): boolean {
    const filter = this.levelsFor(asker);
    if (filter === undefined) return false;
    // Topics that begin with `$` hide from a leading wildcard.
    if (topic[0]!.charCodeAt(0) === 0x24 && (filter[0] === ONE || filter[0] === REST)) return false;
    const { length } = filter;
    for (let i = 0; i < length; i++) {
      const level = filter[i];
      if (level === REST) return true;
      if (i >= topic.length) return false;
      if (level !== ONE && level !== topic[i]) return false;
    }
    return length === topic.length;
  }

  /** Whether a subscription brings only what the filter names. @param asked its filter's levels, dotted, with `*` and `#` */
  covers(asked: readonly string[], asker: Asker): boolean {
    const filter = this.levelsFor(asker);
    if (filter === undefined) return false;
    const { length } = filter;
    for (let i = 0; i < length; i++) {
      const level = filter[i];
      if (level === REST) return true;
      if (i >= asked.length) return false;
      const one = asked[i];
      if (one === '#') return false;
      // A level that is `*` itself cannot be told from the wildcard: it is taken for that.
      if (level !== ONE && (one === '*' || level !== one)) return false;
    }
    return length === asked.length;
  }

  /** Whether a subscription's filter is this very one. */
  is(asked: readonly string[], asker: Asker): boolean {
    const filter = this.levelsFor(asker);
    return (
      filter !== undefined &&
      filter.length === asked.length &&
      filter.every((level, i) => {
        if (level === ONE) return asked[i] === '*';
        if (level === REST) return asked[i] === '#';
        return level !== '*' && level === asked[i];
      })
    );
  }

  private levelsFor(asker: Asker): readonly string[] | undefined {
    if (this.fixed !== null) return this.fixed;
    const levels: string[] = [];
    let stands = true;
    for (const level of this.text.split('/')) {
      if (!VARIABLE.test(level)) {
        levels.push(compiled(level));
        continue;
      }
      const text = level.replace(/%[uc]/g, (name) => {
        const value = filled(name, asker);
        if (value === undefined || (this.allow && (value === '' || UNFIT.test(value)))) stands = false;
        return value ?? '';
      });
      // Plain text, whatever it looks like.
      for (const part of text.split('/')) levels.push(dotted(part, SLASH));
    }
    return stands ? levels : undefined;
  }
}

/** Why a text is no filter; undefined: it is one. `#` is the last level, and wildcards are alone in theirs. */
export function faultOf(text: string): string | undefined {
  const levels = text.split('/');
  for (const [i, level] of levels.entries()) {
    if (level === '+') continue;
    if (level === '#' && i === levels.length - 1) continue;
    if (level.includes('+') || level.includes('#')) return 'wildcards are alone in their levels, and # is the last';
  }
  return undefined;
}

function compiled(level: string): string {
  if (level === '+') return ONE;
  if (level === '#') return REST;
  return dotted(level, SLASH);
}

function filled(variable: string, { user, clientId }: Asker): string | undefined {
  return variable === '%u' ? user : clientId;
}
