/**
 * A link by which the client receives: its source, the credit that it has given, and what it has not settled.
 *
 * Credit counts messages that are sent, not those that are unsettled: a link without any is one whose socket is full, to its queue
 * (`Backpressure`), and looks again when credit comes. [§2.6.7]
 */
import {
  type Backpressure,
  type BodyReader,
  type Browse,
  type BrowseSink,
  type CancelReason,
  type ChannelCounts,
  type Consumer,
  type DeliverySink,
  type MessageView,
  type Outcome,
  type Output,
  type OverdueReason,
  RELEASED,
  type TagWindow,
} from '../../../src/api/index.ts';
import { ACCEPTED_STATE, type DeliveryState, type ErrorCondition, readStateValue } from '../codec/delivery-state.ts';
import {
  type Attach,
  attachValue,
  RECEIVE_FIRST,
  RECEIVER,
  SEND_SETTLED,
  SEND_UNSETTLED,
} from '../codec/performatives.ts';
import type { Source } from '../codec/terminus.ts';
import { ABSENT, type Flow } from '../codec/transfers.ts';
import {
  Amqp10Error,
  DETACH_FORCED,
  INTERNAL_ERROR,
  NOT_FOUND,
  RESOURCE_DELETED,
  UNAUTHORIZED_ACCESS,
} from '../connection/conditions.ts';
import { addressOf } from '../mapping/addresses.ts';
import type { Link } from '../session/link.ts';
import { onWire } from '../session/serial.ts';
import type { SessionHost } from '../session/session-host.ts';
import { filtersOf } from '../topology/filters.ts';
import { keptSubscription, type OpenedSource, openSource } from '../topology/subscriptions.ts';
import type { TransferWriter } from './transfer-writer.ts';

/** The session, as such a link sees it. */
export interface OutgoingSession {
  readonly channel: number;
  readonly host: SessionHost;
  readonly output: Output;
  readonly unsettled: TagWindow<OutgoingLink>;
  readonly transfers: TransferWriter;
  sendFlow(link: {
    handle: number;
    deliveryCount: number;
    linkCredit: number;
    drain?: boolean;
    available?: number;
  }): void;
  detachFor(link: Link, error: ErrorCondition, closed?: boolean): void;
}

/** The outcomes that a client may choose of, told in every source. */
const OUTCOMES = ['amqp:accepted:list', 'amqp:rejected:list', 'amqp:released:list', 'amqp:modified:list'];

export class OutgoingLink implements Link, DeliverySink, BrowseSink, Backpressure {
  readonly name: string;
  readonly handle: number;
  readonly role = RECEIVER;
  readonly attach: Attach;
  /** How a delivery ends of which the client says nothing but that it is settled. [§3.5.3, default-outcome] */
  readonly defaultOutcome: DeliveryState;
  consumer: Consumer | undefined = undefined;
  private browse: Browse | undefined = undefined;
  private browsed = false;
  answered = false;
  /** What the client is told of its source. */
  private answerSource: Source | undefined = undefined;
  private readonly session: OutgoingSession;
  private readonly settled: boolean;
  private readonly source: OpenedSource;
  private deliveryCount = 0;
  private credit = 0;
  private draining = false;
  private drainAsked = false;
  /** A body that is being read from the disk: nothing else goes out on the link. */
  private reader: BodyReader | undefined = undefined;
  private large: { whole: Buffer; at: number; tag: number; settled: boolean } | undefined = undefined;
  private gone = false;

  private constructor(session: OutgoingSession, attach: Attach, source: OpenedSource, settled: boolean) {
    this.session = session;
    this.attach = attach;
    this.name = attach.name;
    this.handle = attach.handle;
    this.source = source;
    this.settled = settled;
    const { defaultOutcome } = source.answer;
    this.defaultOutcome =
      defaultOutcome === undefined || defaultOutcome === null ? ACCEPTED_STATE : readStateValue(defaultOutcome);
  }

