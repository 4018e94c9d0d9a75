/**
 * A queue's arguments: read, checked, compared when it is declared again. Names, rules and texts are RabbitMQ's (3.10), in
 * the order in which it looks at them, because its users' clients do look at the texts.
 *
 * What it accepts and we do too, without effect: where replicas lie, how much of a queue is held in memory, `x-queue-mode`,
 * `x-queue-version`: a queue here is always lazy. Where we take more: `x-delivery-limit` holds for every type of queue.
 */
import { LEASE_MAX_MS, LEASE_MIN_MS } from '../../api/consume.ts';
import type { QueueOptions } from '../../api/topology.ts';
import { contradiction, deduplicationWords, WORDS, wordIn } from '../../deduplication/settings.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Headers, Value } from '../../message/properties.ts';
import { typeName, valuesEqual, valueToText } from '../../message/values.ts';
import { RETRY_KEYS, type RetryValue, retryContradiction, retryRules } from '../../settlement/retry-dialects.ts';
import { ORDER_WORDS, orderContradiction, orderWords } from '../order/order-words.ts';
import { DEFAULT_SETTINGS, type Overflow, type QueueSettings } from './settings.ts';

/** Ten years, as RabbitMQ has it. */
const TTL_MAX_MS = 315_360_000_000;
/** What a queue of the quorum type does when nothing else is said. */
const QUORUM_DELIVERY_LIMIT = 20;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Writes what the argument says; a string says what is wrong with it, in RabbitMQ's words. */
type Check = (value: Value, into: Mutable<QueueSettings>) => string | undefined;

const CLASSIC = 1;
const QUORUM = 2;

interface Known {
  readonly name: string;
  /** The types of queue that take it. */
  readonly types: number;
  readonly check: Check;
}

