/**
 * A shared log as a JetStream stream: file, several replicas, no limits that discard, no copies read from replicas that may be behind, and not
 * one message in it that was published without an expectation (a plain one among fenced ones can leave a replica different for good).
 */
import {
  type Appended,
  type Bounds,
  EngineAway,
  type SharedAppend,
  type SharedLog,
  type SharedReader,
} from '../engine.ts';
import {
  type Client,
  type Connection,
  errorCode,
  type JetStream,
  type Messages,
  NO_SPACE,
  type StreamMessage,
  type Streams,
  WRONG_LAST_SEQUENCE,
} from './client.ts';
import { ANSWER_MS, writerOptions } from './settings.ts';

/** For the headers of a message: what the server takes is less than its `max_payload` by them. */
const HEADER_ROOM_BYTES = 256;
/** Read ahead, bytes: with what JetStream asks for by default, a slow reader of long messages is cut off. */
const AHEAD_BYTES = 8 * 1024 * 1024;
const IDLE_HEARTBEAT_MS = 1_000;
const NANOSECONDS = 1_000_000;

export interface SharedLogParts {
  readonly client: Client;
  readonly servers: readonly string[];
  readonly stream: string;
  /** The connection that reads and asks. */
  readonly asking: Connection;
  readonly streams: Streams;
}

/** What a stream of a shared log is made with. */
export function streamConfig(stream: string, replicas: number): object {
  return {
    name: stream,
    subjects: [stream],
    retention: 'limits',
    storage: 'file',
    discard: 'new',
    num_replicas: replicas,
    allow_direct: false,
    duplicate_window: 1_000 * NANOSECONDS,
    max_msgs: -1,
    max_bytes: -1,
    max_age: 0,
  };
}

export function away(error: unknown): EngineAway {
  return error instanceof EngineAway ? error : new EngineAway((error as Error).message);
}

export class JetStreamLog implements SharedLog {
  readonly appendBytesMax: number;
  private readonly parts: SharedLogParts;
  private readonly reading: JetStream;
  private writer: { readonly connection: Connection; readonly jetstream: JetStream } | undefined = undefined;
  private readonly readers = new Set<JetStreamReader>();
  private closed = false;

  constructor(parts: SharedLogParts) {
    this.parts = parts;
    this.appendBytesMax = (parts.asking.info?.max_payload ?? 1024 * 1024) - HEADER_ROOM_BYTES;
    this.reading = parts.client.jetstream(parts.asking, { timeout: ANSWER_MS });
  }

  async append(expected: number, bytes: Buffer): Promise<Appended> {
    if (bytes.length > this.appendBytesMax) throw new RangeError(`an append of ${bytes.length} bytes is too long`);
    const { stream } = this.parts;
    let jetstream: JetStream;
    try {
      jetstream = await this.writing();
    } catch (error) {
      return { kind: 'unknown', reason: (error as Error).message };
    }
    try {
      const options = { expect: { lastSequence: expected }, timeout: ANSWER_MS };
      const { seq } = await jetstream.publish(stream, bytes, options);
      return { kind: 'stored', sequence: seq };
    } catch (error) {
      return this.failed(error as Error);
    }
  }

  private failed(error: Error): Appended {
    const code = errorCode(error);
    if (code === WRONG_LAST_SEQUENCE) {
      const last = /: (\d+)$/.exec(error.message);
      if (last !== null) return { kind: 'refused', last: Number(last[1]) };
    }
    if (NO_SPACE.includes(code)) return { kind: 'full', reason: error.message };
    // Perhaps this server hangs: the next attempt goes through another one.
    if (code === 0 && !isNoResponders(error)) this.dropWriter();
    return { kind: 'unknown', reason: error.message };
  }

  private async writing(): Promise<JetStream> {
    const { client, servers } = this.parts;
    if (this.closed) throw new Error('closed');
    if (this.writer?.connection.isClosed() === false) return this.writer.jetstream;
    const connection = await client.connect(writerOptions(servers));
    this.writer = { connection, jetstream: client.jetstream(connection, { timeout: ANSWER_MS }) };
    if (this.closed) this.dropWriter();
    return this.writer?.jetstream ?? Promise.reject(new Error('closed'));
  }

  private dropWriter(): void {
    const { writer } = this;
    this.writer = undefined;
    writer?.connection.close().catch(() => {});
  }

  async bounds(): Promise<Bounds> {
    try {
      const { state } = await this.parts.streams.info(this.parts.stream);
      return { first: state.messages === 0 ? state.last_seq + 1 : state.first_seq, last: state.last_seq };
    } catch (error) {
      throw away(error);
    }
  }

  async read(sequence: number): Promise<Buffer | null> {
    try {
      const message = await this.parts.streams.getMessage(this.parts.stream, { seq: sequence });
      return message === null ? null : asBuffer(message.data);
    } catch (error) {
      throw away(error);
    }
  }

  follow(from: number): SharedReader {
    const begin = async (): Promise<Messages> => {
      const options = { deliver_policy: 'by_start_sequence', opt_start_seq: Math.max(1, from) } as const;
      const consumer = await this.reading.consumers.get(this.parts.stream, options);
      return consumer.consume({ max_bytes: AHEAD_BYTES, idle_heartbeat: IDLE_HEARTBEAT_MS });
    };
    const reader = new JetStreamReader(begin, () => this.readers.delete(reader));
    this.readers.add(reader);
    return reader;
  }

  async discardBelow(sequence: number): Promise<void> {
    try {
      await this.parts.streams.purge(this.parts.stream, { seq: sequence });
    } catch (error) {
      throw away(error);
    }
  }

  async distrust(): Promise<void> {
    try {
      const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${this.parts.stream}`;
      await this.parts.asking.request(subject, '', { timeout: ANSWER_MS });
    } catch (error) {
      throw away(error);
    }
  }

  close(): void {
    this.closed = true;
    this.dropWriter();
    for (const reader of [...this.readers]) reader.stop();
  }
}

/** Reads through an ordered consumer, which is made anew by itself at the right place when its server goes. */
class JetStreamReader implements SharedReader {
  private readonly begin: () => Promise<Messages>;
  private readonly ended: () => void;
  private messages: Messages | undefined = undefined;
  private iterator: AsyncIterator<StreamMessage> | undefined = undefined;
  private stopped = false;

  constructor(begin: () => Promise<Messages>, ended: () => void) {
    this.begin = begin;
    this.ended = ended;
  }

  async next(): Promise<SharedAppend | null> {
    if (this.stopped) return null;
    try {
      if (this.iterator === undefined) {
        this.messages = await this.begin();
        this.iterator = this.messages[Symbol.asyncIterator]();
        if (this.isStopped()) this.messages.stop();
      }
      const { value, done } = await this.iterator.next();
      if (this.isStopped()) return null;
      if (done === true) throw new EngineAway('the reader was ended');
      return { sequence: value.seq, bytes: asBuffer(value.data) };
    } catch (error) {
      if (this.isStopped()) return null;
      this.stop();
      throw away(error);
    }
  }

  /** It may have been meanwhile. */
  private isStopped(): boolean {
    return this.stopped;
  }

  stop(): void {
    this.stopped = true;
    this.messages?.stop();
    this.ended();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The stream has no leader just now: its server has said so at once, and nothing is wrong with the connection. */
function isNoResponders(error: Error): boolean {
  const { cause } = error as { cause?: Error };
  return (
    error.name === 'JetStreamNotEnabled' ||
    /no responders/i.test(error.message) ||
    /no responders/i.test(cause?.message ?? '')
  );
}
