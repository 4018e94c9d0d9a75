/** Statistics of one adapter: nothing is dropped, changed or refused without being counted. Plain numbers, all rising from 0. */
export class StompStats {
  connectionsAccepted = 0;
  /** ERROR frames written, for whatever reason. */
  errorsSent = 0;
  /** Of those, the ones to clients whose SEND had waited for memory or disk as long as it may. */
  heldTooLong = 0;
  messagesIn = 0;
  messagesOut = 0;
  receiptsOut = 0;
  /** SENDs that no queue took. */
  unroutable = 0;
  /** SENDs without `receipt` that the broker could not take: there was no one to tell. */
  refusedUnasked = 0;
  /** Headers of a SEND that are the broker's to write (`message-id`, `subscription`, `ack`, `redelivered`), left out. */
  headersStripped = 0;
  /** Headers that the consumer's version of STOMP, or STOMP itself, cannot carry, left out. */
  lossyConversions = 0;
  /** ACK and NACK for deliveries that were settled or given back already, where that is no error. */
  staleSettlements = 0;
  /** Messages that a subscription's selector left out, of a topic's or exchange's. */
  notSelected = 0;
  /** Advisories that were not told, because the client did not keep up. */
  advisoriesDropped = 0;
  /** Clients that missed their heart-beats. */
  heartbeatsMissed = 0;
  /** Clients that did not CONNECT in time. */
  handshakesTimedOut = 0;
  /** Defects of this adapter that a client met. */
  internalErrors = 0;
  /** Large bodies that could not be read back; their connections were closed. */
  bodiesUnreadable = 0;
}
