/**
 * Where RabbitMQ 3.10 does otherwise than this broker, and why we do as we do. The list is short on purpose: an
 * application written for RabbitMQ must not have to know it.
 */
import type { PeerKind } from '../peers.ts';

export interface AmqpDifference {
  /** What RabbitMQ does. */
  readonly peerDoes: string;
  /** What this broker does, and why. */
  readonly weDo: string;
}

export const AMQP_DIFFERENCES = {
  'delayed-plugin': {
    peerDoes: 'has x-delayed-message in a plugin that Debian does not ship',
    weDo: 'it is built in, so these scenarios run here only',
  },
  'delivery-limit-on-classic': {
    peerDoes: 'refuses x-delivery-limit on a classic queue',
    weDo: 'every queue counts attempts and can have a limit: a poison message is no matter of the type',
  },
  'dead-letter-strategy-on-classic': {
    peerDoes: 'refuses x-dead-letter-strategy on a classic queue, whose dead letters may be lost',
    weDo: 'every dead letter is one commit with the end of what it came from, so at-least-once holds for all',
  },
  streams: {
    peerDoes: 'has streams',
    weDo: 'there are none yet: a clear refusal is better than a queue that forgets what was read',
  },
} as const satisfies Record<string, AmqpDifference>;

export type AmqpDifferenceId = keyof typeof AMQP_DIFFERENCES;

export function differenceHere(kind: PeerKind, id: AmqpDifferenceId): AmqpDifference | undefined {
  return kind === 'rabbitmq' ? AMQP_DIFFERENCES[id] : undefined;
}
