/**
 * `headers`: a binding's arguments say which headers a message must have; the key means nothing.
 *
 * `x-match` all (default) or any leave out arguments that begin with `x-`; all-with-x and any-with-x look at them too. A void
 * argument asks only that the header is there. With all, no arguments match every message; with any, none.
 */
import type { BindOptions } from '../../api.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Headers, Properties, Value } from '../../message/properties.ts';
import { typeName, valuesEqual, valueToText } from '../../message/values.ts';
import type { Binding, RouteTarget } from '../binding.ts';
import type { ExchangeKind } from './kind.ts';

const HOW = new Set(['all', 'any', 'all-with-x', 'any-with-x']);

export class HeadersKind<Q extends RouteTarget> implements ExchangeKind<Q> {
  readonly perMessage = true;
  readonly choosesOne = false;
  private readonly bindings = new Set<Binding<Q>>();

  checkBinding(_key: string, options: BindOptions): void {
    const how = options.arguments.find((a) => a.name === 'x-match');
    if (how === undefined) return;
    const expected = 'expected all, any, all-with-x, or any-with-x';
    if (typeof how.value !== 'string') {
      throw new BrokerError(
        'precondition-failed',
        `Invalid x-match field type ${typeName(how.value)} (value ${valueToText(how.value)}); expected longstr`,
      );
    }
    if (HOW.has(how.value)) return;
    throw new BrokerError('precondition-failed', `Invalid x-match field value <<"${how.value}">>; ${expected}`);
  }

  add(binding: Binding<Q>): void {
    this.bindings.add(binding);
  }

  remove(binding: Binding<Q>): void {
    this.bindings.delete(binding);
  }

  match(_k: string, properties: Properties | undefined, visit: (binding: Binding<Q>) => void): void {
    if (properties === undefined) return;
    for (const binding of this.bindings) if (matchesHeaders(binding.arguments, properties.headers)) visit(binding);
  }

  concerns(): boolean {
    return true;
  }
}

export function matchesHeaders(wanted: Headers, headers: Headers): boolean {
  const how = wanted.find((a) => a.name === 'x-match')?.value ?? 'all';
  const any = how === 'any' || how === 'any-with-x';
  const withX = how === 'all-with-x' || how === 'any-with-x';
  const considered = wanted.filter((a) => a.name !== 'x-match' && (withX || !a.name.startsWith('x-')));
  const has = (name: string, value: Value): boolean =>
    headers.some((h) => h.name === name && (value === null || valuesEqual(h.value, value)));
  if (any) return considered.some((a) => has(a.name, a.value));
  return considered.every((a) => has(a.name, a.value));
}
