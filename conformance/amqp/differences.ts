/**
 * Where RabbitMQ 3.10 does otherwise than this broker, and why we do as we do. The list is short on purpose: an
 * application written for RabbitMQ must not have to know it.
 */
import type { PeerKind } from '../peers/index.ts';

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
  'deduplication-plugin': {
    peerDoes: 'has x-message-deduplication in a plugin that Debian does not ship',
    weDo: 'it is built in, so these scenarios run here only; beyond the plugin, its windows survive a restart, a repeat is no unroutable message (it is confirmed and not returned), and what was not taken may come again',
  },
  'delivery-limit-on-classic': {
    peerDoes: 'refuses x-delivery-limit on a classic queue',
    weDo: 'every queue counts attempts and can have a limit: a poison message is no matter of the type',
  },
  'topics-of-the-broker': {
    peerDoes: 'knows no topics that the broker itself tells of',
    weDo: 'amq.topic takes nothing under $SYS. and $CONTROL., but how a bridge is: MQTT clients believe what they are told there',
  },
  streams: {
    peerDoes: 'has streams',
    weDo: 'there are none yet: a clear refusal is better than a queue that forgets what was read',
  },
  'ttl-policy-for-waiting': {
    peerDoes: 'fixes when a message expires as it arrives, so a policy changes nothing for those that wait',
    weDo: 'the time counts from the arrival, whenever it was set: a policy is in force for the whole queue',
  },
  'prefetch-by-the-specification': {
    peerDoes: 'applies basic.qos without global to consumers to come only, whoever sends it',
    weDo: 'the same, but for py-amqp: kombu, and so Celery, takes brokers of another name at the word of the specification, where it is for the channel, and its workers would stand still',
  },
  'transactions-route-at-commit': {
    peerDoes:
      'routes what is published in a transaction as it comes, so that it reaches queues whose binding is gone by the commit, and not those that are bound meanwhile',
    weDo: 'it is published by the commit (§1.9.2.3); if its exchange is gone by then nothing is carried out, and 404 says so',
  },
  'older-versions': {
    peerDoes: 'still speaks AMQP 0-8',
    weDo: '0-9-1 alone: no client of today asks for it, and the answer names the version that is spoken',
  },
  'silent-handshake': {
    peerDoes: 'closes the socket without a word, after a pause, for most faults before the connection is open',
    weDo: 'connection.close with the code and text that say what was wrong',
  },
  'malformed-input': {
    peerDoes: 'crashes its reader and closes the socket, answers INTERNAL_ERROR, or waits for ever',
    weDo: 'the error that the specification has for it: SYNTAX_ERROR, NOT_IMPLEMENTED, UNEXPECTED_FRAME',
  },
  'frame-error-texts': {
    peerDoes: 'quotes the frame as an Erlang term in the text of a FRAME_ERROR',
    weDo: 'the same code, with a text in words',
  },
  'repeated-names': {
    peerDoes:
      'hands a table on in which a name comes twice, so that one client sees the first value and another the last',
    weDo: 'the first counts, for everyone: a name may be in a table once (4.2.5.5)',
  },
  'size-at-the-header': {
    peerDoes: 'takes the whole body of a message before it says that it is too large',
    weDo: 'it is refused when its header announces it, so its body is never kept',
  },
} as const satisfies Record<string, AmqpDifference>;

export type AmqpDifferenceId = keyof typeof AMQP_DIFFERENCES;

export function differenceHere(kind: PeerKind, id: AmqpDifferenceId): AmqpDifference | undefined {
  return kind === 'rabbitmq' ? AMQP_DIFFERENCES[id] : undefined;
}
