/**
 * Where the settings listen, and where the broker that runs does:
 *
 *     none runs              ─▶ each address of the settings is free, or somebody else has it
 *     one runs               ─▶ its own listeners, and how they differ from what somebody has set
 *     it cannot be asked     ─▶ what has been set is free or taken; by whom cannot be told
 */
import { formatListen, type ListenAddress, listenName } from '../../config/listen.ts';
import { listenerShapes } from '../../management/rabbitmq/shapes/listeners.ts';
import { BrokerError } from '../../message/errors.ts';
import { isLoopback } from '../../transport/address.ts';
import { Listener } from '../../transport/listener.ts';
import { tcpServer } from '../../transport/tcp.ts';
import { openPorts } from '../print/listeners.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import type { Running, Said } from './running.ts';

/** @param set whether somebody has said where to listen; else it is the default, and a broker that runs was told otherwise */
export async function* ports(
  addresses: readonly ListenAddress[],
  set: boolean,
  running: Running | undefined,
): AsyncGenerator<Finding> {
  const said = running?.said;
  if (running !== undefined && said === undefined) {
    if (!set) yield ok('ports', 'where the broker that runs listens cannot be told');
    for (const address of set ? addresses : []) {
      const taken = await takenBy(address);
      const text = taken === undefined ? 'it is free' : 'it is taken, by the broker that runs or by another program';
      yield ok(aboutOf(address), text);
    }
    return;
  }
  const open = openPorts(said?.listeners ?? []);
  if (said !== undefined && !set) {
    for (const { port, name, hosts } of open) yield ok(`port ${port}`, `the broker listens there: ${name} on ${hosts}`);
    return;
  }
  for (const address of addresses) yield await port(address, said);
  const named = new Set(addresses.map((address) => address.port));
  if (named.has(0)) return;
  for (const { port, name, hosts } of open) {
    if (named.has(port)) continue;
    yield warning(`port ${port}`, `the broker that runs listens there, ${name} on ${hosts}, and these settings do not`);
  }
}

async function port(address: ListenAddress, said: Said | undefined): Promise<Finding> {
  const about = aboutOf(address);
  if (said !== undefined && listens(said, address)) return ok(about, 'the broker that runs listens there');
  const taken = await takenBy(address);
  if (said === undefined) return taken === undefined ? ok(about, 'it is free') : wrong(about, taken);
  const apart = 'the broker that runs does not listen there: it was started with other settings';
  return taken === undefined ? warning(about, apart) : wrong(about, `${apart}; and ${taken}`);
}

/** Whether what these settings ask for is there: at that port, as they say, with those protocols. */
function listens({ listeners }: Said, address: ListenAddress): boolean {
  const at = listeners.filter(({ port, ip_address }) => port === address.port && covers(address.host, ip_address));
  const names = listenName(address).split('+');
  const wanted = listenerShapes([{ protocols: names, addresses: [{ address: '', port: address.port }] }]);
  return wanted.every(({ protocol }) => at.some((one) => one.protocol === protocol));
}

function covers(host: string, ip: string): boolean {
  if (host === 'localhost') return isLoopback(ip);
  if (host === '*') return ip === '::' || ip === '0.0.0.0';
  // A name has whatever address it has.
  return host === ip || !/^[\d.]+$|:/.test(host);
}

function aboutOf({ protocols, host, port, secure }: ListenAddress): string {
  return formatListen({ protocols, host, port, secure });
}

/** Undefined: it could be listened on. Else why not. */
async function takenBy({ host, port, protocols }: ListenAddress): Promise<string | undefined> {
  try {
    const createServer = () => tcpServer((socket) => socket.destroy());
    const listener = await Listener.open({ name: protocols.join('+'), host, port, createServer });
    await listener.stop();
    return undefined;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return error.message;
  }
}

/** Where other machines reach a port and there is nobody whom it could let in, a broker does not start. */
export function nobodyIsLetIn(address: ListenAddress): Finding {
  return wrong(
    'users',
    `other machines reach ${aboutOf(address)}, and there is no user: the broker will not start. Set one (users:), or listen on 127.0.0.1`,
  );
}
