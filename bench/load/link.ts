/**
 * One raw AMQP connection for long-running figures: many queues, many millions of messages, and the order checked. Bytes
 * out, counts in, nothing kept for a message; it trusts its peer to be well-formed.
 *
 * A message's body begins with its number (u32), which tells whether what comes is in order.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const u16 = (n: number): Buffer => Buffer.from([(n >>> 8) & 255, n & 255]);
const u32 = (n: number): Buffer => Buffer.from([(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const join = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'latin1') : p)));
const frame = (type: number, channel: number, payload: Buffer): Buffer =>
  join(Buffer.from([type]), u16(channel), u32(payload.length), payload, '\xce');
const method = (channel: number, classId: number, methodId: number, ...rest: (Buffer | string)[]): Buffer =>
  frame(1, channel, join(u16(classId), u16(methodId), ...rest));
const short = (text: string): Buffer => join(Buffer.from([text.length]), text);
const long = (text: string): Buffer => join(u32(text.length), text);
const code = (classId: number, methodId: number): number => (classId << 16) | methodId;

const CONSUME_OK = code(60, 21);
const DELIVER = code(60, 60);
const ACK = code(60, 80);
const CHANNEL_CLOSE = code(20, 40);
const CONNECTION_CLOSE = code(10, 50);
/** Messages a write, and bytes if they are large. */
const BATCH = 64;
const BATCH_BYTES = 1024 * 1024;
const FRAME_BYTES_MAX = 131072 - 8;

export interface PublishJob {
  readonly count: number;
  readonly bodyBytes: number;
  /** Open confirms. */
  readonly window: number;
  readonly exchange?: string;
  /** Queues (routing keys), one message each in turn. */
  readonly keys: readonly string[];
  /** The number in the first body; default 0. */
  readonly from?: number;
  /** Bodies carry no number, and everything is encoded before: the sender then costs the same for any number of keys. */
  readonly plain?: boolean;
  /** Default true. */
  readonly persistent?: boolean;
}

export interface DrainJob {
  /** One queue, or several. */
  readonly queue: string | readonly string[];
  readonly count: number;
  readonly prefetch: number;
  /** The first number expected, and how far apart they are; undefined: order is not looked at. */
  readonly first?: number;
  readonly step?: number;
  /** All consumers are attached. */
  readonly consuming?: () => void;
}

export interface Drained {
  /** Messages a second since all consumers were attached. */
  readonly rate: number;
  /** Since it was asked: what a peer reads before it says that a consumer is attached is part of it. */
  readonly askedRate: number;
  /** From asking to the first delivery. */
  readonly firstMs: number;
  /** Deliveries that were not the next in order. */
  readonly disorder: number;
}

export class Link {
  private readonly socket: Socket;
  private rest: Buffer = Buffer.alloc(0);
  private onMethod: (which: number, buffer: Buffer, at: number) => void = () => {};
  private onBody: (buffer: Buffer, at: number) => void = () => {};
  private onChunk: () => void = () => {};
  private fail: (error: Error) => void = () => {};
  private tag = 0;
  private nextConsumer = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.data(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the broker closed the connection')));
  }

  static async open(port: number): Promise<Link> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const link = new Link(socket);
    await link.ask(code(10, 10), Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'));
    const login = method(0, 10, 11, u32(0), short('PLAIN'), long('\x00guest\x00guest'), short('en_US'));
    await link.ask(code(10, 30), login);
    const tune = method(0, 10, 31, u16(2047), u32(131072), u16(0));
    await link.ask(code(10, 41), join(tune, method(0, 10, 40, short('/'), '\x00\x00')));
    await link.ask(code(20, 11), method(1, 20, 10, '\x00'));
    await link.ask(code(85, 11), method(1, 85, 10, '\x00'));
    return link;
  }

  close(): void {
    this.fail = () => {};
    this.socket.destroy();
  }

