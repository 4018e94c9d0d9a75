/**
 * Scenarios that RabbitMQ passes and this broker does not yet, as `topic: name`. They are left out of a run and named in
 * its count; CONFORMANCE_AWAITED=1 runs them all the same. A line goes when its scenario passes.
 */
export const AWAITED: ReadonlySet<string> = new Set([
  'queues: declaring an exclusive queue again as one that is not',
  'messages: a body is carried byte for byte, whatever its size',
  'messages: a body over thousands of frames',
  'messages: a large body on one channel does not mix with small ones on others',
  'dead letters: without a key of its own the message keeps its keys, CC among them',
  'dead letters: with a key of its own CC is gone',
  'queue arguments: declared with {"x-queue-type":"quorum"}, again with {"x-queue-type":"classic"}',
  'queue arguments: x-delivery-limit: attempts are counted, and the message dies when there are too many',
  'handshake: a greeting of AMQP 0-9 is answered with AMQP 0 0 9 1, and the socket is closed',
  'handshake: start offers version 0-9, PLAIN and AMQPLAIN, en_US, and says what the server can',
  'handshake: a method out of turn',
  'handshake: a channel before the connection is open',
  'frames: a method that is not there',
  'frames: a connection’s method on a channel',
  'frames: a body that is longer than its header said',
]);
