/**
 * A target of the fuzzer: a protocol's valid conversations to damage, and how to tell that its adapter met something nobody
 * foresaw. Put yours into `test/fuzz/targets/` and name it in `targets.ts`; then
 *
 *     node scripts/fuzz.ts NAME --inputs 1000000
 *
 * and `test/fuzz/fuzz.test.ts` run it.
 */
import type { Protocol } from '../../src/api/index.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Makes the adapter; once a broker (see `harness.ts`), with limits small enough to be reached. */
  protocol(): Protocol;
  /** Lists of whole packets or frames that a client might send, from its first byte on. All must pass undamaged. */
  readonly conversations: readonly Conversation[];
  /** Bytes worth throwing in anywhere: type letters, lengths at their limits, names that mean something. */
  readonly dictionary: readonly Buffer[];
  /**
   * Makes the framing of a damaged packet right again (lengths, end octets), so that the damage is not refused at the
   * door but comes further in. Called for some packets only. Null if there is no framing to speak of.
   */
  readonly repair: ((packet: Buffer) => Buffer) | null;
  /** How many errors of the adapter's own it has counted; must stay 0. */
  internalErrors(protocol: Protocol): number;
  /** Whether the adapter counted anything against the client; undamaged conversations must come out clean. */
  complaints(protocol: Protocol): number;
}

export interface Conversation {
  /** Sent as they are, nearly always: what brings the client to where it gets interesting. */
  readonly prelude: readonly Buffer[];
  readonly packets: readonly Buffer[];
  /** How often it is chosen, beside the others. Default 1. */
  readonly weight?: number;
}
