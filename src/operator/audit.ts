/**
 * Who has changed what: a bounded memory of changes for who looks at it, and a line in the broker's log for each. The lines are what lasts: a log
 * that is taken away from the broker as it is written (by journald, by a collector) stays as it was whatever an administrator of the broker
 * does, which a file beside its data would not.
 *
 * What was refused or has failed is kept apart, so that a flood of it pushes out nothing that was done. What programs do by the thousand,
 * and refusals of the same, are one entry a minute that counts.
 */
import { type Clock, Timer } from '../clock/clock.ts';

export const DONE_KEPT_MAX = 5_000;
export const OTHERS_KEPT_MAX = 1_000;
export const TOGETHER_MS = 60_000;
/** Entries that others may still be counted with. */
const OPEN_MAX = 1_000;
const TEXT_MAX = 300;
const DETAIL_MAX = 1_000;

export type AuditOutcome = 'done' | 'refused' | 'failed';

export interface AuditEntry {
  /** Upwards from 1 since the broker was started. */
  readonly number: number;
  /** Epoch milliseconds; of the last, where it counts several. */
  atMs: number;
  readonly firstAtMs: number;
  /** How many there were. */
  times: number;
  /** Null: who operates the broker on its own machine. */
  readonly user: string | null;
  /** Address and port; undefined: from nowhere, it has come about by itself. */
  readonly from: string | undefined;
  /** What it was asked with: `console`, or what the client calls itself. */
  readonly agent: string | undefined;
  /** What was done, as the API calls it: `DELETE /api/queues/{vhost}/{queue}`. */
  readonly action: string;
  /** The same in words. */
  readonly what: string;
  /** On which thing: the parts of the path by their names. */
  readonly on: Readonly<Record<string, string>>;
  /** What was asked for, as far as it is no secret, as JSON. */
  readonly detail: string | undefined;
  readonly outcome: AuditOutcome;
  /** Of what was not done. */
  readonly why: string | undefined;
}

export interface Audited extends Pick<AuditEntry, 'user' | 'action' | 'what' | 'outcome'> {
  readonly from?: { readonly address: string; readonly port: number } | undefined;
  readonly agent?: string | undefined;
  readonly on: Readonly<Record<string, string>>;
  readonly detail?: object | undefined;
  readonly why?: string | undefined;
  /** Programs do it by the thousand: it is counted. */
  readonly frequent?: boolean | undefined;
}

export interface AuditQuery {
  readonly skip: number;
  readonly take: number;
  /** Only his. */
  readonly user?: string | undefined;
  /** Only what has this in the name of what it was done to, or in what was done. */
  readonly text?: string | undefined;
  readonly vhost?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Of all that are kept, and of those that were asked for. */
  readonly total: number;
  readonly matching: number;
}

/** The log's part of it. */
export interface AuditLines {
  audited(outcome: AuditOutcome, address: string, fields: object): void;
}

export class AuditLog {
  private readonly clock: Clock;
  private readonly lines: AuditLines;
  private readonly done = new Kept(DONE_KEPT_MAX);
  private readonly others = new Kept(OTHERS_KEPT_MAX);
  private readonly open = new Map<string, { readonly entry: AuditEntry; readonly address: string }>();
  private readonly windowEnds = new Timer(() => this.windowEnded());
  private number = 0;

  constructor(clock: Clock, lines: AuditLines) {
    this.clock = clock;
    this.lines = lines;
  }

