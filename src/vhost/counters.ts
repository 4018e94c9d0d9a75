/** The counters of a vhost. Nothing is dropped in silence: every way a message can end without being delivered has a number. */
export class Counters {
  published = 0;
  /** Deliveries to consumers and direct subscriptions. */
  delivered = 0;
  redelivered = 0;
  acknowledged = 0;
  requeued = 0;
  /** Failed, and put aside to be tried again after a while. */
  retried = 0;
  /** Taken back from consumers that held them for too long. */
  deliveriesTimedOut = 0;
  /** Taken back because their lease had run out: failed attempts. */
  leasesExpired = 0;
  /** Leases that were renewed. */
  leasesRenewed = 0;
  /** Settlements of deliveries that had been taken back before: they changed nothing. */
  settledLate = 0;
  /** Parked by consumers until a time, under a token or none. */
  deferred = 0;
  /** Of those, delivered to who asked for them by their tokens. */
  deferredClaimed = 0;
  /** Publishes of messages that were taken before: confirmed, and not taken again, anywhere. */
  deduplicated = 0;
  /** Copies of messages that some queue or exchange has taken before, and did not take again though others did. */
  deduplicatedCopies = 0;
  /** Of groups or tenants beyond those that are known: they keep their order, and wait for others that share their lane. */
  sharedLanes = 0;
  /** Taken as they came, because the header that should say which message it is holds no id. */
  unusableIds = 0;
  /** Publishes that nothing took. */
  unroutable = 0;
  /** Publishes that were refused because the log could not take them. */
  refused = 0;
  /** Publishes that need not outlive the broker, refused because what such messages may take up is used up. */
  refusedTransient = 0;
  /** Messages that a full queue did not take, and told their publishers so. */
  refusedFull = 0;
  /** Publishes that were refused because as much waits as may, of the vhost or of what their publishers have published. */
  refusedBacklog = 0;
  /** At-most-once copies dropped: their subscriber was gone or too slow. */
  droppedDirect = 0;
  deadLettered = 0;
  /** Of those, by why they died. */
  deadLetteredRejected = 0;
  deadLetteredAttempts = 0;
  deadLetteredExpired = 0;
  deadLetteredMaxLength = 0;
  /** Rejected, and the queue names no dead-letter exchange. */
  droppedRejected = 0;
  /** Out of attempts, and the queue names no dead-letter exchange. */
  droppedAttempts = 0;
  /** Meant to be dead-lettered, but the exchange does not exist or leads nowhere. */
  droppedDeadLetter = 0;
  /** Dead letters that found no room where they lead, the oldest of too many where they were, when as many waited as may. */
  droppedDeadLetterRoom = 0;
  /** Delayed, since they asked for it. They count as published once they are due. */
  delayed = 0;
  /** Half messages that were prepared, and how they ended. */
  halfPrepared = 0;
  halfCommitted = 0;
  halfRolledBack = 0;
  /** Their publishers never said how they end, however often they were asked; they count above as well. */
  halfUnanswered = 0;
  /** Prepared again, by who had lost the answer. */
  halfRepeated = 0;
  /** Words about half messages that there are not, or that are another's; or there are too many. */
  refusedHalf = 0;
  /** Questions that were not asked, and silent senders' messages that did not go: their senders may not publish there any more. */
  withheldHalf = 0;
  /** Published because their schedule said so; they count as published as well. */
  scheduled = 0;
  /** Not published when their schedule said so: whoever made it may not any more. */
  withheldScheduled = 0;
  /** Schedules that were one too many. */
  refusedSchedules = 0;
  /** Due, but the exchange is gone. */
  droppedDelayed = 0;
  /** Taken out by an operator before they were due. */
  droppedCancelled = 0;
  /** Waited too long, and the queue names no dead-letter exchange. */
  droppedExpired = 0;
  /** The oldest of too many, and the queue names no dead-letter exchange. */
  droppedMaxLength = 0;
  /** Dead letters that would have come again to a queue they had died in, and nobody rejected them on the way. */
  droppedCycle = 0;
  /** Not handed to a client who may not read them (any more). */
  droppedForbidden = 0;
  /** Not taken to a topic that is the broker's own, to which another exchange, or a queue with its dead letters, leads. */
  withheldReserved = 0;
  /** Retained messages not shown to a new subscriber, who may not read their topics. */
  withheldRetained = 0;
  /** Published, but not kept as their topics' retained messages: the vhost keeps as many as it may. */
  refusedRetained = 0;
  /** Retained messages removed because their time was over. */
  expiredRetained = 0;
  /** Cannot be read back from the log. */
  unreadable = 0;
}
