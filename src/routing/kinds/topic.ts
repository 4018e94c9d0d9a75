/** `topic`: a binding's key is a filter over levels. */
import type { Properties } from '../../message/properties.ts';
import type { Binding, RouteTarget } from '../binding.ts';
import { hiddenByReserve, keyLevels, matches } from '../levels.ts';
import { LevelTrie } from '../trie.ts';
import type { ExchangeKind, RoutedKey } from './kind.ts';

export class TopicKind<Q extends RouteTarget> implements ExchangeKind<Q> {
  readonly perMessage = false;
  readonly choosesOne = false;
  private readonly trie = new LevelTrie<Binding<Q>>();

  checkBinding(): void {}

  add(binding: Binding<Q>): void {
    this.trie.add(binding.levels, binding);
  }

  remove(binding: Binding<Q>): void {
    this.trie.remove(binding.levels, binding);
  }

  match(key: string, _p: Properties | undefined, visit: (binding: Binding<Q>) => void): void {
    const levels = keyLevels(key);
    this.trie.matchKey(levels, (binding) => {
      if (!binding.hideReserved || !hiddenByReserve(binding.levels, levels)) visit(binding);
    });
  }

  concerns(binding: Binding<Q>, address: RoutedKey): boolean {
    return matches(binding.levels, address.levels);
  }
}
