/**
 * Scenarios that RabbitMQ passes and this broker does not yet, as `topic: name`. They are left out of a run and named in
 * its count; CONFORMANCE_AWAITED=1 runs them all the same. A line goes when its scenario passes.
 */
export const AWAITED: ReadonlySet<string> = new Set([
  'queues: declaring an exclusive queue again as one that is not',
  'exchanges: declaring again with another alternate exchange',
  'exchanges: an alternate exchange that is not a name',
  'routing: headers: an x-match that is not text is refused',
  'messages: a body is carried byte for byte, whatever its size',
  'messages: a body over thousands of frames',
  'messages: a large body on one channel does not mix with small ones on others',
  'messages: an invalid expiration is refused',
  'consumers: a consumer with a higher priority is served first',
  'consumers: a lower priority is served while the higher one’s prefetch is used up',
  'consumers: a priority that is no number is refused',
  'consumers: single active consumer: one gets all, the next takes over',
  'consumers: single active consumer: a cancelled one is followed by the next',
  'consumers: single active consumer: a closed channel’s messages go to the next in order',
  'consumers: single active consumer: exclusive consumers are refused',
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
]);
