/**
 * A connection that sends and takes frames by hand, for what no client library can be made to send: broken frames, methods out
 * of turn, no-wait, field types that JavaScript does not have.
 */
import { connect, type Socket } from 'node:net';
import { Arrivals, Later } from './arrivals.ts';
import { ClosedByBroker } from './client.ts';
import {
  BODY,
  bits,
  type Frame,
  field,
  GREETING,
  HEADER,
  HEARTBEAT,
  long,
  METHOD,
  METHODS,
  type Method,
  type MethodName,
  method,
  NAMES,
  Reader,
  short,
  table,
  u8,
  u16,
  u32,
} from './frames.ts';

export interface RawOptions {
  readonly port: number;
  /** Stop after the greeting has been answered: the scenario does the handshake. */
  readonly greetOnly?: boolean;
  /** Not even the greeting. */
  readonly silent?: boolean;
  readonly heartbeatS?: number;
  readonly frameMax?: number;
  readonly channelMax?: number;
  /** Client capabilities, all true. */
  readonly capabilities?: readonly string[];
}

export const CAPABILITIES = [
  'basic.nack',
  'connection.blocked',
  'consumer_cancel_notify',
  'publisher_confirms',
  'exchange_exchange_bindings',
  'authentication_failure_close',
] as const;

/** The client's properties with these capabilities. */
export const clientProperties = (capabilities: readonly string[]): Buffer =>
  table(field('capabilities', 'F', table(...capabilities.map((name) => field(name, 't', u8(1))))));

export const plain = (user: string, password: string): Buffer => long(`\0${user}\0${password}`);

export class RawConnection {
  readonly socket: Socket;
  /** Every frame, heartbeats left out. */
  readonly frames = new Arrivals<Frame>('frames');
  readonly heartbeats = new Arrivals<number>('heartbeats');
  /** What came before the first frame: the broker's answer to a greeting it does not speak. */
  unframed: Buffer = Buffer.alloc(0);
  private readonly end = new Later<void>();
  /** The socket was closed, by whomever. */
  readonly ended = this.end.promise;
  private pending: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.frames.fail(new Error('the socket was closed'));
      this.heartbeats.fail(new Error('the socket was closed'));
      this.end.resolve();
    });
  }

  static async open(options: RawOptions): Promise<RawConnection> {
    const socket = connect(options.port, '127.0.0.1');
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const raw = new RawConnection(socket);
    if (options.silent === true) return raw;
    raw.send(GREETING);
    await raw.expect('connection.start');
    if (options.greetOnly === true) return raw;
    raw.send(
      method(
        0,
        'connection.start-ok',
        clientProperties(options.capabilities ?? CAPABILITIES),
        short('PLAIN'),
        plain('guest', 'guest'),
        short('en_US'),
      ),
    );
    await raw.expect('connection.tune');
    raw.send(
      method(
        0,
        'connection.tune-ok',
        u16(options.channelMax ?? 2_047),
        u32(options.frameMax ?? 131_072),
        u16(options.heartbeatS ?? 0),
      ),
      method(0, 'connection.open', short('/'), short(''), bits(false)),
    );
    await raw.expect('connection.open-ok');
    return raw;
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  async openChannel(channel = 1): Promise<void> {
    this.send(method(channel, 'channel.open', short('')));
    await this.expect('channel.open-ok', channel);
  }

  /** The next frame, which must be this method. */
  async expect(name: MethodName, channel = 0): Promise<Reader> {
    const next = await this.method();
    if (next.name === name && next.channel === channel) return next.fields;
    let said = '';
    if (next.name.endsWith('.close')) said = `: ${next.fields.u16()} ${next.fields.short()}`;
    throw new Error(`${name} was expected on channel ${channel}, and ${next.name} came on ${next.channel}${said}`);
  }

  async method(): Promise<Method> {
    const [next] = await this.frames.next(1);
    const { type, channel, payload } = next!;
    if (type !== METHOD) throw new Error(`a method was expected, and a frame of type ${type} came`);
    const fields = new Reader(payload);
    const id = fields.u32();
    return { name: NAMES.get(id) ?? `${id >>> 16}.${id & 0xffff}`, channel, fields };
  }

  /** A whole message behind its method: header and body frames. */
  async content(): Promise<{ bodySize: bigint; properties: Buffer; body: Buffer; frames: number }> {
    const [head] = await this.frames.next(1);
    if (head?.type !== HEADER) throw new Error(`a content header was expected, and type ${head?.type} came`);
    const fields = new Reader(head.payload);
    fields.u32();
    const bodySize = fields.u64();
    const parts: Buffer[] = [];
    let length = 0;
    while (length < bodySize) {
      const [part] = await this.frames.next(1);
      if (part?.type !== BODY) throw new Error(`a body frame was expected, and type ${part?.type} came`);
      parts.push(part.payload);
      length += part.payload.length;
    }
    return { bodySize, properties: fields.rest(), body: Buffer.concat(parts), frames: parts.length };
  }

  /** Waits for connection.close, answers it, and gives what it said. Other frames before it are passed over. */
  async connectionClose(): Promise<ClosedByBroker & { readonly classAndMethod: number }> {
    for (;;) {
      const [next] = await this.frames.next(1);
      if (next!.type !== METHOD || next!.payload.readUInt32BE(0) !== METHODS['connection.close']) continue;
      this.send(method(0, 'connection.close-ok'));
      return closing(new Reader(next!.payload.subarray(4)));
    }
  }

  /** The same for a channel. */
  async channelClose(channel = 1): Promise<ClosedByBroker & { readonly classAndMethod: number }> {
    for (;;) {
      const next = await this.method();
      if (next.name === 'connection.close') {
        throw new Error(`the connection was closed, not the channel: ${next.fields.u16()} ${next.fields.short()}`);
      }
      if (next.name !== 'channel.close' || next.channel !== channel) continue;
      this.send(method(channel, 'channel.close-ok'));
      return closing(next.fields);
    }
  }

  cut(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    let bytes: Buffer = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    if (bytes.subarray(0, 4).toString('latin1') === 'AMQP') {
      this.unframed = bytes;
      this.pending = bytes;
      return;
    }
    while (bytes.length >= 8) {
      const length = bytes.readUInt32BE(3);
      if (bytes.length < length + 8) break;
      const type = bytes.readUInt8(0);
      if (type === HEARTBEAT) this.heartbeats.push(performance.now());
      else this.frames.push({ type, channel: bytes.readUInt16BE(1), payload: bytes.subarray(7, 7 + length) });
      bytes = bytes.subarray(length + 8);
    }
    this.pending = bytes;
  }
}

function closing(fields: Reader): ClosedByBroker & { readonly classAndMethod: number } {
  const word = new ClosedByBroker(fields.u16(), fields.short());
  return Object.assign(word, { classAndMethod: fields.u32() });
}
