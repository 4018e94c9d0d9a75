/**
 * The schema of the settings: each one's kind, its bounds, its default, and one line that `entrepot config print` shows beside it.
 * An unknown key is an error everywhere.
 */
import { z } from 'zod';
import type { Compatibility } from '../api/session.ts';
import type { LoginSettings } from '../auth/internal-authenticator.ts';
import { LOG_AREAS, type LogArea } from '../logger.ts';
import { BrokerError } from '../message/errors.ts';
import { isAddressRange } from '../transport/proxy/proxies.ts';
import { PRODUCT, VERSION } from '../version.ts';
import { type AuthConfig, authSchema } from './auth.ts';
import { count, DURABILITY_LEVELS, duration, shareOrSize, size } from './kinds.ts';
import { renamed, type ScopeLimitsConfig, scopeLimits } from './limits.ts';
import { CLIENT_CERTIFICATES, DEFAULT_LISTEN, LISTEN_NAMES, parseListen } from './listen.ts';
import { type UserConfig, usersSchema } from './users.ts';
import { compat, type VhostConfig, vhostsSchema } from './vhosts.ts';

export const PROFILES = ['default', 'hardened'] as const;
export const LOG_FORMATS = ['auto', 'json', 'text'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The settings of a broker, complete. Sizes in bytes, durations in milliseconds. */
export interface Config {
  data: string;
  listen: string[];
  /** What is demanded of all settings together (`profile.ts`). */
  profile: (typeof PROFILES)[number];
  vhosts: Record<string, VhostConfig>;
  users: Record<string, UserConfig>;
  /** '': none. */
  definitions: string;
  login: LoginSettings;
  auth: AuthConfig;
  compat: Compatibility;
  durability: {
    level: (typeof DURABILITY_LEVELS)[number];
    interval: number;
    flushDelay: number;
    flushSizeMax: number;
  };
  log: {
    level: (typeof LOG_LEVELS)[number];
    /** Of areas that are to have another. */
    levels: Partial<Record<LogArea, (typeof LOG_LEVELS)[number]>>;
    format: (typeof LOG_FORMATS)[number];
  };
  /** `otlp` '' : nothing is traced. */
  tracing: { otlp: string; sample: number };
  transient: { spillSizeMax: number };
  /** `highWatermark`: up to 1 a part of the machine's memory, else bytes; 0 for none. */
  memory: { highWatermark: number };
  disk: { freeMin: number };
  limits: {
    userConnections: number;
    userChannels: number;
    userConnectionRate: number;
    userConsumers: number;
    userSessions: number;
    userPublishRate: number;
    userPublishSize: number;
    userMessageSize: number;
    userBacklog: number;
    users: Record<string, ScopeLimitsConfig>;
    consumers: number;
    queues: number;
    unsettled: number;
    connectionUnsettled: number;
    publishRate: number;
    publishSize: number;
    messageSize: number;
    backlog: number;
  };
  connections: {
    max: number;
    rateMax: number;
    perAddressMax: number;
    handshakeTimeout: number;
    unfinishedSizeMax: number;
    unsentSizeMax: number;
    pinnedSizeMax: number;
  };
  amqp: {
    frameSizeMax: number;
    bodySizeMax: number;
    channelMax: number;
    heartbeat: number;
    consumerTimeout: number;
    product: string;
    productVersion: string;
  };
  mqtt: {
    packetSizeMax: number;
    topicLevelsMax: number;
    inflightMax: number;
    receiveMax: number;
    topicAliasMax: number;
    sessionExpiryMax: number;
    keepAliveMax: number;
    connectRateMax: number;
    packetRateMax: number;
    sysInterval: number;
    sessionMessagesMax: number;
    sessionBytesMax: number;
    sessionMessageTtl: number;
  };
  retained: { checkSource: boolean };
  redis: { commandSizeMax: number };
  stomp: {
    headersMax: number;
    headersSizeMax: number;
    bodySizeMax: number;
    consumerTimeout: number;
    heldMax: number;
    wildcards: 'amqp' | 'activemq';
  };
  websocket: { messageSizeMax: number; origins: string[] };
  http: { origins: string[] };
  proxy: { from: string[] };
  tls: {
    certificate: string[];
    key: string[];
    authority: string;
    clientCertificates: (typeof CLIENT_CERTIFICATES)[number];
    userFrom: (typeof USER_FROM)[number];
    minimumVersion: (typeof TLS_VERSIONS)[number];
    ciphers: string;
    handshakesMax: number;
  };
}

/** What of a client's certificate is its user name. */
export const USER_FROM = ['subject', 'commonName', 'dns', 'email', 'uri'] as const;
export const TLS_VERSIONS = ['1.2', '1.3'] as const;

/** One path or several. */
const files = (description: string) =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? [value] : value),
      z
        .array(z.string().min(1), 'must be the path of a file, or a list of them')
        .max(64, 'must be 64 at most')
        .default([]),
    )
    .describe(description);

