/**
 * Deferred messages: those of a queue that are parked until a time and under a token, by which a consumer may have them before that and ahead
 * of the rest. One token may stand for several. RabbitMQ 4.4, `x-opt-deferral-token` (its `rabbit_fifo`, `DEFERRED.md`).
 *
 * ```
 *             defer                    claim                       delivered
 *  unsettled ───────▶ under its token ───────▶ claimed by one ─────────────▶ unsettled
 *                            │       ◀───────        │  its consumer has gone
 *                            └───── its time has come┴──▶ ready
 * ```
 */

/** Of one queue; more are refused. */
export const DEFERRED_MAX = 100_000;
/** The latest time that a record holds: in some 8,900 years. */
export const DEFERRED_UNTIL_MAX_MS = 0xffff_ffff_ffff;

export class DeferredMessages {
  private readonly tokens = new Map<number, string>();
  private readonly byToken = new Map<string, Set<number>>();

  get size(): number {
    return this.tokens.size;
  }

  add(seq: number, token: string): void {
    this.tokens.set(seq, token);
    this.list(seq, token);
  }

  private list(seq: number, token: string): void {
    const seqs = this.byToken.get(token);
    if (seqs === undefined) this.byToken.set(token, new Set([seq]));
    else seqs.add(seq);
  }

  /** It is parked under no token any more. Returns the one that it had; undefined: it had none. */
  remove(seq: number): string | undefined {
    const token = this.tokens.get(seq);
    if (token === undefined) return undefined;
    this.tokens.delete(seq);
    const seqs = this.byToken.get(token);
    if (seqs?.delete(seq) && seqs.size === 0) this.byToken.delete(token);
    return token;
  }

  tokenOf(seq: number): string | undefined {
    return this.tokens.get(seq);
  }

  /** Numbers and tokens of all. */
  entries(): Iterable<readonly [seq: number, token: string]> {
    return this.tokens;
  }

  /** Whoever asks has them, and nobody else finds them by this token: oldest first. */
  claim(token: string): number[] {
    const seqs = this.byToken.get(token);
    if (seqs === undefined) return [];
    this.byToken.delete(token);
    return [...seqs].sort((a, b) => a - b);
  }

  /** Those of a claim that are here still can be asked for again. */
  release(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const token = this.tokens.get(seq);
      if (token !== undefined) this.list(seq, token);
    }
  }
}
