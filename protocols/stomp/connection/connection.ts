/**
 * One client's connection: the state machine, the pump from bytes to handlers, and the orderly and the other end.
 *
 *               CONNECT         admitted           DISCONNECT          its receipt is written
 *     GREETING ─────────▶ OPENING ─────▶ CONNECTED ─────────▶ LEAVING ─────────────────────┐
 *        │                   │              │                    │                         ▼
 *        └───────────────────┴──────────────┴── ERROR, or gone ──┴────────────────────▶ CLOSED
 *
 * Frames are taken one after the other. When the next one cannot be taken now, the connection is parked (`parking.ts`).
 */
import {
  BrokerError,
  type ConnectionHandler,
  INLINE_BODY_BYTES,
  RELEASED,
  type Refusal,
  type Session,
  type SessionClient,
  type Share,
  Timer,
  type Transport,
  textOf,
} from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import { FrameError } from '../codec/errors.ts';
import { escapeValue } from '../codec/escape.ts';
import type { Frame } from '../codec/frame.ts';
import { ACK, COMMAND_TEXT, CONNECT, RECEIPT, SEND } from '../codec/names.ts';
import { COMPLETE, INCOMPLETE_BODY, INCOMPLETE_HEAD, type ParseResult } from '../codec/parser.ts';
import { errorFrame } from '../codec/server-frames.ts';
import { V1_0, type Version } from '../codec/version.ts';
import { MessageWriter } from '../deliver/delivery-writer.ts';
import type { Subscription, SubscriptionHost } from '../deliver/subscription-consumer.ts';
import { LargeSend } from '../publish/large-send.ts';
import { Receipts } from '../publish/receipt-ids.ts';
import { Answers, type AnswersHost } from '../publish/receipts.ts';
import { Client } from './client.ts';
import { dispatch } from './dispatch.ts';
import { Outlet } from './frame-output.ts';
import { connect, connected } from './handshake.ts';
import { Heartbeat, type HeartbeatHost } from './heartbeat.ts';
import { Intake } from './input-buffer.ts';
import { HELD_BACK, OTHERS_TURN, OWING, Parking, type ParkingHost, UNANSWERED } from './parking.ts';

/** A unit of work for so many bytes (as a power of two), beside one for each frame. */
const BYTES_A_UNIT_BITS = 12;
/** What a frame costs that is neither a message nor an answer, whatever it then does (`src/clock/work.ts`). */
const CONTROL_UNITS = 8;

const GREETING = 0;
const OPENING = 1;
const CONNECTED = 2;
const LEAVING = 3;
const CLOSED = 4;
type State = 0 | 1 | 2 | 3 | 4;

