/** The target of one message: the route of its address, or of all its addresses if it names more than one. */
import { DOT, type Route, type Session } from '../../../src/api/index.ts';
import type { Routes } from './routes.ts';

/** One for a channel, used for each message anew. */
export class PublishTarget {
  /** Set from basic.publish until the message is published. */
  route: Route | null = null;
  mandatory = false;
  /** All routing keys of a message that names more than one. */
  private keys: readonly string[] | null = null;
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  set(route: Route, mandatory: boolean): void {
    this.route = route;
    this.mandatory = mandatory;
  }

  /**
   * More routing keys for the same exchange.
   * @throws BrokerError as `Session.routeAll` does
   */
  addKeys(more: readonly string[]): void {
    const first = this.route!;
    this.keys = [first.keyBytes.utf8Slice(), ...more];
    this.route = this.routeAll(first, this.keys);
  }

  /**
   * The route, asked again if bindings have changed since.
   * @throws BrokerError as `Session.route` does
   */
  resolve(routes: Routes): Route {
    const route = this.route!;
    if (route.valid) return route;
    const { keys } = this;
    return keys === null ? routes.renew(route) : this.session.ofBegun(() => this.routeAll(route, keys));
  }

  clear(): void {
    this.keys = null;
  }

  private routeAll(route: Route, keys: readonly string[]): Route {
    return this.session.routeAll(route.exchangeBytes.utf8Slice(), DOT, keys);
  }
}
