import { expect, it } from 'vitest';
import { ReceiveQuota } from '../../../../protocols/mqtt/publish/receive-quota.ts';

it('as many messages may wait for an answer as the client was told, and one more for each that was answered', () => {
  const quota = new ReceiveQuota(2);
  quota.answered(); // an answer to nothing makes no room
  quota.received();
  quota.received();
  expect(() => quota.received()).toThrow('more than 2 messages unanswered');
  quota.answered();
  quota.received();
  expect(() => quota.received()).toThrow('more than 2 messages unanswered');
});
