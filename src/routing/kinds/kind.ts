/**
 * The kind of an exchange answers the one question in which types of exchange differ: which of its bindings a message goes through. A kind keeps its
 * bindings in the form that answers this fastest; the exchange has them all.
 */
import type { BindOptions } from '../../api/topology.ts';
import type { Headers, Properties } from '../../message/properties.ts';

/** A key that a cached route was made for. */
export interface RoutedKey {
  readonly key: string;
  readonly levels: readonly string[];
}

/** A binding, as far as it decides which messages go through it. */
export interface KeyedBinding {
  /** As it was asked for. */
  readonly key: string;
  /** As it is compared with keys. */
  readonly dotted: string;
  readonly levels: readonly string[];
  readonly arguments: Headers;
  readonly hideReserved: boolean;
  /** Tells it from every other binding of its exchange. */
  readonly identity: string;
  /** Where it leads, as a name that is the same after a restart. */
  readonly destination: string;
}

export interface ExchangeKind<B extends KeyedBinding> {
  /** Something else than the key decides: each message is resolved on its own. */
  readonly perMessage: boolean;
  /** It sends a message to one destination, so only the first of several keys is looked at. */
  readonly choosesOne: boolean;
  /** Refuses a binding that means nothing here. @throws BrokerError precondition-failed */
  checkBinding(key: string, options: BindOptions): void;
  add(binding: B): void;
  remove(binding: B): void;
  /**
   * Visits the bindings that a message goes through. A binding may be visited again for another key.
   * @param key dotted
   * @param properties undefined while it is only asked where a key leads; then a kind that is `perMessage` visits nothing
   */
  match(key: string, properties: Properties | undefined, visit: (binding: B) => void): void;
  /** Whether a message with this key (dotted) may go elsewhere because this binding came or went. */
  concerns(binding: B, address: RoutedKey): boolean;
}
