/**
 * One session: the windows in which transfers are counted, its links, and what either side has not settled. [§2.5, §2.6]
 *
 *     begin --> [OPEN] --end--> end, gone
 *                  +--an error: end(error) --> [ENDING] --end--> gone
 *
 * While ENDING, everything but end is swallowed: the client did not know yet when it sent it.
 */
import {
  ACCEPTED,
  BrokerError,
  type DeferralTime,
  MODIFIED,
  type Outcome,
  REJECTED,
  RELEASED,
  TagWindow,
} from '../../../src/api/index.ts';
import type { DeliveryState, ErrorCondition } from '../codec/delivery-state.ts';
import * as descriptors from '../codec/descriptors.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import {
  type Attach,
  attachValue,
  type Begin,
  beginValue,
  type Detach,
  detachValue,
  endingValue,
  RECEIVER,
  SENDER,
  UINT_MAX,
} from '../codec/performatives.ts';
import { ABSENT, Disposition, dispositionValue, Flow, flowValue, type Transfer } from '../codec/transfers.ts';
import { entryOf, textValue, wholeValue } from '../codec/values.ts';
import {
  Amqp10Error,
  asAmqp10Error,
  ERRANT_LINK,
  HANDLE_IN_USE,
  NOT_ALLOWED,
  UNATTACHED_HANDLE,
  WINDOW_VIOLATION,
} from '../connection/conditions.ts';
import { OutgoingLink } from '../deliver/outgoing-link.ts';
import { TransferWriter } from '../deliver/transfer-writer.ts';
import { IncomingLink } from '../publish/incoming-link.ts';
import { SettledTransfers } from '../publish/settled-transfers.ts';
import type { Link } from './link.ts';
import { distance, fromWire, onWire } from './serial.ts';
import type { SessionHost } from './session-host.ts';

/** Links by what makes them one: its name and direction, of a container. [§2.6.1] */
function linkKey(name: string, role: boolean): string {
  return `${role === RECEIVER ? 'r' : 's'}${name}`;
}

export class SessionEndpoint {
  readonly channel: number;
  readonly host: SessionHost;
  /** What the client has not settled of what it was sent. */
  readonly unsettled = new TagWindow<OutgoingLink>();
  readonly transfers: TransferWriter;
  readonly settledTransfers: SettledTransfers;
  remoteIncomingWindow: number;
  ending = false;
  private readonly links = new Map<number, Link>();
  private readonly names = new Map<string, Link>();
  /** Handles of links that were refused and that the client has not detached yet. */
  private readonly refused = new Set<number>();
  private nextIncomingId: number;
  private incomingWindow: number;
  private nextOutgoingId = 0;
  private readonly flow = new Flow();
  private readonly disposition = new Disposition();
  constructor(host: SessionHost, channel: number, begin: Begin) {
    this.host = host;
    this.channel = channel;
    this.remoteIncomingWindow = begin.incomingWindow;
    this.nextIncomingId = begin.nextOutgoingId;
    this.incomingWindow = host.limits.incomingWindow;
    this.transfers = new TransferWriter(this);
    this.settledTransfers = new SettledTransfers(this);
    host.writer.send(
      channel,
      beginValue({
        remoteChannel: channel,
        nextOutgoingId: 0,
        incomingWindow: this.incomingWindow,
        outgoingWindow: UINT_MAX >>> 1,
        handleMax: host.limits.linksPerSessionMax - 1,
        offeredCapabilities: [],
        desiredCapabilities: [],
      }),
    );
  }

  get output() {
    return this.host.output;
  }

  get frameBytesMax(): number {
    return this.host.frameBytesMax;
  }

  get heldBytes(): number {
    let bytes = this.transfers.heldBytes;
    for (const link of this.links.values()) bytes += link.heldBytes;
    return bytes;
  }

  settledSome(): void {
    for (const link of this.links.values()) if (link instanceof IncomingLink) link.wake();
  }

  frameSent(): void {
    this.nextOutgoingId++;
    this.remoteIncomingWindow--;
  }

  // -- links

  attach(attach: Attach): void {
    const { host } = this;
    const key = linkKey(attach.name, attach.role);
    if (attach.handle > host.limits.linksPerSessionMax - 1) {
      throw new Amqp10Error(NOT_ALLOWED, `a handle is ${host.limits.linksPerSessionMax - 1} at most`, 'connection');
    }
    if (this.links.has(attach.handle)) {
      throw new Amqp10Error(HANDLE_IN_USE, `the handle ${attach.handle} is a link's already`, 'session');
    }
    if (this.names.has(key)) {
      throw new Amqp10Error(NOT_ALLOWED, `the link '${attach.name}' is attached already`, 'session');
    }
    try {
      const link = attach.role === SENDER ? IncomingLink.open(this, attach) : OutgoingLink.open(this, attach);
      this.links.set(attach.handle, link);
      this.names.set(key, link);
      this.host.whenSafe(() => this.answer(link));
    } catch (error) {
      if (!(error instanceof BrokerError) && !(error instanceof Amqp10Error && error.extent === 'link')) throw error;
      this.refuseLink(attach, asAmqp10Error(error));
    }
  }