  /**
   * Makes it; `answer` follows.
   * @throws BrokerError, Amqp10Error for a source that cannot be; AccessPending
   */
  static open(session: OutgoingSession, attach: Attach): OutgoingLink {
    const { host, channel } = session;
    const { source } = attach;
    if (source === undefined) return OutgoingLink.recall(session, attach);
    const filters = filtersOf(source.filter);
    const opened = openSource(host, attach.name, source, filters);
    const settled = attach.sndSettleMode === SEND_SETTLED;
    const link = new OutgoingLink(session, attach, opened, settled);
    const browses = source.distributionMode === 'copy' && opened.browsable;
    if (browses) link.browse = host.session.browse(opened.queue, filters.selector, link, link);
    else {
      host.session.consume(
        opened.queue,
        {
          tag: host.consumerTag(attach.name),
          settled,
          exclusive: opened.exclusive,
          prefetch: 0,
          arguments: [],
          channel: channel + 1,
          ...(filters.selector !== undefined && { selector: filters.selector }),
          ...(opened.through !== undefined && { through: opened.through }),
        },
        link,
        link,
      );
    }
    link.answerSource = {
      ...opened.answer,
      outcomes: OUTCOMES,
      distributionMode: browses ? 'copy' : source.distributionMode,
    };
    return link;
  }

  /** A client that wants to unsubscribe asks for its subscription by the name, and closes the link. */
  private static recall(session: OutgoingSession, attach: Attach): OutgoingLink {
    const kept = keptSubscription(session.host, attach.name);
    if (kept === undefined) throw new Amqp10Error(NOT_FOUND, `there is no subscription '${attach.name}'`);
    const binding = kept.bindings[0];
    const answer: Source = {
      address: binding === undefined ? undefined : addressOf(binding.exchange, binding.key),
      durable: 2,
      expiryPolicy: 'never',
      timeoutS: 0,
      dynamic: false,
      capabilities: ['topic'],
      outcomes: OUTCOMES,
      distributionMode: 'copy',
    };
    const broker = session.host.session;
    const link = new OutgoingLink(
      session,
      attach,
      {
        queue: kept.queue,
        answer,
        exclusive: true,
        browsable: false,
        close() {
          broker.deleteQueue(kept.queue, true, false);
        },
      },
      false,
    );
    link.answerSource = answer;
    return link;
  }

  answer(): void {
    const { host, channel } = this.session;
    const { attach, answerSource: source } = this;
    this.answered = true;
    host.writer.send(
      channel,
      attachValue({
        ...attach,
        role: !RECEIVER,
        sndSettleMode: this.settled ? SEND_SETTLED : SEND_UNSETTLED,
        rcvSettleMode: attach.rcvSettleMode ?? RECEIVE_FIRST,
        source,
        unsettled: [],
        initialDeliveryCount: 0,
        maxMessageSize: undefined,
        offeredCapabilities: [],
        desiredCapabilities: [],
        properties: undefined,
      }),
    );
  }

  get counts(): ChannelCounts {
    return this.session.host.counts;
  }

  get heldBytes(): number {
    return this.large?.whole.length ?? 0;
  }

  // -- credit

  /** Nothing more may go out now. */
  get congested(): boolean {
    return (
      this.credit <= 0 || this.reader !== undefined || this.session.transfers.blocked || this.session.output.congested
    );
  }

  flow(flow: Flow): void {
    if (flow.linkCredit !== ABSENT) {
      const from = flow.deliveryCount === ABSENT ? 0 : flow.deliveryCount;
      this.credit = Math.max(0, ((from - onWire(this.deliveryCount)) | 0) + flow.linkCredit);
    }
    this.draining = flow.drain;
    if (flow.echo && !this.draining) this.tell();
    this.wake();
    if (this.draining) this.drain();
  }

  wake(): void {
    this.pumpBody();
    if (this.congested) return;
    this.browse?.wake();
    this.consumer?.wake();
    if (this.draining) this.drain();
  }

  /** The client wants what there is now, and its credit back. [§2.6.7] */
  private drain(): void {
    if (this.credit <= 0) {
      this.drained();
      return;
    }
    if (this.browse !== undefined) {
      if (this.browsed) this.drained();
      return;
    }
    if (this.consumer === undefined) this.drained();
    else if (!this.drainAsked) {
      this.drainAsked = true;
      this.consumer.whenServed(() => {
        this.drainAsked = false;
        if (this.gone || !this.draining) return;
        // What could not go out for want of room may be there still: it looks again when there is.
        if (this.credit <= 0 || !this.congested) this.drained();
      });
    }
  }

  private drained(): void {
    this.draining = false;
    this.deliveryCount += this.credit;
    this.credit = 0;
    this.session.sendFlow({
      handle: this.handle,
      deliveryCount: onWire(this.deliveryCount),
      linkCredit: 0,
      drain: true,
      available: 0,
    });
  }

  private tell(): void {
    this.session.sendFlow({ handle: this.handle, deliveryCount: onWire(this.deliveryCount), linkCredit: this.credit });
  }

