/**
 * The base of every transport, whatever it runs over: attaches one handler to a client, calls it in order, and tells it of
 * the end exactly once.
 *
 *               attach
 *     opened ───────────▶ carrying ──end()──▶ ending ──┐
 *                            │                         ├──▶ closed
 *                            └──client gone, destroy()─┘
 *
 * While carrying, the client's bytes go to the handler. From `ending` on they are read and dropped, so that the client's
 * own end is noticed. The handler's `closed` is called as soon as the client has gone, which may be before the last bytes are
 * sent and the socket is free; `onReleased` is called when it is.
 *
 * A handler that throws is a fault of its adapter: it is logged, and costs that one connection and nothing else.
 */

import type { Endpoint } from '../api/endpoint.ts';
import type { ClientCertificate } from '../api/identity.ts';
import type { ConnectionHandler, Protocol, Transport } from '../api/protocol.ts';
import type { ClientLog } from '../broker/client-log.ts';
import type { Scope } from '../broker/limits/scope.ts';
import { type Clock, Timer } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { Share } from '../clock/work.ts';
import type { Logger } from '../logger.ts';
import { MemoryAccount, type MemoryBudget } from './memory-budget.ts';
import { Output, type OutputSink } from './output.ts';
import type { Peer } from './peer.ts';

/** How long a client may take to read the last bytes and close its side. */
export const END_GRACE_MS = 2_000;

/** What a carrier uses of the broker it serves. */
export interface CarrierServices {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly logger: Logger;
  readonly clientLog: ClientLog;
  /** Memory for what clients send and is not whole. */
  readonly unfinished: MemoryBudget;
  /** Memory for what clients are sent and have not read. */
  readonly unsent: MemoryBudget;
  /** The work that clients leave behind who go: thousands may go together. */
  readonly departures: Share;
}

const NO_HANDLER: ConnectionHandler = { data() {}, drained() {}, closed() {}, shutdown() {} };

export abstract class Carrier implements Transport, OutputSink {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly loopback: boolean;
  readonly secure: boolean;
  readonly certificate: ClientCertificate | undefined;
  /** Where it came in, if that has limits of its own. */
  readonly listener: Scope | undefined;
  readonly output: Output;
  confirmsAtWrite = false;
  /** Set when an adapter is found. */
  protocol = '';
  label = '';
  bytesIn = 0;
  /** Called once when nothing is left of the connection. */
  onReleased: () => void = () => {};
  protected handler: ConnectionHandler = NO_HANDLER;
  /** True from `end` or `destroy` on, or once the client has gone: nothing more is handed on. */
  protected finished = false;
  private closedNotified = false;
  /** Its handler has heard of it. */
  private closedTold = false;
  private released = false;
  private graceTimer: Timer | undefined = undefined;
  protected readonly services: CarrierServices;
  protected readonly held: MemoryAccount;
  private readonly sending: MemoryAccount;

  constructor(services: CarrierServices, { remote, local, loopback, secure, certificate, listener }: Peer) {
    this.services = services;
    this.remote = remote;
    this.local = local;
    this.loopback = loopback;
    this.secure = secure;
    this.certificate = certificate;
    this.listener = listener;
    this.output = new Output(this, services.turn);
    this.output.onDrained = () => {
      if (!this.finished) this.guarded(() => this.handler.drained());
    };
    this.held = new UnfinishedAccount(services.unfinished, this);
    this.sending = new UnsentAccount(services.unsent, this);
  }

  abstract writeAll(buffers: Buffer[], sent: (() => void) | null): boolean;
  abstract readonly unsentBytes: number;
  abstract pause(): void;
  abstract resume(): void;
  /** Closes the sending side after what was written. */
  protected abstract endSending(): void;
  protected abstract destroyNow(): void;

  get bytesOut(): number {
    return this.output.writtenBytes;
  }

