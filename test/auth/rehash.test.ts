/** A hash that is somebody else's is made anew as ours at a login, once. */
import { expect, it, vi } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { until } from '../support/until.ts';

const hashed = vi.hoisted(() => ({ count: 0 }));
vi.mock(import('../../src/auth/passwords.ts'), async (original) => {
  const passwords = await original();
  return {
    ...passwords,
    hashPassword: (password) => {
      hashed.count++;
      return passwords.hashPassword(password);
    },
  };
});

/** RabbitMQ's, of `test12`. */
const SHA256 = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';

it('however many clients of its user come at once', async () => {
  const broker = await Broker.start({ dataDirectory: null, dialects: [] });
  try {
    await broker.users.put('fleet', { passwordHash: SHA256 });
    const login = (): Promise<boolean> =>
      new Promise((resolve) => {
        const credentials = { client: 'test 10.0.0.1:1', loopback: false, user: 'fleet', vhost: undefined };
        broker.authenticate({ ...credentials, password: Buffer.from('test12') }, (result) =>
          resolve(!('refused' in result)),
        );
      });
    expect(new Set(await Promise.all(Array.from({ length: 60 }, login)))).toEqual(new Set([true]));
    await until(() => broker.users.passwordHash('fleet').passwordHash !== SHA256, 'the new hash');
    expect(hashed.count).toBe(1);
  } finally {
    await broker.close();
  }
});