  private answer(link: Link): void {
    if (this.links.get(link.handle) === link && !link.answered) link.answer();
  }

  /** A link that cannot be is attached without the end that is the broker's to make, and detached with the reason. [§2.6.3] */
  private refuseLink(attach: Attach, error: Amqp10Error): void {
    const { host, channel } = this;
    host.stats.linkErrors++;
    host.reportMistake(channel, error.message);
    const { name, handle } = attach;
    const nothing = {
      ...attach,
      role: !attach.role,
      source: attach.role === RECEIVER ? undefined : attach.source,
      target: attach.role === SENDER ? undefined : attach.target,
      initialDeliveryCount: attach.role === RECEIVER ? 0 : undefined,
      unsettled: [],
      offeredCapabilities: [],
      desiredCapabilities: [],
      properties: undefined,
      maxMessageSize: undefined,
    };
    host.writer.send(channel, attachValue({ ...nothing, name, handle }));
    this.sendDetach({ handle, closed: true, error: error.toCondition() });
    // Its own detach, which answers this one, is for no link then.
    this.refused.add(handle);
  }

  detach(detach: Detach): void {
    const { handle, closed } = detach;
    if (this.refused.delete(handle)) return;
    const link = this.links.get(handle);
    if (link === undefined) throw new Amqp10Error(UNATTACHED_HANDLE, `no link has the handle ${handle}`, 'session');
    this.answer(link);
    this.remove(link);
    link.end(closed);
    // What goes with it is gone after a crash as well.
    this.host.whenSafe(() => {
      if (!this.ending) this.sendDetach({ handle, closed });
    });
  }

  /** Ends a link for a reason that is not its client's. */
  detachFor(link: Link, error: ErrorCondition, closed = true): void {
    if (this.links.get(link.handle) !== link) return;
    this.answer(link);
    this.remove(link);
    link.end(false);
    this.sendDetach({ handle: link.handle, closed, error });
    this.refused.add(link.handle);
  }

  private remove(link: Link): void {
    this.links.delete(link.handle);
    this.names.delete(linkKey(link.name, link.role));
  }

  private sendDetach(detach: Detach): void {
    this.host.writer.send(this.channel, detachValue(detach));
  }

  // -- transfers

  transfer(transfer: Transfer, buffer: Buffer, start: number, end: number): void {
    const link = this.links.get(transfer.handle);
    if (link === undefined) {
      if (this.refused.has(transfer.handle)) {
        this.countIncoming();
        return;
      }
      throw new Amqp10Error(UNATTACHED_HANDLE, `no link has the handle ${transfer.handle}`, 'session');
    }
    if (!(link instanceof IncomingLink)) {
      throw new Amqp10Error(ERRANT_LINK, `messages do not go this way on the link '${link.name}'`, 'session');
    }
    this.countIncoming();
    try {
      link.transfer(transfer, buffer, start, end);
    } catch (error) {
      if (!(error instanceof Amqp10Error && error.extent === 'link')) throw error;
      this.host.stats.linkErrors++;
      this.host.reportMistake(this.channel, error.message);
      this.detachFor(link, error.toCondition());
    }
  }

  private countIncoming(): void {
    this.nextIncomingId = onWire(this.nextIncomingId + 1);
    if (--this.incomingWindow < 0) {
      throw new Amqp10Error(WINDOW_VIOLATION, 'more frames with messages have come than may', 'session');
    }
    if (this.incomingWindow < this.host.limits.incomingWindow / 2) {
      this.incomingWindow = this.host.limits.incomingWindow;
      this.sendFlow();
    }
  }

  /** Tells the state of the session, and of a link. */
  sendFlow(link?: {
    handle: number;
    deliveryCount: number;
    linkCredit: number;
    drain?: boolean;
    available?: number;
  }): void {
    this.host.writer.send(
      this.channel,
      flowValue({
        nextIncomingId: this.nextIncomingId,
        incomingWindow: this.incomingWindow,
        nextOutgoingId: onWire(this.nextOutgoingId),
        outgoingWindow: UINT_MAX >>> 1,
        ...link,
      }),
    );
  }

  flowCame(fields: FieldReader): void {
    const { flow } = this;
    flow.read(fields);
    const next = flow.nextIncomingId === ABSENT ? 0 : flow.nextIncomingId;
    const wasBlocked = this.transfers.blocked;
    this.remoteIncomingWindow = distance(onWire(this.nextOutgoingId), next) + flow.incomingWindow;
    if (wasBlocked) {
      this.transfers.goOn();
      if (!this.transfers.blocked) this.wake();
    }
    if (flow.handle === ABSENT) {
      if (flow.echo) this.sendFlow();
      return;
    }
    const link = this.links.get(flow.handle);
    if (link !== undefined) link.flow(flow);
    else if (!this.refused.has(flow.handle)) {
      throw new Amqp10Error(UNATTACHED_HANDLE, `no link has the handle ${flow.handle}`, 'session');
    }
  }

