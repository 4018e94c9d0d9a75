/** `direct`: a message goes through the bindings that have its key. */
import type { Properties } from '../../message/properties.ts';
import type { Binding, RouteTarget } from '../binding.ts';
import type { ExchangeKind, RoutedKey } from './kind.ts';

export class DirectKind<Q extends RouteTarget> implements ExchangeKind<Q> {
  readonly perMessage = false;
  readonly choosesOne = false;
  private readonly byKey = new Map<string, Binding<Q>[]>();

  checkBinding(): void {}

  add(binding: Binding<Q>): void {
    const same = this.byKey.get(binding.dotted);
    if (same === undefined) this.byKey.set(binding.dotted, [binding]);
    else same.push(binding);
  }

  remove(binding: Binding<Q>): void {
    const rest = (this.byKey.get(binding.dotted) ?? []).filter((other) => other !== binding);
    if (rest.length === 0) this.byKey.delete(binding.dotted);
    else this.byKey.set(binding.dotted, rest);
  }

  match(key: string, _p: Properties | undefined, visit: (binding: Binding<Q>) => void): void {
    const found = this.byKey.get(key);
    if (found !== undefined) for (const binding of found) visit(binding);
  }

  concerns(binding: Binding<Q>, { key }: RoutedKey): boolean {
    return binding.dotted === key;
  }
}
