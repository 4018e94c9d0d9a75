/**
 * How a client proves who it is: with its first response, or in an exchange of several (SASL, RFC 4422). Until the broker answers
 * nothing more is parsed.
 *
 *     start-ok (PLAIN, AMQPLAIN, ANONYMOUS, EXTERNAL)  ──▶ who it is, or a refusal
 *     start-ok (SCRAM-SHA-256)  ──▶ secure  ──secure-ok──▶ secure (the broker's proof)  ──secure-ok, empty──▶ who it is
 */
import type {
  AuthExchange,
  AuthStep,
  BrokerServices,
  Identity,
  Refusal,
  Transport,
} from '../../../../src/api/index.ts';
import { AmqpError } from '../errors.ts';
import { type Credentials, credentialsOf, MECHANISMS, MECHANISMS_BY_CERTIFICATE } from './credentials.ts';

const SCRAM_SHA_256 = 'SCRAM-SHA-256';
const NO_LOGIN: Refusal = { refused: 'credentials', reason: '' };

/** What comes of a response: a challenge, who the client is, or why it may not come in. */
export type LoginStep = { readonly challenge: Buffer } | { readonly identity: Identity } | Refusal;

export interface LoginHost {
  readonly broker: Pick<BrokerServices, 'authenticate' | 'beginAuthentication' | 'offers'>;
  readonly transport: Transport;
  /** Nothing more is parsed until `replyReady`. */
  awaitReply(): void;
  replyReady(): void;
  /** An error that costs the client its connection. */
  fail(error: AmqpError, method: number): void;
}

export class Login {
  private readonly host: LoginHost;
  /** Its mechanism takes several messages. */
  private exchange: AuthExchange | null = null;
  /** It has proved who it is, and is to answer the broker's own proof. */
  private proved: Identity | null = null;
  private abandoned = false;

  constructor(host: LoginHost) {
    this.host = host;
  }

  /** What connection.start offers this client. */
  get mechanisms(): string {
    const { broker, transport } = this.host;
    const always = transport.certificate === undefined ? MECHANISMS : MECHANISMS_BY_CERTIFICATE;
    return broker.offers(SCRAM_SHA_256, this.client) ? `${always} ${SCRAM_SHA_256}` : always;
  }

  /**
   * @param done called once; what it throws ends the connection
   * @throws AmqpError COMMAND_INVALID for a mechanism that was not offered
   */
  start(mechanism: string, response: Buffer, done: (step: LoginStep) => void): void {
    const { broker, transport } = this.host;
    if (mechanism === SCRAM_SHA_256 && broker.offers(mechanism, this.client)) {
      this.exchange = broker.beginAuthentication(mechanism, this.client) ?? null;
      this.goOn(response, done);
      return;
    }
    const credentials = credentialsOf(mechanism, response, transport.certificate !== undefined);
    if (credentials === undefined) done(NO_LOGIN);
    else this.wait((then) => this.ask(credentials, then), done);
  }

  /** The client's answer to a challenge. */
  goOn(response: Buffer, done: (step: LoginStep) => void): void {
    const { exchange, proved } = this;
    if (proved !== null) done(response.length === 0 ? { identity: proved } : NO_LOGIN);
    else if (exchange === null) done(NO_LOGIN);
    else this.wait((then) => exchange.step(response, (step) => then(this.after(step))), done);
  }

  /** The client is gone, or refused. */
  abandon(): void {
    this.abandoned = true;
  }

  /** There is no method that lets a client in and brings the broker's proof: that is one challenge more. [RFC 4422, section 3.6] */
  private after(step: AuthStep): LoginStep {
    if (!('identity' in step) || step.data === undefined) return step;
    this.proved = step.identity;
    return { challenge: step.data };
  }

  private get client() {
    const { remote, loopback } = this.host.transport;
    const { address, port } = remote;
    return { client: `amqp ${address}:${port}`, loopback, address, user: undefined, password: undefined };
  }

  private ask({ user, password, external }: Credentials, then: (step: LoginStep) => void): void {
    const { broker, transport } = this.host;
    // Who says by another mechanism that it is nobody, or somebody, means that.
    const certificate = external === undefined ? undefined : transport.certificate;
    broker.authenticate({ ...this.client, user, password, certificate }, (result) => {
      if ('refused' in result) then(result);
      else then(external && external !== result.user ? NO_LOGIN : { identity: result });
    });
  }

  private wait(ask: (then: (step: LoginStep) => void) => void, done: (step: LoginStep) => void): void {
    const { host } = this;
    let answered = false;
    let waits = false;
    ask((step) => {
      answered = true;
      if (this.abandoned) return;
      if (!waits) {
        done(step);
        return;
      }
      try {
        done(step);
      } catch (error) {
        if (!(error instanceof AmqpError)) throw error;
        host.fail(error, 0);
        return;
      }
      host.replyReady();
    });
    if (!answered) {
      waits = true;
      host.awaitReply();
    }
  }
}
