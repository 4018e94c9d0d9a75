/** `entrepot health`: asks a broker that runs on this machine, by its settings, how it is. For container engines and scripts. */
import * as http from 'node:http';
import * as https from 'node:https';
import { parseListen } from '../config/listen.ts';
import type { Config } from '../config/schema.ts';
import { BrokerError } from '../message/errors.ts';

const TIMEOUT_MS = 4_000;
/** What stands for every address of a machine, and which of them this machine answers on. */
const ANY: Readonly<Record<string, string>> = { '*': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** Its answer, in a word. @throws BrokerError it is not well, does not answer, or cannot be asked */
export async function askHealth(settings: Config): Promise<string> {
  const all = settings.listen.map((address) => parseListen(address)).filter(({ protocols }) => protocols[0] === 'http');
  const listener = all.find(({ secure }) => secure !== true) ?? all[0];
  if (listener === undefined)
    throw new BrokerError('invalid', 'the settings listen for no http, so health cannot be asked');
  if (listener.port === 0)
    throw new BrokerError('invalid', 'http listens on any free port (0), so health cannot be asked');
  const host = ANY[listener.host] ?? (listener.host.includes(':') ? `[${listener.host}]` : listener.host);
  const url = `${listener.secure === true ? 'https' : 'http'}://${host}:${listener.port}/healthz`;
  let answer: { status?: unknown; reason?: unknown };
  try {
    answer = JSON.parse(await ask(url)) as typeof answer;
  } catch (error) {
    const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
    throw new BrokerError('unavailable', `nothing that is well answers at ${url} (${cause})`);
  }
  if (answer.status !== 'ok')
    throw new BrokerError('unavailable', `${String(answer.status)}: ${String(answer.reason)}`);
  return 'ok';
}

function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // It is asked under an address, which its certificate need not name, and is told nothing.
    const options = { timeout: TIMEOUT_MS, rejectUnauthorized: false, agent: false } as const;
    const request = (url.startsWith('https') ? https : http).get(url, options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'TimeoutError' })));
    request.on('error', reject);
  });
}
