/** A broker, a clock that the table decides about, and an oracle over AMQP that declares queues and looks what is in them. */
import { setTimeout as after } from 'node:timers/promises';
import amqplib, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { ManualClock } from '../../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { pass } from '../../support/pass.ts';
import { untilAsked } from '../../support/until.ts';

export class Scene {
  readonly broker: TestBroker;
  readonly channel: ConfirmChannel;
  private readonly clock: ManualClock | null;
  private readonly client: ChannelModel;
  private names = 0;

  private constructor(broker: TestBroker, clock: ManualClock | null, client: ChannelModel, channel: ConfirmChannel) {
    this.broker = broker;
    this.clock = clock;
    this.client = client;
    this.channel = channel;
  }

  /** @param real time passes by itself, as it does for a client */
  static async open(real: boolean): Promise<Scene> {
    const clock = real ? null : new ManualClock();
    const broker = await startTestBroker(clock === null ? {} : { clock });
    const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.ports.amqp}?heartbeat=0`);
    return new Scene(broker, clock, client, await client.createConfirmChannel());
  }

  /** Epoch milliseconds, as the broker has them. */
  get nowMs(): number {
    return this.clock === null ? Date.now() : this.clock.epochMs();
  }

  pass(ms: number): Promise<unknown> {
    return this.clock === null ? after(ms) : pass(this.clock, ms);
  }

  name(what: string): string {
    return `${what}-${++this.names}`;
  }

  /** A queue with these arguments. */
  queue(what: string, args: object = {}): Promise<string> {
    return this.declare(this.name(what), args);
  }

  async declare(name: string, args: object): Promise<string> {
    await this.channel.assertQueue(name, { durable: true, arguments: args });
    return name;
  }

  async count(queue: string): Promise<number> {
    return (await this.channel.checkQueue(queue)).messageCount;
  }

  until(queue: string, messages: number): Promise<void> {
    return untilAsked(async () => (await this.count(queue)) === messages, `${messages} messages in ${queue}`);
  }

  /** Takes what is in the queue, for good: the bodies. */
  async drain(queue: string): Promise<string[]> {
    const bodies: string[] = [];
    for (;;) {
      const message = await this.channel.get(queue, { noAck: true });
      if (message === false) return bodies;
      bodies.push(message.content.toString());
    }
  }

  async put(queue: string, body: string, options: object = {}): Promise<void> {
    this.channel.sendToQueue(queue, Buffer.from(body), { persistent: true, ...options });
    await this.channel.waitForConfirms();
  }

  /** Our own API, in vhost `/` unless the path says otherwise. */
  async v1<T>(path: string, body?: object, method = body === undefined ? 'GET' : 'POST'): Promise<T> {
    const answer = await this.http(`/v1${path.startsWith('/leases') ? path : `/vhosts/%2F${path}`}`, body, method);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  http(path: string, body?: object, method = 'POST'): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.broker.ports.http}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.broker.close();
  }
}