const KNOWN: readonly Known[] = [
  { name: 'x-expires', types: CLASSIC | QUORUM, check: (value, into) => time(value, 1, (ms) => (into.expiresMs = ms)) },
  {
    name: 'x-message-ttl',
    types: CLASSIC | QUORUM,
    check: (value, into) => time(value, 0, (ms) => (into.messageTtlMs = ms)),
  },
  {
    name: 'x-dead-letter-exchange',
    types: CLASSIC | QUORUM,
    check: (value, into) => text(value, (name) => (into.deadLetterExchange = name)),
  },
  {
    name: 'x-dead-letter-routing-key',
    types: CLASSIC | QUORUM,
    check: (value, into) => text(value, (key) => (into.deadLetterKey = key)),
  },
  {
    name: 'x-dead-letter-strategy',
    types: QUORUM,
    // A dead letter is never given up here before what it becomes is stored: both are at least once.
    check: (value) => oneOf(value, ['at-most-once', 'at-least-once'], 'invalid_dlx_strategy'),
  },
  { name: 'x-max-length', types: CLASSIC | QUORUM, check: (value, into) => count(value, (n) => (into.lengthMax = n)) },
  {
    name: 'x-max-length-bytes',
    types: CLASSIC | QUORUM,
    check: (value, into) => count(value, (n) => (into.bytesMax = n)),
  },
  {
    // RabbitMQ 3.12; there for every type of queue, since 4.3 for the quorum type alone.
    name: 'x-consumer-timeout',
    types: CLASSIC | QUORUM,
    check: (value, into) => count(value, (ms) => (into.consumerTimeoutMs = ms)),
  },
  {
    // Ours.
    name: 'x-lease',
    types: CLASSIC | QUORUM,
    check: (value, into) =>
      integer(value, (n) =>
        n < LEASE_MIN_MS || n > LEASE_MAX_MS
          ? `"expected ${LEASE_MIN_MS} to ${LEASE_MAX_MS} milliseconds, got ${n}"`
          : void (into.leaseMs = Number(n)),
      ),
  },
  { name: 'x-max-in-memory-length', types: QUORUM, check: (value) => count(value, () => {}) },
  { name: 'x-max-in-memory-bytes', types: QUORUM, check: (value) => count(value, () => {}) },
  {
    name: 'x-max-priority',
    types: CLASSIC,
    check: (value, into) =>
      integer(value, (n) =>
        n < 0 ? `{value_negative,${n}}` : n > 255 ? `{max_value_exceeded,${n}}` : void (into.priorityMax = Number(n)),
      ),
  },
  {
    name: 'x-overflow',
    types: CLASSIC | QUORUM,
    check: (value, into) =>
      oneOf(value, ['drop-head', 'reject-publish', 'reject-publish-dlx'], 'invalid_overflow') ??
      void (into.overflow = value as Overflow),
  },
  {
    name: 'x-queue-mode',
    types: CLASSIC,
    check: (value) => oneOf(value, ['default', 'lazy'], `"unsupported queue mode '${value as string}'"`),
  },
  {
    name: 'x-queue-version',
    types: CLASSIC,
    check: (value) => integer(value, (n) => (n === 1n || n === 2n ? undefined : `"unsupported queue version '${n}'"`)),
  },
  {
    name: 'x-single-active-consumer',
    types: CLASSIC | QUORUM,
    check: (value, into) =>
      typeof value === 'boolean' ? void (into.singleActiveConsumer = value) : `{unacceptable_type,${typeName(value)}}`,
  },
  { name: 'x-queue-type', types: CLASSIC | QUORUM, check: () => undefined }, // read first, by `typeOf`
  { name: 'x-max-age', types: 0, check: () => undefined },
  { name: 'x-stream-max-segment-size-bytes', types: 0, check: () => undefined },
  { name: 'x-initial-cluster-size', types: 0, check: () => undefined },
  { name: 'x-quorum-initial-group-size', types: QUORUM, check: (value) => count(value, () => {}) },
  { name: 'x-queue-leader-locator', types: CLASSIC | QUORUM, check: (value) => text(value, () => {}) },
  {
    name: 'x-delivery-limit',
    types: CLASSIC | QUORUM,
    check: (value, into) =>
      integer(value, (n) => {
        into.attemptsMax = n < 0 ? Number.POSITIVE_INFINITY : Number(n);
        return undefined;
      }),
  },
  {
    name: 'x-passport',
    types: CLASSIC | QUORUM,
    check: (value, into) =>
      typeof value === 'boolean' ? void (into.passport = value) : `{unacceptable_type,${typeName(value)}}`,
  },
  ...Object.entries(RETRY_KEYS).map(([key, { what, check }]) => ({
    name: `x-${key}`,
    types: CLASSIC | QUORUM,
    // What they say together is read behind all the others.
    check: (value: Value): string | undefined => (check(plain(value)) ? undefined : `"expected ${what}"`),
  })),
  ...[...Object.keys(WORDS), ...Object.keys(ORDER_WORDS).map((word) => `x-${word}`)].map((name) => ({
    name,
    types: CLASSIC | QUORUM,
    check: (): undefined => undefined, // read together
  })),
];
/** They mean something together only. */
const TOGETHER: ReadonlySet<string> = new Set([
  'x-dead-letter-routing-key',
  ...Object.keys(RETRY_KEYS).map((key) => `x-${key}`),
  ...Object.keys(WORDS),
  ...Object.keys(ORDER_WORDS).map((word) => `x-${word}`),
]);

/**
 * What the arguments of a queue to be declared say.
 * @param name of the queue, '' if the broker is to make one
 * @throws BrokerError precondition-failed
 */