  // -- settling

  dispositionCame(fields: FieldReader): void {
    const { disposition } = this;
    disposition.read(fields);
    // A sender that settles what it has sent: everything of that was told by the broker already.
    if (disposition.role === SENDER) return;
    const { unsettled } = this;
    const near = unsettled.lastTag;
    const first = fromWire(disposition.first, near) + 1;
    const last = Math.min(fromWire(disposition.last, near) + 1, near);
    const { state, settled } = disposition;
    if (last - first > unsettled.count * 4 + 64) this.settleSparse(first, last, state, settled);
    else for (let tag = first; tag <= last; tag++) this.settleOne(tag, state, settled);
    if (!settled && state !== null && isOutcome(state)) {
      this.host.writer.send(
        this.channel,
        dispositionValue({
          role: SENDER,
          first: disposition.first,
          last: disposition.last,
          settled: true,
          state,
        }),
      );
    }
  }

  /** A range of which most is settled: what is left is walked, not the numbers. */
  private settleSparse(first: number, last: number, state: DeliveryState | null, settled: boolean): void {
    const { unsettled } = this;
    for (let tag = first; tag <= last && unsettled.count > 0; ) {
      const oldest = unsettled.first();
      if (oldest === 0 || oldest > last) return;
      tag = Math.max(tag, oldest);
      this.settleOne(tag, state, settled);
      tag++;
    }
  }

  private settleOne(tag: number, state: DeliveryState | null, settled: boolean): void {
    const { unsettled } = this;
    if (!settled && (state === null || !isOutcome(state))) return;
    if (!unsettled.take(tag)) return;
    const { slot } = unsettled;
    const link = unsettled.holder!;
    link.counts.acknowledged++;
    const told = state ?? link.defaultOutcome;
    const parked = told.kind === 'modified' ? parkedBy(told.messageAnnotations) : undefined;
    if (parked !== undefined && link.consumer?.defer(slot, parked.token, parked.at) === true) return;
    link.settle(slot, outcomeOf(told));
  }

  // -- the end

  wake(): void {
    for (const link of this.links.values()) link.wake();
  }

  /** An error that costs the client this session: tells it, and swallows what it sends until it has answered. */
  fail(error: Amqp10Error): void {
    this.release();
    this.ending = true;
    this.host.writer.send(this.channel, endingValue(descriptors.END, error.toCondition()));
  }

  /** The client has ended it. */
  endedByClient(): void {
    if (this.ending) return;
    this.release();
    this.host.writer.send(this.channel, endingValue(descriptors.END));
  }

  /** The connection is gone. */
  lost(): void {
    this.ending = true;
    this.settledTransfers.close();
    this.transfers.close();
    for (const link of this.links.values()) link.lost();
    this.links.clear();
    this.names.clear();
  }

  /** Lets go of everything; sends nothing. */
  private release(): void {
    if (this.ending) return;
    this.settledTransfers.close();
    this.transfers.close();
    for (const link of this.links.values()) link.end(false);
    this.links.clear();
    this.names.clear();
  }
}

function isOutcome(state: DeliveryState): boolean {
  return state.kind !== 'received' && state.kind !== 'declared' && state.kind !== 'transactional';
}

function outcomeOf(state: DeliveryState): Outcome {
  switch (state.kind) {
    case 'rejected':
      return REJECTED;
    case 'released':
      return RELEASED;
    case 'modified':
      if (state.undeliverableHere) return REJECTED;
      return state.deliveryFailed ? MODIFIED : RELEASED;
    default:
      return ACCEPTED;
  }
}

/** RabbitMQ 4.4's way to park a message: a token, a time, or both, in the annotations of `modified`. */
function parkedBy(annotations: Parameters<typeof entryOf>[0]): { token: string; at: DeferralTime } | undefined {
  if (annotations === undefined) return undefined;
  const token = textValue(entryOf(annotations, 'x-opt-deferral-token'));
  const time = entryOf(annotations, 'x-opt-delivery-time');
  const dueMs = typeof time === 'object' && time?.type === 'timestamp' ? Number(time.value) : wholeValue(time);
  const delayMs = wholeValue(entryOf(annotations, 'x-opt-delivery-delay'));
  if (token === undefined && dueMs === undefined && delayMs === undefined) return undefined;
  return {
    token: token ?? '',
    at: { dueMs: dueMs ?? -1, delayMs: delayMs ?? (dueMs === undefined ? Number.MAX_SAFE_INTEGER : 0) },
  };
}
