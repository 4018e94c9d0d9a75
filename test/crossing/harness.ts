/**
 * The three protocols that carry properties, as a table can speak of them: a message's properties are names and texts, one
 * character a byte (Latin-1), so that what is compared is bytes. Written and read by codecs of the tests' own or of client
 * libraries, never by the broker's.
 *
 *     amqp     content-type, reply-to … as the specification names them; a header is `h:NAME`, its value `LETTER:text`
 *     mqtt     content-type, response-topic, correlation-data, expiry, payload-format; a user property is `u:NAME`
 *     stomp    headers, by their names
 */

import type * as wire from 'mqtt-packet';
import {
  bits,
  body,
  EMPTY_TABLE,
  header,
  method,
  publish,
  type Reader,
  short,
  u16,
} from '../../conformance/amqp/clients/frames.ts';
import { RawConnection } from '../../conformance/amqp/clients/raw.ts';
import { RawClient } from '../protocols/mqtt/raw-client.ts';
import type { TestBroker } from '../support/broker.ts';

export const WIRES = ['amqp', 'mqtt', 'stomp'] as const;
export type Wire = (typeof WIRES)[number];

/** Names and texts; a list where a name comes more than once, or a table field as its bytes (letter and value). */
export type Said = Readonly<Record<string, string | Buffer | readonly string[]>>;

export interface Seen {
  readonly address: string;
  readonly body: string;
  readonly properties: Record<string, string | string[]>;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

// ------------------------------------------------------------------------------------------------------------- AMQP

const FIELDS = [
  ['content-type', 0x8000],
  ['content-encoding', 0x4000],
  ['headers', 0x2000],
  ['delivery-mode', 0x1000],
  ['priority', 0x0800],
  ['correlation-id', 0x0400],
  ['reply-to', 0x0200],
  ['expiration', 0x0100],
  ['message-id', 0x0080],
  ['timestamp', 0x0040],
  ['type', 0x0020],
  ['user-id', 0x0010],
  ['app-id', 0x0008],
] as const;
const OCTETS: ReadonlySet<string> = new Set(['delivery-mode', 'priority']);

const long = (content: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
};

const number = (value: string, size: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
  return buffer.subarray(8 - size);
};

const SIZES: Readonly<Record<string, number>> = { b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, l: 8, L: 8, T: 8 };

/** `LETTER:text` as a table field's letter and value. */
export function field(said: string): Buffer {
  const [letter, text] = [said[0]!, said.slice(2)];
  const size = SIZES[letter];
  if (size !== undefined) return Buffer.concat([bytes(letter), number(text, size)]);
  if (letter === 't') return Buffer.concat([bytes(letter), Buffer.of(text === 'true' ? 1 : 0)]);
  if (letter === 'V') return bytes(letter);
  if (letter === 'd') {
    const value = Buffer.alloc(8);
    value.writeDoubleBE(Number(text));
    return Buffer.concat([bytes(letter), value]);
  }
  if (letter === 'D') {
    const [scale, value] = text.split('/');
    return Buffer.concat([bytes(letter), number(scale!, 1), number(value!, 4)]);
  }
  return Buffer.concat([bytes(letter), long(bytes(text))]);
}

export const named = (name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(name.length), bytes(name), value]);
export const tableOf = (...fields: Buffer[]): Buffer => Buffer.concat([bytes('F'), long(Buffer.concat(fields))]);
export const listOf = (...values: Buffer[]): Buffer => Buffer.concat([bytes('A'), long(Buffer.concat(values))]);

/** A property list: flags and what they announce. */
export function propertyList(said: Said): Buffer {
  let flags = 0;
  const parts: Buffer[] = [];
  for (const [name, flag] of FIELDS) {
    if (name === 'headers') {
      const headers = Object.entries(said).filter(([key]) => key.startsWith('h:'));
      if (headers.length === 0) continue;
      flags |= flag;
      const fields = headers.flatMap(([key, value]) =>
        (Array.isArray(value) ? (value as string[]) : [value as string | Buffer]).map((one) =>
          named(key.slice(2), typeof one === 'string' ? field(one) : one),
        ),
      );
      parts.push(long(Buffer.concat(fields)));
      continue;
    }
    const value = said[name] as string | undefined;
    if (value === undefined) continue;
    flags |= flag;
    if (OCTETS.has(name)) parts.push(number(value, 1));
    else if (name === 'timestamp') parts.push(number(value, 8));
    else parts.push(Buffer.of(value.length), bytes(value));
  }
  return Buffer.concat([u16(flags), ...parts]);
}

