/**
 * The conditions of a headers exchange's bindings, kept so that a message costs its own headers once and then one look a
 * condition: everything that any binding asks for, a name with a value, has a number; a message marks the numbers that are
 * true of it; and a binding is a row of numbers.
 *
 *     bindings   all  h1=5, h2=void        wants    h1=5 ▶ 0, h2=void ▶ 1, h2=x ▶ 2, h3=7 ▶ 3
 *                any  h2=x, h3=7           message  h1: 5, h2: y, h9: 1   ▶   [ 1 | 1 | 0 | 0 ]
 */
import type { Headers, Value } from '../../message/properties.ts';
import { valueIdentity, valuesEqual } from '../../message/values.ts';

interface Want {
  readonly id: number;
  /** A void value asks only that the header is there. */
  readonly value: Value;
  uses: number;
}

export interface Condition {
  readonly any: boolean;
  readonly wanted: Headers;
  readonly ids: Int32Array;
}

export class HeaderConditions {
  /** By name, and then by what tells values apart. */
  private readonly wants = new Map<string, Map<string, Want>>();
  private readonly free: number[] = [];
  private size = 0;
  /** 1 for what is true of the message at hand. */
  private marks = new Uint8Array(64);
  private readonly marked: number[] = [];

  /** Reads what a binding's arguments ask for. Give it back with `remove`. */
  add(args: Headers): Condition {
    const how = args.find((a) => a.name === 'x-match')?.value ?? 'all';
    const withX = how === 'all-with-x' || how === 'any-with-x';
    const wanted = args.filter((a) => a.name !== 'x-match' && (withX || !a.name.startsWith('x-')));
    const ids = Int32Array.from(wanted, ({ name, value }) => this.use(name, value));
    return { any: how === 'any' || how === 'any-with-x', wanted, ids };
  }

  private use(name: string, value: Value): number {
    let ofName = this.wants.get(name);
    if (ofName === undefined) {
      ofName = new Map();
      this.wants.set(name, ofName);
    }
    const identity = valueIdentity(value);
    const known = ofName.get(identity);
    if (known !== undefined) {
      known.uses++;
      return known.id;
    }
    const id = this.free.pop() ?? this.size++;
    if (id === this.marks.length) {
      const larger = new Uint8Array(2 * id);
      larger.set(this.marks);
      this.marks = larger;
    }
    ofName.set(identity, { id, value, uses: 1 });
    return id;
  }

  remove({ wanted }: Condition): void {
    for (const { name, value } of wanted) {
      const ofName = this.wants.get(name)!;
      const identity = valueIdentity(value);
      const want = ofName.get(identity)!;
      if (--want.uses > 0) continue;
      ofName.delete(identity);
      if (ofName.size === 0) this.wants.delete(name);
      this.free.push(want.id);
    }
  }

  /** Marks what is true of a message; `matches` is about it until `clear`. */
  begin(headers: Headers): void {
    const { marks, marked } = this;
    for (const { name, value } of headers) {
      const ofName = this.wants.get(name);
      if (ofName === undefined) continue;
      for (const want of ofName.values()) {
        if (want.value !== null && !valuesEqual(value, want.value)) continue;
        marks[want.id] = 1;
        marked.push(want.id);
      }
    }
  }

  matches({ any, ids }: Condition): boolean {
    const { marks } = this;
    const wanted = any ? 1 : 0;
    for (let i = 0; i < ids.length; i++) if (marks[ids[i]!] === wanted) return any;
    return !any;
  }

  clear(): void {
    for (const id of this.marked) this.marks[id] = 0;
    this.marked.length = 0;
  }
}
