/**
 * Delayed messages as an operator sees them: those that are due first, a page at a time, of however many; and taken out before their time.
 * The first page is read from the heap's top, later ones by one look at all of them, in slices, of which a page is kept.
 */

import type { Broker } from '../broker/broker.ts';
import { BrokerError } from '../message/errors.ts';
import { AT_MOST_ONCE, MessageView } from '../message/message.ts';
import { dotted } from '../message/spelling.ts';
import type { Party } from '../queue/passport-notes.ts';
import type { DelayedEntry, DelayedMessages } from '../vhost/timers/delayed-messages.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { Pace } from './listing/pace.ts';

/** Messages that are read from the disk at a time. */
const READ_AT_A_TIME = 16;

export interface DelayedQuery {
  /** Behind this one, in their order. Left out: from the first on. */
  readonly after?: { readonly dueAtMs: number; readonly position: number } | undefined;
  readonly limit: number;
  /** Which of them he may see. */
  readonly visible: (message: DelayedView) => boolean;
}

export interface DelayedView {
  /** Its sequence number: how it is asked for. */
  readonly position: number;
  readonly dueAtMs: number;
  /** It outlives the broker. */
  readonly durable: boolean;
  /** Whose it is, for bindings that leave out what a queue's owner publishes; '': no one's. */
  readonly origin: string;
  /** What it says; undefined: it cannot be read. */
  readonly message?: {
    /** '': the default one, whose keys are names of queues. */
    readonly exchange: string;
    /** As they are bound. */
    readonly routingKeys: readonly string[];
    readonly messageId: string | undefined;
    readonly bodyBytes: number;
    readonly persistent: boolean;
    readonly publishedAtMs: number;
  };
}

export interface DelayedPage {
  readonly items: readonly DelayedView[];
  /** How many wait, whoever may see them. */
  readonly total: number;
  /** Undefined: these were the last. */
  readonly next: { readonly dueAtMs: number; readonly position: number } | undefined;
}

export class Delayed {
  private readonly broker: Broker;
  private readonly pace: Pace;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.pace = pace;
  }

  /** @throws BrokerError not-found: the vhost */
  async list(name: string, { after, limit, visible }: DelayedQuery): Promise<DelayedPage> {
    const vhost = this.vhostNamed(name);
    const { waiting } = vhost.delays;
    const found = new Earliest(limit + 1, after);
    await this.pace.next();
    for (const { due, seq, tag } of waiting.overdue) found.offer(due, seq, tag);
    if (after === undefined) for (const { due, seq, tag } of waiting.first(limit + 1)) found.offer(due, seq, tag);
    else await this.walk(waiting, found);
    const entries = found.entries.slice(0, limit);
    const last = found.entries.length > limit ? entries.at(-1)! : undefined;
    const items: DelayedView[] = [];
    for (let at = 0; at < entries.length; at += READ_AT_A_TIME) {
      const some = entries.slice(at, at + READ_AT_A_TIME).map((entry) => this.view(vhost, entry));
      for (const view of await Promise.all(some)) if (view !== undefined && visible(view)) items.push(view);
      await this.pace.next();
    }
    const next = last && { dueAtMs: last.due, position: last.seq };
    return { items, total: waiting.size, next };
  }

  private async walk(waiting: DelayedMessages, found: Earliest): Promise<void> {
    const walk = waiting.walk((due, seq, tag) => found.offer(due, seq, tag));
    try {
      while (walk.next()) if (this.pace.over()) await this.pace.next();
    } finally {
      walk.end();
    }
  }

  /** Undefined: it does not wait any more. */
  private async view({ delays, dialects }: Vhost, entry: DelayedEntry): Promise<DelayedView | undefined> {
    const { waiting } = delays;
    const { due, seq } = entry;
    const about = {
      ...{ position: seq, dueAtMs: due },
      ...{ durable: waiting.isDurable(entry), origin: waiting.originOf(entry) },
    };
    const message = await looked(waiting, entry, (view) => {
      const { spelling } = view;
      const keys = waiting.keysOf(entry) ?? [view.key()];
      return {
        exchange: view.exchange(),
        // Names of queues are the same in both spellings.
        routingKeys: keys.map((key) => (view.exchange() === '' ? key : dotted(key, spelling))),
        messageId: dialects.messageId(view),
        bodyBytes: view.bodyLength,
        persistent: view.assurance !== AT_MOST_ONCE,
        publishedAtMs: view.arrivedAtMs,
      };
    });
    if (message !== undefined) return { ...about, message };
    return waiting.find(seq) === undefined ? undefined : about;
  }

  /**
   * Takes one out before its time: it will never be routed, which is counted, and told of as dropped.
   * @param by who wants it
   * @throws BrokerError not-found: the vhost, or there is none (any more)
   */
  async cancel(name: string, position: number, by: Party): Promise<void> {
    const vhost = this.vhostNamed(name);
    const { delays, passports } = vhost;
    const { waiting } = delays;
    const cancel = (view: MessageView | null): boolean => {
      passports.acting = by;
      try {
        return waiting.cancel(position, view);
      } finally {
        passports.acting = null;
      }
    };
    const entry = waiting.find(position);
    const done = entry !== undefined && ((await looked(waiting, entry, cancel)) ?? cancel(null));
    if (!done) throw new BrokerError('not-found', `no delayed message ${position} in vhost '${name}'`);
    await this.broker.whenSafe(name);
  }

  private vhostNamed(name: string): Vhost {
    const vhost = this.broker.vhostsByName.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost;
  }
}

/** Looks at one, which may have to be read first. Undefined: it cannot be read, or has gone. */
function looked<T>(
  waiting: DelayedMessages,
  entry: DelayedEntry,
  look: (view: MessageView) => T,
): Promise<T | undefined> {
  const view = new MessageView();
  if (waiting.show(entry, view)) return Promise.resolve(look(view));
  return new Promise((resolve, reject) => {
    waiting.load(entry, (error) => {
      try {
        resolve(error === undefined && waiting.show(entry, view) ? look(view) : undefined);
      } catch (thrown) {
        reject(thrown as Error);
      }
    });
  });
}

/** The first few behind a place, in their order, whatever order they come in and however often. */
class Earliest {
  readonly entries: DelayedEntry[] = [];
  private readonly max: number;
  private readonly after: DelayedQuery['after'];

  constructor(max: number, after: DelayedQuery['after']) {
    this.max = max;
    this.after = after;
  }

  offer(due: number, seq: number, tag: number): void {
    const { entries, max, after } = this;
    if (after !== undefined && compare(due, seq, after.dueAtMs, after.position) <= 0) return;
    const last = entries.length < max ? undefined : entries[max - 1]!;
    if (last !== undefined && compare(due, seq, last.due, last.seq) >= 0) return;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(entries[middle]!.due, entries[middle]!.seq, due, seq) < 0) low = middle + 1;
      else high = middle;
    }
    const there = entries[low];
    if (there !== undefined && there.due === due && there.seq === seq) return;
    entries.splice(low, 0, { due, seq, tag });
    if (entries.length > max) entries.pop();
  }
}

function compare(due: number, seq: number, otherDue: number, otherSeq: number): number {
  return due - otherDue || seq - otherSeq;
}
