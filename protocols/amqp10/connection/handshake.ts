/**
 * The handshake: from the first header to the broker's open. [§2.2, §2.4.1, §5.3]
 *
 *     "AMQP" 3 1 0 0  -->                      "AMQP" 0 1 0 0  -->      (no SASL: by certificate, or without a name)
 *                     <-- "AMQP" 3 1 0 0
 *                     <-- mechanisms
 *     init            -->
 *                     <-- challenge …, response …
 *                     <-- outcome
 *     "AMQP" 0 1 0 0  -->
 *                     <-- "AMQP" 0 1 0 0
 *     open            -->                      the vhost is in its hostname: `vhost:NAME`, as RabbitMQ has it; else the default one
 *                     <-- open
 *
 * A client may send all of its part at once, without waiting for answers; what comes behind open is for whoever comes after.
 */
import {
  type AuthExchange,
  type AuthStep,
  type BrokerServices,
  type Credentials,
  type Identity,
  type Refusal,
  type Session,
  type Transport,
  VERSION,
} from '../../../src/api/index.ts';
import * as descriptors from '../codec/descriptors.ts';
import { DecodeFault } from '../codec/faults.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { SASL_FRAME } from '../codec/frame-parser.ts';
import { type Open, openValue, readOpen } from '../codec/performatives.ts';
import {
  readSaslInit,
  readSaslResponse,
  SASL_AUTH,
  SASL_OK,
  SASL_SYSTEM_TEMPORARY,
  saslChallengeValue,
  saslMechanismsValue,
  saslOutcomeValue,
} from '../codec/sasl.ts';
import { symbol, symbolMap } from '../codec/values.ts';
import type { Amqp10Limits } from '../options.ts';
import type { Amqp10Stats } from '../stats.ts';
import {
  Amqp10Error,
  INVALID_FIELD,
  NOT_ALLOWED,
  NOT_FOUND,
  RESOURCE_LIMIT_EXCEEDED,
  UNAUTHORIZED_ACCESS,
} from './conditions.ts';
import type { ConnectionWriter } from './connection-writer.ts';
import { PLAIN_HEADER, PLAIN_ID, SASL_HEADER, SASL_ID } from './protocol-header.ts';

/** The connection as the handshake sees it. */
export interface HandshakeHost {
  readonly broker: Pick<BrokerServices, 'authenticate' | 'beginAuthentication' | 'offers'>;
  readonly transport: Transport;
  readonly limits: Amqp10Limits;
  readonly stats: Amqp10Stats;
  readonly writer: ConnectionWriter;
  /** What follows in the stream is a header. */
  expectHeader(): void;
  /** Nothing more is parsed until `replyReady`. */
  awaitReply(): void;
  replyReady(): void;
  /** Lets the client into a vhost. @throws AccessPending */
  enter(identity: Identity, vhost: string | undefined, open: Open): Session | Refusal;
  /** Whether nobody else has this container-id in the vhost; it is this client's from now on then. */
  claimContainer(session: Session, containerId: string): boolean;
  /** The handshake is over: the broker's open has been sent. */
  opened(session: Session, open: Open): void;
  /** Tells why the client is not let in, and closes. */
  refuse(error: Amqp10Error): void;
  fail(error: Amqp10Error): void;
  /** Ends the connection without a word more. */
  end(): void;
}

export const SOLE_CONNECTION = 'sole-connection-for-container';
const OFFERED = ['ANONYMOUS-RELAY', 'DELAYED_DELIVERY', 'SHARED-SUBS'];
const SCRAM = 'SCRAM-SHA-256';

export class Handshake {
  /** How the client has proved who it is. */
  mechanism = 'none';
  private identity: Identity | undefined = undefined;
  private exchange: AuthExchange | undefined = undefined;
  private saslBegun = false;
  private abandoned = false;
  private readonly host: HandshakeHost;

  constructor(host: HandshakeHost) {
    this.host = host;
  }

  abandon(): void {
    this.abandoned = true;
  }

