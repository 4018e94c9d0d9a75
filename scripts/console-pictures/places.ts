/** What there are pictures of. */
import type { Page } from 'playwright-core';

export interface Picture {
  readonly name: string;
  readonly at: string;
  readonly act?: (page: Page) => Promise<unknown>;
  /** Down to the page's end, unless false. */
  readonly whole?: boolean;
  /** One of the few that the documentation shows. */
  readonly docs?: { readonly scheme: 'light' | 'dark'; readonly form: 'desk' | 'telephone' };
}

const click = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().click();

export const PLACES: readonly Picture[] = [
  { name: 'overview', at: 'overview', docs: { scheme: 'dark', form: 'desk' } },
  { name: 'queues', at: 'queues' },
  {
    name: 'queues-chosen',
    at: 'queues?search=orders',
    act: async (page) => {
      await page.getByRole('checkbox').first().check();
      await page.getByRole('button', { name: 'Purge' }).click();
    },
    whole: false,
  },
  { name: 'queue', at: 'queues/%2F/payments.charge' },
  { name: 'queue-messages', at: 'queues/%2F/payments.dead?tab=messages' },
  {
    name: 'message',
    at: 'queues/%2F/payments.dead?tab=messages',
    act: (page) => page.locator('tbody tr').first().getByRole('button').click(),
    docs: { scheme: 'light', form: 'desk' },
  },
  { name: 'queue-routing', at: 'queues/%2F/payments.charge?tab=routing' },
  { name: 'queue-consumers', at: 'queues/%2F/payments.charge?tab=consumers' },
  { name: 'queue-publish', at: 'queues/%2F/orders.new', act: click('Publish'), whole: false },
  { name: 'dead-letters', at: 'dead-letters' },
  { name: 'dead-letters-groups', at: 'dead-letters/%2F/payments.dead', docs: { scheme: 'light', form: 'desk' } },
  {
    name: 'redrive',
    at: 'dead-letters/%2F/payments.dead',
    act: async (page) => {
      await page.getByRole('button', { name: 'Redrive these' }).first().click();
      await page.getByRole('button', { name: 'Count first' }).click();
      await page.getByText(/would be moved/).waitFor();
    },
    whole: false,
  },
  { name: 'trace', at: 'trace/%2F?protocol=amqp&address=orders&key=order.created.eu.de' },
  {
    name: 'passport',
    at: 'queues/%2F/payments.dead?tab=messages',
    act: async (page) => {
      await page.locator('tbody tr').first().getByRole('button').click();
      await page.getByRole('link', { name: 'Its passport' }).click();
      await page.getByText('What happened to it').waitFor();
    },
  },
  { name: 'dropped', at: 'trace/%2F?tab=dropped' },
  { name: 'tail-begin', at: 'tail' },
  {
    name: 'tail',
    at: 'tail?kind=exchange&name=orders&key=order.paid.%23',
    act: (page) => page.waitForTimeout(2_000),
    whole: false,
  },
  { name: 'exchanges', at: 'exchanges' },
  { name: 'exchange', at: 'exchanges/%2F/orders' },
  { name: 'connections', at: 'connections' },
  {
    name: 'connection',
    at: 'connections',
    act: (page) => page.getByRole('row', { name: 'payments-worker-1' }).getByRole('link').click(),
  },
  { name: 'consumers', at: 'consumers' },
  { name: 'sessions', at: 'sessions' },
  { name: 'session', at: 'sessions/%2F/mqtt/tablet-foreman' },
  { name: 'retained', at: 'retained' },
  { name: 'retained-one', at: 'retained', act: (page) => page.locator('tbody a').first().click() },
  { name: 'topology-begin', at: 'topology' },
  { name: 'topology', at: 'topology/%2F/exchange/orders', docs: { scheme: 'dark', form: 'desk' } },
  { name: 'topology-queue', at: 'topology/%2F/queue/payments.charge' },
  {
    name: 'topics',
    at: 'topics',
    act: async (page) => {
      for (const level of ['plant', 'hall-1', 'oven-1'])
        await page
          .getByText(level, { exact: true })
          .first()
          .click()
          .catch(() => {});
    },
  },
  {
    name: 'try',
    at: 'try',
    act: async (page) => {
      await page.getByRole('button', { name: 'Connect' }).click();
      await page.getByText('connected', { exact: true }).waitFor();
      await page.getByLabel('Topic or filter').fill('plant/hall-1/oven-1/+');
      await page.getByRole('button', { name: 'Subscribe' }).click();
    },
  },
  { name: 'users', at: 'users' },
  { name: 'user', at: 'users/payments-worker' },
  { name: 'user-new', at: 'users', act: click('New user'), whole: false },
  { name: 'vhosts', at: 'vhosts' },
  { name: 'vhost', at: 'vhosts/%2F' },
  { name: 'policies', at: 'policies' },
  {
    name: 'policy',
    at: 'policies',
    act: async (page) => {
      await page.getByRole('button', { name: 'New policy' }).click();
      await page.getByLabel('Name').fill('short');
      await page.getByLabel('Pattern').fill('^orders');
    },
    whole: false,
  },
  { name: 'definitions', at: 'definitions' },
  { name: 'listeners', at: 'listeners' },
  { name: 'audit', at: 'audit' },
];