  record({ user, from, agent, action, what, on, detail, outcome, why, frequent = false }: Audited): void {
    const nowMs = this.clock.epochMs();
    const address = from?.address ?? '';
    const together = frequent || outcome !== 'done';
    const things = Object.fromEntries(Object.entries(on).map(([name, value]) => [name, cut(value, TEXT_MAX)]));
    const key = together ? JSON.stringify([user, address, action, things, outcome, why]) : '';
    const known = together ? this.open.get(key) : undefined;
    if (known !== undefined) {
      known.entry.times++;
      known.entry.atMs = nowMs;
      return;
    }
    const entry: AuditEntry = {
      number: ++this.number,
      ...{ atMs: nowMs, firstAtMs: nowMs, times: 1, user: user === null ? null : cut(user, TEXT_MAX) },
      from: from === undefined ? undefined : endpoint(from),
      ...{ agent: agent === undefined ? undefined : cut(agent, 100), action, what, on: things },
      detail:
        detail === undefined || Object.keys(detail).length === 0 ? undefined : cut(detailText(detail), DETAIL_MAX),
      ...{ outcome, why: why === undefined ? undefined : cut(why, TEXT_MAX) },
    };
    (outcome === 'done' ? this.done : this.others).push(entry);
    this.tell(entry, address);
    if (!together || this.open.size >= OPEN_MAX) return;
    this.open.set(key, { entry, address });
    if (!this.windowEnds.scheduled) this.clock.schedule(this.windowEnds, TOGETHER_MS);
  }

  /** The latest first. */
  page({ skip, take, user, text, vhost, outcome }: AuditQuery): AuditPage {
    const wanted = text?.toLowerCase();
    const matches = (entry: AuditEntry): boolean =>
      (user === undefined || entry.user === user) &&
      (outcome === undefined || entry.outcome === outcome) &&
      (vhost === undefined || entry.on['vhost'] === vhost) &&
      (wanted === undefined || has(entry, wanted));
    const entries: AuditEntry[] = [];
    let matching = 0;
    for (const entry of merged(this.done.latestFirst(), this.others.latestFirst())) {
      if (!matches(entry)) continue;
      if (matching++ >= skip && entries.length < take) entries.push(entry);
    }
    return { entries, total: this.done.size + this.others.size, matching };
  }

  /** What was counted and not yet told is. */
  close(): void {
    this.clock.cancel(this.windowEnds);
    this.windowEnded();
  }

  private windowEnded(): void {
    for (const { entry, address } of this.open.values()) if (entry.times > 1) this.tell(entry, address);
    this.open.clear();
  }

  private tell(entry: AuditEntry, address: string): void {
    const { user, from, agent, action, on, detail, outcome, why, times } = entry;
    this.lines.audited(outcome, address, {
      ...{ user, ...(from !== undefined && { from }), ...(agent !== undefined && { agent }), action, on, outcome },
      ...(detail !== undefined && { detail }),
      ...(why !== undefined && { why }),
      ...(times > 1 && { times }),
    });
  }
}

/** The last so many. */
class Kept {
  private readonly max: number;
  private entries: AuditEntry[] = [];
  private at = 0;

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.entries.length;
  }

  push(entry: AuditEntry): void {
    if (this.entries.length < this.max) this.entries.push(entry);
    else {
      this.entries[this.at] = entry;
      this.at = (this.at + 1) % this.max;
    }
  }

  *latestFirst(): Generator<AuditEntry, void> {
    const { entries, at } = this;
    for (let i = 1; i <= entries.length; i++) yield entries[(at - i + entries.length) % entries.length]!;
  }
}

function* merged(one: Iterator<AuditEntry>, other: Iterator<AuditEntry>): Generator<AuditEntry> {
  let [a, b] = [one.next(), other.next()];
  while (a.done !== true || b.done !== true) {
    if (b.done === true || (a.done !== true && a.value.number > b.value.number)) {
      yield a.value as AuditEntry;
      a = one.next();
    } else {
      yield b.value;
      b = other.next();
    }
  }
}

function has({ on, action, what }: AuditEntry, wanted: string): boolean {
  return [action, what, ...Object.values(on)].some((text) => text.toLowerCase().includes(wanted));
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

function endpoint({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Whole numbers that no double holds come as bigints (`parseJson`): they are told by their digits. */
function detailText(detail: object): string {
  return JSON.stringify(detail, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
