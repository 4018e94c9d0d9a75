import { expect, it } from 'vitest';
import { widthOf } from '../../src/command/print/text.ts';
import { screen } from '../../src/command/screen.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createBroker } from '../../src/index.ts';

it('has room on a terminal of 80 columns', async () => {
  const { config } = loadConfig({}, {});
  const names = ['amqp', 'mqtt', 'stomp', 'redis', 'ws', 'http'];
  const broker = await createBroker({ listen: names.map((name) => `${name}://127.0.0.1:0`) });
  const shown = screen(broker.listeners, '/var/lib/entrepot', config, 0);
  await broker.close();
  expect(shown).toMatch(/^ {2}Access +from this machine: user guest, password guest$/m);
  for (const line of shown.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(80);
});