/** A table field's letter and value as text: what `field` has written, lists and tables spelled out. */
export function fieldText(value: Buffer): string {
  const [text, end] = readField(value, 0);
  if (end !== value.length) throw new Error('more than one field');
  return text;
}

function readField(b: Buffer, at: number): [text: string, end: number] {
  const letter = String.fromCharCode(b[at]!);
  const from = at + 1;
  const size = SIZES[letter];
  if (size !== undefined) {
    let value = 0n;
    for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(b[from + i]!);
    const signed = 'bsIl'.includes(letter) ? BigInt.asIntN(size * 8, value) : value;
    return [`${letter}:${signed}`, from + size];
  }
  if (letter === 't') return [`t:${b[from] !== 0}`, from + 1];
  if (letter === 'V') return ['V:', from];
  if (letter === 'd') return [`d:${b.readDoubleBE(from)}`, from + 8];
  if (letter === 'f') return [`f:${b.readFloatBE(from)}`, from + 4];
  if (letter === 'D') return [`D:${b[from]}/${b.readUInt32BE(from + 1)}`, from + 5];
  const end = from + 4 + b.readUInt32BE(from);
  if (letter === 'A') {
    const items: string[] = [];
    for (let i = from + 4; i < end; ) {
      const [text, next] = readField(b, i);
      items.push(text);
      i = next;
    }
    return [`A[${items.join(',')}]`, end];
  }
  if (letter === 'F')
    return [
      `F{${readFields(b, from + 4, end)
        .map(([k, v]) => `${k}=${v}`)
        .join(',')}}`,
      end,
    ];
  return [`${letter}:${b.latin1Slice(from + 4, end)}`, end];
}

function readFields(b: Buffer, start: number, end: number): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let at = start; at < end; ) {
    const nameEnd = at + 1 + b[at]!;
    const [text, next] = readField(b, nameEnd);
    fields.push([b.latin1Slice(at + 1, nameEnd), text]);
    at = next;
  }
  return fields;
}

export function readPropertyList(list: Buffer): Record<string, string | string[]> {
  const flags = list.readUInt16BE(0);
  const seen: Record<string, string | string[]> = {};
  let at = 2;
  for (const [name, flag] of FIELDS) {
    if ((flags & flag) === 0) continue;
    if (name === 'headers') {
      const end = at + 4 + list.readUInt32BE(at);
      for (const [key, value] of readFields(list, at + 4, end)) addTo(seen, `h:${key}`, value);
      at = end;
    } else if (OCTETS.has(name)) seen[name] = String(list[at++]);
    else if (name === 'timestamp') {
      seen[name] = String(list.readBigUInt64BE(at));
      at += 8;
    } else {
      const end = at + 1 + list[at]!;
      seen[name] = list.latin1Slice(at + 1, end);
      at = end;
    }
  }
  return seen;
}

function addTo(seen: Record<string, string | string[]>, name: string, value: string): void {
  const known = seen[name];
  if (known === undefined) seen[name] = value;
  else seen[name] = [...(Array.isArray(known) ? known : [known]), value];
}

export class Amqp {
  readonly raw: RawConnection;

  private constructor(raw: RawConnection) {
    this.raw = raw;
  }

  static async open(broker: TestBroker): Promise<Amqp> {
    const raw = await RawConnection.open({ port: broker.ports.amqp });
    await raw.openChannel();
    raw.send(method(1, 'confirm.select', bits(false)));
    await raw.expect('confirm.select-ok', 1);
    return new Amqp(raw);
  }

  async declare(queue: string, ...args: Buffer[]): Promise<void> {
    const table = args.length === 0 ? EMPTY_TABLE : long(Buffer.concat(args));
    this.raw.send(method(1, 'queue.declare', u16(0), short(queue), bits(false, true, false, false, false), table));
    await this.raw.expect('queue.declare-ok', 1);
  }

  async bind(queue: string, exchange: string, key: string, ...args: Buffer[]): Promise<void> {
    const table = args.length === 0 ? EMPTY_TABLE : long(Buffer.concat(args));
    this.raw.send(method(1, 'queue.bind', u16(0), short(queue), short(exchange), short(key), bits(false), table));
    await this.raw.expect('queue.bind-ok', 1);
  }

