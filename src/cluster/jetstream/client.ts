/**
 * NATS' client, as far as it is used here, and how it is loaded: only when an engine is made, so that a broker without a cluster neither
 * loads it nor needs it to be there. The types are the few calls that are made, so that what is relied on can be seen in one place.
 */

/** Packages, by names that nobody resolves before they are wanted. */
const TRANSPORT: string = '@nats-io/transport-node';
const JETSTREAM: string = '@nats-io/jetstream';
const KV: string = '@nats-io/kv';

export interface Connection {
  readonly info?: { readonly version: string; readonly max_payload: number };
  isClosed(): boolean;
  close(): Promise<void>;
  request(subject: string, payload: string, options: { timeout: number }): Promise<unknown>;
}

export interface StreamConfig {
  readonly name: string;
  readonly num_replicas: number;
  readonly storage: string;
  readonly allow_direct?: boolean;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number };
}

export interface Streams {
  add(config: object): Promise<StreamInfo>;
  info(name: string): Promise<StreamInfo>;
  purge(name: string, options: { seq: number }): Promise<unknown>;
  getMessage(name: string, query: { seq: number }): Promise<{ readonly data: Uint8Array } | null>;
}

export interface StreamMessage {
  readonly seq: number;
  readonly data: Uint8Array;
}

export interface Messages extends AsyncIterable<StreamMessage> {
  stop(): void;
}

export interface JetStream {
  publish(
    subject: string,
    payload: Uint8Array,
    options: { expect: { lastSequence: number }; timeout: number },
  ): Promise<{ readonly seq: number }>;
  readonly consumers: {
    get(
      stream: string,
      options: { deliver_policy: 'by_start_sequence'; opt_start_seq: number },
    ): Promise<{ consume(options: { max_bytes: number; idle_heartbeat: number }): Promise<Messages> }>;
  };
}

export interface KeyValueEntry {
  readonly revision: number;
  readonly operation: 'PUT' | 'DEL' | 'PURGE';
  string(): string;
}

export interface KeyValue {
  create(key: string, value: string): Promise<number>;
  update(key: string, value: string, revision: number): Promise<number>;
  get(key: string): Promise<KeyValueEntry | null>;
  delete(key: string, options: { previousSeq: number }): Promise<void>;
}

export interface Client {
  connect(options: object): Promise<Connection>;
  jetstream(connection: Connection, options?: { timeout: number }): JetStream;
  jetstreamManager(
    connection: Connection,
    options: { checkAPI: boolean; timeout: number },
  ): Promise<{ readonly streams: Streams }>;
  keyValue(connection: Connection, bucket: string, options: object): Promise<KeyValue>;
}

/** @throws Error in words, if the packages are not installed */
export async function loadClient(): Promise<Client> {
  try {
    const [transport, jetstream, kv] = await Promise.all([import(TRANSPORT), import(JETSTREAM), import(KV)]);
    return {
      connect: transport.connect,
      jetstream: jetstream.jetstream,
      jetstreamManager: jetstream.jetstreamManager,
      keyValue: (connection, bucket, options) => new kv.Kvm(connection).create(bucket, options),
    };
  } catch (error) {
    throw new Error(`a cluster needs the packages ${TRANSPORT}, ${JETSTREAM} and ${KV}: ${(error as Error).message}`);
  }
}

/** The number of an error that JetStream answered; 0: it is another kind. */
export function errorCode(error: unknown): number {
  const { name, code } = error as { name?: string; code?: unknown };
  return name === 'JetStreamApiError' && typeof code === 'number' ? code : 0;
}

export const NAME_IN_USE = 10058;
export const WRONG_LAST_SEQUENCE = 10071;
export const NO_SPACE: readonly number[] = [10023, 10077];

/**
 * A name of any characters as a name of a stream, a token of a subject or a key of a bucket: what these do not take is `=` and the bytes
 * in hexadecimal, so two names are never the same.
 */
export function safeName(name: string): string {
  return [...Buffer.from(name, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_-]/.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
