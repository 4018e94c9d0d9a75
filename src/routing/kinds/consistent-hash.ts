/**
 * `x-consistent-hash`: each message goes to one destination, chosen by a hash of its key (or of a header or property), in
 * proportion to the destinations' weights, which are the bindings' keys. Equal keys go to the same place, also after a
 * restart; when a destination comes or goes, only what it takes or had moves.
 *
 * Chosen by the highest of `weight / -ln(u)`, where u is a number from 0 to 1 hashed from key and destination ("rendezvous"):
 * no ring to keep, the order of bindings does not matter, and weights cost nothing. It walks all destinations, once a key:
 * the route cache remembers. A destination that is bound twice counts with its older binding.
 */
import type { BindOptions } from '../../api/topology.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Headers, Properties } from '../../message/properties.ts';
import { textOf } from '../../message/text.ts';
import { valueToText } from '../../message/values.ts';
import { hashText, mix } from './hash.ts';
import type { ExchangeKind, KeyedBinding } from './kind.ts';

const HASHABLE = ['correlation_id', 'message_id', 'timestamp'];
const WEIGHT_MAX = 10_000;

interface Destination<B extends KeyedBinding> {
  readonly seed: number;
  /** Oldest first: the first one's weight counts. */
  readonly bindings: B[];
}

export class ConsistentHashKind<B extends KeyedBinding> implements ExchangeKind<B> {
  readonly choosesOne = true;
  readonly perMessage: boolean;
  private readonly header: string | undefined;
  private readonly property: string | undefined;
  private readonly destinations = new Map<string, Destination<B>>();

  constructor(args: Headers) {
    this.header = textArgument(args, 'hash-header');
    this.property = textArgument(args, 'hash-property');
    if (this.header !== undefined && this.property !== undefined) {
      throw new BrokerError('precondition-failed', 'hash-header and hash-property are mutually exclusive');
    }
    if (this.property !== undefined && !HASHABLE.includes(this.property)) {
      throw new BrokerError('precondition-failed', `Unsupported property: ${this.property}`);
    }
    this.perMessage = this.header !== undefined || this.property !== undefined;
  }

  checkBinding(key: string, _options: BindOptions): void {
    if (!/^[+-]?\d+$/.test(key)) {
      throw new BrokerError('precondition-failed', `The binding key must be an integer: <<"${key}">>`);
    }
    if (Number(key) < 1) throw new BrokerError('precondition-failed', 'The binding key must be greater than 0');
    if (Number(key) > WEIGHT_MAX) {
      throw new BrokerError('precondition-failed', `The binding key must not exceed ${WEIGHT_MAX}`);
    }
  }

  add(binding: B): void {
    const name = binding.destination;
    const known = this.destinations.get(name);
    if (known === undefined) this.destinations.set(name, { seed: hashText(name), bindings: [binding] });
    else known.bindings.push(binding);
  }

  remove(binding: B): void {
    const { destination } = binding;
    const bindings = this.destinations.get(destination)?.bindings;
    const at = bindings?.indexOf(binding) ?? -1;
    if (at < 0) return;
    bindings!.splice(at, 1);
    if (bindings!.length === 0) this.destinations.delete(destination);
  }

  match(key: string, properties: Properties | undefined, visit: (binding: B) => void): void {
    let hashed = key;
    if (this.perMessage) {
      if (properties === undefined) return;
      hashed = this.hashedOf(properties);
    }
    const hash = hashText(hashed);
    let best: B | undefined;
    let bestScore = -1;
    for (const { seed, bindings } of this.destinations.values()) {
      const first = bindings[0]!;
      const u = (mix(hash ^ seed) + 0.5) / 0x1_0000_0000;
      const score = Number(first.key) / -Math.log(u);
      if (score > bestScore) {
        bestScore = score;
        best = first;
      }
    }
    if (best !== undefined) visit(best);
  }

  /** A message without what is hashed is hashed as an empty one: all such go to the same place. */
  private hashedOf(properties: Properties): string {
    if (this.header !== undefined) {
      const found = properties.headers.find((header) => header.name === this.header);
      return found === undefined ? '' : valueToText(found.value);
    }
    switch (this.property) {
      case 'correlation_id': {
        const { correlationId = '' } = properties;
        return typeof correlationId === 'string' ? correlationId : textOf(correlationId);
      }
      case 'message_id':
        return properties.messageId ?? '';
      default:
        return properties.timestampS === undefined ? '' : String(properties.timestampS);
    }
  }

  concerns(): boolean {
    return true;
  }
}

function textArgument(args: Headers, name: string): string | undefined {
  const value = args.find((a) => a.name === name)?.value;
  return typeof value === 'string' ? value : undefined;
}
