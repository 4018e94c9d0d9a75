/** Who and what comes and goes in a vhost, for protocols that tell their clients. */
export type PresenceEvent =
  | {
      readonly kind: 'connection-opened' | 'connection-closed';
      readonly user: string;
      readonly protocol: string;
      /** Its address and port. */
      readonly client: string;
    }
  | { readonly kind: 'queue-made' | 'queue-deleted'; readonly queue: string }
  /** @param consumers how many its queue has from now on */
  | { readonly kind: 'consumer-came' | 'consumer-left'; readonly queue: string; readonly consumers: number };

/** Called from within what happens: it must not throw, and does nothing to the broker. */
export type PresenceListener = (event: PresenceEvent) => void;
