/**
 * What the bindings of a headers exchange ask for, kept so that a message costs its own headers once and then one look a
 * condition: every name that any binding asks for has a number, a message's values are laid out by number, and a binding
 * is a row of (number, value).
 *
 *     bindings   all  h1=5, h2=void        names  h1 ▶ 0, h2 ▶ 1, h3 ▶ 2
 *                any  h2=x, h3=7           message  h1: 5, h9: 1   ▶   [ 5 | – | – ]
 */
import type { Headers, Value } from '../../message/properties.ts';
import { valuesEqual } from '../../message/values.ts';

interface Name {
  readonly id: number;
  uses: number;
}

export interface Condition {
  readonly any: boolean;
  readonly names: readonly string[];
  readonly ids: readonly number[];
  readonly values: readonly Value[];
}

export class HeaderConditions {
  private readonly names = new Map<string, Name>();
  private readonly free: number[] = [];
  private size = 0;
  /** Of the message at hand, by number. */
  private readonly present: (Value | undefined)[] = [];
  private readonly touched: number[] = [];
  /** Further values of names that it has more than once; null nearly always. */
  private repeated: Map<number, Value[]> | null = null;

  /** Reads what a binding's arguments ask for. Give it back with `remove`. */
  add(wanted: Headers): Condition {
    const how = wanted.find((a) => a.name === 'x-match')?.value ?? 'all';
    const withX = how === 'all-with-x' || how === 'any-with-x';
    const considered = wanted.filter((a) => a.name !== 'x-match' && (withX || !a.name.startsWith('x-')));
    return {
      any: how === 'any' || how === 'any-with-x',
      names: considered.map(({ name }) => name),
      ids: considered.map(({ name }) => this.use(name)),
      values: considered.map(({ value }) => value),
    };
  }

  private use(name: string): number {
    const known = this.names.get(name);
    if (known !== undefined) {
      known.uses++;
      return known.id;
    }
    const id = this.free.pop() ?? this.size++;
    this.present[id] = undefined;
    this.names.set(name, { id, uses: 1 });
    return id;
  }

  remove(condition: Condition): void {
    for (const name of condition.names) {
      const known = this.names.get(name)!;
      if (--known.uses > 0) continue;
      this.names.delete(name);
      this.free.push(known.id);
    }
  }

  /** Lays out the headers of a message; `matches` is about them until `clear`. */
  begin(headers: Headers): void {
    for (const { name, value } of headers) {
      const known = this.names.get(name);
      if (known === undefined) continue;
      const { id } = known;
      if (this.present[id] === undefined) {
        this.present[id] = value;
        this.touched.push(id);
        continue;
      }
      this.repeated ??= new Map();
      const more = this.repeated.get(id);
      if (more === undefined) this.repeated.set(id, [value]);
      else more.push(value);
    }
  }

  matches({ any, ids, values }: Condition): boolean {
    for (let i = 0; i < ids.length; i++) if (this.has(ids[i]!, values[i]!) === any) return any;
    return !any;
  }

  clear(): void {
    for (const id of this.touched) this.present[id] = undefined;
    this.touched.length = 0;
    this.repeated = null;
  }

  /** A void value asks only that the header is there. */
  private has(id: number, wanted: Value): boolean {
    const value = this.present[id];
    if (value === undefined) return false;
    if (wanted === null || value === wanted || valuesEqual(value, wanted)) return true;
    return this.repeated?.get(id)?.some((other) => valuesEqual(other, wanted)) === true;
  }
}
