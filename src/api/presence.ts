import type { QueueUse } from './topology.ts';

/** Who and what comes and goes in a vhost, for protocols that tell their clients. */
export type PresenceEvent =
  | {
      readonly kind: 'connection-opened' | 'connection-closed';
      readonly user: string;
      readonly protocol: string;
      /** Its address and port. */
      readonly client: string;
    }
  /** @param use left out: it is there for all who know its name */
  | { readonly kind: 'queue-made' | 'queue-deleted'; readonly queue: string; readonly use?: QueueUse }
  /** @param consumers how many its queue has from now on */
  | {
      readonly kind: 'consumer-came' | 'consumer-left';
      readonly queue: string;
      readonly consumers: number;
      readonly use?: QueueUse;
    };

/** Called from within what happens: it must not throw, and does nothing to the broker. */
export type PresenceListener = (event: PresenceEvent) => void;
