/**
 * What goes in and out, by the protocol that carries it: plain numbers that rise, one object a protocol, which its sessions,
 * rings and consumers hold. Counting costs a message an addition or two and nothing else.
 */
import { Histogram } from './histogram.ts';

/** Bytes of bodies: RabbitMQ's bounds, since its dashboards ask for these. */
export const SIZE_BOUNDS: readonly number[] = [100, 1_000, 10_000, 100_000, 1e6, 1e7, 5e7, 1e8];

/** Kinds of queues that are told apart. */
export type QueueKind = 'classic' | 'quorum';
export const QUEUE_KINDS: readonly QueueKind[] = ['classic', 'quorum'];

/** Deliveries of queues of one kind to clients of one protocol. */
export class DeliveryCounts {
  /** Handed to consumers that need not settle them, at-most-once subscribers among them, and to those that do. */
  consumedSettled = 0;
  consumedUnsettled = 0;
  /** Taken one by one, in the same way. */
  gotSettled = 0;
  gotUnsettled = 0;
  /** Asked for one, and there was none. */
  getsEmpty = 0;
  redelivered = 0;
  /** Accepted by who had to settle them. */
  acknowledged = 0;
  /** At-most-once copies dropped: their subscriber was gone or too slow. */
  droppedDirect = 0;
}

/** Why a publish was not taken. */
export class PublishRefusals {
  /** The log has failed, or the broker stops. */
  log = 0;
  /** Memory and disk for what need not outlive the broker are used up. */
  transient = 0;
  /** A queue is full, and its publishers are to be told. */
  queueFull = 0;
  /** As much waits as may, of the vhost or of what its publisher's user, listener or connection has published. */
  backlog = 0;
}

export type RefusalReason = keyof PublishRefusals;

/** Of one protocol, over all its clients. */
export class ProtocolTraffic {
  readonly protocol: string;
  /** Messages that came, and of those the ones whose publishers wait to hear that they are safe. */
  received = 0;
  receivedConfirm = 0;
  /** Copies that queues and direct subscriptions took. */
  routed = 0;
  confirmed = 0;
  /** Messages that nothing took. */
  unroutable = 0;
  readonly refusals = new PublishRefusals();
  /** Sessions that have published, and are there. */
  publishers = 0;
  /** Bytes of bodies. */
  readonly sizes = new Histogram(SIZE_BOUNDS);
  /** Milliseconds from a publish to its confirm. */
  readonly confirmTimes = new Histogram();
  /** Milliseconds that logins took, those that were refused among them. */
  readonly loginTimes = new Histogram();
  readonly deliveries: Readonly<Record<QueueKind, DeliveryCounts>> = {
    classic: new DeliveryCounts(),
    quorum: new DeliveryCounts(),
  };

  constructor(protocol: string) {
    this.protocol = protocol;
  }
}

/** Of a whole broker. */
export class Traffic {
  private readonly byProtocol = new Map<string, ProtocolTraffic>();

  /** @param protocol '' for the broker itself and programs that hold it */
  of(protocol: string): ProtocolTraffic {
    let traffic = this.byProtocol.get(protocol);
    if (traffic === undefined) {
      traffic = new ProtocolTraffic(protocol);
      this.byProtocol.set(protocol, traffic);
    }
    return traffic;
  }

  /** Those that have been asked for. */
  get all(): readonly ProtocolTraffic[] {
    return [...this.byProtocol.values()];
  }
}

/** For who counts nothing that anybody looks at: tests, and consumers that nobody has given counts. */
export const UNCOUNTED = new ProtocolTraffic('');
