/** Sessions that outlive their clients' connections, as the adapter that keeps them tells an operator (`Protocol.sessions`). */
import type { BrokerServices } from './broker.ts';

export interface KeptSessionReport {
  readonly clientId: string;
  /** Who made it; '' where that is not known. */
  readonly user: string;
  readonly connected: boolean;
  /** The queue that its messages wait in. Undefined: it has subscribed to nothing. */
  readonly queue: string | undefined;
  /** Seconds that it outlives its connection. Undefined: for good. */
  readonly expiryS: number | undefined;
  /** Epoch milliseconds at which it ends, if its client stays away. Undefined: it does not. */
  readonly endsAtMs: number | undefined;
}

/** Asked when somebody looks; nothing is kept for it. */
export interface SessionKeeper {
  /** The client identifiers of all that are kept in a vhost, in any order. */
  ids(broker: BrokerServices, vhost: string): Iterable<string>;
  find(broker: BrokerServices, vhost: string, clientId: string): KeptSessionReport | undefined;
  /** Ends it with all that waits in it; its client is disconnected. False: there is none. */
  end(broker: BrokerServices, vhost: string, clientId: string): boolean;
}
