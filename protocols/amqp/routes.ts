/**
 * The routes a connection has used lately, found by comparing bytes, so that a publish to a known exchange and key makes
 * no string. A direct-mapped table: one place for each hash, the newer route takes it. It begins small, and grows while a
 * connection's routes push each other out, up to `PLACES_MAX`: a publisher to ten thousand queues has them all at hand.
 */

import type { Route } from '../../src/api.ts';
import { DOT } from '../../src/message/message.ts';
import type { Session } from '../../src/session.ts';

const PLACES_MIN = 256; // powers of two
const PLACES_MAX = 32_768;

export class Routes {
  private readonly session: Session;
  private places: (Route | undefined)[] = [];
  private mask = PLACES_MIN - 1;
  /** Routes that were pushed out by others since the table last grew. */
  private displaced = 0;
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
    const hash = hashOf(buffer, keyStart, keyEnd, exchangeEnd - exchangeStart);
    const place = hash & this.mask;
    let route = this.places[place];
    if (
      !route?.valid ||
      !same(route.keyBytes, buffer, keyStart, keyEnd) ||
      !same(route.exchangeBytes, buffer, exchangeStart, exchangeEnd)
    ) {
      const exchange = buffer.utf8Slice(exchangeStart, exchangeEnd);
      const before = route;
      route = this.session.route(exchange, DOT, buffer, keyStart, keyEnd);
      this.places[place] = route;
      if (before?.valid === true && this.mask + 1 < PLACES_MAX && ++this.displaced > this.mask) this.grow();
    }
    this.last = route;
    return route;
  }

  private grow(): void {
    const before = this.places;
    this.mask = this.mask * 4 + 3;
    this.displaced = 0;
    this.places = [];
    for (const route of before) {
      if (route?.valid !== true) continue;
      this.places[hashOf(route.keyBytes, 0, route.keyBytes.length, route.exchangeBytes.length) & this.mask] = route;
    }
  }
}

/** Of a key and the length of its exchange's name: routes differ in their keys, mostly. */
function hashOf(bytes: Buffer, start: number, end: number, exchangeBytes: number): number {
  let hash = exchangeBytes;
  for (let i = start; i < end; i++) hash = (hash * 31 + bytes[i]!) | 0;
  return hash ^ (hash >>> 15);
}

function same(bytes: Buffer, buffer: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (bytes.length !== length) return false;
  // From the end: names that differ mostly do so there.
  for (let i = length - 1; i >= 0; i--) if (bytes[i] !== buffer[start + i]) return false;
  return true;
}