  /** @param id -1 for a header that is not spoken here */
  header(id: number): void {
    const { host } = this;
    if (id === SASL_ID && !this.saslBegun) {
      this.saslBegun = true;
      host.writer.bytes(SASL_HEADER);
      host.writer.sasl(saslMechanismsValue(this.mechanisms()));
      return;
    }
    if (id !== PLAIN_ID || (this.saslBegun && this.identity === undefined)) {
      // The header of what is spoken here, and nothing more. [§2.2]
      host.stats.headersRefused++;
      host.writer.bytes(SASL_HEADER);
      host.end();
      return;
    }
    host.writer.bytes(PLAIN_HEADER);
    if (this.identity === undefined) this.withoutSasl();
  }

  /** @returns false: not now, the same frame again later */
  frame(type: number, fields: FieldReader): void {
    const code = descriptors.descriptorCode(fields.values.descriptor());
    if (type === SASL_FRAME) this.sasl(code, fields);
    else if (code === descriptors.OPEN && this.identity !== undefined) this.open(fields);
    else throw new Amqp10Error(NOT_ALLOWED, 'open comes first', 'connection');
  }

  private mechanisms(): string[] {
    const secured = this.host.transport.certificate === undefined ? [] : ['EXTERNAL'];
    const scram = this.host.broker.offers(SCRAM, this.credentials()) ? [SCRAM] : [];
    return [...secured, ...scram, 'PLAIN', 'ANONYMOUS'];
  }

  private sasl(code: number, fields: FieldReader): void {
    if (!this.saslBegun || this.identity !== undefined) {
      throw new Amqp10Error(NOT_ALLOWED, 'this is no time for SASL', 'connection');
    }
    if (code === descriptors.SASL_RESPONSE && this.exchange !== undefined) {
      this.step(this.exchange, readSaslResponse(fields));
      return;
    }
    if (code !== descriptors.SASL_INIT || this.exchange !== undefined) {
      throw new Amqp10Error(NOT_ALLOWED, 'sasl-init comes first', 'connection');
    }
    const { mechanism, initialResponse = Buffer.alloc(0) } = readSaslInit(fields);
    this.mechanism = mechanism;
    if (mechanism === SCRAM) {
      const exchange = this.host.broker.beginAuthentication(mechanism, this.credentials());
      if (exchange === undefined) this.refused(SASL_AUTH);
      else {
        this.exchange = exchange;
        this.step(exchange, initialResponse);
      }
      return;
    }
    const credentials = this.credentialsOf(mechanism, initialResponse);
    if (credentials === undefined) this.refused(SASL_AUTH);
    else this.authenticate(credentials, (identity) => this.succeeded(identity, undefined));
  }

  private step(exchange: AuthExchange, data: Buffer): void {
    this.ask<AuthStep>(
      (done) => exchange.step(data, done),
      (step) => {
        if ('challenge' in step) this.host.writer.sasl(saslChallengeValue(step.challenge));
        else if ('identity' in step) this.succeeded(step.identity, step.data);
        else this.refused(step.refused === 'unavailable' ? SASL_SYSTEM_TEMPORARY : SASL_AUTH);
      },
    );
  }

  private succeeded(identity: Identity, data: Buffer | undefined): void {
    this.identity = identity;
    this.host.writer.sasl(saslOutcomeValue(SASL_OK, data));
    this.host.expectHeader();
  }

  private refused(code: number): void {
    const { host } = this;
    host.stats.authenticationsFailed++;
    host.writer.sasl(saslOutcomeValue(code));
    host.end();
  }

  private credentials(): Credentials {
    const { remote, loopback } = this.host.transport;
    return {
      client: `amqp10 ${remote.address}:${remote.port}`,
      loopback,
      user: undefined,
      password: undefined,
      address: remote.address,
    };
  }

  /** Undefined: the response is not what its mechanism demands, or there is no such mechanism. */
  private credentialsOf(mechanism: string, response: Buffer): (Credentials & { external?: string }) | undefined {
    const none = this.credentials();
    switch (mechanism) {
      case 'ANONYMOUS':
        return none;
      case 'PLAIN': {
        // [RFC 4616] authorization identity, NUL, user, NUL, password
        const first = response.indexOf(0);
        const second = first < 0 ? -1 : response.indexOf(0, first + 1);
        if (second < 0) return undefined;
        return { ...none, user: response.utf8Slice(first + 1, second), password: response.subarray(second + 1) };
      }
      case 'EXTERNAL': {
        const { certificate } = this.host.transport;
        return certificate === undefined ? undefined : { ...none, certificate, external: response.toString('utf8') };
      }
      default:
        return undefined;
    }
  }

