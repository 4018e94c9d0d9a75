/** What each page offers to whom: all that she may do, and nothing else. */
import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inBrowser } from './harness.ts';
import { ADMINISTRATOR, hostileWorld, PASSWORD, PLACES, type Place, VHOST, type World } from './places.ts';

/** To an administrator, to who may read all there and no more, and to who has the tag monitoring and may do nothing there. */
const OFFERED: Readonly<Record<string, readonly [string, string, string]>> = {
  overview: ['', '', ''],
  queues: ['Delete, Pause, Purge, Resume', 'Purge', ''],
  queue: ['Delete, Move all, Pause, Publish, Purge', 'Move all, Purge', ''],
  routing: ['Bind, Delete, Move all, Pause, Publish, Purge, Unbind … …', 'Move all, Purge', ''],
  'queue consumers': ['Delete, Move all, Pause, Publish, Purge', 'Move all, Purge', ''],
  'dead letters': ['Forget the redrive of …, Outcomes of the redrive of …', 'Outcomes of the redrive of …', ''],
  'dead letters of a queue': [
    'Forget the redrive of …, Look again, Outcomes of the redrive of …, Redrive, Redrive these',
    'Look again, Outcomes of the redrive of …, Redrive, Redrive these',
    '',
  ],
  route: ['Ask of every user, Show the way', 'Show the way', 'Show the way'],
  passport: ['Look again, Show its passport', '', 'Look again, Show its passport'],
  dropped: ['', '', ''],
  tail: ['', '', ''],
  'tail of an exchange': ['Look, Pause, Stop', 'Look, Pause, Stop', 'Look, Start again'],
  // Those that every vhost has are among those chosen. Which names may be declared is known once one is typed.
  exchanges: ['Declare an exchange', 'Declare an exchange', 'Declare an exchange'],
  exchange: ['Bind, Delete, Publish, Unbind … …', 'Bind', ''],
  connections: ['Close', '', ''],
  consumers: ['', '', ''],
  sessions: ['End', '', ''],
  session: ['End', '', ''],
  'retained messages': ['Remove', '', ''],
  topology: ['Show', 'Show', 'Show'],
  'topology of an exchange': ['', '', ''],
  'topology of a queue': ['', '', ''],
  users: ['New user', '', ''],
  user: ['Add, Ask, Change …, Change … …, Delete, Password, Remove …, Remove … …, Tags', '', ''],
  vhosts: ['New vhost', '', ''],
  vhost: ['Delete', '', ''],
  policies: ['Change …, Delete …, New policy', '', ''],
  listeners: ['', '', ''],
  'audit log': ['', '', ''],
};

inBrowser('what is offered', (desk) => {
  let world: World;
  beforeAll(async () => {
    world = await hostileWorld(desk);
    for (const [name, tags, read] of [
      ['reader', 'management', '.*'],
      ['watcher', 'monitoring', ''],
    ] as const) {
      await desk.user(name, tags);
      await desk.api('PUT', `/api/permissions/${encodeURIComponent(VHOST)}/${name}`, {
        configure: '',
        write: '',
        read,
      });
    }
  }, 60_000);
  afterAll(() => world.close());

  /** What has no answer yet, but for what is told as long as the page is open. */
  const asked = new WeakMap<Page, Set<Request>>();
  function watch(page: Page): void {
    const pending = new Set<Request>();
    asked.set(page, pending);
    page.on('request', (request) => {
      if (!/\/v1\/(events|overview\/live|vhosts\/[^/]*\/subscription)/.test(request.url())) pending.add(request);
    });
    page.on('requestfinished', (request) => pending.delete(request));
    page.on('requestfailed', (request) => pending.delete(request));
  }

  async function answered(page: Page): Promise<void> {
    // What has just been drawn asks in the turn after that, and is drawn again with the last answer.
    const drawn = (): Promise<unknown> =>
      page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
    await drawn();
    await expect.poll(() => asked.get(page)!.size).toBe(0);
    await drawn();
  }

  /** Buttons, but for those that sort, choose what is shown, or turn pages; with all rows of a list chosen. */
  async function offered(page: Page, { at }: Place): Promise<string> {
    await page.goto(`${desk.url}#/${at}`);
    await page.locator('h1').first().waitFor();
    await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
    await answered(page);
    const all = page.getByRole('checkbox', { name: 'Choose all on this page' });
    if ((await all.count()) > 0) {
      await all.click();
      await answered(page);
    }
    return page.evaluate(() => {
      const buttons = [
        ...document.querySelectorAll<HTMLButtonElement>('main button:not(.sort, .link, .tabs *, .pager *)'),
      ];
      const names = buttons
        .filter(({ disabled }) => !disabled)
        .map((one) => (one.ariaLabel ?? one.innerText).replaceAll(/<img [^>]*>/g, '…'))
        // The queues of tails that the others look at just now are bound to the same exchange.
        .filter((name) => !name.includes('amq.gen-'));
      return [...new Set(names)].sort().join(', ');
    });
  }

  test('to each is what she may do, and nothing else', async () => {
    const column = async (as: string, password: string): Promise<Record<string, string>> => {
      const page = await desk.page({ as, password, allowed: [/status of 40[134]/] });
      watch(page);
      const found: Record<string, string> = {};
      for (const place of PLACES.filter(({ act }) => act === undefined)) found[place.name] = await offered(page, place);
      return found;
    };
    const columns = await Promise.all([
      column(ADMINISTRATOR, PASSWORD),
      column('reader', 'reader'),
      column('watcher', 'watcher'),
    ]);
    for (const [i, found] of columns.entries()) {
      expect(found).toEqual(Object.fromEntries(Object.entries(OFFERED).map(([name, to]) => [name, to[i]])));
    }
  });
});