  /** Sends `bytes` and waits for `count` methods of the kind `reply`. */
  private ask(reply: number, bytes: Buffer, count = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      let missing = count;
      this.fail = reject;
      this.onMethod = (which) => {
        if (which === reply && --missing === 0) resolve();
      };
      this.socket.write(bytes);
    });
  }

  /** Declares durable queues, so many at a time. */
  async declare(names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += 1000) {
      const some = names.slice(from, from + 1000);
      const bytes = some.map((name) => method(1, 50, 10, u16(0), short(name), '\x02', u32(0)));
      await this.ask(code(50, 11), Buffer.concat(bytes), some.length);
    }
  }

  async bind(names: readonly string[], exchange: string): Promise<void> {
    const bytes = names.map((name) =>
      method(1, 50, 20, u16(0), short(name), short(exchange), short(''), '\x00', u32(0)),
    );
    await this.ask(code(50, 21), Buffer.concat(bytes), names.length);
  }

  /** Publishes; messages a second, the last confirm included. */
  publish(job: PublishJob): Promise<number> {
    const { count, bodyBytes, window, keys } = job;
    const mode = Buffer.from([job.persistent === false ? 1 : 2]);
    const header = frame(2, 1, join(u16(60), u16(0), u32(0), u32(bodyBytes), u16(0x1000), mode));
    const body = Buffer.concat(bodyFrames(bodyBytes));
    const exchange = short(job.exchange ?? '');
    const messages = keys.map((key) => join(method(1, 60, 40, u16(0), exchange, short(key), '\x00'), header, body));
    const next = job.plain === true ? cycled(messages) : numbered(messages, bodyBytes, job.from ?? 0);
    const batch = Math.max(1, Math.min(BATCH, Math.floor(BATCH_BYTES / bodyBytes)));
    const firstTag = this.tag;
    this.tag += count;
    let sent = 0;
    let confirmed = 0;
    /** All up to this one are confirmed, and these beyond it. */
    let floor = 0;
    const single = new Set<number>();
    return new Promise((resolve, reject) => {
      this.fail = reject;
      const startedMs = performance.now();
      let waiting = false;
      const drained = (): void => {
        waiting = false;
        pump();
      };
      const pump = (): void => {
        while (sent < count && !waiting) {
          const n = Math.min(batch, count - sent, window - (sent - confirmed));
          if (n <= 0) return;
          const bytes = next(sent, n);
          sent += n;
          if (!this.socket.write(bytes)) {
            waiting = true;
            this.socket.once('drain', drained);
            return;
          }
        }
      };
      this.onMethod = (which, buffer, at) => {
        if (which !== ACK) return;
        const upTo = buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4) - firstTag;
        // Peers confirm what goes to different queues in whatever order.
        if (buffer[at + 8] === 1) {
          for (const tag of single) if (tag <= upTo) single.delete(tag);
          floor = Math.max(floor, upTo);
        } else single.add(upTo);
        while (single.delete(floor + 1)) floor++;
        confirmed = floor + single.size;
        if (confirmed === count) resolve((1000 * count) / (performance.now() - startedMs));
        else if (sent - confirmed <= window - batch) pump();
      };
      pump();
    });
  }

  /** Consumes and acknowledges `count` messages, then cancels. */
  drain(job: DrainJob): Promise<Drained> {
    const { count } = job;
    const queues = typeof job.queue === 'string' ? [job.queue] : job.queue;
    const tags = queues.map(() => `drain-${this.nextConsumer++}`);
    return new Promise((resolve, reject) => {
      this.fail = reject;
      let seen = 0;
      let expected = job.first ?? 0;
      let disorder = 0;
      /** The tag of the delivery that is under way, and of the last one that is whole. */
      let coming = Buffer.alloc(8);
      let delivery = coming;
      let acked = 0;
      let firstMs = 0;
      const askedMs = performance.now();
      let startedMs = askedMs;
      let consuming = 0;
      this.onMethod = (which, buffer, at) => {
        if (which === CONSUME_OK && ++consuming === queues.length) {
          startedMs = performance.now(); // to attach many is no part of the work
          job.consuming?.();
        }
        if (which !== DELIVER) return;
        const tagAt = at + 1 + buffer[at]!;
        coming = Buffer.from(buffer.subarray(tagAt, tagAt + 8));
      };
      this.onBody = (buffer, at) => {
        delivery = coming;
        if (seen++ === 0) firstMs = performance.now() - askedMs;
        if (job.first === undefined) return;
        const number = buffer.readUInt32BE(at);
        if (number !== expected) disorder++;
        expected = number + (job.step ?? 1);
      };
      this.onChunk = () => {
        if (seen === acked) return;
        acked = seen;
        this.socket.write(method(1, 60, 80, delivery, '\x01'));
        if (seen < count) return;
        const nowMs = performance.now();
        const rate = (1000 * seen) / (nowMs - startedMs);
        const askedRate = (1000 * seen) / (nowMs - askedMs);
        this.onChunk = this.onBody = () => {};
        const cancels = tags.map((tag) => method(1, 60, 30, short(tag), '\x00'));
        this.ask(code(60, 31), join(...cancels), tags.length).then(
          () => resolve({ rate, askedRate, firstMs, disorder }),
          reject,
        );
      };
      this.socket.write(
        join(
          method(1, 60, 10, u32(0), u16(job.prefetch), '\x00'),
          ...queues.map((queue, i) => method(1, 60, 20, u16(0), short(queue), short(tags[i]!), '\x00', u32(0))),
        ),
      );
    });
  }

  private data(chunk: Buffer): void {
    const buffer = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (buffer.length - at >= 7) {
      const length = buffer.readUInt32BE(at + 3);
      const next = at + 8 + length;
      if (next > buffer.length) break;
      const type = buffer[at];
      if (type === 1) {
        const which = buffer.readUInt32BE(at + 7);
        if (which === CHANNEL_CLOSE || which === CONNECTION_CLOSE) {
          this.fail(new Error(`the broker refused: ${buffer.toString('latin1', at + 14, next - 1)}`));
          return;
        }
        this.onMethod(which, buffer, at + 11);
      } else if (type === 3) this.onBody(buffer, at + 7);
      at = next;
    }
    this.rest = buffer.subarray(at);
    this.onChunk();
  }
}

