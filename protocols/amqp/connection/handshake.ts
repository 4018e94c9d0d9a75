/**
 * From the protocol header to `connection.open-ok`. [§2.2.4] What runs afterwards (`connection.ts`) never has to ask
 * whether the client is known.
 *
 *     Greeting        "AMQP" 0 0 9 1
 *     --> start       <-- start-ok (mechanism, response)      the credentials are asked
 *     --> tune        <-- tune-ok                             limits are agreed
 *                     <-- open (vhost)                        the vhost is asked
 *     --> open-ok
 *
 * AMQP names the vhost two steps after the credentials: who the client is and where it goes are two questions.
 */
import { type Headers, type Identity, PRODUCT, type Refusal, VERSION } from '../../../src/api/index.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_OPEN,
  CONNECTION_OPEN_OK,
  CONNECTION_START,
  CONNECTION_START_OK,
  CONNECTION_TUNE,
  CONNECTION_TUNE_OK,
  FRAME_SIZE_MIN,
} from '../codec/constants.ts';
import type { FieldReader } from '../codec/reader.ts';
import type { AmqpLimits } from '../options.ts';
import { ClientProperties } from './client-properties.ts';
import type { Connection } from './connection.ts';
import { outOfTurn } from './connection-methods.ts';
import { type Credentials, credentialsOf, MECHANISMS } from './credentials.ts';
import { AmqpError } from './errors.ts';
import { WAITS_FOR_REPLY } from './reading-hold.ts';

const HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);
/** How 0-9 began, which differs in nothing that clients use; RabbitMQ takes it for 0-9-1 as well. */
const HEADER_0_9 = Buffer.from([0x41, 0x4d, 0x51, 0x50, 1, 1, 0, 9]);

/** The eight bytes with which a client says what it speaks. */
export class Greeting {
  static readonly header = HEADER;
  /** Undefined until it can be told. */
  accepted: boolean | undefined = undefined;
  private seen = 0;
  private older = true;
  private current = true;

  /** Returns how many bytes of `chunk` belonged to the header. */
  take(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.seen < HEADER.length) {
      this.current &&= chunk[at] === HEADER[this.seen];
      this.older &&= chunk[at] === HEADER_0_9[this.seen];
      if (!this.current && !this.older) {
        this.accepted = false;
        return at;
      }
      at++;
      this.seen++;
    }
    if (this.seen === HEADER.length) this.accepted = true;
    return at;
  }
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
  [CONNECTION_TUNE_OK]: 'tuning',
  [CONNECTION_OPEN]: 'opening',
};

export class Handshake {
  private readonly connection: Connection;
  /** The method that must come next. */
  private expected = CONNECTION_START_OK;
  private identity: Identity | undefined = undefined;
  private abandoned = false;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.sendFrame(
      connection.writer
        .begin(0, CONNECTION_START)
        .uint8(0)
        .uint8(9)
        .table(serverProperties(connection.limits))
        .longString(MECHANISMS)
        .longString('en_US'),
    );
  }

  method(fields: FieldReader): void {
    const method = fields.uint32();
    if (method === CONNECTION_CLOSE) {
      this.connection.closedByClient();
      return;
    }
    if (method !== this.expected) {
      throw outOfTurn(method, STATES[this.expected] ?? 'starting');
    }
    if (method === CONNECTION_START_OK) this.startOk(fields);
    else if (method === CONNECTION_TUNE_OK) this.tuneOk(fields);
    else this.open(fields);
  }

  /** The client is gone, or refused. */
  abandon(): void {
    this.abandoned = true;
  }

  private startOk(fields: FieldReader): void {
    const properties = fields.table();
    const mechanism = fields.shortString();
    const response = fields.longBytes();
    this.connection.client = new ClientProperties(properties, this.connection.limits.product);
    const name = properties.find((header) => header.name === 'connection_name')?.value;
    if (typeof name === 'string') this.connection.transport.label = name;
    const credentials = credentialsOf(mechanism, response);
    if (credentials === undefined) {
      this.refuseLogin(mechanism);
      return;
    }
    this.ask(credentials, (result) => {
      if ('refused' in result) {
        if (result.refused === 'unavailable') throw new AmqpError('RESOURCE_ERROR', result.reason);
        this.refuseLogin(mechanism);
        return;
      }
      this.identity = result;
      this.tune();
    });
  }

  private tune(): void {
    const { connection } = this;
    const { channelMax, frameSizeMax, heartbeatS } = connection.limits;
    this.expected = CONNECTION_TUNE_OK;
    connection.sendFrame(
      connection.writer.begin(0, CONNECTION_TUNE).uint16(channelMax).uint32(frameSizeMax).uint16(heartbeatS),
    );
  }

  private tuneOk(fields: FieldReader): void {
    const { limits } = this.connection;
    const channelMax = agreed('channel_max', fields.uint16(), 1, limits.channelMax);
    const frameSizeMax = agreed('frame_max', fields.uint32(), FRAME_SIZE_MIN, limits.frameSizeMax);
    const heartbeatS = fields.uint16();
    fields.finish();
    this.connection.tuned(channelMax, frameSizeMax, heartbeatS);
    this.expected = CONNECTION_OPEN;
  }

  private open(fields: FieldReader): void {
    const vhost = fields.shortString();
    fields.shortString();
    fields.bit();
    fields.finish();
    const { connection } = this;
    const identity = this.identity!;
    const result = connection.broker.enter(identity, vhost, connection);
    if ('refused' in result) {
      if (result.refused === 'vhost-not-found')
        throw new AmqpError('NOT_ALLOWED', `vhost ${vhost} not found`, CONNECTION_OPEN);
      if (result.refused === 'unavailable') throw new AmqpError('RESOURCE_ERROR', result.reason);
      throw new AmqpError(
        'NOT_ALLOWED',
        `access to vhost '${vhost}' refused for user '${identity.user}'`,
        CONNECTION_OPEN,
      );
    }
    connection.running(result);
    connection.sendFrame(connection.writer.begin(0, CONNECTION_OPEN_OK).shortString(''));
  }

  /** Asks the broker; until it answers nothing more is parsed. What `then` throws ends the connection. */
  private ask({ user, password }: Credentials, then: (result: Identity | Refusal) => void): void {
    const { connection } = this;
    const { remote, loopback } = connection.transport;
    const client = `amqp ${remote.address}:${remote.port}`;
    let answered = false;
    let waits = false;
    connection.broker.authenticate({ client, loopback, user, password }, (result) => {
      answered = true;
      if (this.abandoned) return;
      if (!waits) {
        then(result);
        return;
      }
      try {
        then(result);
      } catch (error) {
        if (!(error instanceof AmqpError)) throw error;
        connection.fail(error, 0);
        return;
      }
      connection.unblock(WAITS_FOR_REPLY);
    });
    if (!answered) {
      waits = true;
      connection.block(WAITS_FOR_REPLY);
    }
  }

  private refuseLogin(mechanism: string): void {
    const { connection } = this;
    connection.stats.authenticationsFailed++;
    // Older clients take a closed socket for a refused login; only those that say so understand the close method.
    if (!connection.clientCan('authentication_failure_close')) {
      connection.end();
      return;
    }
    const text = `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`;
    connection.close(403, `ACCESS_REFUSED - ${text}`, 0);
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