  /** A client that skips SASL is whom its certificate names, or nobody. */
  private withoutSasl(): void {
    const { certificate } = this.host.transport;
    this.mechanism = certificate === undefined ? 'none' : 'EXTERNAL';
    this.ask<Identity | Refusal>(
      (done) => this.host.broker.authenticate({ ...this.credentials(), certificate }, done),
      (result) => {
        if (!('refused' in result)) {
          this.identity = result;
          return;
        }
        this.host.stats.authenticationsFailed++;
        this.host.refuse(
          new Amqp10Error(
            UNAUTHORIZED_ACCESS,
            'clients must log in here: use SASL, with a name and a password',
            'connection',
          ),
        );
      },
    );
  }

  private authenticate(credentials: Credentials & { external?: string }, then: (identity: Identity) => void): void {
    const { external, ...asked } = credentials;
    this.ask<Identity | Refusal>(
      (done) => this.host.broker.authenticate(asked, done),
      (result) => {
        if ('refused' in result) this.refused(result.refused === 'unavailable' ? SASL_SYSTEM_TEMPORARY : SASL_AUTH);
        else if (external && external !== result.user) this.refused(SASL_AUTH);
        else then(result);
      },
    );
  }

  /** Asks; until it is answered nothing more is parsed. */
  private ask<T>(question: (done: (answer: T) => void) => void, then: (answer: T) => void): void {
    const { host } = this;
    let answered = false;
    let waits = false;
    question((answer) => {
      answered = true;
      if (this.abandoned) return;
      then(answer);
      if (waits) host.replyReady();
    });
    if (!answered) {
      waits = true;
      host.awaitReply();
    }
  }

  private open(fields: FieldReader): void {
    const { host } = this;
    const open = readOpen(fields);
    if (open.maxFrameSize < 512) throw new DecodeFault('max-frame-size must be 512 at least');
    const identity = this.identity!;
    const vhost = open.hostname?.startsWith('vhost:') === true ? open.hostname.slice('vhost:'.length) : undefined;
    const result = host.enter(identity, vhost, open);
    if ('refused' in result) {
      host.refuse(refusalError(result, vhost ?? '/', identity.user));
      return;
    }
    const sole = open.desiredCapabilities.includes(SOLE_CONNECTION);
    if (sole && !host.claimContainer(result, open.containerId)) {
      const info = symbolMap([['invalid-field', symbol('container-id')]]);
      result.close(true);
      host.refuse(
        new Amqp10Error(INVALID_FIELD, `the container-id '${open.containerId}' is in use`, 'connection', info),
      );
      return;
    }
    host.writer.send(0, openAnswer(host.limits, sole ? [...OFFERED, SOLE_CONNECTION] : OFFERED));
    host.opened(result, open);
  }
}

/** @param failed what follows is close: a client is not to take itself for let in */
export function openAnswer(limits: Amqp10Limits, offeredCapabilities: readonly string[], failed = false) {
  return openValue({
    containerId: 'entrepot',
    maxFrameSize: limits.frameSizeMax,
    channelMax: limits.sessionsMax - 1,
    idleTimeOutMs: limits.idleTimeoutMs === 0 ? undefined : limits.idleTimeoutMs / 2,
    outgoingLocales: [],
    incomingLocales: [],
    offeredCapabilities,
    desiredCapabilities: [],
    properties: symbolMap([
      ['product', limits.product],
      ['version', limits.productVersion],
      ['platform', `Node.js ${process.version}`],
      ['information', `Entrepot ${VERSION}`],
      ...(failed ? ([['amqp:connection-establishment-failed', true]] as const) : []),
    ]),
  });
}

function refusalError(refusal: Refusal, vhost: string, user: string): Amqp10Error {
  switch (refusal.refused) {
    case 'vhost-not-found':
      return new Amqp10Error(NOT_FOUND, `vhost ${vhost} not found`, 'connection');
    case 'unavailable':
    case 'limit':
    case 'rate':
      return new Amqp10Error(RESOURCE_LIMIT_EXCEEDED, refusal.reason, 'connection');
    default:
      return new Amqp10Error(
        UNAUTHORIZED_ACCESS,
        `access to vhost '${vhost}' refused for user '${user}'`,
        'connection',
      );
  }
}