/** A body's frames. */
function bodyFrames(bodyBytes: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bodyBytes; at += FRAME_BYTES_MAX) {
    frames.push(frame(3, 1, Buffer.alloc(Math.min(FRAME_BYTES_MAX, bodyBytes - at), 'x')));
  }
  return frames;
}

/** Makes the bytes of `n` messages, the `sent`-th first. */
type Next = (sent: number, n: number) => Buffer;

function numbered(messages: readonly Buffer[], bodyBytes: number, from: number): Next {
  return (sent, n) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    for (let i = 0; i < n; i++) {
      const message = messages[(sent + i) % messages.length]!;
      parts.push(message);
      bytes += message.length;
    }
    const batch = Buffer.concat(parts, bytes);
    let end = 0;
    for (let i = 0; i < n; i++) {
      end += parts[i]!.length;
      batch.writeUInt32BE(from + sent + i, end - 1 - bodyBytes);
    }
    return batch;
  };
}

/** All messages again and again, from one piece of memory that is as large for one message as for ten thousand. */
function cycled(messages: readonly Buffer[]): Next {
  const many = Math.max(1, Math.min(10_000, Math.floor((32 * BATCH_BYTES) / messages[0]!.length)));
  const round = messages.length * Math.ceil(many / messages.length);
  const all = Array.from({ length: round + BATCH }, (_, i) => messages[i % messages.length]!);
  const bytes = Buffer.concat(all);
  const ends = new Int32Array(all.length + 1);
  for (const [i, message] of all.entries()) ends[i + 1] = ends[i]! + message.length;
  return (sent, n) => bytes.subarray(ends[sent % round]!, ends[(sent % round) + n]!);
}