const listenAddress = z.string('must be an address such as amqp://127.0.0.1:5672').superRefine((text, context) => {
  try {
    parseListen(text);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    context.addIssue(error.message);
  }
});

const MIB = 1024 * 1024;

/** What is left out is as the keys say that begin with `user`. */
const userLimits = z.preprocess(renamed, z.strictObject(scopeLimits));
/** As long as any setting goes: 136 years. */
const FOREVER_MS = 0xffff_fffe * 1000;

export const configSchema = z.strictObject({
  data: z
    .string('must be the path of a directory')
    .min(1, 'must be the path of a directory')
    .refine((path) => !path.startsWith('~'), 'must be a whole path or one from here on: ~ is a word of the shell')
    .default('./data')
    .describe('where the log is kept'),
  listen: z
    .preprocess(
      (value) => (typeof value === 'string' ? [value] : value),
      z
        .array(listenAddress, 'must be a list of addresses such as amqp://127.0.0.1:5672')
        .min(1, 'must name at least one address')
        .default([...DEFAULT_LISTEN]),
    )
    .describe(`PROTOCOL[+PROTOCOL…]://HOST:PORT; ${LISTEN_NAMES.join(', ')}; with an s over TLS`),
  profile: z
    .enum(PROFILES, `must be one of ${PROFILES.join(', ')}`)
    .default('default')
    .describe(
      'default: easy on this machine; hardened: TLS on all that others reach, nobody without a name, no guest, origins listed',
    ),
  vhosts: vhostsSchema.describe(
    'closed worlds of exchanges and queues, each with a log, and if need be settings, of its own',
  ),
  users: usersSchema.describe('who may log in, and what each may do; secrets are not shown'),
  definitions: z
    .string('must be the path of a file')
    .default('')
    .describe("definitions of RabbitMQ's (JSON) that every start takes over; what is there already stays"),
  login: z
    .strictObject({
      anonymous: z
        .enum(['auto', 'local', 'anywhere', 'never'], 'must be one of auto, local, anywhere, never')
        .default('auto')
        .describe(
          'clients without a name; auto: from this machine while there is no user, and then not; hardened: never',
        ),
      guest: z
        .enum(['auto', 'anywhere', 'never'], 'must be one of auto, anywhere, never')
        .default('auto')
        .describe('auto: from this machine only; without a user of that name, guest/guest while there is no user'),
    })
    .prefault({}),
  auth: authSchema,
  compat: compat
    .default('rabbitmq-3')
    .describe('whose habits clients have, where RabbitMQ 3, RabbitMQ 4 and ActiveMQ differ; a vhost may say otherwise'),
  durability: z
    .strictObject({
      level: z
        .enum(DURABILITY_LEVELS, `must be one of ${DURABILITY_LEVELS.join(', ')}`)
        .default('fsync')
        .describe(
          'fsync: confirm after the sync; interval: after the write, synced now and then; none: after the write, never synced',
        ),
      interval: duration(1, 60_000, 200, 'between syncs, with the level interval: what a power failure may take'),
      flushDelay: duration(
        0,
        1_000,
        0,
        'a write waits so long for more; 0: until the end of the turn, which is nearly always best',
      ),
      flushSizeMax: size(4_096, 64 * MIB, MIB, 'bytes that a write with a flushDelay waits for at most'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
        .default('info')
        .describe(`${LOG_LEVELS.join(', ')}`),
      levels: z
        .partialRecord(z.enum(LOG_AREAS), z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`))
        .default({})
        .describe(`for lines about one thing: { auth: debug }; there are ${LOG_AREAS.join(', ')}`),
      format: z
        .enum(LOG_FORMATS, `must be one of ${LOG_FORMATS.join(', ')}`)
        .default('auto')
        .describe('json: a line of JSON per event; text: for people; auto: text on a terminal, else JSON'),
    })
    .prefault({}),
  tracing: z
    .strictObject({
      otlp: z
        .string('must be the address of a collector')
        .refine(isCollector, 'must be http://HOST:PORT or https://HOST:PORT, without a password in it')
        .default('')
        .describe(
          'where spans of messages are sent over OTLP/HTTP, as http://127.0.0.1:4318; empty: nothing is traced',
        ),
      sample: z
        .number('must be a number from 0 to 1')
        .min(0, 'must be a number from 0 to 1')
        .max(1, 'must be a number from 0 to 1')
        .default(0)
        .describe('part of the messages without a traceparent that are traced; those that have one say so themselves'),
    })
    .prefault({}),
  transient: z
    .strictObject({
      spillSizeMax: size(
        MIB,
        Number.MAX_SAFE_INTEGER,
        16 * 1024 * MIB,
        'on disk, of messages that need not outlive the broker, in one vhost; more are refused',
      ),
    })
    .prefault({}),
  memory: z
    .strictObject({
      highWatermark: shareOrSize(
        0.6,
        'resident memory, a part of the machine (of its cgroup) or a size; past it publishers wait; 0 for none',
      ),
    })
    .prefault({}),
  disk: z
    .strictObject({
      freeMin: size(
        0,
        Number.MAX_SAFE_INTEGER,
        64 * MIB,
        'free on the disk of the data; below it publishers wait; 0 for none',
      ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      userConnections: count(0, 1_000_000, 0, 'of each user that is not named under users; 0 for any number'),
      userChannels: count(0, 100_000_000, 0, 'of each such user, over all its connections; 0 for any number'),
      userConnectionRate: count(0, 1_000_000, 0, 'new connections a second of each such user; 0 for any number'),
      userConsumers: count(0, 100_000_000, 0, 'of each such user, over all its connections; 0 for any number'),
      userSessions: count(0, 100_000_000, 0, 'of each such user that outlive their connections; 0 for any number'),
      userPublishRate: count(
        0,
        100_000_000,
        0,
        'messages a second of each such user, who is then read more slowly; 0 for any number',
      ),
      userPublishSize: size(0, Number.MAX_SAFE_INTEGER, 0, 'bodies a second of each such user, the same'),
      userMessageSize: size(0, Number.MAX_SAFE_INTEGER, 0, 'of the body of one message of each such user; 0 for any'),
      userBacklog: count(
        0,
        1_000_000_000_000,
        0,
        'copies of messages that each such user has published and that wait; 0 for any number',
      ),
      users: z
        .record(z.string().min(1, 'must be the name of a user'), userLimits)
        .default({})
        .describe(`users with limits of their own: ${Object.keys(scopeLimits).join(', ')}; -1 for any number`),
      consumers: count(0, 1_000_000, 0, 'of one connection; 0 for any number'),
      queues: count(0, 1_000_000, 0, 'exclusive to one connection; 0 for any number'),
      unsettled: count(
        0,
        100_000_000,
        100_000,
        'deliveries that a consumer holds which has set no prefetch; 0 for any number',
      ),
      connectionUnsettled: count(
        0,
        100_000_000,
        1_000_000,
        'deliveries that a connection holds, of all its consumers and by basic.get; 0 for any number',
      ),
      publishRate: count(
        0,
        100_000_000,
        0,
        'messages a second of one connection, which is then read more slowly; 0 for any number',
      ),
      publishSize: size(0, Number.MAX_SAFE_INTEGER, 0, 'bodies a second of one connection, the same; 0 for any number'),
      messageSize: size(0, Number.MAX_SAFE_INTEGER, 0, 'of the body of one message, in every protocol; 0 for any'),
      backlog: count(
        0,
        1_000_000_000_000,
        0,
        'copies of messages that one connection has published and that wait; 0 for any number',
      ),
    })
    .prefault({}),
  connections: z
    .strictObject({
      max: count(1, 1_000_000, 10_000, 'open at a time; more are turned away'),
      rateMax: count(0, 1_000_000, 0, 'new ones a second; more are turned away; 0 for any number'),
      perAddressMax: count(0, 1_000_000, 0, 'open at a time from one address; more are turned away; 0 for any number'),
      handshakeTimeout: duration(100, 600_000, 10_000, 'for a client to say who it is'),
      unfinishedSizeMax: size(
        MIB,
        Number.MAX_SAFE_INTEGER,
        256 * MIB,
        'in memory of what all clients have sent and is not whole; past it who holds most is closed',
      ),
      unsentSizeMax: size(
        MIB,
        Number.MAX_SAFE_INTEGER,
        1_024 * MIB,
        'in memory of what all clients are sent and do not read; past it who holds most is closed',
      ),
      pinnedSizeMax: size(
        0,
        Number.MAX_SAFE_INTEGER,
        64 * MIB,
        'of stored messages in memory that large bodies are written to sockets from; past it they are copied',
      ),
    })
    .prefault({}),
  amqp: z
    .strictObject({
      frameSizeMax: size(4_096, 16 * MIB, 131_072, 'offered to clients; they may ask for less'),
      bodySizeMax: size(1, 2_048 * MIB, 128 * MIB, 'of one message'),
      channelMax: count(1, 65_535, 2_047, 'on one connection'),
      heartbeat: duration(0, 65_535_000, 60_000, 'offered to clients, whole seconds; 0 for none', 1_000),
      consumerTimeout: duration(
        0,
        365 * 86_400_000,
        1_800_000,
        'for which a delivery may be held unsettled; 0 for ever',
      ),
      product: z
        .string('must be a name')
        .min(1, 'must be a name')
        .max(255, 'must be 255 characters at most')
        .default(PRODUCT)
        .describe('what clients are told this broker is: some do only what they believe that product can'),
      productVersion: z
        .string('must be a version, in quotes if it looks like a number')
        .min(1, 'must be a version')
        .max(255, 'must be 255 characters at most')
        .default(VERSION)
        .describe('the version of that product'),
    })
    .prefault({}),
  mqtt: z
    .strictObject({
      packetSizeMax: size(1_024, 256 * MIB, 129 * MIB, 'a larger packet closes the connection'),
      topicLevelsMax: count(1, 65_535, 128, 'levels of a topic or filter'),
      inflightMax: count(1, 65_535, 100, 'messages a client may hold unanswered'),
      receiveMax: count(1, 65_535, 65_535, 'messages from a client that may wait for their answer; 5.0 is told'),
      topicAliasMax: count(0, 65_535, 1_000, 'topic aliases a client may use; 0 for none'),
      sessionExpiryMax: duration(
        0,
        FOREVER_MS,
        0,
        'that a session outlives its connection at most, whole seconds; 0 for any time',
        1_000,
      ),
      keepAliveMax: duration(0, 65_535_000, 0, 'keep alive at most, whole seconds; 0 for any', 1_000),
      connectRateMax: count(0, 1_000_000, 0, 'CONNECTs a second of all clients; 0 for any number'),
      packetRateMax: count(
        0,
        10_000_000,
        0,
        'packets a second of one client, which is then read more slowly; 0 for any number',
      ),
      sysInterval: duration(0, 86_400_000, 10_000, 'between what is published under $SYS/broker/; 0 for nothing'),
      sessionMessagesMax: count(0, 1_000_000_000, 0, 'waiting for one session; 0 for any number'),
      sessionBytesMax: size(0, Number.MAX_SAFE_INTEGER, 0, 'waiting for one session; 0 for any number'),
      sessionMessageTtl: duration(0, FOREVER_MS, 0, 'that a message waits for a session; 0 for any time'),
    })
    .prefault({}),
  retained: z
    .strictObject({
      checkSource: z
        .preprocess(
          (value) => (value === 'true' ? true : value === 'false' ? false : value), // as the environment has it
          z.boolean('must be true or false').default(false),
        )
        .describe('whether retained messages are shown only as long as whoever published them may publish there'),
    })
    .prefault({}),
  redis: z
    .strictObject({
      commandSizeMax: size(1_024, 512 * MIB, 16 * MIB, 'of one command, its values included'),
    })
    .prefault({}),
  stomp: z
    .strictObject({
      headersMax: count(8, 10_000, 128, 'headers of one frame'),
      headersSizeMax: size(1_024, 16 * MIB, 65_536, 'all headers of one frame together'),
      bodySizeMax: size(1, 2_048 * MIB, 128 * MIB, 'of one message'),
      consumerTimeout: duration(
        0,
        365 * 86_400_000,
        1_800_000,
        'for which a delivery may be held unsettled; 0 for ever',
      ),
      heldMax: duration(
        0,
        86_400_000,
        0,
        'for which SEND may wait for memory or disk, then ERROR, which ends the connection; 0 for as long as it has to',
      ),
      wildcards: z
        .enum(['amqp', 'activemq'], 'must be amqp or activemq')
        .default('amqp')
        .describe("amqp: '*' and '#'; activemq: '>' too, for all levels from there on"),
    })
    .prefault({}),
  websocket: z
    .strictObject({
      messageSizeMax: size(1_024, 2_047 * MIB, 130 * MIB, 'of one WebSocket message from a client'),
      origins: z
        .preprocess(
          (value) => (typeof value === 'string' ? [value] : value),
          z
            .array(
              z
                .string()
                .regex(
                  /^(https?:\/\/(\*\.)?[^/*\s]+|none)$/i,
                  'must be as https://app.example.org or https://*.example.org, or none',
                ),
              'must be a list of origins such as https://app.example.org',
            )
            .max(256, 'must be 256 at most')
            .default([]),
        )
        .describe(
          'of pages that may connect, such as https://app.example.org or https://*.example.org; none: no page; nothing named: any',
        ),
    })
    .prefault({}),
  http: z
    .strictObject({
      origins: z
        .preprocess(
          (value) => (typeof value === 'string' ? [value] : value),
          z
            .array(
              z.string().regex(/^https?:\/\/[^/*\s]+$/i, 'must be as https://app.example.org'),
              'must be a list of origins such as https://app.example.org',
            )
            .max(256, 'must be 256 at most')
            .default([]),
        )
        .describe('of pages of other sites that may call the HTTP APIs (CORS), such as https://app.example.org'),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      from: z
        .preprocess(
          (value) => (typeof value === 'string' ? [value] : value),
          z
            .array(
              z.string().refine(isAddressRange, 'must be an address or a range such as 10.0.0.0/8'),
              'must be a list of addresses and ranges such as 10.0.0.0/8',
            )
            .max(256, 'must be 256 at most')
            .default([]),
        )
        .describe('proxies that are believed who a client is, on listeners with ?proxy=v1+v2'),
    })
    .prefault({}),
  tls: z
    .strictObject({
      certificate: files(
        'PEM, with those that lead to its authority; of several the one whose names fit, else the first',
      ),
      key: files("PEM, in the order of the certificates; left out: they are in the certificates' files"),
      authority: z
        .string('must be the path of a file')
        .default('')
        .describe("PEM: who may have signed clients' certificates; '' for nobody"),
      clientCertificates: z
        .enum(CLIENT_CERTIFICATES, `must be one of ${CLIENT_CERTIFICATES.join(', ')}`)
        .default('none')
        .describe(`${CLIENT_CERTIFICATES.join(', ')}; one that is shown must be good`),
      userFrom: z
        .enum(USER_FROM, `must be one of ${USER_FROM.join(', ')}`)
        .default('commonName')
        .describe(`what of a client's certificate is its user name: ${USER_FROM.join(', ')}`),
      minimumVersion: z
        .preprocess(
          (value) => (typeof value === 'number' ? String(value) : value),
          z.enum(TLS_VERSIONS, `must be one of ${TLS_VERSIONS.join(', ')}`).default('1.2'),
        )
        .describe('of TLS'),
      ciphers: z
        .string('must be names of ciphers with colons between them')
        .default('')
        .describe("names of ciphers, as OpenSSL writes them, with colons between; '' for Node's"),
      handshakesMax: count(1, 100_000, 1_000, 'TLS handshakes at a time; for one more the oldest is given up'),
    })
    .prefault({}),
}) satisfies z.ZodType<Config>;

/** What may be written: any part of it, with sizes and durations as numbers or text. */
export type ConfigInput = z.input<typeof configSchema>;

function isCollector(address: string): boolean {
  if (address === '') return true;
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}
