/** An AMQP connection that publishes and takes one message after the other. */
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
} from '../../../conformance/amqp/clients/frames.ts';
import { RawConnection } from '../../../conformance/amqp/clients/raw.ts';
import type { TestBroker } from '../../support/broker.ts';
import { long, propertyList, readPropertyList } from './amqp-fields.ts';
import type { Said, Seen } from './said.ts';

const FRAME_BYTES = 100_000;

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

  /** The same; returns what came for it: basic.ack, basic.nack or channel.close. */
  async publishAny(exchange: string, key: string, said: Said = {}, text = 'x'): Promise<string> {
    this.raw.send(publish(1, exchange, key), header(1, text.length, propertyList(said)));
    for (let at = 0; at < text.length; at += FRAME_BYTES) this.raw.send(body(1, text.slice(at, at + FRAME_BYTES)));
    return (await this.raw.method()).name;
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
