/**
 * An ordinary client beside an abuser: it publishes a small message every few milliseconds, each confirmed and delivered to
 * its own consumer, and notes how long that took, from when it was due.
 */
import { method, u8, u64 } from '../../conformance/amqp/clients/frames.ts';
import { AmqpAbuser, consume, declareQueue, message } from './wire.ts';

const EVERY_MS = 5;

export interface Latency {
  readonly messages: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

export class Bystander {
  private readonly client: AmqpAbuser;
  private readonly dueAt: number[] = [];
  private readonly tookMs: number[] = [];
  private delivered = 0;
  private confirmed = 0;
  private rest = Buffer.alloc(0);

  private constructor(client: AmqpAbuser) {
    this.client = client;
  }

  static async open(port: number): Promise<Bystander> {
    const client = await AmqpAbuser.open(port);
    const bystander = new Bystander(client);
    await client.sync(
      Buffer.concat([declareQueue('bystander'), method(1, 'confirm.select', u8(0)), consume('bystander', 'b', true)]),
    );
    client.socket.on('data', (chunk) => bystander.read(chunk));
    return bystander;
  }

  /** Works for so long, and then waits for what is missing: `patienceMs` at most, which counts for each of those. */
  async work(forMs: number, patienceMs: number): Promise<Latency> {
    this.dueAt.length = 0;
    this.tookMs.length = 0;
    this.delivered = 0;
    const confirmedBefore = this.confirmed;
    this.first = confirmedBefore;
    const began = performance.now();
    const content = Buffer.alloc(16);
    let sent = 0;
    while (performance.now() - began < forMs) {
      while (sent * EVERY_MS <= performance.now() - began) {
        this.dueAt.push(began + sent * EVERY_MS);
        sent++;
        this.client.socket.write(message('', 'bystander', content));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const until = performance.now() + patienceMs;
    while (this.tookMs.length < sent && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 5));
    while (this.tookMs.length < sent) this.tookMs.push(performance.now() - this.dueAt[this.tookMs.length]!);
    const sorted = [...this.tookMs].sort((a, b) => a - b);
    return {
      messages: sent,
      p50Ms: sorted[Math.floor(sent * 0.5)]!,
      p99Ms: sorted[Math.floor(sent * 0.99)]!,
      mostMs: sorted[sent - 1]!,
    };
  }

  private first = 0;

  private read(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 8) {
      const end = at + 8 + bytes.readUInt32BE(at + 3);
      if (end > bytes.length) break;
      this.frame(bytes, at);
      at = end;
    }
    this.rest = Buffer.from(bytes.subarray(at));
    const done = Math.min(this.delivered, this.confirmed - this.first);
    const now = performance.now();
    while (this.tookMs.length < done) this.tookMs.push(now - this.dueAt[this.tookMs.length]!);
  }

  private frame(bytes: Buffer, at: number): void {
    if (bytes[at] === 3) this.delivered++;
    if (bytes[at] !== 1 || bytes.readUInt32BE(at + 7) !== ACK) return;
    const tag = Number(bytes.readBigUInt64BE(at + 11));
    if (tag > this.confirmed) this.confirmed = tag;
  }

  close(): void {
    this.client.socket.destroy();
  }
}

const ACK = method(1, 'basic.ack', u64(0)).readUInt32BE(7);
