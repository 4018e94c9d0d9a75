/**
 * An exchange: it has bindings, and its kind (`kinds/`) says which of them a message goes through. What none takes may go on
 * to an alternate exchange.
 */
import type { ExchangeOptions, ExchangeType } from '../api/topology.ts';
import type { DeduplicationWindow } from '../deduplication/window.ts';
import type { Headers } from '../message/properties.ts';
import type { Binding, ExchangeRef, RouteTarget } from './binding.ts';
import { makeKind } from './kinds/exchange-types.ts';
import type { ExchangeKind } from './kinds/kind.ts';

export class Exchange<Q extends RouteTarget> implements ExchangeRef<Q> {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Headers;
  readonly kind: ExchangeKind<Binding<Q>>;
  /**
   * Where a message goes that nothing here takes: null for nowhere, '' for the default exchange. A policy may change it;
   * the router must be told then.
   */
  alternate: string | null;
  /** What it has let through before; null: it lets everything through. The router must be told when it comes or goes. */
  window: DeduplicationWindow | null = null;
  /** Bindings by identity, in the order they were made. */
  readonly bindings = new Map<string, Binding<Q>>();
  /** Bindings that lead to this exchange. */
  readonly incoming = new Set<Binding<Q>>();
  /** Its bindings may be there for a while yet. */
  deleted = false;
  /** Messages published to it, and copies of them that queues took; since it was made. */
  publishedIn = 0;
  publishedOut = 0;

  /** @throws BrokerError invalid for an unknown type, precondition-failed for arguments that the type cannot have */
  constructor(name: string, type: string, options: ExchangeOptions) {
    this.name = name;
    this.kind = makeKind(type, options.arguments);
    this.type = type as ExchangeType;
    this.durable = options.durable;
    this.autoDelete = options.autoDelete;
    this.internal = options.internal;
    this.arguments = options.arguments;
    this.alternate = this.declaredAlternate;
  }

  /** The one that its arguments name, whatever policies say. */
  get declaredAlternate(): string | null {
    const alternate = this.arguments.find((a) => a.name === 'alternate-exchange')?.value;
    return typeof alternate === 'string' ? alternate : null;
  }

  add(binding: Binding<Q>): void {
    this.bindings.set(binding.identity, binding);
    this.kind.add(binding);
  }

  remove(binding: Binding<Q>): void {
    if (this.bindings.delete(binding.identity)) this.kind.remove(binding);
  }
}
