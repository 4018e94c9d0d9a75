/** `fanout`: a message goes through every binding. */
import type { Properties } from '../../message/properties.ts';
import type { Binding, RouteTarget } from '../binding.ts';
import type { ExchangeKind } from './kind.ts';

export class FanoutKind<Q extends RouteTarget> implements ExchangeKind<Q> {
  readonly perMessage = false;
  readonly choosesOne = false;
  private readonly bindings = new Set<Binding<Q>>();

  checkBinding(): void {}

  add(binding: Binding<Q>): void {
    this.bindings.add(binding);
  }

  remove(binding: Binding<Q>): void {
    this.bindings.delete(binding);
  }

  match(_k: string, _p: Properties | undefined, visit: (binding: Binding<Q>) => void): void {
    for (const binding of this.bindings) visit(binding);
  }

  concerns(): boolean {
    return true;
  }
}
