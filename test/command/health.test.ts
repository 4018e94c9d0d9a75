/** Which of a broker's listeners `entrepot health` asks. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { askHealth } from '../../src/command/health.ts';
import type { Config } from '../../src/config/schema.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Something that says of itself that it is well. Returns its port. */
async function well(): Promise<number> {
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ status: request.url === '/healthz' ? 'ok' : 'wrong', reason: request.url }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const ask = (...listen: string[]): Promise<string> => askHealth({ listen } as unknown as Config);

it('asks the listener without TLS where there is one, whatever stands before it', async () => {
  const port = await well();
  expect(await ask('amqp://127.0.0.1:1', 'https://127.0.0.1:1', `http://127.0.0.1:${port}`)).toBe('ok');
});

it('asks the one with TLS where that is all', async () => {
  await expect(ask('amqp://127.0.0.1:1', 'https://127.0.0.1:1')).rejects.toThrow('https://127.0.0.1:1/healthz');
});

it('says in words where there is none', async () => {
  await expect(ask('amqp://127.0.0.1:1')).rejects.toThrow('the settings listen for no http');
});
