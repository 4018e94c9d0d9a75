/**
 * One client's connection: from bytes to commands, in order, and its end.
 *
 *                 AUTH, HELLO, or a command that needs a client (without a name)
 *     STRANGER ──────────────────────────────────────────────────────────────────▶ LET IN (`client`)
 *        ▲  └────────────── too late, a protocol error, gone ──▶ CLOSED ◀── QUIT, gone ──┘ │
 *        └───────────────────────────────────── RESET ────────────────────────────────────┘
 *
 * Commands are carried out one after the other, and replies come in their order; when the next one cannot be carried out now,
 * reading is paused (`ReadGate`).
 */
import {
  AccessPending,
  BrokerError,
  type ConnectionHandler,
  type ConnectionReport,
  ReadGate,
  type ReadGateOwner,
  type Refusal,
  type Session,
  type Share,
  type Transport,
} from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import type { Command } from '../codec/command-parser.ts';
import { ProtocolError } from '../codec/protocol-error.ts';
import type { ReplyWriter } from '../codec/reply.ts';
import { DeliveryWriter, type DeliveryWriterOwner } from '../deliver/delivery-writer.ts';
import { Admission, type AdmissionHost } from './admission.ts';
import { Client, type ClientHost } from './client.ts';
import { COMMANDS, type CommandEntry } from './commands.ts';
import type { Control } from './control.ts';
import { CommandError, replyOf, unknownCommand, wrongArity } from './error-replies.ts';
import { FrameInput, type FrameInputOwner } from './frame-input.ts';

/** Why nothing is read; the first bit is the gate's own. */
const HELD_BACK = 2;
/** Replies wait for the log, or the client does not read them. */
const OWING = 4;
/** A command was not finished, and much has come since. */
const UNANSWERED = 8;
const UNITS = 4;
const COMMAND_LIST = [...COMMANDS].map(([name, { arity }]) => ({ name, arity }));
/** Lines of an HTTP request, which a web page can have sent to any port of the reader's own machine. */
const HTTP_WORDS: ReadonlySet<string> = new Set(['post', 'host:']);

