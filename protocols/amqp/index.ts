/**
 * AMQP 0-9-1, with the extensions that RabbitMQ's clients use. https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
 *
 *     import { amqp } from './protocols/amqp/index.ts';
 *     const protocol = amqp({ heartbeatS: 30 });
 *
 * Rooms: `codec/` (bytes to values and back), `connection/` (state machine, handshake, frames in, errors), `channel/` (one
 * channel, and from a method to its handler), `publish/` (what comes in, confirms, transactions), `deliver/` (consumers, what
 * goes out, settling), `topology/` (exchanges, queues, bindings), `mapping/` (properties to and from the neutral form).
 */
export { type AmqpProtocol, amqp } from './adapter.ts';
export type { AmqpOptions } from './options.ts';
export { AmqpStats } from './stats.ts';
