/**
 * Scenarios that RabbitMQ passes and this broker does not yet, as `topic: name`. They are left out of a run and named in
 * its count; CONFORMANCE_AWAITED=1 runs them all the same. A line goes when its scenario passes.
 */
export const AWAITED: ReadonlySet<string> = new Set([
  'queues: declaring an exclusive queue again as one that is not',
  'messages: a body is carried byte for byte, whatever its size',
  'messages: a body over thousands of frames',
  'messages: a large body on one channel does not mix with small ones on others',
  'messages: an invalid expiration is refused',
  'consumers: a consumer with a higher priority is served first',
  'consumers: a lower priority is served while the higher one’s prefetch is used up',
  'consumers: a priority that is no number is refused',
  'publishers: CC: further routing keys, which stay in the headers',
  'publishers: BCC: further routing keys, which nobody sees',
  'publishers: CC: it is enough that one key is routed',
  'publishers: CC through a topic exchange',
  'publishers: CC that is no list is refused',
  'publishers: BCC that is no list is refused',
  'publishers: direct reply-to: a request and its answer without a queue',
  'publishers: direct reply-to: several answers to one request',
  'publishers: direct reply-to: the consumer must not acknowledge',
  'publishers: direct reply-to: one consumer a channel',
  'publishers: direct reply-to: publishing needs the consumer first',
  'publishers: direct reply-to: an answer to a channel that is gone is returned where it is mandatory',
  'publishers: direct reply-to: a passive declaration tells whether the asker is there',
  'dead letters: without a key of its own the message keeps its keys, CC among them',
  'dead letters: with a key of its own CC is gone',
  'queue arguments: declared with {"x-queue-type":"quorum"}, again with {"x-queue-type":"classic"}',
  'queue arguments: x-delivery-limit: attempts are counted, and the message dies when there are too many',
  'queue arguments: x-dead-letter-strategy on a classic queue',
  'queue arguments: a stream',
]);
