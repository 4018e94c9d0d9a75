/**
 * The channels and patterns that one connection has subscribed to.
 *
 *     amq.topic ──bindings──▶ the connection's queue ──at most once, past the queue──▶ deliverDirect ──▶ a push for each
 *
 * All bindings lead to one queue, so a message comes once, whatever the number of subscriptions that it fits; here it is
 * written for each of them, as Redis does. What a binding brings beyond its channel or pattern (`mapping/names.ts`) goes no further.
 */
import {
  AT_MOST_ONCE,
  type Backpressure,
  type BindOptions,
  bytesOf,
  type DirectSink,
  DOT,
  type MessageView,
  type Session,
} from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import { globMatches, type Steps } from '../codec/glob.ts';
import { bindingOf, CHANNELS } from '../mapping/names.ts';
import { type Audience, joined, left } from './audience.ts';
import type { DeliveryWriter } from './delivery-writer.ts';

const BINDING: BindOptions = { spelling: DOT, arguments: [], assurance: AT_MOST_ONCE };
/** Bytes that are compared of patterns for one message: a pattern that needs more of a channel does not get it. */
const STEPS_MAX = 65_536;
/** Of those, in a unit of work. */
const STEPS_A_UNIT_BITS = 8;

export class Subscriptions implements DirectSink {
  readonly output: Backpressure;
  /** By their text; channels as they are bound, patterns with their bytes. */
  readonly channels = new Set<string>();
  readonly patterns = new Map<string, Buffer>();
  private readonly steps: Steps = { left: 0 };
  private readonly bindings = new Map<string, number>();
  private queue: string | null = null;
  private readonly audience: Audience;
  private readonly adapter: Adapter;
  private readonly session: Session;
  private readonly writer: DeliveryWriter;
  private readonly lost: () => void;

  /** @param lost an operator has deleted the queue: nothing comes any more */
  constructor(adapter: Adapter, session: Session, writer: DeliveryWriter, lost: () => void) {
    this.adapter = adapter;
    this.session = session;
    this.writer = writer;
    this.output = writer;
    this.lost = lost;
    this.audience = adapter.audience(session.vhost);
  }

  get count(): number {
    return this.channels.size + this.patterns.size;
  }

  /** @throws BrokerError not permitted */
  addChannel(name: string): void {
    if (this.channels.has(name)) return;
    this.bind(name);
    this.channels.add(name);
    joined(this.audience.channels, name);
  }

  /** @throws BrokerError not permitted */
  addPattern(pattern: string): void {
    if (this.patterns.has(pattern)) return;
    const bytes = bytesOf(pattern);
    this.bind(bindingOf(bytes));
    this.patterns.set(pattern, bytes);
    joined(this.audience.patterns, pattern);
  }

  removeChannel(name: string): void {
    if (!this.channels.delete(name)) return;
    this.unbind(name);
    left(this.audience.channels, name);
  }

  removePattern(pattern: string): void {
    const bytes = this.patterns.get(pattern);
    if (bytes === undefined) return;
    this.patterns.delete(pattern);
    this.unbind(bindingOf(bytes));
    left(this.audience.patterns, pattern);
  }

  private bind(key: string): void {
    if (this.queue === null) {
      const options = {
        durable: false,
        exclusive: true,
        autoDelete: false,
        arguments: [],
        atMostOnce: 'direct',
        ownUse: true,
      } as const;
      const { name } = this.session.declareQueue('', options);
      try {
        this.session.attachDirect(name, this);
      } catch (error) {
        this.session.deleteQueue(name, false, false);
        throw error;
      }
      this.queue = name;
    }
    const count = this.bindings.get(key) ?? 0;
    if (count === 0) this.session.bindQueue(this.queue, CHANNELS, key, BINDING);
    this.bindings.set(key, count + 1);
  }

  private unbind(key: string): void {
    const count = this.bindings.get(key)! - 1;
    if (count > 0) this.bindings.set(key, count);
    else {
      this.bindings.delete(key);
      this.session.unbindQueue(this.queue!, CHANNELS, key, BINDING);
    }
  }

  deliverDirect(view: MessageView): boolean {
    const { adapter, writer, patterns } = this;
    if (writer.overflowing) {
      adapter.stats.directDropped++;
      return false;
    }
    const channel = adapter.channelOf(view);
    let copies = 0;
    if (this.channels.has(channel.name)) {
      writer.message(null, channel, view, this.session);
      copies++;
    }
    if (patterns.size > 0) {
      const { steps } = this;
      steps.left = STEPS_MAX;
      for (const pattern of patterns.values()) {
        if (!globMatches(pattern, channel.bytes, steps)) continue;
        writer.message(pattern, channel, view, this.session);
        copies++;
      }
      adapter.broker.turn.work.spend((STEPS_MAX - steps.left) >>> STEPS_A_UNIT_BITS);
      if (steps.left < 0) adapter.stats.patternsTooDear++;
    }
    adapter.extraCopies += copies - 1;
    adapter.stats.messagesOut += copies;
    if (copies > 0) writer.countLossy(view);
    return true;
  }

  queueDeleted(): void {
    if (this.queue === null) return; // it goes with its session
    this.queue = null;
    this.lost();
  }

  /** The output has room again: publishers may go on. */
  drained(): void {
    if (this.queue !== null) this.session.directDrained(this.queue);
  }

  /** The connection has left, and its queue goes with its session. */
  close(): void {
    for (const name of this.channels) left(this.audience.channels, name);
    for (const pattern of this.patterns.keys()) left(this.audience.patterns, pattern);
    this.channels.clear();
    this.patterns.clear();
    this.queue = null;
  }
}
