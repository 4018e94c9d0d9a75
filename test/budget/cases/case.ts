/** A case of the budget, and what several of them prepare. */
import {
  type Abuser,
  AmqpAbuser,
  bindQueue,
  consume,
  declareExchange,
  declareQueue,
  many,
  message,
  method,
  type Ports,
  u8,
  u64,
} from '../wire.ts';

export interface Case {
  readonly name: string;
  /** The broker's mark for memory, which it must stay within all the time. Default: its own, and nobody looks. */
  readonly residentMaxBytes?: number;
  /**
   * Not shown to hold: beside other work, on two cores, the bystander came too late, and on a quiet machine not early enough to spare.
   * `bench/abuse.ts` runs it; the tests only if it has a bound on memory, and then look at that and at the stop.
   */
  readonly unproven?: boolean;
  /** More of the broker's settings. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long the bystander's work is measured, if the abuse takes a while to be felt. */
  readonly measuredMs?: number;
  /** How much is done at size 1. */
  prepare(ports: Ports, size: number): Promise<() => Promise<void>>;
}

export const SMALL = Buffer.from('0123456789abcdef');
/** What floods are made of. */
export const CONTENT = Buffer.alloc(4_096, 'x');
/** The mark for memory of the cases that would fill it. */
export const MARK_BYTES = 512 * 1024 * 1024;
export const AUTO_DELETE = 16 | 8;

/** Sends the same piece again and again, as fast as it is taken. Where the broker ends that, the process ends too: it is no abuse any more. */
export async function forever(client: Abuser, piece: Buffer): Promise<void> {
  while (!client.socket.destroyed) await client.write(piece);
  process.exit(1);
}

export async function fillQueue(client: AmqpAbuser, queue: string, count: number, properties?: Buffer): Promise<void> {
  const piece = many(1_000, () => message('', queue, SMALL, properties));
  for (let sent = 0; sent < count; sent += 1_000) await client.write(piece);
  await client.sync(Buffer.alloc(0));
}

export async function declareQueues(
  client: AmqpAbuser,
  count: number,
  name: (i: number) => string,
  bits = 16,
): Promise<void> {
  await client.sync(many(count, (i) => declareQueue(name(i), bits)));
}

export async function fanOut(ports: Ports, exchange: string, queues: number): Promise<AmqpAbuser> {
  const client = await AmqpAbuser.open(ports.amqp);
  await client.sync(declareExchange(exchange, 'fanout'));
  await declareQueues(client, queues, (i) => `${exchange}.${i}`);
  await client.sync(many(queues, (i) => bindQueue(`${exchange}.${i}`, exchange, '')));
  return client;
}

export async function unsettled(ports: Ports, queue: string, count: number): Promise<AmqpAbuser> {
  const client = await AmqpAbuser.open(ports.amqp);
  await client.sync(declareQueue(queue));
  await fillQueue(client, queue, count);
  const before = client.received;
  await client.sync(consume(queue, 'c', false));
  while (client.received - before < count * 60) await new Promise((resolve) => setTimeout(resolve, 20));
  return client;
}

export const nackAll = (requeue: boolean): Buffer => method(1, 'basic.nack', u64(0), u8(requeue ? 3 : 1));

/** So many connections are opened at a time. */
const AT_ONCE = 50;

export async function inRows<T>(count: number, of: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const row = Math.min(AT_ONCE, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: row }, (_, i) => of(made.length + i)))));
  }
  return made;
}