  async unbind(queue: string, exchange: string, key: string, ...args: Buffer[]): Promise<void> {
    const table = args.length === 0 ? EMPTY_TABLE : long(Buffer.concat(args));
    this.raw.send(method(1, 'queue.unbind', u16(0), short(queue), short(exchange), short(key), table));
    await this.raw.expect('queue.unbind-ok', 1);
  }

  async publish(exchange: string, key: string, said: Said = {}, text = 'x'): Promise<void> {
    this.raw.send(publish(1, exchange, key), header(1, text.length, propertyList(said)), body(1, text));
    await this.raw.expect('basic.ack', 1);
  }

  /** Takes the queue's next message; undefined if there is none. `noAck` false leaves it held. */
  async get(
    queue: string,
    noAck = true,
  ): Promise<(Seen & { readonly tag: bigint; readonly exchange: string }) | undefined> {
    this.raw.send(method(1, 'basic.get', u16(0), short(queue), bits(noAck)));
    const answer = await this.raw.method();
    if (answer.name === 'basic.get-empty') return undefined;
    if (answer.name !== 'basic.get-ok') throw new Error(`${answer.name} came for basic.get`);
    const { fields } = answer as { fields: Reader };
    const tag = fields.u64();
    fields.u8();
    const exchange = fields.short();
    const key = fields.take(fields.u8()).latin1Slice();
    const content = await this.raw.content();
    return {
      tag,
      exchange,
      address: key,
      body: content.body.latin1Slice(),
      properties: readPropertyList(content.properties),
    };
  }

  /** The queue's next message, as soon as there is one. */
  async next(queue: string, noAck = true): Promise<Seen & { readonly tag: bigint; readonly exchange: string }> {
    for (let i = 0; i < 2_000; i++) {
      const got = await this.get(queue, noAck);
      if (got !== undefined) return got;
      await new Promise((done) => setImmediate(done));
    }
    throw new Error(`nothing came into ${queue}`);
  }

  reject(tag: bigint): void {
    const value = Buffer.alloc(8);
    value.writeBigUInt64BE(tag);
    this.raw.send(method(1, 'basic.reject', value, bits(false)));
  }

  nackAgain(tag: bigint): void {
    const value = Buffer.alloc(8);
    value.writeBigUInt64BE(tag);
    this.raw.send(method(1, 'basic.reject', value, bits(true)));
  }

  close(): void {
    this.raw.cut();
  }
}

// ------------------------------------------------------------------------------------------------------------- MQTT

export function mqttProperties(said: Said): wire.IPublishPacket['properties'] {
  const user: Record<string, string | string[]> = {};
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(said)) {
    // mqtt-packet writes texts as UTF-8.
    const text = (one: string): string => bytes(one).toString('utf8');
    if (name.startsWith('u:'))
      user[text(name.slice(2))] = Array.isArray(value) ? value.map(text) : text(value as string);
    else if (name === 'content-type') properties['contentType'] = text(value as string);
    else if (name === 'response-topic') properties['responseTopic'] = text(value as string);
    else if (name === 'correlation-data') properties['correlationData'] = bytes(value as string);
    else if (name === 'expiry') properties['messageExpiryInterval'] = Number(value);
    else if (name === 'payload-format') properties['payloadFormatIndicator'] = value === '1';
  }
  if (Object.keys(user).length > 0) properties['userProperties'] = user;
  return properties as wire.IPublishPacket['properties'];
}

export function mqttSeen(packet: wire.IPublishPacket): Seen {
  const seen: Record<string, string | string[]> = {};
  const { properties = {} } = packet;
  const latin = (text: string): string => Buffer.from(text, 'utf8').latin1Slice();
  if (properties.contentType !== undefined) seen['content-type'] = latin(properties.contentType);
  if (properties.responseTopic !== undefined) seen['response-topic'] = latin(properties.responseTopic);
  if (properties.correlationData !== undefined) seen['correlation-data'] = properties.correlationData.latin1Slice();
  if (properties.messageExpiryInterval !== undefined) seen['expiry'] = String(properties.messageExpiryInterval);
  if (properties.payloadFormatIndicator !== undefined)
    seen['payload-format'] = properties.payloadFormatIndicator ? '1' : '0';
  for (const [name, value] of Object.entries(properties.userProperties ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) addTo(seen, `u:${latin(name)}`, latin(one));
  }
  return { address: packet.topic, body: (packet.payload as Buffer).latin1Slice(), properties: seen };
}

