/** Which pages `bench/console.ts` opens, and what it does there. */
import type { Page } from 'playwright-core';

/** It is there once the text of this element is like that. */
export type Shown = readonly [selector: string, pattern: RegExp];

export interface Step {
  readonly what: string;
  /** Ends with the click or the key that is answered. @param n how often it was done before */
  readonly act: (page: Page, n: number) => Promise<unknown>;
  readonly shows: (n: number) => Shown;
  /** It cannot be done again in the same way. */
  readonly once?: boolean;
}

export interface Place {
  readonly name: string;
  readonly at: string;
  readonly shows: Shown;
  readonly steps?: readonly Step[];
}

const FIRST = 'tbody tr:first-child';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const click = (name: string) => (page: Page) => button(page, name).click();
const inDialog = (name: string) => (page: Page) =>
  page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
const link = (name: string | RegExp) => (page: Page) => page.getByRole('link', { name }).first().click();
const tab = (name: string) => (page: Page) => page.locator('.tab-row').getByRole('link', { name }).click();
const always = (selector: string, pattern: RegExp) => (): Shown => [selector, pattern];
const LONG = 'queues/%2F/long';

/** A dialog is opened, and does it. */
function deed(word: string, said: RegExp, fill?: (page: Page) => Promise<unknown>): Step[] {
  return [
    { what: `asks «${word}»`, once: true, act: click(word), shows: always('dialog', /Cancel/) },
    {
      what: `does it`,
      once: true,
      act: async (page) => {
        await fill?.(page);
        await inDialog(word)(page);
      },
      shows: always('.toasts', said),
    },
  ];
}

