import { expect, it } from 'vitest';
import { AmqpError } from '../../../../protocols/amqp/connection/errors.ts';

it('a reply text has 255 bytes at most: what is longer ends in dots, between two characters', () => {
  const textOf = (said: string): string => new AmqpError('NOT_FOUND', said).replyText;
  const head = 'NOT_FOUND - ';
  expect(textOf('x'.repeat(255 - head.length))).toBe(head + 'x'.repeat(255 - head.length));
  expect(textOf('x'.repeat(256 - head.length))).toBe(`${head}${'x'.repeat(252 - head.length)}...`);
  for (let lead = 0; lead < 3; lead++) {
    const text = textOf('x'.repeat(lead) + '€'.repeat(100));
    expect(Buffer.byteLength(text)).toBeGreaterThan(255 - 3);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(255);
    expect(text).toMatch(/^NOT_FOUND - x*€+\.\.\.$/);
  }
});
