/** What is told about a vhost's replication: for the log, and for whoever watches. */

export type ClusterEvent =
  /** The engine has not taken an append for a while: publishers wait. `full`: it has no room. */
  | { readonly kind: 'engine-slow'; readonly full: boolean; readonly reason: string }
  /** It has taken it. */
  | { readonly kind: 'engine-back'; readonly ms: number }
  /** What is older could not be given up; it is tried again. */
  | { readonly kind: 'not-discarded'; readonly reason: string }
  /** A gap that another replica is asked about. `found` 0: what comes ends before what there is said to be. */
  | { readonly kind: 'gap'; readonly expected: number; readonly found: number }
  /** Bytes of our own were not those of the shared log: a former leader's that nobody heard of, or rot. */
  | { readonly kind: 'replaced'; readonly segment: number; readonly position: number; readonly bytes: number }
  /** What lay behind the end of the shared log, and was never acknowledged. */
  | { readonly kind: 'cut'; readonly segment: number; readonly batches: number; readonly bytes: number }
  /** What only this node had is in the shared log again. */
  | { readonly kind: 'restored'; readonly parts: number; readonly bytes: number }
  /** The engine has lost what it had acknowledged. */
  | { readonly kind: 'went-backwards'; readonly reason: string }
  | { readonly kind: 'leads'; readonly epoch: number }
  | { readonly kind: 'led'; readonly epoch: number; readonly reason: string }
  /** It cannot follow, and does not go on by itself. */
  | { readonly kind: 'stuck'; readonly reason: string };

export type Report = (event: ClusterEvent) => void;
