/**
 * `x-modulus-hash`: each message goes through one binding, the one at (hash of the key) modulo (number of bindings). Binding
 * keys mean nothing. Equal keys go to the same place for as long as the bindings stay as they are.
 */
import type { Properties } from '../../message/properties.ts';
import { hashText } from './hash.ts';
import type { ExchangeKind, KeyedBinding } from './kind.ts';

export class ModulusHashKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly perMessage = false;
  readonly choosesOne = true;
  /** By destination: the order they were made in may be another one after a restart. */
  private readonly bindings: B[] = [];

  checkBinding(): void {}

  add(binding: B): void {
    const name = orderOf(binding);
    let at = this.bindings.length;
    while (at > 0 && orderOf(this.bindings[at - 1]!) > name) at--;
    this.bindings.splice(at, 0, binding);
  }

  remove(binding: B): void {
    const at = this.bindings.indexOf(binding);
    if (at >= 0) this.bindings.splice(at, 1);
  }

  match(key: string, _p: Properties | undefined, visit: (binding: B) => void): void {
    if (this.bindings.length > 0) visit(this.bindings[hashText(key) % this.bindings.length]!);
  }

  concerns(): boolean {
    return true;
  }
}

function orderOf(binding: KeyedBinding): string {
  return `${binding.destination}\0${binding.identity}`;
}
