/** `x-random`: each message goes through one binding, any of them. Keys mean nothing. */
import { randomInt } from 'node:crypto';
import type { Properties } from '../../message/properties.ts';
import { mix } from './hash.ts';
import type { ExchangeKind, KeyedBinding } from './kind.ts';

export class RandomKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly perMessage = true;
  readonly choosesOne = true;
  private readonly bindings: B[] = [];
  /** A count, mixed, is random enough to spread load, and costs no call to the system a message. */
  private count = randomInt(0x7fff_ffff);

  checkBinding(): void {}

  add(binding: B): void {
    this.bindings.push(binding);
  }

  remove(binding: B): void {
    const at = this.bindings.indexOf(binding);
    if (at >= 0) this.bindings.splice(at, 1);
  }

  match(_k: string, properties: Properties | undefined, visit: (binding: B) => void): void {
    if (properties === undefined || this.bindings.length === 0) return;
    this.count = (this.count + 1) | 0;
    visit(this.bindings[mix(this.count) % this.bindings.length]!);
  }

  concerns(): boolean {
    return true;
  }
}
