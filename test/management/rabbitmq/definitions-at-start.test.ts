/** Definitions that the configuration names, taken over at every start. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBroker } from '../../../src/index.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';

const QUEUE = { name: 'q', vhost: 'v', durable: true, auto_delete: false, arguments: {} };
const GIVEN = { vhosts: [{ name: 'v' }], queues: [QUEUE] };
const start = (definitions: string, data: string | null = null) =>
  createBroker({ definitions, data, listen: ['amqp://127.0.0.1:0'] });

describe('definitions of the configuration', () => {
  it('are there when the broker is ready, and again at the next start', async () => {
    await withTemporaryDirectory(async (directory) => {
      const file = join(directory, 'definitions.json');
      writeFileSync(file, JSON.stringify(GIVEN));
      for (let i = 0; i < 2; i++) {
        const running = await start(file, join(directory, 'data'));
        expect(running.operator.queues.find('v', 'q')).toBeDefined();
        await running.close();
      }
    });
  });

  it.each([
    ['{', 'this is no JSON object'],
    [JSON.stringify({ queues: [QUEUE] }), 'queues \'q\' in vhost \'v\': ["no_such_vhost","v"]'],
  ])('that are wrong (%s) stop the start with what is wrong', async (text, why) => {
    await withTemporaryDirectory(async (directory) => {
      const file = join(directory, 'definitions.json');
      writeFileSync(file, text);
      await expect(start(file)).rejects.toThrow(`definitions of ${file}: ${why}`);
      await expect(start(join(directory, 'none'))).rejects.toThrow('there is no such file');
    });
  });
});
