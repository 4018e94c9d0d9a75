/** Signing in and out, and what the page is served with. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, expect, test } from 'vitest';
import { CONSOLE_POLICY } from '../../../src/management/console.ts';
import { expectAccessible, inBrowser } from './harness.ts';

const REFUSED = [/status of 401/];
const IDLE_MS = 30 * 60_000;

const ISSUER = 'https://login.example.org/';
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const directory = mkdtempSync(join(tmpdir(), 'entrepot-console-'));
const keyFile = join(directory, 'key.pem');
writeFileSync(keyFile, keys.publicKey.export({ type: 'spki', format: 'pem' }));
const BACKENDS = JSON.stringify([
  'internal',
  { jwt: { issuer: ISSUER, audience: 'rabbitmq', keys: keyFile, algorithms: ['ES256'] } },
]);
afterAll(() => rmSync(directory, { recursive: true }));

inBrowser(
  'signing in',
  (desk) => {
    test('the page comes with a policy that runs nothing of anybody else’s', async () => {
      const response = await fetch(desk.url, { headers: { accept: 'text/html' } });
      const policy = response.headers.get('content-security-policy');
      expect(policy).toBe(CONSOLE_POLICY);
      expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
      expect(policy).toMatch(/default-src 'none'/);
    });

    test('a script that gets into the page is not run', async () => {
      const page = await desk.page({ as: false, allowed: [/Content Security Policy/, /nowhere/] });
      const ran = await page.evaluate<boolean>(`new Promise((resolve) => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran = true';
      document.head.append(script);
      const image = document.createElement('img');
      image.setAttribute('onerror', 'globalThis.ran = true');
      image.src = 'nowhere';
      image.addEventListener('error', () => resolve(globalThis.ran === true));
      document.body.append(image);
    })`);
      expect(ran).toBe(false);
    });

    test('a name and a password that are right open the overview', async () => {
      const page = await desk.page();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await expectAccessible(page);
    });

    test('a password that is wrong is said, and what was typed stays', async () => {
      const page = await desk.page({ as: false, allowed: REFUSED });
      await page.getByRole('textbox', { name: 'Name' }).fill('guest');
      await page.getByLabel('Password', { exact: true }).fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('The name or the password is wrong.').waitFor();
      expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('guest');
      await expectAccessible(page);
    });

    test('a token that nobody has given out is refused in words', async () => {
      const page = await desk.page({ as: false, allowed: REFUSED });
      await page.getByRole('button', { name: 'Token' }).click();
      await page.getByRole('textbox', { name: 'Token' }).fill('no token');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('The broker does not accept this token.').waitFor();
    });

    test('a token that a service has signed opens the console for whom it names', async () => {
      const token = await new SignJWT({ sub: 'clerk', scope: 'rabbitmq.tag:monitoring rabbitmq.read:*/*' })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(ISSUER)
        .setAudience('rabbitmq')
        .setExpirationTime('10 min')
        .sign(keys.privateKey);
      const page = await desk.page({ as: false });
      await page.getByRole('button', { name: 'Token' }).click();
      await page.getByRole('textbox', { name: 'Token' }).fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.getByTitle('monitoring').getByText('clerk').waitFor();
    });

    test('signing out forgets the login, also for who loads the page again', async () => {
      const page = await desk.page();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    });

    test('loading the page again asks for no login', async () => {
      const page = await desk.page();
      await page.reload();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    });

    test('half an hour in which nobody touches the page ends the login, in words', async () => {
      const page = await desk.page({ before: (one) => one.clock.install() });
      await page.clock.fastForward(IDLE_MS - 60_000);
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await page.clock.fastForward(2 * 60_000);
      await page.getByText('nothing was done here for half an hour').waitFor();
    });

    test('a login that the broker does not accept any more ends the session, in words', async () => {
      await desk.user('leaver', 'management');
      const page = await desk.page({ as: 'leaver', allowed: [/status of 40[13]/] });
      await desk.api('DELETE', '/api/users/leaver');
      await page.getByText('does not accept this login any more').waitFor();
    });

    test('a broker that restarts is asked again, and the page goes on', async () => {
      const page = await desk.page({ allowed: [/net::ERR_/] });
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await desk.broker.kill();
      const away = page.getByText('The broker does not answer');
      await away.first().waitFor();
      await desk.broker.restart();
      await expect.poll(() => away.count(), { timeout: 40_000 }).toBe(0);
    });
  },
  { environment: { ENTREPOT_AUTH_BACKENDS: BACKENDS } },
);
