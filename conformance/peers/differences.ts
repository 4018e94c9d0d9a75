/**
 * Where a peer does otherwise than this broker, and why we do as we do. A scenario asks here before it expects something
 * that a peer is known not to do; nothing is skipped without a line on this page.
 */
import type { PeerKind } from './peer.ts';

export type DifferenceId =
  | 'no-shared-subscriptions'
  | 'reply-to-verbatim'
  | 'protocol-headers'
  | 'typed-headers-dropped'
  | 'qos-2-downgraded'
  | 'separators-mangled'
  | 'binary-correlation-id';

export interface Difference {
  readonly id: DifferenceId;
  readonly peer: PeerKind;
  /** What the peer does. */
  readonly peerDoes: string;
  /** What we do, and why. */
  readonly weDo: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    id: 'no-shared-subscriptions',
    peer: 'rabbitmq',
    peerDoes: 'takes $share/group/filter from an MQTT 3.1.1 client for an ordinary filter that nothing matches',
    weDo: 'a shared subscription is a queue, so that MQTT 3.1.1 clients can compete for messages as well',
  },
  {
    id: 'reply-to-verbatim',
    peer: 'rabbitmq',
    peerDoes:
      'hands reply-to on as it was spelled, so that an AMQP client sees /queue/answers and a STOMP client answers',
    weDo: 'reply-to is an address, spelled in the words of whoever reads it, so that the answer can be sent to it',
  },
  {
    id: 'protocol-headers',
    peer: 'rabbitmq',
    peerDoes: 'adds x-mqtt-publish-qos and x-mqtt-dup to what an MQTT client published',
    weDo: 'nothing is added to a message: the quality of service is the delivery mode',
  },
  {
    id: 'typed-headers-dropped',
    peer: 'rabbitmq',
    peerDoes: 'leaves out AMQP headers that are not strings (numbers, booleans) when a STOMP client reads them',
    weDo: 'a scalar is handed on as text: 42 is as good a header value as "42", and dropping it helps nobody',
  },
  {
    id: 'qos-2-downgraded',
    peer: 'rabbitmq',
    peerDoes: 'grants QoS 1 where QoS 2 was asked for',
    weDo: 'QoS 2, through a restart as well',
  },
  {
    id: 'binary-correlation-id',
    peer: 'rabbitmq',
    peerDoes:
      'hands a correlation id of any bytes on to STOMP as it is, where most clients read it as text and send back another',
    weDo: 'it is written as JMS writes it (ID:AMQP_BINARY: and hexadecimal digits), and read so, so that an answer finds who asked',
  },
  {
    id: 'separators-mangled',
    peer: 'rabbitmq',
    peerDoes:
      'makes every / of a topic a . and every . of a key a /, so that v1.0/x comes back to an MQTT subscriber as v1/0/x',
    weDo: 'the two trade places, so that every topic and every key comes back as it was, and what is shown can be used',
  },
];

export const differenceOf = (peer: PeerKind, id: DifferenceId): Difference | undefined =>
  DIFFERENCES.find((difference) => difference.peer === peer && difference.id === id);
