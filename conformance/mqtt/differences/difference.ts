/** Where a peer does otherwise than this broker, and why we do as we do. */
export interface Difference {
  readonly peer: string;
  /** Titles, as `3.1.1: …`; or a name alone, in all versions. */
  readonly scenarios: readonly string[];
  /** What the peer does. */
  readonly theyDo: string;
  /** What we do, and why. */
  readonly weDo: string;
}
