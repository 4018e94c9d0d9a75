/** What the three services have in common: the broker's queues, a channel with confirms, and where a test may kill them. */
import amqplib, { type ConfirmChannel, type ConsumeMessage } from 'amqplib';
import { Journal } from './journal.ts';

const PREFIX = process.env['PREFIX'] ?? '';

/** From upstream to downstream: do this. */
export const ORDERS = `${PREFIX}orders`;
/** From downstream to the callback service: it is done. */
export const CONFIRMS = `${PREFIX}confirms`;
/** From upstream to the callback service, delayed: it should be done by now. */
export const CHECKS = `${PREFIX}checks`;
/** From the callback service to upstream: it is not, send it again. */
export const RESENDS = `${PREFIX}resends`;
/** Holds checks back (a delayed exchange: built in here, a plugin of RabbitMQ's). */
export const DELAYED = `${PREFIX}delayed`;

const DIES_AT = process.env['DIE_AT'];

/** A place where the service may die; a test says where. */
export function step(name: string): void {
  if (name === DIES_AT) process.kill(process.pid, 'SIGKILL');
}

export interface Service {
  readonly channel: ConfirmChannel;
  readonly journal: Journal;
  /** Resolves when the broker has the message safe. */
  publish(exchange: string, key: string, id: string, headers?: Record<string, unknown>): Promise<void>;
  /** One after the other: the next one when this one has been dealt with. What `handle` throws ends the service, and a supervisor starts it again. */
  consume(queue: string, handle: (id: string) => Promise<void>): Promise<void>;
}

export async function startService(name: string): Promise<Service> {
  const connection = await amqplib.connect(process.env['AMQP_URL'] ?? 'amqp://127.0.0.1:5672');
  const die = (error: unknown): never => {
    console.error(`${name}: ${String(error)}`);
    process.exit(1);
  };
  // Without the broker it ends, and is started again: what it has not acknowledged comes again.
  connection.on('error', die);
  connection.on('close', () => die('the connection was closed'));
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange(DELAYED, 'x-delayed-message', {
    durable: true,
    arguments: { 'x-delayed-type': 'direct' },
  });
  for (const queue of [ORDERS, CONFIRMS, CHECKS, RESENDS]) await channel.assertQueue(queue, { durable: true });
  await channel.bindQueue(CHECKS, DELAYED, CHECKS);
  await channel.prefetch(1);
  const journal = new Journal(process.env['JOURNAL'] ?? `${name}.journal`);

  const publish: Service['publish'] = async (exchange, key, id, headers = {}) => {
    channel.publish(exchange, key, Buffer.from(id), { persistent: true, messageId: id, headers });
    await channel.waitForConfirms();
  };
  const consume: Service['consume'] = async (queue, handle) => {
    await channel.consume(queue, (message: ConsumeMessage | null) => {
      if (message === null) die(`${queue} is gone`);
      else handle(message.content.toString()).then(() => channel.ack(message), die);
    });
  };
  return { channel, journal, publish, consume };
}
