/**
 * The model: what a broker promises, without a broker. Messages in queues, registers (bindings, state, retained topics), and
 * the units that brought each change about.
 *
 * A unit is what the log must keep whole or not at all. It is *certain* once the broker has said so; before, a crash may
 * keep it or not, and what is found afterwards is evidence, of which no two pieces may contradict:
 *
 *     certain ───────────────▶ must have happened
 *     found what it made ────▶ happened          ┐ for one unit: never both;
 *     missing what it made ──▶ did not happen    ┘ for two: what came a turn later happened only if this one did
 *
 * A copy (a message in one queue) is there exactly if its birth happened and its death did not.
 */

import { type Annotations, decodeAnnotations } from '../../../src/message/deaths/annotations.ts';
import type { Draft, MessageView } from '../../../src/message/message.ts';

export class Unit {
  /** The turn in which the broker was asked; NaN if it was the broker that chose when. */
  readonly turn: number;
  readonly text: string;
  certain = false;
  /** A full queue did not take it, and its publisher is told so. */
  refused = false;
  /** It was asked for in a life that is over. */
  past = false;
  happened: boolean | undefined = undefined;

  constructor(turn: number, text: string) {
    this.turn = turn;
    this.text = text;
  }
}

export interface Body {
  readonly id: string;
  readonly size: number;
  readonly large: boolean;
  /** What the publisher asked for: 0 at most once, 1 at least once, 2 exactly once. */
  readonly assurance: 0 | 1 | 2;
  /** Milliseconds to live, -1 for as long as it likes. */
  readonly ttlMs: number;
  /** -1 for not given. */
  readonly priority: number;
}

/** What a queue is told to do by itself. */
export interface Terms {
  /** -1: none. */
  readonly ttlMs: number;
  /** -1: it knows no priorities. */
  readonly priorityMax: number;
  readonly lengthMax: number;
  readonly bytesMax: number;
  /** When it is full it refuses rather than to drop the oldest. */
  readonly rejects: boolean;
  /** One consumer at a time. */
  readonly single: boolean;
}

export const NO_TERMS: Terms = {
  ttlMs: -1,
  priorityMax: -1,
  lengthMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  rejects: false,
  single: false,
};

export class Copy {
  readonly body: Body;
  /** The id, and where it died if it is a dead letter. */
  readonly key: string;
  readonly birth: Unit;
  readonly durable: boolean;
  /** Not delivered before it is safe. */
  readonly exactlyOnce: boolean;
  /** From when on nobody may get it: epoch milliseconds. */
  expiresAtMs = Number.POSITIVE_INFINITY;
  /** What comes and goes in one turn is never too old. */
  publishedTurn = Number.NEGATIVE_INFINITY;
  death: Unit | undefined = undefined;
  /** Handed out and not settled: the broker's name for the delivery, -1 while it waits. */
  slot = -1;
  /** It has been handed out, in this life or one before. */
  delivered = false;
  /** Recovered after a crash: it may be marked though nobody has seen it. */
  mayBeMarked = false;
  /** Failed attempts that the broker has found in its log, and those that came on top, in order. */
  private attemptsFound = 0;
  private attemptUnits: Unit[] = [];
  /**
   * A dead letter of what goes at most once and was stored all the same, being retained: a crash may take it, and as
   * long as it is not certain that its message has ended, each start may make it anew.
   */
  fleeting = false;
  /** The broker may be unable to hand it out in this life: it could not be read, or it is on its way to the dead letters. */
  doubtful = false;

  constructor(body: Body, key: string, birth: Unit, durable: boolean, exactlyOnce: boolean) {
    this.body = body;
    this.key = key;
    this.birth = birth;
    this.durable = durable;
    this.exactlyOnce = exactlyOnce;
  }

  attempt(unit: Unit): void {
    this.attemptUnits.push(unit);
  }

  /** It has come to its end in this life. */
  get endedNow(): boolean {
    return this.death !== undefined && !this.death.past;
  }

  /** A dead letter: the broker chooses when it is made. */
  get letter(): boolean {
    return this.key !== this.body.id;
  }

  get attempts(): number {
    return this.attemptsFound + this.attemptUnits.length;
  }

  /** Attempts that a crash must not forget. */
  get attemptsSafe(): number {
    return this.attemptsFound + this.attemptUnits.filter((unit) => unit.certain).length;
  }

  /** A broker that came back says so many. */
  foundAttempts(attempts: number): void {
    this.attemptsFound = attempts;
    this.attemptUnits = [];
  }

  /** The broker must be ready to hand it out now. */
  get available(): boolean {
    return this.slot < 0 && this.death === undefined && !this.doubtful && (!this.exactlyOnce || this.birth.certain);
  }
}

export class ModelQueue {
  readonly name: string;
  readonly durable: boolean;
  /** Dead letters that had to be read back change places. */
  readonly ordered: boolean;
  readonly terms: Terms;
  /** In the order of publishing; those whose death is not certain are still here. */
  copies: Copy[] = [];
  /** Keys of copies that are gone for certain. */
  readonly gone = new Set<string>();

  constructor(name: string, durable: boolean, ordered: boolean, terms = NO_TERMS) {
    this.terms = terms;
    this.name = name;
    this.durable = durable;
    this.ordered = ordered;
  }

  find(key: string): Copy | undefined {
    return this.copies.find((copy) => copy.key === key && copy.death === undefined);
  }

  /** Its place among all: the higher goes first, then the earlier. */
  level(copy: Copy): number {
    return Math.min(Math.max(copy.body.priority, 0), Math.max(this.terms.priorityMax, 0));
  }

