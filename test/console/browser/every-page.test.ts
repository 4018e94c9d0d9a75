/** Every place of the console: readable for everybody, in both schemes and on a telephone; and what is stored appears as text. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';
import { ADMINISTRATOR, evil, hostileWorld, PASSWORD, PLACES, type Place, type World } from './places.ts';

const SHOWN_MS = 15_000;
const DESK = { colorScheme: 'light', viewport: { width: 1280, height: 900 } } as const;
const TELEPHONE = { colorScheme: 'dark', viewport: { width: 390, height: 800 } } as const;

test('the list of places has every page', async () => {
  // Not by its name: the pages themselves are for another compiler.
  const source = new URL('../../../console/src/pages.ts', import.meta.url).href;
  const { PAGES } = (await import(source)) as { PAGES: readonly { readonly word: string }[] };
  expect([...new Set(PLACES.map(({ word }) => word))].sort()).toEqual(PAGES.map(({ word }) => word).sort());
});

/** All that can be read: text, what is typed into fields, what lists offer. */
const readable = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const fields = [...document.querySelectorAll<HTMLInputElement>('input, textarea, select')];
    return [document.body.innerText, ...fields.map(({ value }) => value)].join('\n');
  });

/** Where the page can be moved sideways: what reaches over its edge, but for what is moved within its own room. */
const WIDER = (): string[] => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const over = [...document.querySelectorAll('body *')].filter(
    (one) => one.getBoundingClientRect().right > clientWidth,
  );
  return over.filter((one) => one.closest('.table-room, .graph') === null).map((one) => one.outerHTML.slice(0, 120));
};

inBrowser('every page', (desk) => {
  let world: World;
  beforeAll(async () => {
    world = await hostileWorld(desk);
  }, 60_000);
  afterAll(() => world.close());

  async function look(page: Page, { name, at, shows, act }: Place): Promise<void> {
    await page.goto(`${desk.url}#/${at}`);
    await page.locator('h1').first().waitFor();
    await act?.(page);
    for (const kind of shows) {
      if (kind.startsWith('live')) await world.breathe();
      await expect
        .poll(() => readable(page), { timeout: SHOWN_MS, message: `${kind} in ${name}` })
        .toContain(evil(kind));
    }
    await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.images.length), `images in ${name}`).toBe(0);
    await expect.poll(() => page.evaluate(WIDER), { message: `wider than the page: ${name}` }).toEqual([]);
    await expectAccessible(page);
    await page.keyboard.press('Escape');
  }

  test('hostile names and bodies are text, and nothing is hard to use, light on a desk and dark on a telephone', async () => {
    const all = async (options: typeof DESK | typeof TELEPHONE): Promise<void> => {
      const page = await desk.page({ ...options, as: ADMINISTRATOR, password: PASSWORD });
      page.on('dialog', (dialog) => {
        throw new Error(`run: ${dialog.message()}`);
      });
      for (const place of PLACES) await look(page, place);
    };
    await Promise.all([all(DESK), all(TELEPHONE)]);
  }, 180_000);
});