export function readArguments(name: string, vhost: string, options: QueueOptions): QueueSettings {
  const what = `queue '${name}' in vhost '${vhost}'`;
  const type = typeOf(options.arguments, what);
  if (type === 'quorum') checkQuorum(name, what, options);
  if (options.arguments.length === 0) return DEFAULT_SETTINGS;
  const settings: Mutable<QueueSettings> = { ...DEFAULT_SETTINGS, type };
  if (type === 'quorum') settings.attemptsMax = QUORUM_DELIVERY_LIMIT;
  const bit = type === 'quorum' ? QUORUM : CLASSIC;
  for (const known of KNOWN) {
    const value = find(options.arguments, known.name);
    if (value === undefined) continue;
    if ((known.types & bit) === 0) refuse(`invalid arg '${known.name}' for ${what} of queue type rabbit_${type}_queue`);
    if (known.name === 'x-dead-letter-exchange' && typeof value !== 'string') {
      refuse(`invalid type '${typeName(value)}' for arg '${known.name}' in ${what}`);
    }
    const wrong = known.check(value, settings);
    if (wrong !== undefined) refuse(`invalid arg '${known.name}' for ${what}: ${wrong}`);
  }
  if (settings.deadLetterKey !== null && settings.deadLetterExchange === null) {
    refuse(`invalid arg 'x-dead-letter-routing-key' for ${what}: routing_key_but_no_dlx_defined`);
  }
  readRetries(options.arguments, what, settings);
  settings.deduplication = readDeduplication(options, what);
  settings.order = readOrder(options.arguments, settings.priorityMax >= 0, what);
  return settings;
}

function readDeduplication(options: QueueOptions, what: string): QueueSettings['deduplication'] {
  const words = deduplicationWords(wordIn(options.arguments), (word, must) => {
    refuse(`invalid arg '${word}' for ${what}: "expected ${must}"`);
  });
  const contradicted = contradiction(words, options.durable && !options.exclusive);
  if (contradicted !== undefined) refuse(`invalid arg '${contradicted.word}' for ${what}: "${contradicted.why}"`);
  return words;
}

function readOrder(args: Headers, priorities: boolean, what: string): QueueSettings['order'] {
  const said = wordIn(args);
  const words = orderWords(
    (word) => said(`x-${word}`),
    (word, must) => refuse(`invalid arg 'x-${word}' for ${what}: "expected ${must}"`),
  );
  const contradicted = orderContradiction(words);
  if (contradicted !== undefined) refuse(`invalid arg 'x-strict-order' for ${what}: "${contradicted}"`);
  if (priorities && words?.strict === true) {
    refuse(`invalid arg 'x-strict-order' for ${what}: "priorities would go before the order of arrival"`);
  }
  return words;
}

/** How what fails here is tried again, in whatever dialect it is said. */
function readRetries(args: Headers, what: string, settings: Mutable<QueueSettings>): void {
  const said = (key: string): RetryValue | undefined => {
    const value = find(args, `x-${key}`);
    return value === undefined ? undefined : plain(value);
  };
  const limited = find(args, 'x-delivery-limit') !== undefined;
  const contradiction = retryContradiction(said, limited);
  if (contradiction !== undefined) refuse(`invalid retry arguments for ${what}: ${contradiction}`);
  const { backoff, attemptsMax } = retryRules(said, limited);
  settings.backoff = backoff;
  if (attemptsMax !== undefined) settings.attemptsMax = attemptsMax;
}

/** A number or a text; undefined for anything else. */
function plain(value: Value): RetryValue | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return 'value' in value && /^(u?int|float|double)/.test(value.type) ? Number(value.value) : undefined;
}

function typeOf(args: Headers, what: string): 'classic' | 'quorum' {
  const type = find(args, 'x-queue-type');
  if (type === undefined || type === 'classic') return 'classic';
  if (type === 'quorum') return 'quorum';
  if (typeof type !== 'string') refuse(`invalid arg 'x-queue-type' for ${what}: {unacceptable_type,${typeName(type)}}`);
  if (type === 'stream')
    throw new BrokerError('precondition-failed', `streams are not supported yet, so ${what} cannot be`);
  refuse(`invalid arg 'x-queue-type' for ${what}: "unsupported queue type '${type}'"`);
}

