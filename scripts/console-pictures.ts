/**
 * `node scripts/console-pictures.ts [--out DIR] [--seconds S]`: pictures of the console, of a shop and a plant at work
 * (`console-pictures/demo.ts`).
 *
 * Without --out the few small ones that README and docs/console.md show are made anew (`docs/images/`). With it a directory gets every
 * page, light and dark, as on a desk and on a telephone, to be looked at. The demo works for --seconds before that (150), so that there
 * is something to see. It needs chromium: Debian's, or what `ENTREPOT_CHROMIUM` names.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { startEntrepot } from '../conformance/peers/entrepot.ts';
import { ADMINISTRATOR, Demo, PASSWORD } from './console-pictures/demo.ts';
import { type Picture, PLACES } from './console-pictures/places.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    seconds: { type: 'string', default: '150' },
    only: { type: 'string', default: '' },
  },
});
const IMAGES = fileURLToPath(new URL('../docs/images', import.meta.url));
const IMAGE_MAX_BYTES = 60 * 1024;
const DESK = { width: 1280, height: 800 };
const TELEPHONE = { width: 390, height: 800 };
/** The figures and charts come. */
const DRAWN_MS = 2_500;

const executablePath = [process.env['ENTREPOT_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== undefined && existsSync(path),
);
if (executablePath === undefined) throw new Error('there is no chromium; ENTREPOT_CHROMIUM may name one');
spawnSync(process.execPath, [fileURLToPath(new URL('ensure-console.mjs', import.meta.url))], { stdio: 'inherit' });
const peer = await startEntrepot({ readyTimeoutMs: 60_000 });
const demo = new Demo(peer);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  await demo.start();
  await after(Number(values.seconds) * 1_000);
  if (values.out === undefined) await forDocs();
  else await all(values.out);
} finally {
  await browser.close();
  await demo.stop();
  await peer.stop();
}

async function signedIn(of: Browser, colorScheme: 'light' | 'dark', viewport: typeof DESK): Promise<Page> {
  const page = await of.newPage({ colorScheme, viewport });
  page.setDefaultTimeout(15_000);
  await page.goto(`http://127.0.0.1:${peer.httpPort}/`);
  await page.getByRole('textbox', { name: 'Name' }).fill(ADMINISTRATOR);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return page;
}

async function show(page: Page, { at, act }: Picture): Promise<void> {
  await page.goto(`http://127.0.0.1:${peer.httpPort}/#/${at}`);
  await page.locator('h1').first().waitFor();
  await act?.(page);
  await page.mouse.move(0, 0);
  await after(DRAWN_MS);
}

async function all(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const forms = [
    ['light', DESK, 'desk'],
    ['dark', DESK, 'desk'],
    ['light', TELEPHONE, 'telephone'],
    ['dark', TELEPHONE, 'telephone'],
  ] as const;
  await Promise.all(
    forms.map(async ([scheme, viewport, form]) => {
      const page = await signedIn(browser, scheme, viewport);
      for (const picture of PLACES) {
        if (!picture.name.includes(values.only)) continue;
        try {
          await show(page, picture);
          const path = join(directory, `${picture.name}-${form}-${scheme}.png`);
          await page.screenshot({ path, fullPage: picture.whole !== false });
        } catch (thrown) {
          console.log(`${picture.name} ${form} ${scheme}: ${(thrown as Error).message}`);
        }
        await page.keyboard.press('Escape');
      }
    }),
  );
}

async function forDocs(): Promise<void> {
  mkdirSync(IMAGES, { recursive: true });
  for (const picture of PLACES) {
    if (picture.docs === undefined) continue;
    const { scheme, form } = picture.docs;
    const page = await signedIn(browser, scheme, form === 'desk' ? DESK : TELEPHONE);
    await show(page, picture);
    const image = await webp(await page.screenshot());
    const path = join(IMAGES, `console-${picture.name}.webp`);
    writeFileSync(path, image);
    console.log(`${path}: ${image.length} bytes`);
    await page.close();
  }
}

/** As well as it may look in so many bytes. The browser encodes it. */
async function webp(png: Buffer): Promise<Buffer> {
  const page = await browser.newPage();
  try {
    const url = `data:image/png;base64,${png.toString('base64')}`;
    for (const quality of [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]) {
      const encoded = await page.evaluate(
        async ([from, quality]) => {
          const image = new Image();
          image.src = from;
          await image.decode();
          const canvas = document.createElement('canvas');
          canvas.width = image.naturalWidth;
          canvas.height = image.naturalHeight;
          canvas.getContext('2d')!.drawImage(image, 0, 0);
          return canvas.toDataURL('image/webp', quality);
        },
        [url, quality] as const,
      );
      const bytes = Buffer.from(encoded.split(',')[1]!, 'base64');
      if (bytes.length <= IMAGE_MAX_BYTES) return bytes;
    }
  } finally {
    await page.close();
  }
  throw new Error(`a picture takes more than ${IMAGE_MAX_BYTES} bytes`);
}
