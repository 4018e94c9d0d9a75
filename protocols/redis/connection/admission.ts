/** Admission of a client: asks the broker who it is, which answers at once or later, and gives up on who does not say in time. */
import { type Refusal, type Session, type SessionClient, Timer, type Transport } from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';

export interface AdmissionHost extends SessionClient {
  readonly adapter: Adapter;
  readonly transport: Transport;
  /** The client is let in, as somebody else if it was in before. */
  letInAs(session: Session): void;
  /** The next command waits until `answered`. */
  unanswered(): void;
  answered(): void;
  /** What was thrown by who waited for an answer that came later. */
  failed(error: unknown): void;
  /** It did not say in time who it is. */
  late(): void;
}

export class Admission {
  /** Who gives no name has been refused. */
  refused = false;
  private closed = false;
  private readonly host: AdmissionHost;
  private readonly handshake: Timer;

  constructor(host: AdmissionHost) {
    this.host = host;
    this.handshake = new Timer(() => {
      host.adapter.stats.handshakesTimedOut++;
      host.late();
    });
    this.begin();
  }

  /** Nobody is let in: the time begins. */
  begin(): void {
    const { broker, options } = this.host.adapter;
    this.refused = false;
    broker.clock.schedule(this.handshake, options.handshakeTimeoutMs);
  }

  /**
   * Lets the client in, or says why not. What `done` throws within this call is thrown by it.
   * @param user undefined: without a name
   */
  authenticate(
    vhost: string | undefined,
    user: string | undefined,
    password: Buffer | undefined,
    done: (refusal: Refusal | undefined) => void,
  ): void {
    const { host } = this;
    const { loopback, remote, certificate } = host.transport;
    const client = `redis ${remote.address}:${remote.port}`;
    const request = { client, address: remote.address, loopback, certificate, user, password, vhost };
    let waited = false;
    let atOnce: Session | Refusal | undefined;
    host.adapter.broker.open(request, host, (result) => {
      if (!waited) atOnce = result;
      else if (!this.closed) this.answeredLater(result, done);
      else if (!('refused' in result)) result.close(false);
    });
    waited = true;
    if (atOnce === undefined) host.unanswered();
    else done(this.admit(atOnce));
  }

  /** The same for a client that is in and stays who it is. */
  renew(session: Session, secret: Buffer, done: (refusal: Refusal | undefined) => void): void {
    const { host } = this;
    let waited = false;
    let atOnce: { refusal: Refusal | undefined } | undefined;
    session.renewSecret(secret, (refusal) => {
      if (!waited) atOnce = { refusal };
      else if (!this.closed) this.later(() => done(refusal));
    });
    waited = true;
    if (atOnce === undefined) host.unanswered();
    else done(atOnce.refusal);
  }

  private answeredLater(result: Session | Refusal, done: (refusal: Refusal | undefined) => void): void {
    this.later(() => done(this.admit(result)));
  }

  private later(reply: () => void): void {
    try {
      reply();
    } catch (error) {
      this.host.failed(error);
    }
    this.host.answered();
  }

  private admit(result: Session | Refusal): Refusal | undefined {
    if ('refused' in result) return result;
    this.host.adapter.broker.clock.cancel(this.handshake);
    this.host.letInAs(result);
    return undefined;
  }

  close(): void {
    this.closed = true;
    this.host.adapter.broker.clock.cancel(this.handshake);
  }
}
