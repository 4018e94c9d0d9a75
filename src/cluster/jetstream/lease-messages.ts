/** What the broker's thread and the one that keeps leases say to each other. */

export interface LeaseThreadData {
  readonly servers: readonly string[];
  readonly replicas: number;
  readonly leaseMs: number;
  readonly bucket: string;
}

export type ToLeaseThread =
  | {
      readonly kind: 'take';
      readonly id: number;
      readonly name: string;
      readonly holder: string;
      readonly nonce: string;
      readonly memory: SharedArrayBuffer;
    }
  | { readonly kind: 'give-back'; readonly id: number }
  | { readonly kind: 'holder'; readonly id: number; readonly name: string }
  | { readonly kind: 'close' };

export type FromLeaseThread =
  /** `epoch` 0: it was not taken, or nobody has it. */
  | { readonly kind: 'answer'; readonly id: number; readonly epoch: number; readonly holder?: string }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
