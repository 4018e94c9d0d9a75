/**
 * A link by which the client sends: its target, the credit that it is given, and its messages, put together of their transfers.
 *
 *     transfer(more) … transfer      one delivery; the others of the session may stand between
 *     --> stored, routed             what it is settled with comes once it is safe
 *
 * While the broker wants no messages the client gets no more credit; what it has been given credit for is taken.
 */
import {
  AccessPending,
  BrokerError,
  DOT,
  Draft,
  giveBack,
  INLINE_BODY_BYTES,
  MARK_REFUSED,
  type Route,
  takeBuffer,
} from '../../../src/api/index.ts';
import type { DeliveryState, ErrorCondition } from '../codec/delivery-state.ts';
import { DecodeFault } from '../codec/faults.ts';
import { type Attach, attachValue, RECEIVE_FIRST, SENDER } from '../codec/performatives.ts';
import { type Coordinator, isCoordinator, type Target } from '../codec/terminus.ts';
import { ABSENT, type Flow, type Transfer } from '../codec/transfers.ts';
import {
  Amqp10Error,
  asAmqp10Error,
  DECODE_ERROR,
  INVALID_FIELD,
  MESSAGE_SIZE_EXCEEDED,
  NOT_ALLOWED,
  NOT_IMPLEMENTED,
  TRANSFER_LIMIT_EXCEEDED,
} from '../connection/conditions.ts';
import { nodeOf, publishKey } from '../mapping/addresses.ts';
import type { Link } from '../session/link.ts';
import { onWire } from '../session/serial.ts';
import type { SessionHost } from '../session/session-host.ts';
import { temporaryNode } from '../topology/temporary-nodes.ts';
import { fillDraft } from './fill-draft.ts';
import { HeaderScan } from './header-scan.ts';
import type { SettledTransfers } from './settled-transfers.ts';

/** The session, as such a link sees it. */
export interface IncomingSession {
  readonly channel: number;
  readonly host: SessionHost;
  readonly settledTransfers: SettledTransfers;
  sendFlow(link: { handle: number; deliveryCount: number; linkCredit: number }): void;
  detachFor(link: Link, error: ErrorCondition): void;
}

const NOTHING = Buffer.alloc(0);
const scan = new HeaderScan();

export class IncomingLink implements Link {
  readonly name: string;
  readonly handle: number;
  readonly role = SENDER;
  readonly attach: Attach;
  private readonly session: IncomingSession;
  private readonly draft = new Draft();
  private readonly user: Buffer;
  /** Undefined: each message says where it goes. */
  private readonly target: { exchange: string; key: string | undefined } | undefined;
  private answerTarget: Target | Coordinator | undefined = undefined;
  answered = false;
  private route: Route | null = null;
  /** A queue or topic that was made for it, and goes with it. */
  private readonly temporary: { end(): void } | undefined;
  private deliveryCount: number;
  private credit = 0;
  // The delivery that is under way.
  private deliveryId = ABSENT;
  private settled = false;
  private parts: Buffer = NOTHING;
  private partsLength = 0;
  private ended = false;

  private constructor(
    session: IncomingSession,
    attach: Attach,
    target: { exchange: string; key: string | undefined } | undefined,
    temporary: { end(): void } | undefined,
  ) {
    this.session = session;
    this.name = attach.name;
    this.handle = attach.handle;
    this.attach = attach;
    this.target = target;
    this.temporary = temporary;
    this.deliveryCount = attach.initialDeliveryCount ?? 0;
    this.user = Buffer.from(session.host.session.user, 'utf8');
  }

  /**
   * Makes it; `answer` follows.
   * @throws BrokerError, Amqp10Error for a target that cannot be; AccessPending
   */
  static open(session: IncomingSession, attach: Attach): IncomingLink {
    const { host } = session;
    const { target } = attach;
    if (target !== undefined && isCoordinator(target)) {
      throw new Amqp10Error(NOT_IMPLEMENTED, 'there are no transactions here');
    }
    const opened = openTarget(host, target);
    const link = new IncomingLink(session, attach, opened.node, opened.temporary);
    if (opened.node?.key !== undefined) link.route = link.routeTo(opened.node.exchange, opened.node.key);
    link.answerTarget = opened.answer;
    return link;
  }

  answer(): void {
    const { host, channel } = this.session;
    this.answered = true;
    host.writer.send(
      channel,
      attachValue({
        ...this.attach,
        role: !SENDER,
        rcvSettleMode: RECEIVE_FIRST,
        target: this.answerTarget,
        unsettled: [],
        initialDeliveryCount: undefined,
        maxMessageSize: host.limits.messageSizeMax,
        offeredCapabilities: [],
        desiredCapabilities: [],
        properties: undefined,
      }),
    );
    this.giveCredit();
  }

