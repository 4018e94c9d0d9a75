/**
 * The retained messages of a vhost: one a topic, found by filter. The index holds sequence numbers; the messages lie in
 * the durable log like any other, each with one reference from here.
 *
 *     trie    topic ──▶ message           one look-up a topic, and by filter what it matches
 *     list    oldest ◀──▶ … ◀──▶ newest   all of them, for checkpoints, while others come and go
 */
import type { Assurance, Spelling } from '../../message/message.ts';
import { filterLevels, keyLevels } from '../../routing/levels.ts';
import { LevelTrie } from '../../routing/trie.ts';

export class RetainedMessage {
  readonly seq: number;
  /** Dotted. */
  readonly key: string;
  readonly assurance: Assurance;
  readonly large: boolean;
  /** Of key, properties and body: what it counts for in a limit. */
  readonly bytes: number;
  /** Epoch milliseconds, 0 for never. */
  readonly expiresAtMs: number;
  /** @internal the index's; `next` stays when it is removed, so that whoever walks the list finds on */
  previous: RetainedMessage | null = null;
  next: RetainedMessage | null = null;
  /** It is the one that is kept for its topic. */
  kept = false;

  constructor(seq: number, key: string, assurance: Assurance, large: boolean, bytes: number, expiresAtMs: number) {
    this.seq = seq;
    this.key = key;
    this.assurance = assurance;
    this.large = large;
    this.bytes = bytes;
    this.expiresAtMs = expiresAtMs;
  }
}

export class RetainedIndex {
  private readonly trie = new LevelTrie<RetainedMessage>();
  private oldest: RetainedMessage | null = null;
  private newest: RetainedMessage | null = null;
  /** Bytes of all of them. */
  bytes = 0;

  get size(): number {
    return this.trie.size;
  }

  /** @param key dotted */
  get(key: string): RetainedMessage | undefined {
    return this.trie.at(keyLevels(key))[0];
  }

  /** Keeps a message for its topic; returns the one it replaces. */
  set(message: RetainedMessage): RetainedMessage | undefined {
    const levels = keyLevels(message.key);
    const before = this.take(levels);
    this.trie.add(levels, message);
    message.kept = true;
    message.previous = this.newest;
    if (this.newest === null) this.oldest = message;
    else this.newest.next = message;
    this.newest = message;
    this.bytes += message.bytes;
    return before;
  }

  /** Returns the message that was kept for the topic. @param key dotted */
  remove(key: string): RetainedMessage | undefined {
    return this.take(keyLevels(key));
  }

  private take(levels: readonly string[]): RetainedMessage | undefined {
    const before = this.trie.at(levels)[0];
    if (before === undefined) return undefined;
    this.trie.remove(levels, before);
    before.kept = false;
    if (before.previous === null) this.oldest = before.next;
    else before.previous.next = before.next;
    if (before.next === null) this.newest = before.previous;
    else before.next.previous = before.previous;
    this.bytes -= before.bytes;
    return before;
  }

  /** What a filter matches; see `LevelTrie.matching`. @param hideReserved topics that begin with `$` do not match a leading wildcard */
  matching(filter: string, spelling: Spelling, hideReserved: boolean): Generator<RetainedMessage | undefined> {
    return this.trie.matching(filterLevels(filter, spelling), hideReserved);
  }

  /** All that are kept, the oldest first; those that come or go meanwhile may be among them or not. */
  *all(): Iterable<RetainedMessage> {
    for (let message = this.oldest; message !== null; message = message.next) if (message.kept) yield message;
  }
}
