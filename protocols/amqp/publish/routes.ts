/** The routes a connection has used lately, so that a publish to a known exchange and key makes no string. */

import { isUtf8 } from 'node:buffer';
import { AddressTable, DOT, type Route, type Session } from '../../../src/api/index.ts';
import { TextFault } from '../codec/fault.ts';

export class Routes {
  private readonly session: Session;
  private readonly known = new AddressTable<Route>();

  constructor(session: Session) {
    this.session = session;
  }

  /** The route of `buffer[exchangeStart, exchangeEnd)` and `buffer[keyStart, keyEnd)`. Throws as `Session.route` does. */
  find(buffer: Buffer, exchangeStart: number, exchangeEnd: number, keyStart: number, keyEnd: number): Route {
    const known = this.known.find(buffer, exchangeStart, exchangeEnd, keyStart, keyEnd);
    if (known?.valid) return known;
    if (!isUtf8(buffer.subarray(exchangeStart, exchangeEnd)) || !isUtf8(buffer.subarray(keyStart, keyEnd))) {
      throw new TextFault();
    }
    const exchange = buffer.utf8Slice(exchangeStart, exchangeEnd);
    const route = this.session.route(exchange, DOT, buffer, keyStart, keyEnd);
    this.known.set(buffer, exchangeStart, exchangeEnd, keyStart, keyEnd, route);
    return route;
  }

  /** The same address again, after `route` has become invalid. */
  renew(route: Route): Route {
    const key = route.keyBytes;
    return this.session.route(route.exchangeBytes.utf8Slice(), DOT, key, 0, key.length);
  }
}
