/**
 * A client that says exactly what a test tells it to, frame by frame; and what tests share about real clients. It has an
 * encoder of its own, so that a fault in the adapter's is not hidden.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib';
import amqplib from 'amqplib';

export const GREETING = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

export const u8 = (n: number): Buffer => Buffer.from([n]);
export const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
export const u32 = (n: number): Buffer => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
export const u64 = (n: number): Buffer => Buffer.concat([u32(Math.floor(n / 2 ** 32)), u32(n >>> 0)]);
export const short = (text: string): Buffer => Buffer.concat([u8(Buffer.byteLength(text)), Buffer.from(text)]);
export const long = (text: string | Buffer): Buffer => Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
export const NO_TABLE = u32(0);

export function frame(type: number, channel: number, ...parts: Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(0xce)]);
}

export function method(channel: number, classId: number, methodId: number, ...parts: Buffer[]): Buffer {
  return frame(1, channel, u16(classId), u16(methodId), ...parts);
}

export function publish(channel: number, exchange: string, key: string, bits = 0): Buffer {
  return method(channel, 60, 40, u16(0), short(exchange), short(key), u8(bits));
}

/** @param properties flags and list */
export function header(channel: number, size: number, properties = u16(0)): Buffer {
  return frame(2, channel, u16(60), u16(0), u64(size), properties);
}

export const START_OK = method(0, 10, 11, NO_TABLE, short('PLAIN'), long('\0guest\0guest'), short('en_US'));
export const TUNE_OK = method(0, 10, 31, u16(2047), u32(131072), u16(0));
export const OPEN = method(0, 10, 40, short('/'), short(''), u8(0));
export const CHANNEL_OPEN = method(1, 20, 10, short(''));

/** `403 ACCESS_REFUSED - …` of a connection.close or channel.close. */
export function closeOf(f: Frame): string {
  return `${f.payload.readUInt16BE(4)} ${f.payload.toString('utf8', 7, 7 + f.payload[6]!)}`;
}

export function methodOf(f: Frame): string {
  return f.type === 1 ? `${f.payload.readUInt16BE(0)}.${f.payload.readUInt16BE(2)}` : `frame ${f.type}`;
}

export class Wire {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  ended = false;
  private bytes = Buffer.alloc(0);
  /** Whether what comes is cut into frames. */
  private framed = true;
  private waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      if (this.framed) this.cut();
      this.stir();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.stir();
    });
  }

  static async connect(port: number): Promise<Wire> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /** Connected, logged in, channel 1 open. */
  static async open(port: number, startOk = START_OK, tuneOk = TUNE_OK): Promise<Wire> {
    const wire = await Wire.connect(port);
    wire.send(GREETING, startOk, tuneOk, OPEN, CHANNEL_OPEN);
    for (const expected of ['10.10', '10.30', '10.41', '20.11']) {
      const got = await wire.next();
      if (methodOf(got) !== expected) throw new Error(`wanted ${expected}, got ${methodOf(got)}: ${got.payload}`);
    }
    return wire;
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next frame that is not a heartbeat. */
  async next(): Promise<Frame> {
    for (;;) {
      const f = this.frames.shift();
      if (f === undefined) {
        if (this.ended) throw new Error('the connection is closed');
        await this.stirred();
      } else if (f.type !== 8) return f;
    }
  }

  /** Passes frames over until one is this method; returns it. */
  async until(wanted: string): Promise<Frame> {
    for (;;) {
      const f = await this.next();
      if (methodOf(f) === wanted) return f;
    }
  }

  async heartbeat(): Promise<void> {
    while (!this.frames.some((f) => f.type === 8)) await this.stirred();
    this.frames.splice(
      this.frames.findIndex((f) => f.type === 8),
      1,
    );
  }

  /** Everything that comes until the other side closes, uncut. */
  async rest(): Promise<Buffer> {
    this.framed = false;
    while (!this.ended) await this.stirred();
    return this.bytes;
  }

  async closed(): Promise<void> {
    while (!this.ended) await this.stirred();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private cut(): void {
    while (this.bytes.length >= 8) {
      const size = this.bytes.readUInt32BE(3);
      if (this.bytes.length < size + 8) return;
      if (this.bytes[size + 7] !== 0xce) throw new Error('a frame without its end');
      this.frames.push({
        type: this.bytes[0]!,
        channel: this.bytes.readUInt16BE(1),
        payload: Buffer.from(this.bytes.subarray(7, 7 + size)),
      });
      this.bytes = this.bytes.subarray(size + 8);
    }
  }

  private stirred(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private stir(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** An amqplib client whose errors are kept rather than thrown at the process. */
export interface Client {
  readonly model: ChannelModel;
  /** Error texts of the connection, in order. */
  readonly errors: string[];
  channel(): Promise<Channel>;
  close(): Promise<void>;
}

export async function client(port: number, query = ''): Promise<Client> {
  const model = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${port}${query}`);
  const errors: string[] = [];
  model.on('error', (error: Error) => errors.push(error.message));
  return {
    model,
    errors,
    channel: async () => {
      const channel = await model.createChannel();
      channel.on('error', () => {});
      return channel;
    },
    close: async () => {
      try {
        await model.close();
      } catch {
        // closed already
      }
    },
  };
}

/** Messages as they come; `next` waits for one, `empty` says that none has come until now. */
export class Inbox {
  readonly messages: ConsumeMessage[] = [];
  /** Set when the broker has cancelled the consumer. */
  cancelled = false;
  readonly consume = (message: ConsumeMessage | null): void => {
    if (message === null) this.cancelled = true;
    else this.messages.push(message);
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  };
  private waiting: (() => void)[] = [];

  async next(): Promise<ConsumeMessage> {
    for (;;) {
      const message = this.messages.shift();
      if (message !== undefined) return message;
      await this.stirred();
    }
  }

  async take(n: number): Promise<ConsumeMessage[]> {
    const taken: ConsumeMessage[] = [];
    while (taken.length < n) taken.push(await this.next());
    return taken;
  }

  async ended(): Promise<void> {
    while (!this.cancelled) await this.stirred();
  }

  private stirred(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

export function texts(messages: readonly (ConsumeMessage | GetMessage)[]): string[] {
  return messages.map((message) => message.content.toString());
}

/** The text of the error with which `act` fails. */
export async function failure(act: () => PromiseLike<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it should have failed');
}

let names = 0;
/** A queue of its own with the messages '1' to n. */
export async function filled(client: Client, n: number, options: object = {}): Promise<string> {
  const channel = await client.model.createConfirmChannel();
  const { queue } = await channel.assertQueue(`filled-${++names}`, options);
  for (let i = 1; i <= n; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
  await channel.waitForConfirms();
  await channel.close();
  return queue;
}

/** Every message that waits, as `text` or `text*` when it is marked redelivered. */
export async function drain(client: Client, queue: string): Promise<string[]> {
  const channel = await client.channel();
  const all: string[] = [];
  for (;;) {
    const got = await channel.get(queue, { noAck: true });
    if (got === false) break;
    all.push(`${got.content}${got.fields.redelivered ? '*' : ''}`);
  }
  await channel.close();
  return all;
}