function checkQuorum(name: string, what: string, options: QueueOptions): void {
  if (name === '') refuse('Cannot declare a server-named queue for type rabbit_quorum_queue');
  if (!options.durable) refuse(`invalid property 'non-durable' for ${what}`);
  if (options.autoDelete) refuse(`invalid property 'auto-delete' for ${what}`);
  if (options.exclusive) refuse(`invalid property 'exclusive-owner' for ${what}`);
}

/** The same for a queue found in the log: what was accepted once is not refused now, whatever has become known since. */
export function recoverArguments(name: string, vhost: string, options: QueueOptions): QueueSettings {
  const accepted = options.arguments.filter((argument) => {
    try {
      const queueType = options.arguments.filter((other) => other.name === 'x-queue-type' && other !== argument);
      const together = TOGETHER.has(argument.name);
      readArguments(name, vhost, { ...options, arguments: together ? options.arguments : [...queueType, argument] });
      return true;
    } catch {
      return false;
    }
  });
  return readArguments(name, vhost, { ...options, arguments: accepted });
}

/**
 * Declaring again what is there: every known argument must be what it was, by value, whatever the width of its numbers.
 * @throws BrokerError precondition-failed
 */
export function compareArguments(received: Headers, current: Headers, what: string): void {
  for (const { name } of KNOWN) compareArgument(name, received, current, what);
}

export function compareArgument(name: string, received: Headers, current: Headers, what: string): void {
  const a = find(received, name);
  const b = find(current, name);
  // Saying that a queue is of the type that it would be anyway is saying nothing.
  if (name === 'x-queue-type' && (a ?? 'classic') === (b ?? 'classic')) return;
  if (a === b || (a !== undefined && b !== undefined && valuesEqual(a, b) && isReal(a) === isReal(b))) return;
  const alone = (value: Value | undefined): string =>
    value === undefined ? 'none' : `the value '${show(value)}' of type '${typeName(value)}'`;
  const besides = (value: Value): string => (value === null ? 'none' : `'${show(value)}'`);
  const [said, is] = a === undefined || b === undefined ? [alone(a), alone(b)] : [besides(a), besides(b)];
  refuse(`inequivalent arg '${name}' for ${what}: received ${said} but current is ${is}`);
}

export function find(args: Headers, name: string): Value | undefined {
  return args.find((argument) => argument.name === name)?.value;
}

function refuse(text: string): never {
  throw new BrokerError('precondition-failed', text);
}

function integer(value: Value, take: (n: bigint) => string | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || !/^u?int/.test(value.type)) {
    return `"expected integer, got ${typeName(value)}"`;
  }
  return take(BigInt(value.value as number | bigint));
}

function count(value: Value, take: (n: number) => void): string | undefined {
  return integer(value, (n) => (n < 0 ? `{value_negative,${n}}` : void take(Number(n))));
}

function time(value: Value, min: number, take: (ms: number) => void): string | undefined {
  return integer(value, (n) => {
    if (n < 0) return `{value_negative,${n}}`;
    if (n > TTL_MAX_MS) return `{value_too_large,${n}}`;
    return n < min ? `{value_zero,${n}}` : void take(Number(n));
  });
}

function text(value: Value, take: (text: string) => void): string | undefined {
  return typeof value === 'string' ? void take(value) : `{unacceptable_type,${typeName(value)}}`;
}

function oneOf(value: Value, words: readonly string[], otherwise: string): string | undefined {
  if (typeof value !== 'string') return `{unacceptable_type,${typeName(value)}}`;
  return words.includes(value) ? undefined : otherwise;
}

function isReal(value: Value): boolean {
  return typeof value === 'object' && value !== null && (value.type === 'double' || value.type === 'float');
}

function show(value: Value): string {
  const shown = valueToText(value);
  return isReal(value) && /^-?\d+$/.test(shown) ? `${shown}.0` : shown;
}
