/**
 * What queues, exchanges and policies say about deduplication, in the words of RabbitMQ's plugin (rabbitmq-message-deduplication
 * 0.7.3) and of LavinMQ (2.11), and what that makes of a window.
 *
 * ```
 * word                      queue   exchange   policy   whose
 * x-message-deduplication   yes     yes        yes      the plugin's, of queues; LavinMQ's, of both
 * x-cache-size              yes     yes        yes      the plugin's, of exchanges of its type; LavinMQ's, of both
 * x-cache-ttl               yes     yes        yes      the same
 * x-cache-persistence       yes     yes        yes      the plugin's, of exchanges of its type
 * x-deduplication-header    yes     yes        yes      LavinMQ's
 * ```
 */
import type { Headers, Value } from '../message/properties.ts';

/** The header that holds a message's id where nothing else is said. */
export const DEFAULT_HEADER = 'x-deduplication-header';
/** In the place of a header's name: the property. */
export const MESSAGE_ID = 'message-id';
/** The exchange type that has a window by itself. */
export const DEDUPLICATION_TYPE = 'x-message-deduplication';
/** Ids that a window keeps where nobody says how many. */
export const DEFAULT_SIZE = 100_000;
/** Ids that a window may be told to keep. */
export const SIZE_MAX = 10_000_000;
/** The longest time that an id may be kept: ten years, as other times of queues. */
export const TTL_MAX_MS = 315_360_000_000;

/** What was said, as far as it was. */
export interface DeduplicationWords {
  readonly on?: boolean;
  readonly size?: number;
  readonly ttlMs?: number;
  readonly header?: string;
  readonly persistence?: 'disk' | 'memory';
}

export interface WindowSettings {
  /** Ids at most; the oldest go first. */
  readonly size: number;
  /** How long an id is kept, milliseconds; -1 for as long as there is room. */
  readonly ttlMs: number;
  /** Where a message has its id: a header's name, or MESSAGE_ID. */
  readonly header: string;
  /** An id is kept for as long as its message is in the queue. */
  readonly whilePresent: boolean;
  /** It is there after a restart, if whose it is is. */
  readonly persistent: boolean;
}

interface Word {
  readonly field: keyof DeduplicationWords;
  /** What it must be. */
  readonly what: string;
  /** What it says; undefined: it cannot say that. */
  read(value: unknown): boolean | number | string | undefined;
}

export const WORDS: Readonly<Record<string, Word>> = {
  'x-message-deduplication': {
    field: 'on',
    what: 'a boolean',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  },
  'x-cache-size': {
    field: 'size',
    what: `an integer greater than 0, of at most ${SIZE_MAX}`,
    read: (value) => within(value, SIZE_MAX),
  },
  'x-cache-ttl': {
    field: 'ttlMs',
    what: `an integer greater than 0, of at most ${TTL_MAX_MS}`,
    read: (value) => within(value, TTL_MAX_MS),
  },
  'x-cache-persistence': {
    field: 'persistence',
    what: "either 'disk' or 'memory'",
    read: (value) => (value === 'disk' || value === 'memory' ? value : undefined),
  },
  'x-deduplication-header': {
    field: 'header',
    what: 'the name of a header',
    read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
  },
};

/** The plugin takes the digits of a number as well. */
function within(value: unknown, max: number): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) && (number as number) > 0 && (number as number) <= max
    ? (number as number)
    : undefined;
}

/**
 * What the arguments or a policy's definition say; null if they do not speak of it.
 * @param said the value of a word: a plain one; undefined: it is not there
 * @param wrong gets a word, and what it must be
 */
export function deduplicationWords(
  said: (word: string) => unknown,
  wrong: (word: string, what: string) => void = () => {},
): DeduplicationWords | null {
  let words: Record<string, unknown> | null = null;
  for (const [word, { field, what, read }] of Object.entries(WORDS)) {
    const value = said(word);
    if (value === undefined) continue;
    const taken = read(value);
    if (taken === undefined) wrong(word, what);
    else {
      words ??= {};
      words[field] = taken;
    }
  }
  return words;
}

/** A word of arguments, as `deduplicationWords` takes it. */
export function wordIn(args: Headers): (word: string) => unknown {
  return (word) => {
    const value = args.find(({ name }) => name === word)?.value;
    return value === undefined ? undefined : plain(value);
  };
}

function plain(value: Value): unknown {
  if (typeof value !== 'object' || value === null || !/^u?int/.test(value.type)) return value;
  return Number((value as { value: number | bigint }).value);
}

/**
 * The window that was asked for; null: none. A policy's words come before those of the declaration, as the plugin has it.
 * @param policy null: there is none
 */
export function queueWindow(
  declared: DeduplicationWords | null,
  policy: DeduplicationWords | null,
): WindowSettings | null {
  const words = { ...declared, ...policy };
  if (words.on !== true) return null;
  // The plugin's queues know an id while its message is there; LavinMQ's as many as they are told, for as long.
  return settingsOf(words, words.size === undefined && words.ttlMs === undefined);
}

/** The same for an exchange. @param type its exchange type */
export function exchangeWindow(
  type: string,
  declared: DeduplicationWords | null,
  policy: DeduplicationWords | null,
): WindowSettings | null {
  const words = { ...declared, ...policy };
  return type === DEDUPLICATION_TYPE || words.on === true ? settingsOf(words, false) : null;
}

function settingsOf(words: DeduplicationWords, whilePresent: boolean): WindowSettings {
  return {
    size: words.size ?? DEFAULT_SIZE,
    ttlMs: words.ttlMs ?? -1,
    header: words.header ?? DEFAULT_HEADER,
    whilePresent,
    persistent: words.persistence !== 'memory',
  };
}

/**
 * What a queue's words contradict each other in; undefined: nothing.
 * @param durable the queue is there after a restart
 */
export function contradiction(
  words: DeduplicationWords | null,
  durable: boolean,
): { readonly word: string; readonly why: string } | undefined {
  if (words === null) return undefined;
  if (words.on !== true) {
    for (const [word, { field }] of Object.entries(WORDS)) {
      if (field !== 'on' && words[field] !== undefined) return { word, why: 'x-message-deduplication is not true' };
    }
  }
  if (words.persistence === 'disk' && !durable) {
    return { word: 'x-cache-persistence', why: "'disk' cannot be where what it belongs to is not durable" };
  }
  return undefined;
}