export class Connection
  implements ConnectionHandler, AdmissionHost, Control, ClientHost, ReadGateOwner, FrameInputOwner, DeliveryWriterOwner
{
  readonly adapter: Adapter;
  readonly transport: Transport;
  readonly writer: DeliveryWriter;
  readonly reply: ReplyWriter;
  readonly share: Share;
  readonly id: number;
  readonly commands = COMMAND_LIST;
  private client: Client | null = null;
  private closing = false;
  private readonly input: FrameInput;
  private readonly gate: ReadGate;
  private readonly admission: Admission;

  constructor(adapter: Adapter, transport: Transport) {
    this.adapter = adapter;
    this.transport = transport;
    this.id = ++adapter.connections;
    this.input = new FrameInput(adapter.parser, this);
    // Commands are parsed in memory that connections share: none is begun within another one's.
    this.gate = new ReadGate(adapter.broker.turn, this.input, transport, this, { resumes: 'turn-end' });
    this.share = this.gate.share;
    this.writer = new DeliveryWriter(adapter, transport.output, this);
    this.reply = this.writer.reply;
    adapter.stats.connectionsAccepted++;
    this.admission = new Admission(this);
  }

  connectionReport(): ConnectionReport {
    return {
      protocol: `Redis RESP${this.reply.version}`,
      properties: [{ name: 'product', value: 'Redis client' }],
      state: this.client?.session.congested === true ? 'blocked' : 'running',
      channelMax: 1,
      frameSizeMax: 0,
      heartbeatS: 0,
      channels: 1,
    };
  }

  // ----------------------------------------------------------------------------------------------- bytes to commands

  data(chunk: Buffer): void {
    this.gate.data(chunk);
  }

  chunkRead(): void {}

  readFailed(error: unknown): void {
    if (error instanceof ProtocolError) {
      this.replyError(`ERR Protocol error: ${error.message}`);
      this.end(`protocol error: ${error.message}`);
    } else this.failed(error);
  }

  take(command: Command): boolean {
    if (command.count === 0) return true;
    if (HTTP_WORDS.has(command.name)) {
      this.end('it speaks HTTP');
      return true;
    }
    const entry = COMMANDS.get(command.name);
    if (this.mustWait(entry)) return false;
    this.adapter.stats.commands++;
    try {
      this.run(entry, command);
    } catch (error) {
      if (error instanceof AccessPending) {
        // It has changed nothing: it is tried again when it is known whether it may.
        this.adapter.stats.commands--;
        this.gate.awaitAnswer(error);
        return false;
      }
      if (entry?.queued === true && this.client !== null && this.client.owed > 0) {
        // What it is told comes in its place: it is tried again when nothing is owed. It has changed nothing.
        this.gate.pause(OWING);
        return false;
      }
      this.failed(error);
    }
    this.gate.frameTaken(entry?.units ?? UNITS);
    return true;
  }

  /** Whether this command must wait; then reading is paused. */
  private mustWait(entry: CommandEntry | undefined): boolean {
    const { client, gate } = this;
    if (client !== null) {
      const owedMax = entry?.queued === true ? this.adapter.options.repliesPendingMax : 0;
      if (client.owed > owedMax || this.transport.output.congested) gate.pause(OWING);
      if (entry?.publishes === true && client.session.congested && !client.session.outOfMemory) gate.pause(HELD_BACK);
    } else if (entry?.unknown !== true) this.letInNow();
    return gate.reasons !== 0 || this.input.suspended;
  }

  private run(entry: CommandEntry | undefined, command: Command): void {
    const { client } = this;
    if (client === null && entry?.unknown !== true) throw new CommandError('NOAUTH Authentication required.');
    if (entry === undefined) throw unknownCommand(command);
    const { arity } = entry;
    if (arity >= 0 ? command.count !== arity : command.count < -arity) throw wrongArity(command.name);
    const anytime = entry.whileSubscribed === true || (entry.renews === true && this.renew !== undefined);
    if (this.subscribed && this.reply.version === 2 && !anytime) {
      throw new CommandError(
        `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    }
    if (entry.publishes === true && client?.session.outOfMemory === true) {
      this.adapter.stats.refusedOutOfMemory++;
      throw new CommandError("OOM command not allowed when used memory > 'maxmemory'.");
    }
    if (entry.control === true) entry.run(this, command);
    else entry.run(client!, command);
  }

  // ------------------------------------------------------------------------------------------------------ admission

  get letIn(): boolean {
    return this.client !== null;
  }

  get subscribed(): boolean {
    return this.client !== null && this.client.subscriptions.count > 0;
  }

  get clientName(): string {
    return this.transport.label ?? '';
  }

  set clientName(name: string) {
    this.transport.label = name;
  }

  get connectionsAccepted(): number {
    return this.adapter.stats.connectionsAccepted;
  }

  /** For who gives no name: true once it is known whether such a client is let in. */
  letInNow(): boolean {
    const { admission } = this;
    if (admission.refused || this.client !== null) return true;
    admission.authenticate(undefined, undefined, undefined, (refusal) => {
      admission.refused = refusal !== undefined;
    });
    return !this.input.suspended;
  }

  authenticate(
    vhost: string | undefined,
    user: string | undefined,
    password: Buffer | undefined,
    done: (refusal: Refusal | undefined) => void,
  ): void {
    this.admission.authenticate(vhost, user, password, done);
  }

  get renew(): Control['renew'] {
    const { client } = this;
    return client?.session.expires !== true
      ? undefined
      : (secret, done) => this.admission.renew(client.session, secret, done);
  }

  letInAs(session: Session): void {
    this.client?.close(true);
    this.client = new Client(this, session);
  }

  late(): void {
    this.end('it did not say in time who it is');
  }

  reset(): void {
    this.client?.close(true);
    this.client = null;
    this.admission.begin();
  }

  // ---------------------------------------------------------------------------------------------------------- pauses

  unanswered(): void {
    this.input.suspended = true;
  }

  answered(): void {
    this.input.suspended = false;
    this.gate.pause(UNANSWERED);
    this.gate.resume(UNANSWERED);
  }

  awaitAnswer(pending: AccessPending, again: () => void): void {
    this.gate.awaitAnswer(pending, again);
  }

  full(): void {
    this.gate.pause(UNANSWERED);
  }

  paid(): void {
    if (!this.transport.output.congested) this.gate.resume(OWING);
  }

  uncongested(): void {
    this.gate.resume(HELD_BACK);
  }

  bodiesSent(): void {
    this.client?.bodiesSent();
  }

  drained(): void {
    if (this.closing) return;
    this.writer.drained();
    this.client?.subscriptions.drained();
    this.gate.resume(OWING);
  }

  // ------------------------------------------------------------------------------------------------------------ ends

  get heldBytes(): number {
    return this.gate.heldBytes + this.input.heldBytes;
  }

  exceeded(reason: string): void {
    this.replyError(`ERR ${reason}`);
    this.end(reason);
  }

  shutdown(reason: string): void {
    this.goodbye(reason);
  }

  accessLost(): void {
    this.goodbye('its user may not read all of its channels any more');
  }

  kicked(reason: string): void {
    this.goodbye(reason);
  }

  unsubscribed(): void {
    this.goodbye('its subscriptions were deleted');
  }

  bodyLost(): void {
    if (this.closing) return;
    this.transport.destroy();
    this.close(false);
  }

  leave(): void {
    this.transport.end();
    this.close(true);
  }

  closed(): void {
    this.close(false);
  }

  /** What a command, or what has come of it later, has thrown. */
  failed(error: unknown): void {
    if (error instanceof CommandError) this.replyError(error.message);
    else if (error instanceof AccessPending)
      this.replyError('TRYAGAIN whether this is permitted had to be asked first');
    else if (error instanceof BrokerError) this.replyError(replyOf(error));
    else {
      this.adapter.stats.internalErrors++;
      this.adapter.broker.reportFault(error, this.transport);
      this.replyError('ERR the broker failed on this command; the fault is its own');
      this.transport.end();
      this.close(false);
    }
  }

  private replyError(text: string): void {
    if (this.closing) return;
    this.adapter.stats.errorsSent++;
    this.reply.error(text);
  }

  /** The client has broken a rule: tells the operator, and closes. */
  private end(why: string): void {
    if (this.closing) return;
    this.adapter.broker.reportMistake(this.transport, why);
    this.transport.end();
    this.close(false);
  }

  /** Redis has no word for it: a client that waits for a reply gets one, to any other it would be the reply to the wrong command. */
  private goodbye(reason: string): void {
    if (this.closing) return;
    if (this.client?.waiting === true && !this.writer.busy) this.replyError(`UNBLOCKED ${reason}`);
    this.transport.end();
    this.close(false);
  }

  private close(inOrder: boolean): void {
    if (this.closing) return;
    this.closing = true;
    this.admission.close();
    this.gate.finish();
    this.input.clear();
    this.writer.close();
    this.client?.close(inOrder);
    this.client = null;
  }
}
