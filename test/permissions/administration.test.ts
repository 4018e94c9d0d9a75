/** Who may administer users, where back ends say who somebody is. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RawClient } from '../../conformance/mqtt/raw-client.ts';
import { codeOf } from '../../conformance/mqtt/received.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { type AuthService, startAuthService } from '../auth/backends/harness.ts';
import { CONTROL } from '../protocols/mqtt/control/harness.ts';

let service: AuthService;
let running: RunningBroker;

beforeEach(async () => {
  service = await startAuthService();
  running = await createBroker({
    listen: 'mqtt://127.0.0.1:0',
    users: { boss: { password: 'p', tags: ['administrator'], permissions: { '/': ALL } } },
    auth: { backends: ['internal', service.backend()] },
  });
});

afterEach(async () => {
  await running.close();
  await service.close();
});

const ALL = { configure: '.*', write: '.*', read: '.*' };

async function commanded(username: string, password: string): Promise<number> {
  const client = await RawClient.open(running.port('mqtt'), 5);
  await client.connected({ username, password });
  const code = codeOf((await client.publish(CONTROL, '{"commands":[]}', { qos: 1 }))!);
  await client.leave();
  return code;
}

it('a back end that knows another of the name of an administrator makes no administrator of it', async () => {
  expect(await commanded('boss', 'p')).toBe(0);
  expect(await commanded('boss', 'of the back end')).toBe(0x87);
});

it('a back end says by a tag that its user is one', async () => {
  service.answer = ({ path }) => (path === 'user' ? 'allow administrator' : 'allow');
  expect(await commanded('theirs', 'x')).toBe(0);
  service.answer = ({ path }) => (path === 'user' ? 'allow monitoring' : 'allow');
  expect(await commanded('others', 'x')).toBe(0x87);
});
