/**
 * The handshake: from the protocol header to `connection.open-ok`. [§2.2.4] What runs afterwards (`OpenConnection`) never has
 * to ask whether the client is known.
 *
 *     Greeting        "AMQP" 0 0 9 1
 *     --> start       <-- start-ok (mechanism, response)      the credentials are asked
 *    (--> secure      <-- secure-ok (response)                of mechanisms that take several messages)
 *     --> tune        <-- tune-ok                             limits are agreed
 *                     <-- open (vhost)                        the vhost is asked
 *     --> open-ok
 *
 * AMQP names the vhost two steps after the credentials: who the client is and where it goes are two questions.
 */
import {
  type Headers,
  type Identity,
  PRODUCT,
  type Refusal,
  type Session,
  type Transport,
  VERSION,
} from '../../../../src/api/index.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_OPEN,
  CONNECTION_OPEN_OK,
  CONNECTION_SECURE,
  CONNECTION_SECURE_OK,
  CONNECTION_START,
  CONNECTION_START_OK,
  CONNECTION_TUNE,
  CONNECTION_TUNE_OK,
  FRAME_SIZE_MIN,
} from '../../codec/constants.ts';
import type { FieldReader } from '../../codec/field-reader.ts';
import type { MethodWriter } from '../../codec/method-writer.ts';
import type { AmqpLimits } from '../../options.ts';
import type { AmqpStats } from '../../stats.ts';
import { AmqpError, NotLetIn } from '../errors.ts';
import { outOfTurn } from '../method-errors.ts';
import { ClientProperties } from './client-properties.ts';
import { Login, type LoginHost, type LoginStep } from './login.ts';

/** What connection.tune and tune-ok have come to. [§1.4.2.5, §1.4.2.6] */
export interface NegotiatedOptions {
  /** Channels at once, 1 at least. */
  readonly channelMax: number;
  /** Bytes of a frame, head and end included. */
  readonly frameSizeMax: number;
  /** Seconds; 0: no heartbeats. */
  readonly heartbeatS: number;
}

/** The connection as the handshake sees it. */
export interface HandshakeHost extends LoginHost {
  readonly transport: Transport;
  readonly limits: AmqpLimits;
  readonly stats: AmqpStats;
  /** Builds frames for `sendFrame`. */
  readonly writer: MethodWriter;
  /** What the client says of itself: the handshake learns it. */
  client: ClientProperties;
  /** Sends a method on channel 0. */
  sendFrame(frame: MethodWriter): void;
  /** Lets the client into a vhost. */
  enter(identity: Identity, vhost: string): Session | Refusal;
  negotiated(options: NegotiatedOptions): void;
  /** The handshake is over; open-ok follows. */
  opened(session: Session): void;
  /** The client has sent connection.close. */
  closedByClient(): void;
  /** An error that costs the client its connection; `method` is what it is about, 0 for none. */
  fail(error: AmqpError, method: number): void;
  /** Sends connection.close, without an error of the client's being counted. */
  close(replyCode: number, replyText: string, method: number): void;
  /** Ends the connection without a word. */
  end(): void;
}

/** What this broker can do, under the names that clients look for. */
const CAPABILITIES: Headers = [
  { name: 'publisher_confirms', value: true },
  { name: 'exchange_exchange_bindings', value: true },
  { name: 'basic.nack', value: true },
  { name: 'consumer_cancel_notify', value: true },
  { name: 'connection.blocked', value: true },
  { name: 'consumer_priorities', value: true },
  { name: 'authentication_failure_close', value: true },
  { name: 'per_consumer_qos', value: true },
  { name: 'direct_reply_to', value: true },
];

/** An operator may have clients told another product's name and version: some ask for them before they do anything. */
function serverProperties({ product, productVersion }: AmqpLimits): Headers {
  return [
    { name: 'capabilities', value: { type: 'map', value: CAPABILITIES } },
    { name: 'cluster_name', value: 'entrepot' },
    { name: 'product', value: product },
    { name: 'version', value: productVersion },
    { name: 'platform', value: `Node.js ${process.version}` },
    { name: 'information', value: `${PRODUCT} ${VERSION}: AMQP 0-9-1, MQTT and STOMP meet here` },
  ];
}

/** What RabbitMQ calls waiting for each of them. */
const STATES: Readonly<Record<number, string>> = {
  [CONNECTION_START_OK]: 'starting',
  [CONNECTION_SECURE_OK]: 'securing',
  [CONNECTION_TUNE_OK]: 'tuning',
  [CONNECTION_OPEN]: 'opening',
};

export class Handshake {
  private readonly host: HandshakeHost;
  private readonly login: Login;
  private mechanism = '';
  /** The method that must come next. */
  private expected = CONNECTION_START_OK;
  private identity: Identity | undefined = undefined;

  constructor(host: HandshakeHost) {
    this.host = host;
    this.login = new Login(host);
    host.sendFrame(
      host.writer
        .begin(0, CONNECTION_START)
        .uint8(0)
        .uint8(9)
        .table(serverProperties(host.limits))
        .longString(this.login.mechanisms)
        .longString('en_US'),
    );
  }

