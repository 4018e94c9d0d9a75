/**
 * The retained messages of a vhost: one a topic, found by filter. The index holds sequence numbers; the messages lie in
 * the durable log like any other, each with one reference from here.
 */
import type { Assurance, Spelling } from '../message/message.ts';
import { filterLevels, hiddenByReserve, keyLevels } from '../routing/levels.ts';
import { LevelTrie } from '../routing/trie.ts';

export interface RetainedMessage {
  readonly seq: number;
  readonly key: string;
  readonly spelling: Spelling;
  readonly assurance: Assurance;
  readonly large: boolean;
}

export class RetainedIndex {
  private readonly trie = new LevelTrie<RetainedMessage>();

  get size(): number {
    return this.trie.size;
  }

  /** Keeps a message for its topic; returns the one it replaces. */
  set(message: RetainedMessage): RetainedMessage | undefined {
    const levels = keyLevels(message.key, message.spelling);
    const before = this.trie.at(levels)[0];
    if (before !== undefined) this.trie.remove(levels, before);
    this.trie.add(levels, message);
    return before;
  }

  /** Returns the message that was kept for the topic. */
  remove(key: string, spelling: Spelling): RetainedMessage | undefined {
    const levels = keyLevels(key, spelling);
    const before = this.trie.at(levels)[0];
    if (before !== undefined) this.trie.remove(levels, before);
    return before;
  }

  /** @param hideReserved topics that begin with `$` do not match a leading wildcard */
  match(filter: string, spelling: Spelling, hideReserved: boolean, visit: (message: RetainedMessage) => void): void {
    const levels = filterLevels(filter, spelling);
    this.trie.matchFilter(levels, (message, key) => {
      if (!hideReserved || !hiddenByReserve(levels, key)) visit(message);
    });
  }

  all(): RetainedMessage[] {
    const found: RetainedMessage[] = [];
    this.trie.matchFilter(filterLevels('#', 0), (message) => found.push(message));
    return found;
  }

  /** Whether it is still the one that is kept for its topic. */
  holds(message: RetainedMessage): boolean {
    return this.trie.at(keyLevels(message.key, message.spelling))[0] === message;
  }
}
