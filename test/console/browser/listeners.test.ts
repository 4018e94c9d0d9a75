/** Where clients come in, and how long the certificates there are good. */
import { expect, test } from 'vitest';
import { Authority, OPENSSL } from '../../support/certificates.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { expectAccessible, inBrowser } from './harness.ts';

const directory = temporaryDirectory();
const issued =
  OPENSSL === undefined
    ? undefined
    : new Authority(directory.path, 'an authority').issue('broker', { dns: ['<b>broker</b>'], days: 4 });

inBrowser(
  'the listeners',
  (desk) => {
    test.skipIf(issued === undefined)('are shown with certificates, a warning in words where one expires', async () => {
      const page = await desk.page({ at: 'listeners', viewport: { width: 390, height: 800 }, colorScheme: 'dark' });
      await page.getByText('3 days left').waitFor();
      await page.getByText('Put a new one in the place of its file').waitFor();
      await page.getByText('DNS:<b>broker</b>').waitFor();
      await page.getByRole('cell', { name: `127.0.0.1:${desk.broker.amqpPort}`, exact: true }).waitFor();
      await expectAccessible(page);
      await page.goto(`${desk.url}#/overview`);
      await page.getByText(/expires in 3 days/).waitFor();
      await page.getByRole('link', { name: 'All certificates' }).click();
      await page.getByRole('heading', { name: 'Listeners' }).waitFor();
      await expect.poll(() => page.getByRole('cell', { name: 'yes' }).count()).toBe(1);
    });
  },
  issued === undefined ? {} : { listen: [`mqtts://127.0.0.1:0?certificate=${issued.certificate}&key=${issued.key}`] },
);
