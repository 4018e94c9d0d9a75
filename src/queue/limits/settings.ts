/**
 * The settings of a queue: how long, how much, in which order, for whom. It comes from the arguments
 * it was declared with (`arguments.ts`), into which an operator's policy can be merged while the queue lives.
 */
import type { DeduplicationWords } from '../../deduplication/settings.ts';
import type { RetryPolicy } from '../../settlement/decide.ts';
import type { OrderWords } from '../order/order-words.ts';

/** What happens to a publish, or to the oldest message, when a queue is full. */
export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx';

export interface QueueSettings extends RetryPolicy {
  readonly type: 'classic' | 'quorum';
  /** How long a message may wait here, milliseconds; -1 for as long as it likes. */
  readonly messageTtlMs: number;
  /** How long a consumer may hold a delivery, milliseconds; 0 for as long as it likes, -1 for not said. */
  readonly consumerTimeoutMs: number;
  /** How long a delivery is leased to its consumer, milliseconds; -1 for not at all. */
  readonly leaseMs: number;
  /** The queue goes when nobody has used it for so many milliseconds; -1 for never. */
  readonly expiresMs: number;
  /** Ready messages at most; Infinity for no limit. */
  readonly lengthMax: number;
  /** Bytes of bodies of ready messages at most; Infinity for no limit. */
  readonly bytesMax: number;
  readonly overflow: Overflow;
  /** Levels of priority above the lowest, 0 to 255; -1 for a queue that knows no priorities. */
  readonly priorityMax: number;
  /** One consumer at a time gets everything, the others wait until it is gone. */
  readonly singleActiveConsumer: boolean;
  /** What happens to its messages is noted (`queue/passport-notes.ts`). */
  readonly passport: boolean;
  /** What was said about taking a message once; null: nothing. */
  readonly deduplication: DeduplicationWords | null;
  /** What was said about groups, strict order and tenants; null: nothing. */
  readonly order: OrderWords | null;
}

/** Of a queue that was told nothing. */
export const DEFAULT_SETTINGS: QueueSettings = Object.freeze({
  type: 'classic',
  attemptsMax: Number.POSITIVE_INFINITY,
  deadLetterExchange: null,
  deadLetterKey: null,
  backoff: null,
  messageTtlMs: -1,
  consumerTimeoutMs: -1,
  leaseMs: -1,
  expiresMs: -1,
  lengthMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  overflow: 'drop-head',
  priorityMax: -1,
  singleActiveConsumer: false,
  passport: false,
  deduplication: null,
  order: null,
});

/** What a policy may set. Priorities and the single active consumer belong to those who declare a queue. */
export type PolicySettings = Partial<Omit<QueueSettings, 'type' | 'priorityMax' | 'singleActiveConsumer'>>;

/** Arguments that limit the attempts. */
const SAYS_HOW_OFTEN = ['x-delivery-limit', 'x-retry-max-attempts'];

/** Of two numbers the lower one counts; of two words the one that came with the queue. */
export function withPolicy(own: QueueSettings, given: readonly string[], policy: PolicySettings | null): QueueSettings {
  if (policy === null) return own;
  const lower = (a: number, b: number | undefined): number =>
    b === undefined || b < 0 ? a : a < 0 ? b : Math.min(a, b);
  const deadLetters = own.deadLetterExchange ?? policy.deadLetterExchange ?? null;
  return {
    ...own,
    // What a queue of its type has by itself is no word of its own.
    attemptsMax: SAYS_HOW_OFTEN.some((name) => given.includes(name))
      ? lower(own.attemptsMax, policy.attemptsMax)
      : (policy.attemptsMax ?? own.attemptsMax),
    messageTtlMs: lower(own.messageTtlMs, policy.messageTtlMs),
    consumerTimeoutMs: lower(own.consumerTimeoutMs, policy.consumerTimeoutMs),
    leaseMs: lower(own.leaseMs, policy.leaseMs),
    expiresMs: lower(own.expiresMs, policy.expiresMs),
    lengthMax: lower(own.lengthMax, policy.lengthMax),
    bytesMax: lower(own.bytesMax, policy.bytesMax),
    overflow: given.includes('x-overflow') ? own.overflow : (policy.overflow ?? own.overflow),
    deadLetterExchange: deadLetters,
    backoff: policy.backoff ?? own.backoff,
    deadLetterKey: own.deadLetterKey ?? policy.deadLetterKey ?? null,
    passport: given.includes('x-passport') ? own.passport : (policy.passport ?? own.passport),
    // Here a policy's word is the one that counts, as the plugin has it whose words they are.
    deduplication:
      own.deduplication === null && policy.deduplication == null
        ? null
        : { ...own.deduplication, ...policy.deduplication },
    order: own.order === null && policy.order == null ? null : { ...policy.order, ...own.order },
  };
}
