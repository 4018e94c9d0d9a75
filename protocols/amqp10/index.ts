/**
 * AMQP 1.0 (ISO/IEC 19464), on the port of AMQP 0-9-1: told apart by the header. https://docs.oasis-open.org/amqp/core/v1.0/
 *
 *     codec/        bytes to values and back: types, frames, performatives, sections
 *     connection/   the state machine, SASL, open and close, frames in, errors
 *     session/      windows, links, settling
 *     publish/      links by which clients send
 *     deliver/      links by which clients receive
 *     topology/     what sources ask for: queues, subscriptions, temporary nodes, filters
 *     mapping/      addresses, and messages to and from the neutral form
 */
export { type Amqp10Protocol, amqp10 } from './adapter.ts';
export type { Amqp10Options } from './options.ts';
export { Amqp10Stats } from './stats.ts';
