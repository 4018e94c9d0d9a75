import { expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { managementApp } from '../../src/management/app.ts';
import type { Health } from '../../src/management/health.ts';
import { VERSION } from '../../src/version.ts';

it('is healthy, and says for how long', async () => {
  const clock = new ManualClock();
  const app = managementApp(clock, () => ({ status: 'ok' }));
  clock.advance(12_345);
  const response = await app.request('/healthz');
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toEqual({ status: 'ok', version: VERSION, uptimeS: 12 });
});

it.each<Health>([
  { status: 'stopping', reason: 'the broker is stopping' },
  { status: 'failed', reason: 'the log could not be written: no space left on device' },
])('is not healthy when $status, and says why', async (health) => {
  const response = await managementApp(new ManualClock(), () => health).request('/healthz');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject(health);
});

it('tells a person what it is, and that there is nothing else', async () => {
  const app = managementApp(new ManualClock(), () => ({ status: 'ok' }));
  expect(await (await app.request('/')).text()).toContain(`Entrepot ${VERSION}`);
  expect((await app.request('/api/queues')).status).toBe(404);
  expect((await app.request('/healthz', { method: 'POST' })).status).toBe(404);
});
