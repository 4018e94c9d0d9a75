/** `direct`: a message goes through the bindings that have its key. */
import type { Properties } from '../../message/properties.ts';
import type { ExchangeKind, KeyedBinding, RoutedKey } from './kind.ts';

export class DirectKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly perMessage = false;
  readonly choosesOne = false;
  private readonly byKey = new Map<string, B[]>();

  checkBinding(): void {}

  add(binding: B): void {
    const same = this.byKey.get(binding.dotted);
    if (same === undefined) this.byKey.set(binding.dotted, [binding]);
    else same.push(binding);
  }

  remove(binding: B): void {
    const rest = (this.byKey.get(binding.dotted) ?? []).filter((other) => other !== binding);
    if (rest.length === 0) this.byKey.delete(binding.dotted);
    else this.byKey.set(binding.dotted, rest);
  }

  match(key: string, _p: Properties | undefined, visit: (binding: B) => void): void {
    const found = this.byKey.get(key);
    if (found !== undefined) for (const binding of found) visit(binding);
  }

  concerns(binding: B, { key }: RoutedKey): boolean {
    return binding.dotted === key;
  }
}
