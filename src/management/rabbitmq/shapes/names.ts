/** Names of connections and channels, as RabbitMQ makes them: of both ends of a stream. */
import type { Endpoint } from '../../../api/endpoint.ts';
import type { ConnectionView } from '../../../operator/connections.ts';

/** `127.0.0.1:57384 -> 127.0.0.1:5672` */
export function connectionName({ remote, local }: ConnectionView): string {
  return `${end(remote)} -> ${end(local)}`;
}

export function channelName(connection: ConnectionView, number: number): string {
  return `${connectionName(connection)} (${number})`;
}

/** Undefined: no connection is called so. */
export function endsOf(name: string): { readonly remote: Endpoint; readonly local: Endpoint } | undefined {
  const [from, to, ...more] = name.split(' -> ');
  const remote = endOf(from);
  const local = endOf(to);
  return remote === undefined || local === undefined || more.length > 0 ? undefined : { remote, local };
}

/** Undefined: no channel is called so. */
export function channelOf(name: string): { readonly connection: string; readonly number: number } | undefined {
  const match = /^(.*) \((\d{1,5})\)$/s.exec(name);
  return match === null ? undefined : { connection: match[1]!, number: Number(match[2]) };
}

function end({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function endOf(text = ''): Endpoint | undefined {
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(text);
  return match === null ? undefined : { address: match[1]!, port: Number(match[2]) };
}
