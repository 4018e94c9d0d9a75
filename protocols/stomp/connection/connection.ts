/**
 * The state machine of one client's connection: what is done with its frames when, and the orderly and the other end.
 *
 *               CONNECT         admitted           DISCONNECT          its receipt is written
 *     GREETING ─────────▶ OPENING ─────▶ CONNECTED ─────────▶ LEAVING ─────────────────────┐
 *        │                   │              │                    │                         ▼
 *        └───────────────────┴──────────────┴── ERROR, or gone ──┴────────────────────▶ CLOSED
 *
 * Frames are taken one after the other (`frame-input.ts`). When the next one cannot be taken now, the read gate is closed, until
 * the end of a later turn. From CONNECTED on there is a `ConnectedClient`, which the handlers of frames are given.
 */
import {
  type AccessPending,
  type BodySenderOwner,
  type ConnectionHandler,
  type ConnectionReport,
  RELEASED,
  ReadGate,
  type ReadGateOwner,
  type Refusal,
  type Session,
  type SessionClient,
  type Share,
  type Transport,
  textOf,
} from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import { FrameError } from '../codec/errors.ts';
import { escapeValue } from '../codec/escape.ts';
import type { Frame } from '../codec/frame.ts';
import { ACK, COMMAND_TEXT, CONNECT, DISCONNECT, RECEIPT, SEND, UPDATE_SECRET } from '../codec/names.ts';
import { errorFrame } from '../codec/server-frames.ts';
import { V1_2, VERSION_TEXT } from '../codec/version.ts';
import type { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { LargeSend } from '../publish/large-send.ts';
import { clientErrorOf } from './client-error.ts';
import { type ClientHost, ConnectedClient, type Negotiated } from './connected-client.ts';
import { ConnectionTimers, type ConnectionTimersHost } from './connection-timers.ts';
import { dispatch } from './dispatch.ts';
import { FrameInput, type FrameInputHost } from './frame-input.ts';
import { FrameOutput } from './frame-output.ts';
import { connect, type HandshakeHost, sendConnected } from './handshake.ts';

/** What a frame costs that is neither a message nor an answer, whatever it then does (`src/clock/work.ts`). */
const CONTROL_UNITS = 8;

// Why the gate is closed, beside the gate's own reason.
/** The broker holds publishers back: only a SEND waits for that, since ACKs before it are what frees memory and disk. */
const HELD_BACK = 2;
/** Too many receipts are owed, or the client does not read them. */
const OWING = 4;
/** The broker has not answered CONNECT yet. */
const UNANSWERED = 8;

const GREETING = 0;
const OPENING = 1;
const CONNECTED = 2;
const LEAVING = 3;
const CLOSED = 4;
type State = 0 | 1 | 2 | 3 | 4;

export class Connection
  implements
    ConnectionHandler,
    SessionClient,
    HandshakeHost,
    ClientHost,
    FrameInputHost,
    BodySenderOwner,
    ReadGateOwner,
    ConnectionTimersHost
{
  readonly adapter: Adapter;
  readonly transport: Transport;
  readonly share: Share;
  private readonly input: FrameInput;
  private readonly gate: ReadGate;
  private readonly output: FrameOutput;
  private readonly timers: ConnectionTimers;
  private state: State = GREETING;
  /** Null until the client is admitted, and never again. */
  private client: ConnectedClient | null = null;
  /** That the SEND has asked for which is held back. */
  private heldReceipt: string | undefined = undefined;

  constructor(adapter: Adapter, transport: Transport) {
    const { broker, options, stats } = adapter;
    this.adapter = adapter;
    this.transport = transport;
    this.input = new FrameInput(adapter, this);
    this.gate = new ReadGate(broker.turn, this.input, transport, this, { resumes: 'turn-end' });
    this.share = this.gate.share;
    this.output = new FrameOutput(transport.output, this);
    this.timers = new ConnectionTimers(broker.clock, this.output, this.gate, this);
    this.timers.startHandshake(options.handshakeTimeoutMs);
    stats.connectionsAccepted++;
  }

  // -------------------------------------------------------------------------------------------- what an operator sees

  connectionReport(): ConnectionReport {
    const { client } = this;
    const version = VERSION_TEXT[client?.version ?? V1_2];
    return {
      protocol: `STOMP ${version}`,
      properties: [
        ...(client?.clientId === undefined ? [] : [{ name: 'client_id', value: client.clientId }]),
        { name: 'product', value: 'STOMP client' },
      ],
      state: this.state >= LEAVING ? 'closing' : client?.session.congested === true ? 'blocked' : 'running',
      channelMax: 1,
      frameSizeMax: 0,
      heartbeatS: 0,
      channels: 1,
    };
  }

  // ---------------------------------------------------------------------------------------------- frames that come in

  data(chunk: Buffer): void {
    if (this.state >= LEAVING) return;
    this.timers.received = true;
    this.gate.data(chunk);
  }

  take(frame: Frame): void {
    const { client } = this;
    this.share.work.spend(frame.command === SEND || frame.command === ACK ? 1 : CONTROL_UNITS);
    if (client === null) this.takeConnect(frame);
    else if (frame.command === DISCONNECT) this.disconnect(client, frame);
    else if (frame.command === UPDATE_SECRET) this.updateSecret(client, frame);
    else dispatch(client, frame);
  }

  beginLarge(frame: Frame): LargeSend {
    if (this.client === null) throw beforeConnect(frame);
    return new LargeSend(this.client, frame);
  }

  /** Nothing of a chunk is kept by reference. */
  chunkRead(): void {}

  readFailed(error: unknown): void {
    this.failed(error, undefined);
  }

  /** What a handler or the parser threw. */
  failed(error: unknown, receiptId: string | undefined): void {
    const known = clientErrorOf(error);
    if (known !== undefined) {
      this.reportMistake(known.mistake);
      this.endWith(known.title, known.detail, receiptId, known.headers);
      return;
    }
    this.endWith('Internal error', 'The broker failed on this frame; the fault is its own.', receiptId);
    this.adapter.stats.internalErrors++;
    this.adapter.broker.reportFault(error, this.transport);
  }

  // ------------------------------------------------------------------------------------------------ waiting frames

  mustWait(frame: Frame): boolean {
    const { client, gate } = this;
    gate.mustWait();
    if (client === null) return gate.paused;
    if (frame.command === SEND && client.session.congested) this.holdBack(client, frame);
    if (
      frame.has(RECEIPT) &&
      (this.transport.output.congested || client.receipts.owed >= this.adapter.options.receiptsPendingMax)
    ) {
      gate.pause(OWING);
    }
    return gate.paused;
  }

  awaitAnswer(pending: AccessPending, again?: () => void): void {
    this.gate.awaitAnswer(pending, again);
  }

  /** STOMP has no word for a wait but ERROR, after which the connection is closed: so only who asks for it hears of it. */
  private holdBack(client: ConnectedClient, frame: Frame): void {
    this.gate.pause(HELD_BACK);
    const { heldMaxMs } = this.adapter.options;
    if (heldMaxMs === 0) return;
    this.heldReceipt = frame.has(RECEIPT) ? escapeValue(frame.text(RECEIPT)!, client.version) : undefined;
    this.timers.heldBack(heldMaxMs);
  }

  heldTooLong(): void {
    const { client } = this;
    if (this.state !== CONNECTED || client === null || !this.gate.paused || !client.session.congested) return;
    if (!client.session.outOfRoom) {
      this.timers.heldBack(this.adapter.options.heldMaxMs);
      return;
    }
    this.adapter.stats.heldTooLong++;
    const { shortage } = client.session;
    this.endWith(
      'Held back',
      `The broker is low on ${shortage}: this was not taken, and may be sent again later.`,
      this.heldReceipt,
    );
  }

  largeHeldBack(): void {
    this.gate.pause(HELD_BACK);
  }

  uncongested(): void {
    this.timers.heldNoMore();
    this.gate.resume(HELD_BACK);
  }

  receiptsGiven(owed: number): void {
    const isOwingLittle = owed * 2 <= this.adapter.options.receiptsPendingMax;
    if (isOwingLittle && !this.transport.output.congested) this.gate.resume(OWING);
  }

  // ----------------------------------------------------------------------------------------------- frames that go out

  drained(): void {
    if (this.state >= CLOSED) return;
    this.output.pump();
    if (!this.output.congested) this.wakeConsumers();
    this.gate.resume(OWING);
  }

  bodyReadable(): void {
    this.output.pump();
  }

  bodiesSent(): void {
    this.client?.receipts.bodiesSent();
    this.wakeConsumers();
  }

  bodyLost(): void {
    this.adapter.stats.bodiesUnreadable++;
    this.destroy();
  }

  private wakeConsumers(): void {
    if (this.client === null || this.state !== CONNECTED) return;
    for (const subscription of this.client.subscriptions.all()) {
      if (this.output.congested) return;
      subscription.consumer.wake();
    }
    this.client.subscriptions.wakeBrowsers();
  }

  // --------------------------------------------------------------------------------------------------- admission

  private takeConnect(frame: Frame): void {
    if (frame.command !== CONNECT) throw beforeConnect(frame);
    this.state = OPENING;
    this.gate.pause(UNANSWERED);
    connect(this, frame);
  }

  opened(result: Session | Refusal, negotiated: Negotiated): void {
    if (this.state !== OPENING) {
      if (!('refused' in result)) result.close(false);
      return;
    }
    if ('refused' in result) {
      // Why credentials are not good is for the log, not for who tries them.
      const secret = result.refused === 'credentials' || result.refused === 'forbidden';
      const told = secret ? 'Access refused.' : result.reason;
      this.endWith('Bad CONNECT', told);
      return;
    }
    const client = new ConnectedClient(this.adapter, result, negotiated, this.output, this);
    this.client = client;
    this.state = CONNECTED;
    this.input.version = negotiated.version;
    this.timers.endHandshake();
    this.timers.startHeartbeats(sendConnected(client, negotiated.heartbeatHeader));
    this.gate.resume(UNANSWERED);
  }

  handshakeTimedOut(): void {
    const { stats, options } = this.adapter;
    stats.handshakesTimedOut++;
    this.reportMistake('it sent no CONNECT in time');
    this.endWith('Handshake timeout', `No CONNECT was completed within ${options.handshakeTimeoutMs} ms.`);
  }

  // --------------------------------------------------------------------------------------------------------- ends

  heartbeatMissed(): void {
    this.adapter.stats.heartbeatsMissed++;
    this.reportMistake('its heart-beats did not come');
    this.endWith('Heart-beat missed', 'Nothing came from the client for longer than it had promised.');
  }

  /** UPDATE-SECRET: the client proves anew who it is. The receipt says that it did; the next frame waits for that. */
  private updateSecret(client: ConnectedClient, frame: Frame): void {
    const secret = frame.header('passcode');
    if (secret === undefined) throw new FrameError('Missing Header', "UPDATE-SECRET must have a 'passcode' header.");
    const index = frame.indexOf(RECEIPT);
    const receipt =
      index < 0 ? undefined : Buffer.from(frame.buffer.subarray(frame.valueStart(index), frame.valueEnd(index)));
    this.gate.pause(UNANSWERED);
    client.session.renewSecret(Buffer.from(secret), (refusal) => {
      if (this.state !== CONNECTED) return;
      if (refusal !== undefined) {
        this.endWith('Secret refused', 'Access refused.', receipt && textOf(receipt));
        return;
      }
      if (receipt !== undefined) client.receipts.owe(receipt, 0, receipt.length, client.session.mark(), false);
      this.gate.resume(UNANSWERED);
    });
  }

  /** DISCONNECT: everything goes back to its place, and the receipt comes when all that was asked before is safe. */
  private disconnect(client: ConnectedClient, frame: Frame): void {
    this.state = LEAVING;
    this.input.stop();
    this.timers.stopHeartbeats();
    client.transactions.rollbackAll();
    for (const subscription of client.subscriptions.all()) subscription.consumer.cancel(RELEASED);
    client.receipts.answerWhenAllSafe(frame);
    client.receipts.endWhenAnswered();
  }

  disconnected(): void {
    if (this.state === CLOSED) return;
    this.transport.end();
    this.close(true);
  }

  subscriptionCancelled(subscription: SubscriptionConsumer, reason: string): void {
    const { client, state } = this;
    if (client === null || state !== CONNECTED) return;
    // STOMP has no word for it but ERROR, after which the connection is closed [STOMP 1.2, ERROR].
    const id = subscription.id === undefined ? undefined : escapeValue(subscription.id, client.version);
    const headers = id === undefined ? [] : [`subscription:${id}`];
    this.endWith('Server cancelled subscription', `The subscription has ended: ${reason}.`, undefined, headers);
  }

  notStored(receiptId: string | undefined): void {
    this.endWith(
      'Not stored',
      'The broker did not take it: its queue is full, as much waits as may, or it could not be made safe.',
      receiptId,
    );
  }

  kicked(reason: string): void {
    this.endWith('Closed by an operator', reason);
  }

  expired(reason: string): void {
    this.endWith('Authentication expired', `${reason}.`);
  }

  get heldBytes(): number {
    const { client, gate, input } = this;
    return gate.heldBytes + input.keptBytes + (client === null ? 0 : client.transactions.heldBytes);
  }

  get midBody(): boolean {
    return this.input.midBody;
  }

  get authenticated(): boolean {
    return this.state >= CONNECTED;
  }

  exceeded(reason: string): void {
    this.reportMistake(reason);
    this.endWith('too much is unfinished', reason);
  }

  shutdown(reason: string): void {
    this.endWith('Shutting down', reason);
  }

  closed(): void {
    this.close(false);
  }

  /** Tells the operator what the client did. */
  private reportMistake(what: string): void {
    this.adapter.broker.reportMistake(this.transport, what);
  }

  /** Says why in an ERROR frame and closes. `receiptId` is escaped already, as it came. */
  private endWith(title: string, detail: string, receiptId?: string, headers: readonly string[] = []): void {
    if (this.state === CLOSED) return;
    if (this.output.withinBody) {
      this.destroy(); // nothing can be said within a frame
      return;
    }
    this.adapter.stats.errorsSent++;
    this.output.output.append(errorFrame(title, detail, receiptId, headers));
    this.transport.end();
    this.close(false);
  }

  /** Closes without a word. */
  private destroy(): void {
    if (this.state === CLOSED) return;
    this.transport.destroy();
    this.close(false);
  }

  private close(inOrder: boolean): void {
    if (this.state === CLOSED) return;
    this.state = CLOSED;
    this.timers.stop();
    this.gate.finish();
    this.input.close();
    this.output.close();
    const { client } = this;
    if (client === null) return;
    client.receipts.close();
    client.subscriptions.close();
    client.session.close(inOrder);
  }
}

function beforeConnect(frame: Frame): FrameError {
  return new FrameError('Illegal command', `A ${COMMAND_TEXT[frame.command]} frame came before CONNECT.`);
}