  method(fields: FieldReader): void {
    const method = fields.uint32();
    if (method === CONNECTION_CLOSE) {
      this.host.closedByClient();
      return;
    }
    if (method !== this.expected) {
      throw outOfTurn(method, STATES[this.expected] ?? 'starting');
    }
    if (method === CONNECTION_START_OK) this.startOk(fields);
    else if (method === CONNECTION_SECURE_OK) this.secureOk(fields);
    else if (method === CONNECTION_TUNE_OK) this.tuneOk(fields);
    else this.open(fields);
  }

  /** The client is gone, or refused. */
  abandon(): void {
    this.login.abandon();
  }

  private startOk(fields: FieldReader): void {
    const tableAt = fields.at;
    const properties = fields.table();
    const given = Buffer.from(fields.buffer.subarray(tableAt, fields.at));
    const mechanism = fields.shortString();
    const response = fields.longBytes();
    this.host.client = new ClientProperties(properties, this.host.limits.product, given, mechanism);
    const name = properties.find((header) => header.name === 'connection_name')?.value;
    if (typeof name === 'string') this.host.transport.label = name;
    this.mechanism = mechanism;
    this.login.start(mechanism, response, (step) => this.answered(step));
  }

  private secureOk(fields: FieldReader): void {
    const response = fields.longBytes();
    fields.finish();
    this.login.goOn(response, (step) => this.answered(step));
  }

  private answered(step: LoginStep): void {
    const { host } = this;
    if ('challenge' in step) {
      this.expected = CONNECTION_SECURE_OK;
      host.sendFrame(host.writer.begin(0, CONNECTION_SECURE).longBytes(step.challenge));
    } else if ('identity' in step) {
      this.identity = step.identity;
      this.tune();
    } else {
      if (step.refused === 'unavailable') throw new NotLetIn('RESOURCE_ERROR', step.reason);
      this.refuseLogin();
    }
  }

  private tune(): void {
    const { host } = this;
    const { channelMax, frameSizeMax, heartbeatS } = host.limits;
    this.expected = CONNECTION_TUNE_OK;
    host.sendFrame(host.writer.begin(0, CONNECTION_TUNE).uint16(channelMax).uint32(frameSizeMax).uint16(heartbeatS));
  }

  private tuneOk(fields: FieldReader): void {
    const { limits } = this.host;
    const channelMax = agreed('channel_max', fields.uint16(), 1, limits.channelMax);
    const frameSizeMax = agreed('frame_max', fields.uint32(), FRAME_SIZE_MIN, limits.frameSizeMax);
    const heartbeatS = fields.uint16();
    fields.finish();
    this.host.negotiated({ channelMax, frameSizeMax, heartbeatS });
    this.expected = CONNECTION_OPEN;
  }

  private open(fields: FieldReader): void {
    const vhost = fields.shortString();
    fields.shortString();
    fields.bit();
    fields.finish();
    const { host } = this;
    const identity = this.identity!;
    const result = host.enter(identity, vhost);
    if ('refused' in result) {
      if (result.refused === 'vhost-not-found')
        throw new NotLetIn('NOT_ALLOWED', `vhost ${vhost} not found${vhostHint(vhost)}`, CONNECTION_OPEN);
      if (result.refused === 'unavailable') throw new NotLetIn('RESOURCE_ERROR', result.reason);
      if (result.refused === 'limit' || result.refused === 'rate')
        throw new NotLetIn('NOT_ALLOWED', result.reason, CONNECTION_OPEN);
      throw new NotLetIn(
        'NOT_ALLOWED',
        `access to vhost '${vhost}' refused for user '${identity.user}'`,
        CONNECTION_OPEN,
      );
    }
    host.opened(result);
    host.sendFrame(host.writer.begin(0, CONNECTION_OPEN_OK).shortString(''));
  }

  private refuseLogin(): void {
    const { host, mechanism } = this;
    host.stats.authenticationsFailed++;
    // Older clients take a closed socket for a refused login; only those that say so understand the close method.
    if (!host.client.can('authentication_failure_close')) {
      host.end();
      return;
    }
    const text = `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`;
    host.close(403, `ACCESS_REFUSED - ${text}`, 0);
  }
}

/** The client's answer to a proposal, or the error RabbitMQ gives. 0 means no limit, which is above any limit. */
function agreed(field: string, value: number, min: number, ours: number): number {
  if (value !== 0 && value < min) {
    throw new AmqpError(
      'NOT_ALLOWED',
      `negotiated ${field} = ${value} is lower than the minimum allowed value (${min})`,
      CONNECTION_TUNE,
    );
  }
  if (value === 0 || value > ours) {
    const shown = value === 0 ? '0 (no limit)' : String(value);
    throw new AmqpError(
      'NOT_ALLOWED',
      `negotiated ${field} = ${shown} is higher than the maximum allowed value (${ours})`,
      CONNECTION_TUNE,
    );
  }
  return value;
}

/**
 * RabbitMQ's words, and behind them what has most likely happened: clients do not agree on the vhost that a URI names
 * (`findings/amqp-uri-vhost.sh`).
 */
function vhostHint(vhost: string): string {
  if (vhost === '') return " (the empty name: for the vhost '/', let the URI end in /%2F, or without a slash)";
  return vhost.includes('%2') ? ' (in a URI a slash in a name is %2F, once)' : '';
}