export const PLACES: readonly Place[] = [
  {
    name: 'overview',
    at: 'overview',
    shows: ['main', /All is well.*10\dK/s],
    steps: [
      { what: '1 h', once: true, act: click('1 h'), shows: always('main', /The last hour/) },
      { what: 'bytes', once: true, act: click('bytes'), shows: always('main', /In, bytes a second/) },
    ],
  },
  {
    name: 'queues',
    at: 'queues',
    shows: ['main', /10\d,001 in all/],
    steps: [
      { what: 'next page', act: click('Next page'), shows: (n) => ['.pager', new RegExp(`${n + 2} / 2,0\\d1`)] },
      {
        what: 'sorted by what is ready, most and fewest first',
        act: click('Ready'),
        shows: (n) => [FIRST, n % 2 === 0 ? /long/ : /^(q\d|mqtt)/],
      },
      {
        what: 'searched',
        act: (page, n) => page.getByRole('searchbox').fill(`q777${n + 1}1`),
        shows: (n) => [FIRST, new RegExp(`^q777${n + 1}1`)],
      },
      {
        what: 'one chosen',
        once: true,
        act: (page) => page.getByRole('checkbox').nth(1).click(),
        shows: always('.several', /Purge/),
      },
      ...deed('Pause', /one queue paused/),
      {
        what: 'fifty chosen',
        once: true,
        act: async (page) => {
          await page.getByRole('searchbox').fill('q77');
          await page.getByText(/of 10\d,001/).waitFor();
          await page.getByRole('checkbox').first().click();
        },
        shows: always('.several', /50 chosen.*Purge/),
      },
      ...deed('Purge', /50 queues purged/),
    ],
  },
  {
    name: 'the last page of queues by messages',
    at: 'queues?sort=messages_ready&reverse=false&page=2021',
    shows: [FIRST, /long/],
  },
  {
    name: 'a queue of 10 million messages',
    at: LONG,
    shows: ['main', /10M.*ready/s],
    steps: [
      { what: 'routing', once: true, act: tab('Routing'), shows: always('main', /1 in all/) },
      { what: 'consumers', once: true, act: tab('Consumers'), shows: always('main', /Nobody takes messages/) },
      { what: 'its messages', once: true, act: tab('Messages'), shows: always('main', /50 shown/) },
      {
        what: 'oldest and newest first',
        act: (page, n) => page.getByLabel('First', { exact: true }).selectOption(n % 2 === 0 ? 'oldest' : 'newest'),
        shows: (n) => [`${FIRST} td:nth-child(2)`, n % 2 === 0 ? /^\d{1,6}$/ : /^\d{8}$/],
      },
      { what: 'further', act: click('Look further'), shows: (n) => ['main', new RegExp(`${(n + 2) * 50} shown`)] },
      {
        what: 'a message opened',
        act: (page, n) => page.locator('tbody tr').nth(n).getByRole('button').click(),
        shows: always('.opened', /Headers.*Body/),
      },
      { what: 'as hex', once: true, act: click('Hex'), shows: always('.body pre', /00000000/) },
      {
        what: 'a text that none has, until it says how far it has looked',
        once: true,
        act: async (page) => {
          await page.getByLabel('Text in the body').fill('nothing like it');
          await button(page, 'Search').click();
        },
        shows: always('main', /\D0 shown; scanned [\d,]+ of/),
      },
      {
        what: 'a selector that fits all',
        once: true,
        act: async (page) => {
          await page.getByLabel('Text in the body').fill('');
          await page.getByLabel('Selector').fill('priority IS NULL OR priority < 9');
          await button(page, 'Search').click();
        },
        shows: always('main', /50 shown; scanned/),
      },
      {
        what: 'one chosen',
        once: true,
        act: (page) => page.getByRole('checkbox').nth(1).click(),
        shows: always('.several', /1 chosen/),
      },
      ...deed('Copy', /One message copied/, (page) =>
        page.getByRole('dialog').getByLabel('Queue', { exact: true }).fill('q1'),
      ),
      {
        what: 'fifty chosen',
        once: true,
        act: (page) => page.getByRole('checkbox').first().click(),
        shows: always('.several', /50 chosen/),
      },
      ...deed('Move', /50 messages moved/, (page) =>
        page.getByRole('dialog').getByLabel('Queue', { exact: true }).fill('q1'),
      ),
      ...deed('Publish', /./).slice(0, 1),
      {
        what: 'sends it',
        once: true,
        act: async (page) => {
          await page.getByLabel('Body', { exact: true }).fill('hello');
          await inDialog('Send')(page);
        },
        shows: always('.toasts', /Sent/),
      },
      ...deed('Pause', /hands nothing out/),
      ...deed('Resume', /hands out again/),
    ],
  },
  { name: 'its messages', at: `${LONG}?tab=messages`, shows: ['main', /50 shown/] },
  {
    name: 'dead letters',
    at: 'dead-letters',
    shows: ['main', /Found from|No queue here/],
    steps: [
      {
        what: 'a thousand of ten million looked at',
        once: true,
        act: async (page) => {
          await page.getByLabel('Any queue').fill('long');
          await button(page, 'Look').click();
        },
        shows: always('main', /the newest 1,000 of/),
      },
      {
        what: 'a thousand more',
        act: click('Look at more'),
        shows: (n) => ['main', new RegExp(`the newest ${n + 2},000 of`)],
      },
      { what: 'asks «Redrive»', once: true, act: click('Redrive'), shows: always('dialog', /Begin/) },
    ],
  },
  {
    name: 'route and trace',
    at: 'trace',
    shows: ['main', /Show the way/],
    steps: [
      {
        what: 'an address explained',
        once: true,
        act: async (page) => {
          await page.getByLabel('Exchange').fill('exchange.7');
          await page.getByLabel('Routing key').fill('a.b');
          await button(page, 'Show the way').click();
        },
        shows: always('main', /One queue would get it/),
      },
      {
        what: 'what was dropped',
        once: true,
        act: link('What was dropped'),
        shows: always('main', /Nothing was dropped|When/),
      },
    ],
  },
  {
    name: 'live tail of the long queue',
    at: 'tail?kind=queue&name=long',
    shows: ['main', /Nothing has come yet/],
    steps: [
      {
        what: 'paused and on',
        act: (page, n) => button(page, n % 2 === 0 ? 'Pause' : 'Go on').click(),
        shows: (n) => ['.list-tools .badge', n % 2 === 0 ? /paused/ : /live/],
      },
    ],
  },
  {
    name: 'exchanges',
    at: 'exchanges',
    shows: ['main', /1,0\d\d in all/],
    steps: [
      { what: 'next page', act: click('Next page'), shows: (n) => ['.pager', new RegExp(`${n + 2} / `)] },
      { what: 'sorted by type', act: click('Type'), shows: (n) => [FIRST, n % 2 === 0 ? /direct/ : /topic/] },
      {
        what: 'searched',
        act: (page, n) => page.getByRole('searchbox').fill(`exchange.77${n}`),
        shows: (n) => [FIRST, new RegExp(`exchange.77${n}`)],
      },
      { what: 'one opened', once: true, act: link('exchange.772'), shows: always('main', /a\.#/) },
    ],
  },
  { name: 'an exchange', at: 'exchanges/%2F/exchange.5', shows: ['main', /a\.#/] },
  {
    name: 'connections',
    at: 'connections',
    shows: ['main', /1,000 in all/],
    steps: [
      { what: 'next page', act: click('Next page'), shows: (n) => ['.pager', new RegExp(`${n + 2} / 20`)] },
      { what: 'sorted by what comes', act: click('From it'), shows: () => ['.pager', /1 \/ 20/] },
      {
        what: 'searched',
        once: true,
        act: (page) => page.getByRole('searchbox').fill('127.0.0.1:'),
        shows: always('.pager', /1,000/),
      },
      {
        what: 'one opened',
        once: true,
        act: (page) => page.locator('tbody a').first().click(),
        shows: always('main', /Who it is/),
      },
    ],
  },
  {
    name: 'consumers',
    at: 'consumers',
    shows: ['main', /1,000 in all/],
    steps: [{ what: 'next page', act: click('Next page'), shows: (n) => ['.pager', new RegExp(`${n + 2} / 20`)] }],
  },
  {
    name: 'sessions',
    at: 'sessions?vhost=%2F',
    shows: ['main', /1,000 in all/],
    steps: [
      {
        what: 'searched',
        act: (page, n) => page.getByRole('searchbox').fill(`c77${n}`),
        shows: (n) => [FIRST, new RegExp(`c77${n}`)],
      },
      { what: 'one opened', once: true, act: link('c772'), shows: always('main', /command\/c772/) },
    ],
  },
  {
    name: 'retained messages',
    at: 'retained?vhost=%2F',
    shows: ['main', /1,000 in all/],
    steps: [
      {
        what: 'searched',
        act: (page, n) => page.getByRole('searchbox').fill(`c77${n}`),
        shows: (n) => [FIRST, new RegExp(`c77${n}`)],
      },
      { what: 'one opened', once: true, act: link('state/c772'), shows: always('main', /Came/) },
    ],
  },
  {
    name: 'topology',
    at: 'topology',
    shows: ['main', /amq\.topic/],
    steps: [{ what: 'an exchange opened', once: true, act: link(/^exchange\.1$/), shows: always('.graph', /a\.#/) }],
  },
  { name: 'topology of a queue', at: 'topology/%2F/queue/q1', shows: ['.graph', /a\.#/] },
  { name: 'topics', at: 'topics?vhost=%2F', shows: ['main', /1,000 topics/] },
  {
    name: 'try it',
    at: 'try',
    shows: ['main', /not connected/],
    steps: [
      { what: 'connects', once: true, act: click('Connect'), shows: always('main .badge', /^connected/) },
      {
        what: 'publishes to itself',
        once: true,
        act: async (page) => {
          await button(page, 'Subscribe').click();
          await button(page, 'Publish').click();
        },
        shows: always('.came', /./),
      },
    ],
  },
  { name: 'users', at: 'users', shows: ['main', /user199/] },
  {
    name: 'a user',
    at: 'users/user7',
    shows: ['main', /Permissions.*nothing/s],
    steps: [
      {
        what: 'may it?',
        once: true,
        act: async (page) => {
          await page.getByLabel('Name').fill('long');
          await button(page, 'Ask').click();
        },
        shows: always('main', /allowed|refused/),
      },
    ],
  },
  { name: 'vhosts', at: 'vhosts', shows: ['main table', /\//] },
  { name: 'a vhost', at: 'vhosts/%2F', shows: ['main', /Most queues/] },
  {
    name: 'policies',
    at: 'policies?vhost=%2F',
    shows: ['main', /policy19/],
    steps: [
      {
        what: 'asks «New policy»',
        once: true,
        act: click('New policy'),
        shows: always('dialog', /of 10\d,001 queues match/),
      },
      {
        what: 'a pattern typed: which queues it would be for',
        act: (page, n) => page.getByRole('dialog').getByLabel('Pattern').fill(`^q9.*${n}$`),
        shows: (n) => ['dialog', new RegExp(`1,11\\d of 10\\d,001.*q9\\d*${n}`, 's')],
      },
    ],
  },
  { name: 'definitions', at: 'definitions', shows: ['main', /Download all/] },
];