  get heldBytes(): number {
    return this.parts.length;
  }

  // -- credit

  /** More credit, if less than half of it is left and the broker wants messages. */
  private giveCredit(): void {
    const { host } = this.session;
    const { linkCredit } = host.limits;
    if (this.ended || !this.answered || this.credit > linkCredit / 2 || host.session.congested) return;
    // What is not safe yet counts as well: a client that is not answered sends no more.
    const credit = linkCredit - Math.min(linkCredit, this.session.settledTransfers.size);
    if (credit <= this.credit) return;
    this.credit = credit;
    this.session.sendFlow({ handle: this.handle, deliveryCount: onWire(this.deliveryCount), linkCredit: credit });
  }

  /** The broker takes messages again, or something was settled. */
  wake(): void {
    this.giveCredit();
  }

  flow(flow: Flow): void {
    if (flow.deliveryCount !== ABSENT)
      this.credit = Math.max(0, this.credit - ((flow.deliveryCount - onWire(this.deliveryCount)) | 0));
    if (flow.deliveryCount !== ABSENT) this.deliveryCount = flow.deliveryCount;
    if (flow.echo) {
      this.session.sendFlow({
        handle: this.handle,
        deliveryCount: onWire(this.deliveryCount),
        linkCredit: this.credit,
      });
    }
    this.giveCredit();
  }

  // -- messages

  /** @throws Amqp10Error what costs the client the link or more */
  transfer(transfer: Transfer, buffer: Buffer, start: number, end: number): void {
    if (this.deliveryId === ABSENT) this.begin(transfer);
    else if (transfer.deliveryId !== ABSENT && transfer.deliveryId !== this.deliveryId) {
      throw new Amqp10Error(NOT_ALLOWED, 'a delivery begins before the one before it is whole', 'session');
    }
    if (transfer.settled === true) this.settled = true;
    if (transfer.aborted) {
      this.session.host.stats.aborted++;
      this.finish();
      return;
    }
    const whole = this.partsLength + end - start;
    if (whole > this.session.host.limits.messageSizeMax) {
      this.finish();
      throw new Amqp10Error(
        MESSAGE_SIZE_EXCEEDED,
        `a message has ${this.session.host.limits.messageSizeMax} bytes at most`,
      );
    }
    if (transfer.more) {
      this.keep(buffer, start, end);
      return;
    }
    if (this.partsLength > 0) {
      this.keep(buffer, start, end);
      this.message(this.parts, 0, this.partsLength);
    } else this.message(buffer, start, end);
    this.finish();
  }

  private begin(transfer: Transfer): void {
    if (transfer.deliveryId === ABSENT) {
      throw new Amqp10Error(INVALID_FIELD, 'a delivery must have a delivery-id', 'session');
    }
    if (this.credit <= 0)
      throw new Amqp10Error(TRANSFER_LIMIT_EXCEEDED, 'more messages have come than there was credit for');
    this.credit--;
    this.deliveryCount = onWire(this.deliveryCount + 1);
    this.deliveryId = transfer.deliveryId;
    this.settled = false;
  }

  private message(
    buffer: Buffer,
    start: number,
    end: number,
    deliveryId = this.deliveryId,
    settled = this.settled,
  ): void {
    const { host } = this.session;
    try {
      host.sections.scan(buffer, start, end);
      this.publish(buffer, deliveryId, settled);
    } catch (error) {
      if (error instanceof AccessPending) {
        // Nothing is read meanwhile, so that nothing overtakes it.
        const copy = Buffer.from(buffer.subarray(start, end));
        host.awaitAnswer(error, () => {
          if (!this.ended) this.again(copy, deliveryId, settled);
        });
        return;
      }
      if (!(error instanceof BrokerError || error instanceof Amqp10Error || error instanceof DecodeFault)) throw error;
      const told = error instanceof DecodeFault ? new Amqp10Error(DECODE_ERROR, error.message) : asAmqp10Error(error);
      if (told.extent !== 'link' || settled) throw told;
      // Its sender is told of this one; the link goes on.
      host.stats.refused++;
      const state: DeliveryState = { kind: 'rejected', error: told.toCondition() };
      this.session.settledTransfers.reject(deliveryId, state);
    }
  }

  /** Its user may, or may not: that is known now. */
  private again(message: Buffer, deliveryId: number, settled: boolean): void {
    try {
      this.message(message, 0, message.length, deliveryId, settled);
    } catch (error) {
      if (error instanceof Amqp10Error && error.extent === 'link') this.session.detachFor(this, error.toCondition());
      else this.session.host.failFor(error);
    }
  }