  /** Calls `handler` from now on. A later call replaces it. */
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
    this.notifyClosed();
  }

  /** Nothing is left of the connection. */
  protected release(): void {
    if (this.released) return;
    this.released = true;
    this.finished = true;
    if (this.graceTimer !== undefined) this.services.clock.cancel(this.graceTimer);
    this.held.close();
    this.sending.close();
    this.output.close();
    this.notifyClosed();
    this.services.departures.run(() => {
      this.onReleased();
      return true;
    });
  }

  /**
   * An adapter was found: the only one of the port, or the one that the first bytes belong to.
   * @returns false if what carries them is not what that protocol may come in; the connection has been ended then
   */
  assignProtocol(protocol: Protocol): boolean {
    this.protocol = protocol.name;
    return true;
  }

  /** Hands bytes on. Not called while `finished`. */
  protected deliver(chunk: Buffer): void {
    this.bytesIn += chunk.length;
    try {
      this.handler.data(chunk);
    } catch (error) {
      this.reportFault(error);
    }
    this.heldChanged();
  }

  /** Bytes of the client's that are kept, here and by the adapter. */
  get heldBytes(): number {
    return this.finished ? 0 : (this.handler.heldBytes ?? 0);
  }

  /** The client has logged in. */
  get authenticated(): boolean {
    return this.handler.authenticated ?? true;
  }

  /** What is kept of the client's bytes has changed. */
  protected heldChanged(): void {
    this.held.set(this.heldBytes);
  }

  /** What was written and has not left has changed. */
  protected unsentChanged(bytes: number): void {
    this.sending.set(bytes);
  }

  /** The client makes the broker keep more than there is room for. */
  exceeded(reason: string): void {
    const { handler } = this;
    if (!this.finished && handler.exceeded !== undefined) {
      this.guarded(() => handler.exceeded?.(reason)); // tells the operator as well, as of any mistake
      return;
    }
    this.services.clientLog.mistake(this, reason);
    if (this.finished) this.destroy();
    else this.guarded(() => handler.shutdown(reason));
  }

  /** The client does not read what it is sent, and more waits for all clients than there is memory for. It cannot be told. */
  unsentExceeded(): void {
    this.services.clientLog.mistake(this, 'it does not read, and more waits to be read than there is memory for');
    this.destroy();
  }

  private finishSending(): void {
    this.output.flush();
    this.output.close();
    this.endSending();
    this.graceTimer = new Timer(() => this.destroyNow());
    this.services.clock.schedule(this.graceTimer, END_GRACE_MS);
  }

  private notifyClosed(): void {
    if (this.closedNotified) return;
    this.closedNotified = true;
    // What a client's end takes nobody knows. In their order: who has said that he goes is gone when his socket is free.
    const { departures } = this.services;
    departures.run(() => {
      this.closedTold = true;
      this.guarded(() => this.handler.closed());
      departures.work.checkTime();
      return true;
    });
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.reportFault(error);
    }
  }

  private reportFault(error: unknown): void {
    this.services.clientLog.fault(this, error);
    this.destroy();
  }
}

/** What a client has sent that is not whole. */
class UnfinishedAccount extends MemoryAccount {
  private readonly carrier: Carrier;

  constructor(budget: MemoryBudget, carrier: Carrier) {
    super(budget);
    this.carrier = carrier;
  }

  protected measure(): number {
    return this.carrier.heldBytes;
  }

  get authenticated(): boolean {
    return this.carrier.authenticated;
  }

  evict(unauthenticated: boolean): void {
    this.carrier.exceeded(
      unauthenticated ? 'a first message that is too large' : 'more is unfinished than there is memory for',
    );
  }
}

/** What was written to a client and has not left. */
class UnsentAccount extends MemoryAccount {
  private readonly carrier: Carrier;

  constructor(budget: MemoryBudget, carrier: Carrier) {
    super(budget);
    this.carrier = carrier;
  }

  protected measure(): number {
    return this.carrier.unsentBytes;
  }

  get authenticated(): boolean {
    return true;
  }

  evict(): void {
    this.carrier.unsentExceeded();
  }
}
