import { expect, it } from 'vitest';
import { NO_LOGGER } from '../../src/logger.ts';
import { Counters } from '../../src/vhost/counters.ts';
import { UnreadableMessages } from '../../src/vhost/unreadable.ts';

it('a message that cannot be read back is counted, and told with its vhost, its number, its queue if it has one, and why', () => {
  const told: object[] = [];
  const counters = new Counters();
  const unreadable = new UnreadableMessages('plant', counters, {
    ...NO_LOGGER,
    error: (fields: object, text?: string) => void told.push({ ...fields, text }),
  });
  const err = new Error('EIO');
  unreadable.inQueue({ name: 'q' }, 7, err);
  unreadable.delayed(8, err);
  expect(told).toEqual([
    { vhost: 'plant', queue: 'q', seq: 7, err, text: 'a message cannot be read back' },
    { vhost: 'plant', seq: 8, err, text: 'a delayed message cannot be read back' },
  ]);
  expect(counters.unreadable).toBe(2);
});