  // -- deliveries

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  deliver(view: MessageView, slot: number): void {
    const { counts } = this;
    if (view.redelivered) counts.redelivered++;
    if (this.settled) {
      counts.deliveredSettled++;
      this.write(view, this.session.unsettled.skip(), true);
      return;
    }
    counts.delivered++;
    this.write(view, this.session.unsettled.push(this, slot), false);
  }

  show(view: MessageView): void {
    this.counts.deliveredSettled++;
    this.write(view, this.session.unsettled.skip(), true);
  }

  ended(): void {
    this.browsed = true;
    if (this.draining) this.drained();
  }

  private write(view: MessageView, tag: number, settled: boolean): void {
    const { host, transfers } = this.session;
    this.credit--;
    this.deliveryCount++;
    host.message.make(host.session, view, view.attempts);
    if (view.large === null) transfers.message(this.handle, onWire(tag - 1), settled, host.message, view);
    else this.sendLarge(view, tag, settled);
    if (this.credit === 0 && this.draining) this.drained();
  }

  /** A body that is not at hand as a whole: it is gathered, and goes out then. */
  private sendLarge(view: MessageView, tag: number, settled: boolean): void {
    const { host } = this.session;
    const { message } = host;
    const reader = host.session.readBody(view.large!);
    const footerBytes = message.footerEnd - message.footerStart;
    const whole = Buffer.allocUnsafeSlow(message.head.length + reader.length + footerBytes);
    this.large = { whole, at: message.head.buffer.copy(whole, 0, 0, message.head.length), tag, settled };
    message.footer.copy(whole, whole.length - footerBytes, message.footerStart, message.footerEnd);
    this.reader = reader;
    reader.onReady = () => this.wake();
    reader.onError = (error) => {
      this.closeReader();
      host.failFor(
        new Amqp10Error(INTERNAL_ERROR, `a message body could not be read back: ${error.message}`, 'connection'),
      );
    };
    this.pumpBody();
  }

  private pumpBody(): void {
    const { reader, large } = this;
    if (reader === undefined || large === undefined) return;
    while (reader.remaining > 0) {
      if (!reader.next(reader.remaining)) return;
      large.at += reader.buffer.copy(large.whole, large.at, reader.start, reader.end);
    }
    this.closeReader();
    this.session.transfers.pieces(this.handle, onWire(large.tag - 1), large.settled, large.whole, large.whole.length);
    this.consumer?.wake();
    this.browse?.wake();
  }

  private closeReader(): void {
    this.reader?.close();
    this.reader = undefined;
    this.large = undefined;
  }

  /** The client has said how a delivery ended. */
  settle(slot: number, outcome: Outcome): void {
    if (!this.gone) this.consumer?.settle(slot, outcome);
  }

  cancelled(reason: CancelReason): void {
    if (reason === 'queue-deleted') this.gone = true;
    this.session.detachFor(this, CANCELLED[reason](this.source.queue));
  }

  /** Those that run out of their lease go back; what is held for too long costs the link. */
  overdue(slots: readonly number[], why: OverdueReason): readonly number[] {
    const taken = this.session.unsettled.replace(this, NOBODY, new Set(slots));
    if (why === 'timeout' && taken.length > 0) {
      this.session.detachFor(this, {
        condition: DETACH_FORCED,
        description: 'a delivery was held for longer than it may be',
      });
    }
    return taken;
  }

  // -- the end

  end(closed: boolean): void {
    this.closeReader();
    this.browse?.stop();
    if (!this.gone) this.consumer?.cancel(RELEASED);
    this.gone = true;
    if (closed) this.source.close();
  }

  lost(): void {
    this.gone = true;
    this.closeReader();
  }
}

/** Stands where deliveries were that have been taken back. */
const NOBODY = {
  gone: true,
  counts: { acknowledged: 0 },
  settle() {},
  defaultOutcome: ACCEPTED_STATE,
} as unknown as OutgoingLink;

const CANCELLED: Record<CancelReason, (queue: string) => ErrorCondition> = {
  'queue-deleted': (queue) => ({ condition: RESOURCE_DELETED, description: `the queue '${queue}' was deleted` }),
  operator: (queue) => ({ condition: DETACH_FORCED, description: `an operator has ended the consumer of '${queue}'` }),
  'access-refused': (queue) => ({
    condition: UNAUTHORIZED_ACCESS,
    description: `the queue '${queue}' may not be read any more`,
  }),
};
