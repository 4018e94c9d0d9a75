/** `entrepot health`: asks a broker that runs on this machine, by its settings, how it is. For container engines and scripts. */
import { parseListen } from '../config/listen.ts';
import type { Config } from '../config/schema.ts';
import { BrokerError } from '../message/errors.ts';

const TIMEOUT_MS = 4_000;
/** What stands for every address of a machine, and which of them this machine answers on. */
const ANY: Readonly<Record<string, string>> = { '*': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** Its answer, in a word. @throws BrokerError it is not well, does not answer, or cannot be asked */
export async function askHealth(settings: Config): Promise<string> {
  const http = settings.listen.map((address) => parseListen(address)).find(({ protocols }) => protocols[0] === 'http');
  if (http === undefined)
    throw new BrokerError('invalid', 'the settings listen for no http, so health cannot be asked');
  if (http.port === 0) throw new BrokerError('invalid', 'http listens on any free port (0), so health cannot be asked');
  const host = ANY[http.host] ?? (http.host.includes(':') ? `[${http.host}]` : http.host);
  const url = `http://${host}:${http.port}/healthz`;
  let answer: { status?: unknown; reason?: unknown };
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    answer = (await response.json()) as typeof answer;
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name;
    throw new BrokerError('unavailable', `nothing that is well answers at ${url} (${cause})`);
  }
  if (answer.status !== 'ok')
    throw new BrokerError('unavailable', `${String(answer.status)}: ${String(answer.reason)}`);
  return 'ok';
}
