/** Counters of the AMQP 1.0 adapter, over all its connections: they only rise. They are shown with the metrics. */
export class Amqp10Stats {
  connectionsOpened = 0;
  connectionsClosed = 0;
  handshakesTimedOut = 0;
  /** Streams that began with a header that is not spoken here, and were told the one that is. */
  headersRefused = 0;
  authenticationsFailed = 0;
  idleTimeouts = 0;
  linkErrors = 0;
  sessionErrors = 0;
  connectionErrors = 0;
  /** Errors that nobody foresaw; each is a defect. */
  internalErrors = 0;
  /** Messages that no queue took: told as released where their sender waits for an answer. */
  unroutable = 0;
  /** Messages that the broker did not take: told as rejected where their sender waits for an answer. */
  refused = 0;
  /** Messages of which something could not be carried over as it was. */
  lossyConversions = 0;
  /** Messages that their sender gave up before they were whole. */
  aborted = 0;
}
