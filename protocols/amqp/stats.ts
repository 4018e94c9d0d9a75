/** Counters of the AMQP adapter, over all its connections: they only rise. They are shown with the metrics. */
export class AmqpStats {
  connectionsOpened = 0;
  connectionsClosed = 0;
  handshakesTimedOut = 0;
  /** Streams that did not begin with this protocol's header. */
  headersRefused = 0;
  authenticationsFailed = 0;
  heartbeatsMissed = 0;
  /** Channels closed because a delivery was held for too long. */
  acknowledgementsTimedOut = 0;
  channelErrors = 0;
  connectionErrors = 0;
  /** Errors that nobody foresaw; each is a defect. */
  internalErrors = 0;
  /** Messages that no queue took: returned to their publisher, or dropped because it did not ask for that. */
  returned = 0;
  unroutable = 0;
  /** Messages that the broker did not take: told by basic.nack in confirm mode, not told otherwise. */
  refused = 0;
  /** Values that could not be carried over as they were (see mapping/properties.ts). */
  lossyConversions = 0;
  /** Messages whose publisher gave them up, or was cut off, before the body was whole. */
  bodiesAbandoned = 0;
}
