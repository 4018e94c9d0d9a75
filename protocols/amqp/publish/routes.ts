/** The routes of one connection's publishes: those used lately are found by their bytes, others are asked of the session. */
import { isUtf8 } from 'node:buffer';
import { DOT, type Route, RouteMemo, type Session } from '../../../src/api/index.ts';
import { TextFault } from '../codec/faults.ts';
import { commandAt } from '../deliver/delivery-commands.ts';

export class Routes {
  private readonly session: Session;
  private readonly memo = new RouteMemo<Route>();

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * The route of `buffer[exchangeStart, exchangeEnd)` and `buffer[keyStart, keyEnd)`.
   * @throws TextFault if they are not UTF-8; BrokerError as `Session.route` does
   */
  find(buffer: Buffer, exchangeStart: number, exchangeEnd: number, keyStart: number, keyEnd: number): Route {
    const known = this.memo.find(buffer, exchangeStart, exchangeEnd, keyStart, keyEnd);
    if (known?.valid) return known;
    if (!isUtf8(buffer.subarray(exchangeStart, exchangeEnd)) || !isUtf8(buffer.subarray(keyStart, keyEnd))) {
      throw new TextFault();
    }
    const exchange = buffer.utf8Slice(exchangeStart, exchangeEnd);
    const route =
      commandAt(exchange, buffer, keyStart, keyEnd) ?? this.session.route(exchange, DOT, buffer, keyStart, keyEnd);
    this.memo.set(route.bytes, route.start, route.keyStart, route.keyStart, route.end, route);
    return route;
  }

  /** The same address again, after `route` has become invalid while its message came. Throws as `Session.route` does, but for AccessPending. */
  renew(route: Route): Route {
    const key = route.keyBytes;
    return this.session.ofBegun(() => this.session.route(route.exchangeBytes.utf8Slice(), DOT, key, 0, key.length));
  }
}
