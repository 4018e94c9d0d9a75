/** How long a half message's publisher may be silent, how often he is asked, and what then: as the vhost has it, unless a policy says otherwise. */
export interface HalfMessageRules {
  /** How long its publisher may be silent before the broker asks; each further interval is twice as long, up to `CHECK_MAX_MS`. */
  readonly checkAfterMs: number;
  /** How often it asks. */
  readonly checks: number;
  /** What becomes of one whose publisher never answers. */
  readonly otherwise: 'commit' | 'rollback';
}

/** RocketMQ's: 6 s (`transactionTimeOut`), 15 times (`transactionCheckMax`), then it is not delivered. */
export const HALF_MESSAGE_RULES: HalfMessageRules = { checkAfterMs: 6_000, checks: 15, otherwise: 'rollback' };
