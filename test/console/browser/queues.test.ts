/** The list of queues: what is done to several at once. */
import { beforeAll, expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

interface QueueAnswer {
  readonly name: string;
  readonly messages: number;
  readonly paused?: boolean;
}

inBrowser('several queues', (desk) => {
  const NAMES = ['a', 'b', 'c'];
  beforeAll(async () => {
    for (const name of NAMES) {
      await desk.api('PUT', `/api/queues/%2F/${name}`, {});
      const message = { properties: {}, routing_key: name, payload: 'x', payload_encoding: 'string' };
      await desk.api('POST', '/api/exchanges/%2F/amq.default/publish', message);
    }
  });

  const of = async (member: 'messages' | 'paused'): Promise<unknown[]> => {
    const { queues } = await desk.api<{ queues: (QueueAnswer & { ready: number })[] }>('GET', '/v1/vhosts/%2F/queues');
    return queues.map((queue) => (member === 'paused' ? queue.paused : queue.ready));
  };

  test('are paused, resumed, purged and deleted together, and the others are left alone', async () => {
    const page = await desk.page({ at: 'queues' });
    const act = async (word: string, said: string): Promise<void> => {
      for (const name of ['a', 'b']) await page.getByRole('checkbox', { name: `Choose //${name}` }).check();
      await page.getByRole('button', { name: word, exact: true }).click();
      const dialog = page.getByRole('dialog');
      if (word === 'Purge') await expectAccessible(page);
      await dialog.getByRole('button', { name: word, exact: true }).click();
      await page.getByText(said).waitFor();
    };
    await act('Pause', '2 queues paused');
    expect(await of('paused')).toEqual([true, true, false]);
    await act('Resume', '2 queues resumed');
    expect(await of('paused')).toEqual([false, false, false]);
    await act('Purge', '2 queues purged');
    expect(await of('messages')).toEqual([0, 0, 1]);
    await act('Delete', '2 queues deleted');
    await page.getByText('1 in all').waitFor();
    expect(await of('messages')).toEqual([1]);
  });

  test('of which some may not be touched are told in the broker’s words, and the rest is done', async () => {
    for (const name of ['mine', 'other']) await desk.api('PUT', `/api/queues/%2F/${name}`, {});
    await desk.user('half', 'management', ['^mine', '.*', '.*']);
    const page = await desk.page({ as: 'half', at: 'queues', allowed: [/status of 40[13]/] });
    for (const name of ['mine', 'other']) await page.getByRole('checkbox', { name: `Choose //${name}` }).check();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page
      .getByRole('alert')
      .getByText(/^one queue deleted\. Not done: other: ./)
      .waitFor();
    const names = async (): Promise<string[]> =>
      (await desk.api<readonly QueueAnswer[]>('GET', '/api/queues/%2F')).map(({ name }) => name);
    await expect.poll(names).not.toContain('mine');
    expect(await names()).toContain('other');
  });
});