  /** What is to go next of those that `may`. */
  first(may: (copy: Copy) => boolean): Copy | undefined {
    let first: Copy | undefined;
    for (const copy of this.copies) {
      if (may(copy) && (first === undefined || this.level(copy) > this.level(first))) first = copy;
    }
    return first;
  }

  /** Whether what waits is more than may wait. What is certain to wait, or what may as well. */
  overfull(atMost: boolean): boolean {
    const waiting = this.copies.filter((copy) => (atMost ? copy.slot < 0 && copy.death === undefined : copy.available));
    const bytes = waiting.reduce((sum, copy) => sum + copy.body.size, 0);
    return waiting.length > this.terms.lengthMax || bytes > this.terms.bytesMax;
  }

  alive(): Copy[] {
    return this.copies.filter((copy) => copy.death === undefined);
  }
}

/** Something that has one value at a time. */
export class Register {
  readonly name: string;
  /** The last value that is certain, then those that may have come after it. */
  private values: { unit: Unit | undefined; value: string }[];

  constructor(name: string, value: string) {
    this.name = name;
    this.values = [{ unit: undefined, value }];
  }

  get value(): string {
    return this.values[this.values.length - 1]!.value;
  }

  set(value: string, unit: Unit): void {
    this.values.push({ unit, value });
  }

  /** Forgets what can no longer come back. */
  tidy(): void {
    for (let i = this.values.length - 1; i > 0; i--) {
      if (this.values[i]!.unit!.certain) {
        this.values = this.values.slice(i);
        return;
      }
    }
  }

  /** A broker that came back says it is `value`. */
  found(value: string, evidence: Evidence): void {
    this.tidy();
    const at = this.values.map((entry, i) => (entry.value === value ? i : -1)).filter((i) => i >= 0);
    if (at.length === 0) {
      const may = this.values.map((entry) => `'${entry.value}'`).join(' or ');
      evidence.wrong(`${this.name} is '${value}', and should be ${may}`);
    } else if (at.length === 1) {
      const first = at[0]!;
      if (this.values[first]!.unit !== undefined) evidence.happened(this.values[first]!.unit!, this.name);
      for (const entry of this.values.slice(first + 1)) evidence.missing(entry.unit!, this.name);
    }
    this.values = [{ unit: undefined, value }];
  }
}

/** What was found after a crash, and what follows from it. */
export class Evidence {
  readonly failures: string[] = [];
  private readonly units = new Set<Unit>();
  private readonly implications: { birth: Unit; death: Unit | undefined; what: string }[] = [];

  wrong(text: string): void {
    this.failures.push(text);
  }

  happened(unit: Unit, what: string): void {
    this.units.add(unit);
    if (unit.happened === false)
      this.wrong(`half a unit: ${what} is there, but of '${unit.text}' something is missing`);
    unit.happened = true;
  }

  missing(unit: Unit, what: string): void {
    this.units.add(unit);
    if (unit.certain) this.wrong(`lost: ${what}, though '${unit.text}' was confirmed`);
    if (unit.happened === true) this.wrong(`half a unit: ${what} is missing, but of '${unit.text}' something is there`);
    unit.happened = false;
  }

  /** A copy is not there: it was never born, or it has died. */
  absent(copy: Copy, queue: string): void {
    this.implications.push({ birth: copy.birth, death: copy.death, what: `${copy.key} in ${queue}` });
  }

  /** Draws the conclusions. */
  judge(): string[] {
    for (let again = true; again; ) {
      again = false;
      for (const { birth, death, what } of this.implications) {
        if (death?.certain === true) continue;
        const born = birth.certain || birth.happened === true;
        if (born && death?.happened !== true) {
          if (death === undefined || death.happened === false) {
            if (birth.certain || birth.happened !== false) this.missing(birth, what);
          } else {
            this.happened(death, `the end of ${what}`);
            again = true;
          }
        } else if (!born && birth.happened === undefined && (death === undefined || death.happened === false)) {
          this.missing(birth, what);
          again = true;
        }
      }
      if (this.failures.length > 0) break;
    }
    this.judgeOrder();
    return this.failures;
  }

  /** The log is one row: nothing of it may be missing in front of something that is there. */
  private judgeOrder(): void {
    let last: Unit | undefined;
    let hole: Unit | undefined;
    for (const unit of this.units) {
      if (Number.isNaN(unit.turn)) continue;
      if (unit.happened === true && (last === undefined || unit.turn > last.turn)) last = unit;
      if (unit.happened === false && (hole === undefined || unit.turn < hole.turn)) hole = unit;
    }
    if (last !== undefined && hole !== undefined && hole.turn < last.turn) {
      this.wrong(`a hole: '${hole.text}' is missing, and '${last.text}', asked for later, is there`);
    }
  }
}

export function bodyBytes(body: Body): string {
  return body.id.padEnd(body.size, `${body.id}:`).slice(0, body.size);
}

/** A message's id, which it carries as its properties, and where it died. */
export function keyOf(view: MessageView): string {
  const id = view.props.latin1Slice(view.propsStart, view.propsEnd);
  return keyWith(id, decodeAnnotations(view.notes, view.notesStart, view.notesEnd));
}

export function keyOfDraft(draft: Draft): string {
  return keyWith(draft.props.latin1Slice(draft.propsStart, draft.propsEnd), draft.annotations ?? undefined);
}

function keyWith(id: string, annotations: Annotations | undefined): string {
  return [id, ...(annotations?.deaths ?? []).map((death) => death.queue)].join('@');
}
