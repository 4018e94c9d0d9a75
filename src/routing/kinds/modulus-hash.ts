/**
 * `x-modulus-hash`: each message goes through one binding, the one at (hash of the key) modulo (number of bindings). Binding
 * keys mean nothing. Equal keys go to the same place for as long as the bindings stay as they are.
 */
import type { Properties } from '../../message/properties.ts';
import type { Binding, RouteTarget } from '../binding.ts';
import { hashText } from './hash.ts';
import type { ExchangeKind } from './kind.ts';

export class ModulusHashKind<Q extends RouteTarget> implements ExchangeKind<Q> {
  readonly perMessage = false;
  readonly choosesOne = true;
  /** By destination: the order they were made in may be another one after a restart. */
  private readonly bindings: Binding<Q>[] = [];

  checkBinding(): void {}

  add(binding: Binding<Q>): void {
    const name = orderOf(binding);
    let at = this.bindings.length;
    while (at > 0 && orderOf(this.bindings[at - 1]!) > name) at--;
    this.bindings.splice(at, 0, binding);
  }

  remove(binding: Binding<Q>): void {
    const at = this.bindings.indexOf(binding);
    if (at >= 0) this.bindings.splice(at, 1);
  }

  match(key: string, _p: Properties | undefined, visit: (binding: Binding<Q>) => void): void {
    if (this.bindings.length > 0) visit(this.bindings[hashText(key) % this.bindings.length]!);
  }

  concerns(): boolean {
    return true;
  }
}

function orderOf<Q extends RouteTarget>(binding: Binding<Q>): string {
  return `${binding.destination}\0${binding.identity}`;
}