export class Connection
  implements ConnectionHandler, SessionClient, AnswersHost, ParkingHost, HeartbeatHost, SubscriptionHost
{
  version: Version = V1_0;
  readonly adapter: Adapter;
  readonly transport: Transport;
  readonly share: Share;
  readonly outlet: Outlet;
  /** Receipts, and what else the client is told when the log has it. */
  readonly answers: Answers;
  private state: State = GREETING;
  private client: Client | null = null;
  private received = false;
  private large: LargeSend | null = null;
  private readonly parking: Parking;
  private readonly intake: Intake;
  private readonly heartbeat: Heartbeat;
  private readonly handshake: Timer;

  constructor(adapter: Adapter, transport: Transport) {
    this.adapter = adapter;
    this.transport = transport;
    this.share = adapter.broker.turn.work.share(() => this.turnCame());
    this.parking = new Parking(adapter.broker.turn, this);
    this.intake = new Intake(adapter.join);
    const receipts = new Receipts();
    this.outlet = new Outlet(transport.output, receipts, adapter.stats);
    this.answers = new Answers(this.outlet, receipts, this);
    this.outlet.onBodyEnd = () => this.wakeConsumers();
    this.outlet.onBodyLost = () => this.lose();
    const { clock } = adapter.broker;
    this.heartbeat = new Heartbeat(clock, this);
    this.handshake = new Timer(() => {
      adapter.stats.handshakesTimedOut++;
      this.blame('it sent no CONNECT in time');
      this.end('Handshake timeout', `No CONNECT was completed within ${adapter.options.handshakeTimeoutMs} ms.`);
    });
    clock.schedule(this.handshake, adapter.options.handshakeTimeoutMs);
    adapter.stats.connectionsAccepted++;
  }

  /** What the client's session is made of. Only handlers that run once it is admitted may ask. */
  get admitted(): Client {
    return this.client!;
  }

  get session(): Session {
    return this.client!.session;
  }

  get sessionName(): string {
    return this.client!.sessionName;
  }

  get writer(): MessageWriter {
    return this.client!.writer;
  }

  // ------------------------------------------------------------------------------------------------ bytes to frames

  data(chunk: Buffer): void {
    if (this.state >= LEAVING) return;
    this.received = true;
    const { share, parking } = this;
    share.begin();
    share.work.spend(chunk.length >>> BYTES_A_UNIT_BITS);
    if (parking.reasons === 0 && share.mustWait) this.waitForTurn();
    if (parking.reasons !== 0) this.intake.append(chunk);
    else if (this.intake.add(chunk)) this.run();
    share.end();
  }

  private waitForTurn(): void {
    this.parking.park(OTHERS_TURN);
    this.share.wait();
  }

  /** Takes frames from the intake until they are used up or the next one has to wait. */
  private run(): void {
    const { intake, adapter } = this;
    const { parser } = adapter;
    let frame: Frame | null = null;
    try {
      let at = intake.start;
      if (this.large !== null) at = this.feedLarge(this.large, at);
      while (at < intake.end && this.state < LEAVING) {
        frame = parser;
        const result = parser.parse(intake.buffer, at, intake.end, this.version);
        at = parser.start;
        const isLarge = result === INCOMPLETE_BODY && parser.contentLength > INLINE_BODY_BYTES;
        if (result !== COMPLETE && !isLarge) {
          this.keepIncomplete(parser, result);
          return;
        }
        if (this.mustPark(parser)) {
          intake.keepFrames(at);
          return;
        }
        if (isLarge) {
          this.requireConnected(parser);
          this.large = new LargeSend(this, parser);
          at = this.feedLarge(this.large, parser.bodyStart);
        } else {
          at = parser.end;
          this.take(parser);
          if (this.parking.reasons !== 0) {
            intake.keepFrames(at);
            return;
          }
        }
      }
      if (this.state < LEAVING) intake.keepFrames(at);
      else intake.clear();
    } catch (error) {
      this.fail(error, frame);
    } finally {
      parser.release();
    }
  }

  private keepIncomplete(frame: Frame, result: ParseResult): void {
    const { intake } = this;
    const { headersSizeMax, unmeasuredBodySizeMax } = this.adapter.options;
    if (result === INCOMPLETE_HEAD) intake.keepUnmeasured(frame.start, headersSizeMax);
    else if (frame.contentLength >= 0) intake.keepMeasured(frame.start, frame.end - frame.start);
    else intake.keepUnmeasured(frame.start, frame.bodyStart - frame.start + unmeasuredBodySizeMax);
  }

  private take(frame: Frame): void {
    this.share.work.spend(frame.command === SEND || frame.command === ACK ? 1 : CONTROL_UNITS);
    if (this.state === CONNECTED) {
      dispatch(this, frame);
    } else {
      this.requireGreeting(frame);
      this.state = OPENING;
      this.parking.reasons |= UNANSWERED;
      connect(this, frame);
      if ((this.parking.reasons & UNANSWERED) !== 0) this.transport.pause();
    }
  }

  private requireGreeting(frame: Frame): void {
    if (frame.command === CONNECT) return;
    throw new FrameError('Illegal command', `A ${COMMAND_TEXT[frame.command]} frame came before CONNECT.`);
  }

  private requireConnected(frame: Frame): void {
    if (this.state !== CONNECTED) this.requireGreeting(frame);
  }

  /** Hands the intake's bytes from `at` on to a large body; returns where they stop being its own. */
  private feedLarge(large: LargeSend, at: number): number {
    const { intake } = this;
    const after = large.feed(intake.buffer, at, intake.end);
    if (large.complete) {
      large.publish();
      this.large = null;
    } else if (this.session.congested) {
      this.parking.park(HELD_BACK);
    }
    return after;
  }

  // ---------------------------------------------------------------------------------------------------- parking

  /** Whether this frame has to wait. */
  private mustPark(frame: Frame): boolean {
    const { client, parking, share } = this;
    if (share.mustWait) this.waitForTurn();
    if (client === null) return parking.reasons !== 0;
    if (frame.command === SEND && client.session.congested) parking.park(HELD_BACK);
    if (
      frame.has(RECEIPT) &&
      (this.transport.output.congested || this.answers.owed >= this.adapter.options.receiptsPendingMax)
    ) {
      parking.park(OWING);
    }
    return parking.reasons !== 0;
  }

  goOn(): void {
    if (this.state >= LEAVING) return;
    if (this.intake.again()) this.run();
    // `run` may have parked it again, or ended it.
    if (this.parking.reasons === 0 && this.state < LEAVING) this.transport.resume();
  }

  /** It is this connection's turn again. */
  private turnCame(): void {
    this.parking.goOn(OTHERS_TURN);
  }

  uncongested(): void {
    this.parking.unpark(HELD_BACK);
  }

  drained(): void {
    if (this.state >= CLOSED) return;
    this.outlet.pump();
    if (!this.outlet.congested) this.wakeConsumers();
    this.parking.unpark(OWING);
  }

  answered(): void {
    const isOwingLittle = this.answers.owed * 2 <= this.adapter.options.receiptsPendingMax;
    if (isOwingLittle && !this.transport.output.congested) this.parking.unpark(OWING);
  }

  subscribed(number: number): void {
    const subscription = this.client!.subscriptions.get(number);
    if (subscription === undefined) return;
    subscription.unanswered = false;
    subscription.consumer.wake();
  }

  private wakeConsumers(): void {
    if (this.client === null || this.state !== CONNECTED) return;
    for (const subscription of this.client.subscriptions.values()) {
      if (this.outlet.congested) return;
      subscription.consumer.wake();
    }
  }

  // -------------------------------------------------------------------------------------------------- admission

  /** The broker has answered CONNECT. Called while handling the frame or later. */
  opened(
    result: Session | Refusal,
    version: Version,
    clientId: string | undefined,
    heartbeatHeader: string | undefined,
  ): void {
    if (this.state !== OPENING) {
      if (!('refused' in result)) result.close(false);
      return;
    }
    const { adapter } = this;
    if ('refused' in result) {
      // Why credentials are not good is for the log, not for who tries them.
      const told =
        result.refused === 'vhost-not-found' || result.refused === 'unavailable' ? result.reason : 'Access refused.';
      this.end('Bad CONNECT', told);
      return;
    }
    adapter.broker.clock.cancel(this.handshake);
    this.version = version;
    const writer = new MessageWriter(this.transport.output, result, version, adapter.tailMemo(version), adapter.stats);
    this.client = new Client(result, adapter.nextSessionName(), clientId, writer, adapter);
    this.answers.start(result);
    this.state = CONNECTED;
    this.heartbeat.start(connected(this, heartbeatHeader));
    this.parking.unpark(UNANSWERED);
  }

  // ------------------------------------------------------------------------------------------------- heart-beats

  takeSent(): boolean {
    const { wrote } = this.outlet;
    this.outlet.wrote = false;
    return wrote;
  }

  takeReceived(): boolean {
    const received = this.received || this.parking.reasons !== 0;
    this.received = false;
    return received;
  }

  sendHeartbeat(): void {
    this.outlet.heartbeat();
  }

  heartbeatMissed(): void {
    this.adapter.stats.heartbeatsMissed++;
    this.blame('its heart-beats did not come');
    this.end('Heart-beat missed', 'Nothing came from the client for longer than it had promised.');
  }

  // --------------------------------------------------------------------------------------------------------- ends

  /** DISCONNECT: everything goes back to its place, and the receipt comes when all that was asked before is safe. */
  disconnect(frame: Frame): void {
    const client = this.client!;
    this.state = LEAVING;
    this.heartbeat.stop();
    client.transactions.rollbackAll();
    for (const subscription of client.subscriptions.values()) subscription.consumer.cancel(RELEASED);
    this.answers.whenAllSafe(frame);
    this.answers.goodbye();
  }

  /** Everything that was asked before DISCONNECT has been answered. */
  allAnswered(): void {
    if (this.state === CLOSED) return;
    this.transport.end();
    this.close(true);
  }

  subscriptionCancelled(subscription: Subscription, reason: string): void {
    if (this.state !== CONNECTED) return;
    // STOMP has no word for it but ERROR, after which the connection is closed [STOMP 1.2, ERROR].
    const id = subscription.id === undefined ? undefined : escapeValue(subscription.id, this.version);
    const headers = id === undefined ? [] : [`subscription:${id}`];
    this.end('Server cancelled subscription', `The subscription has ended: ${reason}.`, undefined, headers);
  }

  notStored(receiptId: string | undefined): void {
    this.end('Not stored', 'The broker did not take it: its queue is full, or it could not be made safe.', receiptId);
  }

  kicked(reason: string): void {
    this.end('Closed by an operator', reason);
  }

  get heldBytes(): number {
    const { client, intake } = this;
    return intake.waiting + (client === null ? 0 : client.transactions.heldBytes);
  }

  get authenticated(): boolean {
    return this.state >= CONNECTED;
  }

  exceeded(reason: string): void {
    this.adapter.broker.reportMistake(this.transport, reason);
    this.end('too much is unfinished', reason);
  }

  shutdown(reason: string): void {
    this.end('Shutting down', reason);
  }

  closed(): void {
    this.close(false);
  }

  /** What a handler or the parser threw. */
  private fail(error: unknown, frame: Frame | null): void {
    const receipt = frame?.indexOf(RECEIPT) ?? -1;
    const receiptId =
      this.large !== null
        ? this.large.receipt && textOf(this.large.receipt)
        : receipt < 0
          ? undefined
          : textOf(frame!.buffer, frame!.valueStart(receipt), frame!.valueEnd(receipt));
    if (error instanceof FrameError) {
      this.blame(`${error.title}: ${error.message}`);
      this.end(error.title, error.message, receiptId, error.headers);
    } else if (error instanceof BrokerError) {
      this.blame(error.message);
      const code = error.code.replaceAll('-', '_');
      this.end(code, `${code.toUpperCase()} - ${error.message}`, receiptId);
    } else {
      this.end('Internal error', 'The broker failed on this frame; the fault is its own.', receiptId);
      this.adapter.stats.internalErrors++;
      this.adapter.broker.reportFault(error, this.transport);
    }
  }

  /** Tells the operator what the client did. */
  private blame(what: string): void {
    this.adapter.broker.reportMistake(this.transport, what);
  }

  /** Says why in an ERROR frame and closes. `receiptId` is escaped already, as it came. */
  private end(title: string, detail: string, receiptId?: string, headers: readonly string[] = []): void {
    if (this.state === CLOSED) return;
    if (this.outlet.withinBody) {
      this.lose(); // nothing can be said within a frame
      return;
    }
    this.adapter.stats.errorsSent++;
    this.outlet.output.append(errorFrame(title, detail, receiptId, headers));
    this.transport.end();
    this.close(false);
  }

  /** Closes without a word. */
  private lose(): void {
    if (this.state === CLOSED) return;
    this.transport.destroy();
    this.close(false);
  }

  private close(inOrder: boolean): void {
    if (this.state === CLOSED) return;
    this.state = CLOSED;
    this.adapter.broker.clock.cancel(this.handshake);
    this.heartbeat.stop();
    this.share.close();
    this.intake.clear();
    this.outlet.close();
    this.large?.abort();
    this.large = null;
    const { client } = this;
    if (client === null) return;
    this.answers.close();
    client.session.close(inOrder);
  }
}
