/** `topic`: a binding's key is a filter over levels. */
import type { Properties } from '../../message/properties.ts';
import { hiddenByReserve, keyLevels, matches } from '../levels.ts';
import { LevelTrie } from '../trie.ts';
import type { ExchangeKind, KeyedBinding, RoutedKey } from './kind.ts';

export class TopicKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly perMessage = false;
  readonly choosesOne = false;
  private readonly trie = new LevelTrie<B>();

  checkBinding(): void {}

  add(binding: B): void {
    this.trie.add(binding.levels, binding);
  }

  remove(binding: B): void {
    this.trie.remove(binding.levels, binding);
  }

  match(key: string, _p: Properties | undefined, visit: (binding: B) => void): void {
    const levels = keyLevels(key);
    this.trie.matchKey(levels, (binding) => {
      if (!binding.hideReserved || !hiddenByReserve(binding.levels, levels)) visit(binding);
    });
  }

  concerns(binding: B, address: RoutedKey): boolean {
    return matches(binding.levels, address.levels);
  }
}
