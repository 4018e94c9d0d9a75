/**
 * Where RabbitMQ 3.10 or ActiveMQ 5.17 do otherwise than this broker, and why we do as we do. Where the two differ from
 * each other we cannot be like both: then the specification decides, or what loses nothing.
 */
import type { PeerKind } from '../peers/index.ts';

export interface StompDifference {
  readonly peers: readonly PeerKind[];
  /** What they do. */
  readonly peersDo: string;
  /** What this broker does, and why. */
  readonly weDo: string;
}

export const STOMP_DIFFERENCES = {
  'no-exchanges': {
    peers: ['activemq'],
    peersDo: 'knows no exchanges and none of the destinations and headers that speak of them',
    weDo: 'both dialects work',
  },
  'no-activemq-headers': {
    peers: ['rabbitmq'],
    peersDo: 'does not know activemq.…, expires and AMQ_SCHEDULED_DELAY, and takes them for the headers of the message',
    weDo: 'both dialects work',
  },
  'no-selectors': {
    peers: ['rabbitmq'],
    peersDo: 'has no selectors and no message groups',
    weDo: 'both, as ActiveMQ has them',
  },
  'selectors-read-less': {
    peers: ['activemq'],
    peersDo: 'reads text as the type it stands beside, so that 9.5 is no number beside 9, and text + 1 is longer text',
    weDo: 'text that reads as a number or boolean counts as one',
  },
  'selectors-bind-not': {
    peers: ['activemq'],
    peersDo:
      'binds NOT closer than a comparison: NOT weight = 1 is (NOT weight) = 1, which is never true; beside text it fails',
    weDo: 'as SQL has it: NOT (weight = 1)',
  },
  'selectors-compare-all': {
    peers: ['activemq'],
    peersDo: 'takes <> between what is not alike for true',
    weDo: 'as JMS has it: comparing what is not alike is false, whatever the operator',
  },
  'no-prefetch-count': {
    peers: ['activemq'],
    peersDo: 'does not know prefetch-count; its word is activemq.prefetchSize',
    weDo: 'both dialects work',
  },
  'no-activemq-wildcards': {
    peers: ['rabbitmq'],
    peersDo: 'takes > for an ordinary character',
    weDo: 'an operator decides (stomp.wildcards)',
  },
  'no-temp-subscriptions': {
    peers: ['rabbitmq'],
    peersDo: 'refuses SUBSCRIBE to /temp-queue; it subscribes by itself to what a reply-to names',
    weDo: 'both ways work',
  },
  'no-temp-sends': {
    peers: ['rabbitmq'],
    peersDo: 'refuses SEND to /temp-queue',
    weDo: "as ActiveMQ: it is the connection's own queue, by the name that it gave it",
  },
  'always-content-length': {
    peers: ['rabbitmq'],
    peersDo: 'sends content-length with every message',
    weDo: 'as ActiveMQ: text came without and goes without, since JMS-style clients tell text from bytes by it',
  },
  'hosts-are-vhosts': {
    peers: ['rabbitmq'],
    peersDo: 'takes any host for the name of a virtual host',
    weDo: 'localhost and the names of this machine mean the default one, since clients send whom they dialled',
  },
  'escapes-in-1.0': {
    peers: ['activemq'],
    peersDo: 'undoes escapes in 1.0 as well, and writes what comes out as it is: a publisher can make header lines',
    weDo: '1.0 has no escapes; what it cannot say is left out and counted',
  },
  'any-ack-mode': {
    peers: ['activemq'],
    peersDo: 'takes an ack mode that it does not know for auto',
    weDo: 'it is refused: whoever misspells client would lose messages',
  },
  'ids-used-twice': {
    peers: ['activemq'],
    peersDo: 'makes a second subscription under the id of the first, which can no longer be ended',
    weDo: 'it is refused, as the specification has it',
  },
  'ids-optional': {
    peers: ['rabbitmq'],
    peersDo: 'takes a SUBSCRIBE without an id in 1.1 and 1.2',
    weDo: 'it is refused, as the specification has it; in 1.0 the destination can stand for it',
  },
  'nack-dead-letters': {
    peers: ['activemq'],
    peersDo: 'sends a message that is refused by NACK to its dead letter queue',
    weDo: 'as RabbitMQ: it goes back; requeue:false gives it up. What is not asked for should lose nothing',
  },
  'begins-twice': {
    peers: ['rabbitmq'],
    peersDo: 'begins a transaction again that is open, which forgets what it held',
    weDo: 'it is refused: two parts of a program that use one name would lose messages',
  },
  'receipts-with-commit': {
    peers: ['rabbitmq'],
    peersDo: 'gives the receipt for a SEND in a transaction with its COMMIT, and never after an ABORT',
    weDo: 'it says that the frame was taken, at once; the receipt for COMMIT says that it is safe',
  },
  'unsubscribe-keeps-held': {
    peers: ['rabbitmq'],
    peersDo: 'keeps what an ended subscription held until the connection ends, or it is acknowledged after all',
    weDo: 'it goes back to its queue: nobody who has unsubscribed is expected to answer any more',
  },
  'errors-keep-open': {
    peers: ['rabbitmq', 'activemq'],
    peersDo: 'leave the connection open after many an ERROR',
    weDo: 'the connection ends after every ERROR, as the specification has it',
  },
  'errors-without-receipt-id': {
    peers: ['rabbitmq'],
    peersDo: 'does not say in an ERROR which receipt its frame had asked for',
    weDo: 'it does, as the specification asks for',
  },
  'processing-errors': {
    peers: ['rabbitmq'],
    peersDo: 'calls a header that it cannot read Processing error, and says no more',
    weDo: 'Invalid header, and which one it is and why',
  },
  'reads-flags-loosely': {
    peers: ['rabbitmq'],
    peersDo: 'takes any word but true and True for persistent:false, and any but false and False for requeue:true',
    weDo: 'true and false in any case, 1 and 0; another word is refused, since the opposite of what was meant loses messages',
  },
  'no-nack-in-1.0': {
    peers: ['activemq'],
    peersDo: 'refuses NACK in 1.0, as that version does not have it',
    weDo: 'as RabbitMQ: it is taken, for clients of 1.0 that know such a broker send it',
  },
  'empty-login-refused': {
    peers: ['rabbitmq', 'activemq'],
    peersDo: 'take a login of no length for the name of a user whom they do not know',
    weDo: 'it is no login: libraries that are given no name send an empty one',
  },
  'declares-once': {
    peers: ['rabbitmq'],
    peersDo:
      'declares a queue once a connection: after it has been deleted a SUBSCRIBE fails, and SENDs get receipts and are lost',
    weDo: 'it is declared again: a receipt says that the message is kept',
  },
  'receipts-for-missing-queues': {
    peers: ['rabbitmq'],
    peersDo: 'gives a receipt for a message to an /amq/queue that is not there',
    weDo:
      'an ERROR says so, as nobody keeps the message; without a receipt it is counted. A /reply-queue may be gone: who ' +
      'answers is not to lose his connection because who asked has left',
  },
  'deletes-shared-subscriptions': {
    peers: ['rabbitmq'],
    peersDo: 'deletes the queue of a durable subscription under others who read it when one of them gives it up',
    weDo: 'it goes with the last of them, and bindings that others have made to it stay: a subscription takes away what it added',
  },
  'versions-untold': {
    peers: ['activemq'],
    peersDo: 'does not say which versions it speaks when it refuses one',
    weDo: 'a version header lists them, as in the specification',
  },
  'closes-without-a-word': {
    peers: ['rabbitmq'],
    peersDo: 'closes the connection without an ERROR when it cannot read a frame',
    weDo: 'an ERROR says what was wrong with it',
  },
  'web-closes-without-a-word': {
    peers: ['rabbitmq'],
    peersDo: 'now and then closes a WebSocket before its ERROR has been sent',
    weDo: 'the ERROR is sent first',
  },
  'passes-over-malformed': {
    peers: ['activemq'],
    peersDo: 'passes over undefined escapes and header lines without a colon in silence',
    weDo: 'both are refused, as the specification has it',
  },
  'lists-wait': {
    peers: ['activemq'],
    peersDo:
      'now and then delivers nothing to a subscription to several queues of what is in them already, and nothing of virtual topics',
    weDo: 'a list is as good as its members',
  },
  'no-end-refused': {
    peers: ['activemq'],
    peersDo:
      'closes the connection without an ERROR at an AMQ_SCHEDULED_REPEAT of -1, unless its configuration allows that',
    weDo: 'it never ends, and counts towards the schedules that a vhost may have',
  },
  'remote-read-by-anybody': {
    peers: ['activemq'],
    peersDo:
      "lets any connection subscribe to another's temporary destination by its remote name, and take what is for the owner",
    weDo: 'it can be sent to, and is read by its owner alone',
  },
  'mixed-lists-halved': {
    peers: ['activemq'],
    peersDo: 'delivers, of a list of queues and topics that is subscribed to, those of the first kind alone',
    weDo: 'all that are listed',
  },
} as const satisfies Record<string, StompDifference>;

export type StompDifferenceId = keyof typeof STOMP_DIFFERENCES;

export function differenceHere(kind: PeerKind, id: StompDifferenceId): StompDifference | undefined {
  const difference: StompDifference = STOMP_DIFFERENCES[id];
  return difference.peers.includes(kind) ? difference : undefined;
}
