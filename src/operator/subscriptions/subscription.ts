/**
 * One reader of messages over a one-way stream: the consumer of a queue that is there, or of one of his own, bound for him, which goes with
 * him. What is under way to him has a bound in messages and in bytes, so that a slow reader costs the broker no memory: the messages
 * stay in their queue, and those of a queue of his own are at most so many; what is dropped there he is told.
 *
 *     queue ──deliver──▶ sent (waits for `next`) ──next──▶ under way ──received(n)──▶ done
 *                 congested: sent + under way ≥ window
 */
import { ACCEPTED, type Backpressure, type CancelReason, type Consumer, type DeliverySink } from '../../api/consume.ts';
import type { Session } from '../../api/session.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import { type MessageView, SLASH, type Spelling } from '../../message/message.ts';
import { type Headers, NO_PROPERTIES } from '../../message/properties.ts';
import { compileSelector, type Selector } from '../../routing/selector/selector.ts';
import { deliveredMessage, type PeekedMessage } from '../messages/peek.ts';

/** What one waits for: a queue's messages, or those that a binding brings. */
export type SubscriptionSource =
  | { readonly queue: string }
  | {
      readonly exchange: string;
      readonly key: string;
      /** With `SLASH`, topics that begin with `$` match no leading wildcard. */
      readonly spelling: Spelling;
      /** Begin with the retained messages that the key matches. */
      readonly retained: boolean;
      /** Messages that his queue holds for him, 1 to 10,000; the oldest go then. Default: 10,000. */
      readonly keep?: number | undefined;
    };

export interface SubscriptionOptions {
  /** Settled when the reader says that he has them; else when they are sent. */
  readonly acknowledged: boolean;
  /** Messages under way that he has not said to have; 0: he says nothing, and what the stream takes counts as received. */
  readonly window: number;
  /** Only what it selects. Of a queue the others stay there; of a queue of his own they are passed over. Left out: all. */
  readonly selector?: string | undefined;
  /** No more than so many in all. */
  readonly limit: number;
  /** Of each body. */
  readonly bodyBytes: number;
}

export interface Delivered {
  /** From 1 on. */
  readonly number: number;
  readonly message: PeekedMessage;
}

export type EndReason = CancelReason | 'closed' | 'expired' | 'unreadable';

/** Bytes of bodies under way, or waiting for the stream, beside one message's. */
const UNDER_WAY_BYTES = 1024 * 1024;
/** Without a window: messages that wait for the stream. */
const SENT_MAX = 1_000;
/** What is kept for a reader in a queue of his own. */
export const OWN_LENGTH_MAX = 10_000;
const OWN_BYTES_MAX = 64 * 1024 * 1024;

function ownArguments(keep: number): Headers {
  return [
    { name: 'x-max-length', value: { type: 'int64', value: BigInt(keep) } },
    { name: 'x-max-length-bytes', value: { type: 'int64', value: BigInt(OWN_BYTES_MAX) } },
  ];
}

interface UnderWay {
  readonly number: number;
  /** -1: settled. */
  slot: number;
  readonly bytes: number;
}

export class Subscription implements DeliverySink, Backpressure {
  /** Why nothing follows; undefined: it goes on. */
  ended: EndReason | undefined;
  readonly queue: string;
  private readonly session: Session;
  private readonly clock: Clock;
  private readonly options: SubscriptionOptions;
  private readonly onEnd: () => void;
  /** Of a queue of his own: messages that came into it. */
  private readonly published: (() => number) | undefined;
  private consumer: Consumer | undefined;
  private sent: (Delivered | Promise<Delivered>)[] = [];
  private readonly underWay: UnderWay[] = [];
  private bytes = 0;
  private delivered = 0;
  /** Of a queue of his own: what he does not want, and how many there were of it. */
  private readonly selector: Selector | undefined;
  private passedOver = 0;
  private wake: (() => void) | null = null;
  private readonly idle = new Timer(() => this.wake?.());

  /**
   * @param session his; closed with this
   * @param published messages that came into a queue since it was made
   * @throws BrokerError not-found, access-refused, resource-locked, not-allowed, invalid (the selector); AccessPending
   */
  constructor(
    session: Session,
    clock: Clock,
    source: SubscriptionSource,
    options: SubscriptionOptions,
    published: (queue: string) => number,
    onEnd: () => void,
  ) {
    this.session = session;
    this.clock = clock;
    this.options = options;
    this.onEnd = onEnd;
    const { selector } = options;
    if ('queue' in source) this.queue = source.queue;
    else {
      this.selector = selector === undefined ? undefined : compileSelector(selector);
      this.queue = this.ownQueue(source);
      this.published = () => published(this.queue);
    }
    const { limit, window } = options;
    const prefetch = Math.min(window === 0 ? SENT_MAX : window, limit);
    session.consume(
      this.queue,
      {
        ...{ tag: 'subscription', settled: false, exclusive: false, prefetch, arguments: [] },
        ...('queue' in source && selector !== undefined && { selector }),
      },
      this,
      this,
    );
  }