/** A session that is kept, whether its client is there or not. */
export function mqttClient(broker: TestBroker, clientId: string, clean = false): Promise<RawClient> {
  return RawClient.connect(broker.ports.mqtt, clientId, {
    protocolVersion: 5,
    username: 'guest',
    password: Buffer.from('guest'),
    clean,
    properties: { sessionExpiryInterval: 1_000_000 },
  });
}

// ------------------------------------------------------------------------------------------------------------ STOMP

export const stompEscape = (text: string): string =>
  text.replace(/[\\\n\r:]/g, (c) => (c === '\n' ? '\\n' : c === '\r' ? '\\r' : c === ':' ? '\\c' : '\\\\'));
const unescaped = (text: string): string =>
  text.replace(/\\[nrc\\]/g, (pair) => ({ n: '\n', r: '\r', c: ':' })[pair[1]!] ?? '\\');

/** A frame's bytes. */
export function stompFrame(command: string, said: Said, text = ''): Buffer {
  const lines = Object.entries(said).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as string[]) : [value as string]).map(
      (one) => `${stompEscape(name)}:${stompEscape(one)}\n`,
    ),
  );
  return bytes(`${command}\n${lines.join('')}\n${text}\0`);
}

/** What the broker itself says on a MESSAGE. */
const HOP = new Set(['destination', 'message-id', 'subscription', 'ack', 'redelivered', 'content-length']);

export class Stomp {
  private rest = '';
  private readonly frames: string[] = [];
  private wake: () => void = () => {};
  private ids = 0;
  private readonly socket: import('node:net').Socket;

  private constructor(socket: import('node:net').Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.rest += chunk.latin1Slice();
      for (let end = this.rest.indexOf('\0'); end >= 0; end = this.rest.indexOf('\0')) {
        this.frames.push(this.rest.slice(0, end).replace(/^\n+/, ''));
        this.rest = this.rest.slice(end + 1);
      }
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.wake());
  }

  static async open(broker: TestBroker): Promise<Stomp> {
    const { connect } = await import('node:net');
    const socket = connect(broker.ports.stomp, '127.0.0.1');
    const stomp = new Stomp(socket);
    stomp.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode: 'guest' });
    await stomp.frame('CONNECTED');
    return stomp;
  }

  send(command: string, said: Said, text = ''): void {
    this.socket.write(stompFrame(command, said, text));
  }

  /** Sends with a receipt, and waits for it. */
  async sure(command: string, said: Said, text = ''): Promise<void> {
    this.send(command, { ...said, receipt: `r${++this.ids}` }, text);
    await this.frame('RECEIPT');
  }

  subscribe(destination: string, more: Said = {}): Promise<void> {
    return this.sure('SUBSCRIBE', { id: `s${++this.ids}`, destination, ...more });
  }

  /** The next frame of that command: its headers and its body. */
  async frame(command: string): Promise<{ headers: [string, string][]; body: string }> {
    const at = (): number => this.frames.findIndex((f) => f.startsWith(`${command}\n`) || f.startsWith('ERROR\n'));
    const until = performance.now() + 10_000;
    while (at() < 0) {
      if (this.socket.destroyed || performance.now() > until) throw new Error(`no ${command} came`);
      await new Promise<void>((done) => {
        this.wake = done;
        setTimeout(done, 1_000).unref();
      });
    }
    const [frame] = this.frames.splice(at(), 1);
    if (!frame!.startsWith(`${command}\n`)) throw new Error(`${command} was expected, and this came: ${frame}`);
    const [head, ...text] = frame!.split('\n\n');
    const headers = head!
      .split('\n')
      .slice(1)
      .map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [unescaped(line.slice(0, colon)), unescaped(line.slice(colon + 1))];
      });
    return { headers, body: text.join('\n\n') };
  }

  async message(): Promise<Seen> {
    const { headers, body: text } = await this.frame('MESSAGE');
    const seen: Record<string, string | string[]> = {};
    for (const [name, value] of headers) if (!HOP.has(name)) addTo(seen, name, value);
    return { address: headers.find(([name]) => name === 'destination')![1], body: text, properties: seen };
  }

  close(): void {
    this.socket.destroy();
  }
}
