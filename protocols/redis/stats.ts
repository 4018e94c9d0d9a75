/** Statistics of one adapter, so that nothing is dropped or refused in silence. Plain numbers, all rising. */
export class RedisStats {
  connectionsAccepted = 0;
  commands = 0;
  /** Error replies, for whatever reason. */
  errorsSent = 0;
  /** Messages and list elements that came in. */
  messagesIn = 0;
  /** The same on their way out; one that a client has several subscriptions for counts for each. */
  messagesOut = 0;
  /** Messages that a subscriber had no room for. */
  directDropped = 0;
  /** Messages that a subscriber's patterns were not all compared with, because that would have taken too long. */
  patternsTooDear = 0;
  /** Commands that would have brought messages, refused because memory is past its mark. */
  refusedOutOfMemory = 0;
  /** Messages with properties, which Redis' clients cannot be shown. */
  lossyConversions = 0;
  /** Clients that were not let in in time. */
  handshakesTimedOut = 0;
  /** Defects of this adapter that a client met. */
  internalErrors = 0;
  /** Large bodies that could not be read back; their connections were closed. */
  bodiesUnreadable = 0;
}