  private ownQueue({
    exchange,
    key,
    spelling,
    retained,
    keep = OWN_LENGTH_MAX,
  }: Exclude<SubscriptionSource, { queue: string }>): string {
    const { session } = this;
    const { name } = session.declareQueue('', {
      durable: false,
      exclusive: true,
      autoDelete: false,
      arguments: ownArguments(keep),
      ownUse: true,
    });
    const binding = { spelling, arguments: [], ...(spelling === SLASH && { hideReserved: true }) };
    session.bindQueue(name, exchange, key, binding);
    if (retained) session.replayRetained(name, exchange, key, binding);
    return name;
  }

  // ------------------------------------------------------------------------------------------------- the queue's side

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  get congested(): boolean {
    const { window, limit } = this.options;
    const held = window === 0 ? this.sent.length : this.underWay.length;
    return (
      this.delivered >= limit ||
      held >= (window === 0 ? SENT_MAX : window) ||
      this.bytes >= UNDER_WAY_BYTES ||
      this.ended !== undefined
    );
  }

  deliver(view: MessageView, slot: number): void {
    if (this.selector !== undefined && !this.selects(this.selector, view)) {
      this.passedOver++;
      this.consumer?.settle(slot, ACCEPTED);
      return;
    }
    const number = ++this.delivered;
    const message = deliveredMessage(this.session, view, this.options.bodyBytes);
    const bytes = Math.min(view.bodyLength, this.options.bodyBytes) + view.propsEnd - view.propsStart;
    this.bytes += bytes;
    this.underWay.push({ number, slot, bytes });
    this.sent.push(
      message instanceof Promise ? message.then((whole) => ({ number, message: whole })) : { number, message },
    );
    this.wake?.();
  }

  private selects(selector: Selector, view: MessageView): boolean {
    return selector.matches(view, selector.readsProperties ? this.session.matchProperties(view) : NO_PROPERTIES);
  }

  cancelled(reason: CancelReason): void {
    // What a deleted queue had is not to be settled.
    if (reason === 'queue-deleted') for (const one of this.underWay) one.slot = -1;
    this.end(reason);
  }

  // ------------------------------------------------------------------------------------------------ the reader's side

  /** What has come, at once or when there is something; nothing: `idleMs` have passed, or it is over. One call at a time. */
  async next(idleMs: number): Promise<readonly Delivered[]> {
    if (this.sent.length === 0 && this.ended === undefined) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.clock.schedule(this.idle, idleMs);
      });
      this.wake = null;
      this.clock.cancel(this.idle);
    }
    const taken = this.sent;
    this.sent = [];
    const whole: Delivered[] = [];
    try {
      // A large body is still being read.
      for (const one of taken) whole.push(one instanceof Promise ? await one : one);
    } catch {
      this.end('unreadable');
      return whole;
    }
    const last = whole.at(-1)?.number ?? 0;
    if (!this.options.acknowledged) this.settle(last);
    if (this.options.window === 0) this.received(last);
    return whole;
  }

  /** The reader has all up to this number; ones that were never sent are nobody's. */
  received(upTo: number): void {
    this.settle(upTo);
    let had = 0;
    while (had < this.underWay.length && this.underWay[had]!.number <= upTo) this.bytes -= this.underWay[had++]!.bytes;
    this.underWay.splice(0, had);
    if (had > 0 && !this.congested) this.consumer?.wake();
  }

  private settle(upTo: number): void {
    for (const one of this.underWay) {
      if (one.number > upTo) break;
      if (one.slot >= 0) this.consumer?.settle(one.slot, ACCEPTED);
      one.slot = -1;
    }
  }

  /** Messages that he did not get, because the queue of his own was full. */
  get dropped(): number {
    if (this.published === undefined || this.ended !== undefined) return 0;
    const waiting = this.session.queueExists(this.queue) ? this.session.checkQueue(this.queue).messages : 0;
    return Math.max(0, this.published() - this.delivered - this.passedOver - waiting);
  }

  /** What is under way and was not received goes back to its queue. Called at any time, from within a delivery too. */
  end(reason: EndReason = 'closed'): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.onEnd();
    this.wake?.();
    queueMicrotask(() => this.session.close(true));
  }
}
