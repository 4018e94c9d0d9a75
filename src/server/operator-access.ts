/** The file that lets the owner of a data directory administer its broker: written once HTTP listens, removed when the broker stops. */
import { join } from 'node:path';
import type { ListenAddress } from '../config/listen.ts';
import { nodeFiles, writeFile } from '../log/files/files.ts';
import { formatTokenFile, type OperatorToken, TOKEN_FILE } from '../management/operator-token.ts';
import { BrokerError } from '../message/errors.ts';
import { formatEndpoint, isLoopback } from '../transport/address.ts';
import type { ListenerInfo } from './options.ts';

/** What stands for every address of a machine, and which of them this machine reaches on its loopback. */
const ANY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * Where this machine reaches HTTP on its loopback, without TLS rather than with it; undefined: nowhere. Behind a proxy nobody is known to be
 * on this machine.
 * @param listeners one for each of the addresses, in their order
 */
export function operatorUrl(
  addresses: readonly ListenAddress[],
  listeners: readonly ListenerInfo[],
): string | undefined {
  const urls = addresses.flatMap(({ protocols, secure, proxy }, index) => {
    if (protocols[0] !== 'http' || proxy !== undefined) return [];
    const reached = listeners[index]!.addresses.map(({ address, port }) => ({
      address: ANY[address] ?? address,
      port,
    })).find(({ address }) => isLoopback(address));
    return reached === undefined ? [] : [`${secure === true ? 'https' : 'http'}://${formatEndpoint(reached)}`];
  });
  return urls.find((url) => url.startsWith('http:')) ?? urls[0];
}

/** @throws BrokerError unavailable */
export async function writeTokenFile(directory: string, token: OperatorToken, url: string): Promise<void> {
  const path = join(directory, TOKEN_FILE);
  try {
    await removeTokenFile(directory);
    // Made anew, or not at all: never through a link, nor into a file that somebody else has open.
    const file = await nodeFiles.open(path, 'create');
    try {
      await writeFile(file, Buffer.from(formatTokenFile({ token: token.text, url })), 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new BrokerError('unavailable', `${path} cannot be written: ${(error as Error).message}`);
  }
}

export async function removeTokenFile(directory: string): Promise<void> {
  try {
    await nodeFiles.remove(join(directory, TOKEN_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
