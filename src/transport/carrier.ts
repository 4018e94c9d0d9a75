/**
 * What every transport has in common, whatever it runs over: one handler, told the truth exactly once.
 *
 *               attach
 *     opened ───────────▶ carrying ──end()──▶ ending ──┐
 *                            │                         ├──▶ closed
 *                            └──client gone, destroy()─┘
 *
 * While carrying, the client's bytes go to the handler. From `ending` on they are read and dropped, so that the client's
 * own end is noticed. The handler hears `closed` as soon as the client has gone, which may be before the last bytes are
 * sent and the socket is free; `onReleased` tells when it is.
 *
 * A handler that throws is a defect of its adapter: it costs that one connection, and is logged, and nothing else.
 */

import type { ConnectionHandler, Endpoint, Protocol, Transport } from '../api/protocol.ts';
import type { ClientLog } from '../broker/client-log.ts';
import { type Clock, Timer } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { Logger } from '../logger.ts';
import { MemoryAccount, type MemoryBudget } from './memory-budget.ts';
import { Output, type OutputSink } from './output.ts';

/** How long a client may take to read the last bytes and close its side. */
export const END_GRACE_MS = 2_000;

/** What carriers are given by the broker they serve. */
export interface CarrierHouse {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly logger: Logger;
  readonly clientLog: ClientLog;
  /** What clients may have kept of what they send, and of what they are sent and do not read. */
  readonly unfinished: MemoryBudget;
  readonly unsent: MemoryBudget;
}

const NO_HANDLER: ConnectionHandler = { data() {}, drained() {}, closed() {}, shutdown() {} };

export abstract class Carrier implements Transport, OutputSink {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly loopback: boolean;
  readonly secure: boolean;
  readonly output: Output;
  confirmsAtWrite = false;
  /** Set when an adapter is found. */
  protocol = '';
  label = '';
  /** Called once when nothing is left of the connection. */
  onReleased: () => void = () => {};
  protected handler: ConnectionHandler = NO_HANDLER;
  /** True from `end` or `destroy` on, or once the client has gone: nothing more is handed on. */
  protected finished = false;
  private closedTold = false;
  private released = false;
  private graceTimer: Timer | undefined = undefined;
  protected readonly house: CarrierHouse;
  protected readonly held: MemoryAccount;
  private readonly sending: MemoryAccount;

  constructor(house: CarrierHouse, remote: Endpoint, local: Endpoint, loopback: boolean, secure: boolean) {
    this.house = house;
    this.remote = remote;
    this.local = local;
    this.loopback = loopback;
    this.secure = secure;
    this.output = new Output(this, house.turn);
    this.output.onDrained = () => {
      if (!this.finished) this.guarded(() => this.handler.drained());
    };
    this.held = new Unfinished(house.unfinished, this);
    this.sending = new Unsent(house.unsent, this);
  }

  abstract writeAll(buffers: Buffer[]): boolean;
  abstract readonly unsentBytes: number;
  abstract pause(): void;
  abstract resume(): void;
  /** Closes the sending side after what was written. */
  protected abstract endSending(): void;
  protected abstract destroyNow(): void;

  /** From now on `handler` hears of this connection. A later call replaces it. */
  attach(handler: ConnectionHandler): void {
    this.handler = handler;
    if (this.closedTold) handler.closed();
  }

  /** The broker is stopping. */
  shutdown(reason: string): void {
    if (!this.finished) this.guarded(() => this.handler.shutdown(reason));
  }

  end(): void {
    if (this.finished) return;
    this.finished = true;
    this.finishSending();
    // A paused client would never be seen to leave.
    this.resume();
  }

  destroy(): void {
    this.finished = true;
    this.output.close();
    this.destroyNow();
  }

  /** The client has closed its sending side in order: what it is still owed is sent, then the connection ends. */
  protected clientEnded(): void {
    if (this.finished) return;
    this.finished = true;
    this.finishSending();
    this.tellClosed();
  }

  /** Nothing is left of the connection. */
  protected release(): void {
    if (this.released) return;
    this.released = true;
    this.finished = true;
    if (this.graceTimer !== undefined) this.house.clock.cancel(this.graceTimer);
    this.held.close();
    this.sending.close();
    this.output.close();
    this.tellClosed();
    this.onReleased();
  }

  /**
   * An adapter was found. False: what has come already is not what that protocol may come in, and the connection is ended.
   */
  spokenFor(protocol: Protocol): boolean {
    this.protocol = protocol.name;
    return true;
  }

  /** Hands bytes on. Not called while `finished`. */
  protected deliver(chunk: Buffer): void {
    try {
      this.handler.data(chunk);
    } catch (error) {
      this.blame(error);
    }
    this.weigh();
  }

  /** What is kept of the client's bytes, here and by the adapter. */
  get heldBytes(): number {
    return this.finished ? 0 : (this.handler.heldBytes ?? 0);
  }

  /** The client has been let in. */
  get letIn(): boolean {
    return this.handler.letIn ?? true;
  }

  /** What is kept has changed. */
  protected weigh(): void {
    this.held.set(this.heldBytes);
  }

  /** What was written and has not left has changed. */
  protected weighUnsent(bytes: number): void {
    this.sending.set(bytes);
  }

  /** The client makes the broker keep more than there is room for. */
  exceeded(reason: string): void {
    const { handler } = this;
    if (!this.finished && handler.exceeded !== undefined) {
      this.guarded(() => handler.exceeded?.(reason)); // tells the operator as well, as of any mistake
      return;
    }
    this.house.clientLog.mistake(this, reason);
    if (this.finished) this.destroy();
    else this.guarded(() => handler.shutdown(reason));
  }

  /** The client does not read what it is sent, and all that wait to be read are too many. There is no telling it. */
  deaf(): void {
    this.house.clientLog.mistake(this, 'it does not read, and more waits to be read than there is memory for');
    this.destroy();
  }

  private finishSending(): void {
    this.output.flush();
    this.output.close();
    this.endSending();
    this.graceTimer = new Timer(() => this.destroyNow());
    this.house.clock.schedule(this.graceTimer, END_GRACE_MS);
  }

  private tellClosed(): void {
    if (this.closedTold) return;
    this.closedTold = true;
    this.guarded(() => this.handler.closed());
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.blame(error);
    }
  }

  private blame(error: unknown): void {
    this.house.clientLog.defect(this, error);
    this.destroy();
  }
}

/** What has come and is not whole. */
class Unfinished extends MemoryAccount {
  private readonly carrier: Carrier;

  constructor(budget: MemoryBudget, carrier: Carrier) {
    super(budget);
    this.carrier = carrier;
  }

  protected weigh(): number {
    return this.carrier.heldBytes;
  }

  get letIn(): boolean {
    return this.carrier.letIn;
  }

  letGo(asStranger: boolean): void {
    this.carrier.exceeded(
      asStranger ? 'a first message that is too large' : 'more is unfinished than there is memory for',
    );
  }
}

/** What was written and has not left. */
class Unsent extends MemoryAccount {
  private readonly carrier: Carrier;

  constructor(budget: MemoryBudget, carrier: Carrier) {
    super(budget);
    this.carrier = carrier;
  }

  protected weigh(): number {
    return this.carrier.unsentBytes;
  }

  get letIn(): boolean {
    return true;
  }

  letGo(): void {
    this.carrier.deaf();
  }
}
