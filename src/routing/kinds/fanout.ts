/** `fanout`: a message goes through every binding. */
import type { Properties } from '../../message/properties.ts';
import type { ExchangeKind, KeyedBinding } from './kind.ts';

export class FanoutKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly perMessage = false;
  readonly choosesOne = false;
  private readonly bindings = new Set<B>();

  checkBinding(): void {}

  add(binding: B): void {
    this.bindings.add(binding);
  }

  remove(binding: B): void {
    this.bindings.delete(binding);
  }

  match(_k: string, _p: Properties | undefined, visit: (binding: B) => void): void {
    for (const binding of this.bindings) visit(binding);
  }

  concerns(): boolean {
    return true;
  }
}
