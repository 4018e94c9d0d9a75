/**
 * The routes a connection has used lately, found by comparing bytes, so that a publish to a known exchange and key makes
 * no string. A direct-mapped table: one place for each hash, the newer route takes it.
 */

import type { Route } from '../../src/api.ts';
import { DOT } from '../../src/message/message.ts';
import type { Session } from '../../src/session.ts';

const PLACES = 256; // power of two

export class Routes {
  private readonly session: Session;
  private readonly places: (Route | undefined)[] = [];
  private last: Route | undefined = undefined;

  constructor(session: Session) {
    this.session = session;
  }

  /** The route of `buffer[exchangeStart, exchangeEnd)` and `buffer[keyStart, keyEnd)`. Throws as `Session.route` does. */
  find(buffer: Buffer, exchangeStart: number, exchangeEnd: number, keyStart: number, keyEnd: number): Route {
    const last = this.last;
    if (
      last?.valid &&
      same(last.keyBytes, buffer, keyStart, keyEnd) &&
      same(last.exchangeBytes, buffer, exchangeStart, exchangeEnd)
    ) {
      return last;
    }
    return this.findOther(buffer, exchangeStart, exchangeEnd, keyStart, keyEnd);
  }

  /** The same address again, after `route` has become invalid. */
  renew(route: Route): Route {
    const key = route.keyBytes;
    return this.session.route(route.exchangeBytes.utf8Slice(), DOT, key, 0, key.length);
  }

  private findOther(
    buffer: Buffer,
    exchangeStart: number,
    exchangeEnd: number,
    keyStart: number,
    keyEnd: number,
  ): Route {
    let hash = exchangeEnd - exchangeStart;
    for (let i = keyStart; i < keyEnd; i++) hash = (hash * 31 + buffer[i]!) | 0;
    const place = (hash ^ (hash >>> 11)) & (PLACES - 1);
    let route = this.places[place];
    if (
      !route?.valid ||
      !same(route.keyBytes, buffer, keyStart, keyEnd) ||
      !same(route.exchangeBytes, buffer, exchangeStart, exchangeEnd)
    ) {
      const exchange = buffer.utf8Slice(exchangeStart, exchangeEnd);
      route = this.session.route(exchange, DOT, buffer, keyStart, keyEnd);
      this.places[place] = route;
    }
    this.last = route;
    return route;
  }
}

function same(bytes: Buffer, buffer: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (bytes.length !== length) return false;
  // From the end: names that differ mostly do so there.
  for (let i = length - 1; i >= 0; i--) if (bytes[i] !== buffer[start + i]) return false;
  return true;
}