  private publish(buffer: Buffer, deliveryId: number, settled: boolean): void {
    const { host } = this.session;
    const { session, sections, stored } = host;
    const { draft } = this;
    scan.read(buffer, sections);
    const route = this.routeOf();
    fillDraft(draft, session, this.user, route, buffer, sections, scan, stored, host.nowMs());
    draft.origin = host.origin;
    const bytes = draft.bodyEnd - draft.bodyStart;
    if (bytes > INLINE_BODY_BYTES) {
      const large = session.openBody(bytes, draft.outlives);
      large.append(draft.body, draft.bodyStart, draft.bodyEnd);
      draft.large = large;
      draft.bodyStart = draft.bodyEnd = 0;
    }
    const mark = session.publish(route, draft);
    host.counts.published++;
    draft.props = draft.body = NOTHING;
    draft.large = null;
    const routed = draft.routed > 0;
    if (mark === MARK_REFUSED) host.stats.refused++;
    else if (!routed) {
      host.stats.unroutable++;
      host.counts.dropped++;
    }
    if (!settled) this.session.settledTransfers.push(deliveryId, mark, routed);
  }

  private routeOf(): Route {
    const { target } = this;
    if (target?.key !== undefined) {
      if (!this.route!.valid) this.route = this.routeTo(target.exchange, target.key);
      return this.route!;
    }
    if (target !== undefined) return this.routeTo(target.exchange, scan.subject() ?? '');
    const to = scan.to();
    if (to === undefined)
      throw new Amqp10Error(INVALID_FIELD, "a message on a link without a target must say where it goes, in 'to'");
    const node = nodeOf(to);
    if (node.kind === 'exchange') return this.routeTo(node.exchange, publishKey(node) ?? scan.subject() ?? '');
    if (node.declares) declareQueue(this.session.host, node.queue);
    else this.session.host.session.checkQueue(node.queue);
    return this.routeTo('', node.queue);
  }

  private routeTo(exchange: string, key: string): Route {
    const bytes = Buffer.from(key, 'utf8');
    return this.session.host.session.route(exchange, DOT, bytes, 0, bytes.length);
  }

  private keep(buffer: Buffer, start: number, end: number): void {
    const needed = this.partsLength + end - start;
    if (needed > this.parts.length) {
      const grown = takeBuffer(
        Math.min(this.session.host.limits.messageSizeMax, Math.max(needed, 2 * this.parts.length)),
      );
      this.parts.copy(grown, 0, 0, this.partsLength);
      giveBack(this.parts);
      this.parts = grown;
    }
    buffer.copy(this.parts, this.partsLength, start, end);
    this.partsLength = needed;
  }

  /** The delivery is whole, or given up. */
  private finish(): void {
    this.deliveryId = ABSENT;
    if (this.parts.length > 0) giveBack(this.parts);
    this.parts = NOTHING;
    this.partsLength = 0;
    this.giveCredit();
  }

  end(closed: boolean): void {
    this.lost();
    if (closed) this.temporary?.end();
  }

  lost(): void {
    this.ended = true;
    if (this.parts.length > 0) giveBack(this.parts);
    this.parts = NOTHING;
  }
}

interface OpenedTarget {
  readonly node: { exchange: string; key: string | undefined } | undefined;
  readonly answer: Target | Coordinator | undefined;
  readonly temporary?: { end(): void };
}

/** Finds, or makes, what a target names. */
function openTarget(host: SessionHost, target: Target | undefined): OpenedTarget {
  if (target === undefined) return { node: undefined, answer: target };
  if (target.dynamic) {
    const made = temporaryNode(host.session, target);
    return { node: { exchange: made.exchange, key: made.key }, answer: made.terminus, temporary: made };
  }
  const { address } = target;
  if (address === undefined || address === null || address === '') return { node: undefined, answer: target };
  if (typeof address !== 'string') throw new Amqp10Error(INVALID_FIELD, 'an address must be a string');
  const node = nodeOf(address, target.capabilities);
  if (node.kind === 'exchange') {
    host.session.checkExchange(node.exchange);
    return { node: { exchange: node.exchange, key: publishKey(node) }, answer: target };
  }
  if (node.declares) declareQueue(host, node.queue);
  else host.session.checkQueue(node.queue);
  return { node: { exchange: '', key: node.queue }, answer: target };
}

/** A queue that a bare name, `/queue/…` or `queue://…` means is made where it is not there. */
export function declareQueue(host: SessionHost, queue: string): void {
  const { session } = host;
  if (session.queueExists(queue)) session.checkQueue(queue);
  else session.declareQueue(queue, { durable: true, exclusive: false, autoDelete: false, arguments: [] });
}
