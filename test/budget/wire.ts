/** Raw AMQP, MQTT, STOMP and Redis for abusers: everything in one write, whatever comes back is thrown away. */
import { connect as dial, type Socket } from 'node:net';
import {
  body,
  EMPTY_TABLE,
  GREETING,
  header,
  long,
  method,
  publish,
  short,
  u8,
  u16,
  u32,
} from '../../conformance/amqp/clients/frames.ts';
import { clientProperties, plain } from '../../conformance/amqp/clients/raw.ts';
import * as mqtt from '../../conformance/mqtt/wire.ts';

export interface Ports {
  readonly amqp: number;
  readonly mqtt: number;
  readonly stomp: number;
  readonly redis: number;
  readonly http: number;
}

/** A socket that writes in large pieces and counts what it is told, by a mark in the bytes. */
export class Abuser {
  readonly socket: Socket;
  /** Bytes that have come. */
  received = 0;
  private readonly marks = new Map<string, () => void>();
  private tail = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = dial(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      this.received += chunk.length;
      if (this.marks.size === 0) return;
      const seen = Buffer.concat([this.tail, chunk]);
      for (const [mark, found] of this.marks) {
        if (!seen.includes(mark, 0, 'latin1')) continue;
        this.marks.delete(mark);
        found();
      }
      this.tail = Buffer.from(seen.subarray(Math.max(0, seen.length - 256)));
    });
  }

  /** Writes, and resolves when the bytes have left for the kernel. */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => void this.socket.write(bytes, () => resolve()));
  }

  /** Writes, and resolves when these bytes have come back. */
  ask(bytes: Buffer, mark: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.marks.set(mark.toString('latin1'), resolve);
      void this.socket.write(bytes);
    });
  }
}

const idOf = (name: Parameters<typeof method>[1]): Buffer => method(1, name).subarray(7, 11);

export class AmqpAbuser extends Abuser {
  static async open(port: number): Promise<AmqpAbuser> {
    const client = new AmqpAbuser(port);
    await client.ask(
      Buffer.concat([
        GREETING,
        method(0, 'connection.start-ok', clientProperties([]), short('PLAIN'), plain('guest', 'guest'), short('en_US')),
        method(0, 'connection.tune-ok', u16(2047), u32(131_072), u16(0)),
        method(0, 'connection.open', short('/'), short(''), u8(0)),
        method(1, 'channel.open', short('')),
      ]),
      idOf('channel.open-ok'),
    );
    return client;
  }

  /** Writes, and waits until everything before has been carried out. */
  async sync(bytes: Buffer): Promise<void> {
    await this.ask(Buffer.concat([bytes, method(1, 'basic.qos', u32(0), u16(0), u8(0))]), idOf('basic.qos-ok'));
  }
}

/** `exclusive`, `durable`, … as the bits of queue.declare. */
export const declareQueue = (name: string, bits = 16, args = EMPTY_TABLE): Buffer =>
  method(1, 'queue.declare', u16(0), short(name), u8(bits), args);
export const deleteQueue = (name: string, noWait = true): Buffer =>
  method(1, 'queue.delete', u16(0), short(name), u8(noWait ? 4 : 0));
export const bindQueue = (queue: string, exchange: string, key: string, args = EMPTY_TABLE): Buffer =>
  method(1, 'queue.bind', u16(0), short(queue), short(exchange), short(key), u8(1), args);
export const unbindQueue = (queue: string, exchange: string, key: string): Buffer =>
  method(1, 'queue.unbind', u16(0), short(queue), short(exchange), short(key), EMPTY_TABLE);
export const bindExchange = (destination: string, source: string, key: string): Buffer =>
  method(1, 'exchange.bind', u16(0), short(destination), short(source), short(key), u8(1), EMPTY_TABLE);
export const declareExchange = (name: string, type: string): Buffer =>
  method(1, 'exchange.declare', u16(0), short(name), short(type), u8(16), EMPTY_TABLE);
export const deleteExchange = (name: string): Buffer => method(1, 'exchange.delete', u16(0), short(name), u8(0));
export const consume = (queue: string, tag: string, noAck: boolean): Buffer =>
  method(1, 'basic.consume', u16(0), short(queue), short(tag), u8((noAck ? 2 : 0) | 8), EMPTY_TABLE);
export const message = (exchange: string, key: string, content: Buffer, properties?: Buffer): Buffer =>
  Buffer.concat([publish(1, exchange, key), header(1, content.length, properties), body(1, content)]);
export const many = (count: number, of: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => of(i)));
export {
  field,
  HEADERS_FLAG,
  long,
  method,
  short,
  table,
  u8,
  u16,
  u32,
  u64,
} from '../../conformance/amqp/clients/frames.ts';
export { mqtt };

export class MqttAbuser extends Abuser {
  static async open(
    port: number,
    id: string,
    flags = 0x02,
    more: readonly Buffer[] = [],
    level = 4,
  ): Promise<MqttAbuser> {
    const client = new MqttAbuser(port);
    const connect = mqtt.connect({ level, flags, payload: [mqtt.text(id), ...more] });
    await client.ask(connect, Buffer.from(level === 5 ? [0x20] : [0x20, 2]));
    return client;
  }

  /** Writes, and waits until everything before has been carried out. */
  sync(bytes: Buffer): Promise<void> {
    return this.ask(Buffer.concat([bytes, Buffer.from([0xc0, 0])]), Buffer.from([0xd0, 0]));
  }
}

export class StompAbuser extends Abuser {
  static async open(port: number): Promise<StompAbuser> {
    const client = new StompAbuser(port);
    await client.ask(
      Buffer.from('CONNECT\naccept-version:1.2\nhost:localhost\nlogin:guest\npasscode:guest\n\n\0'),
      Buffer.from('CONNECTED'),
    );
    return client;
  }
}

export class RedisAbuser extends Abuser {
  static async open(port: number): Promise<RedisAbuser> {
    const client = new RedisAbuser(port);
    await client.sync(redisCommand('LLEN', 'nothing'));
    return client;
  }

  /** Writes, and waits until everything before has been carried out. */
  sync(bytes: Buffer): Promise<void> {
    return this.ask(Buffer.concat([bytes, redisCommand('ECHO', 'synchronised')]), Buffer.from('synchronised'));
  }
}

export function redisCommand(...words: readonly string[]): Buffer {
  return Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`, 'latin1');
}

export const longText = (text: string): Buffer => long(text);
