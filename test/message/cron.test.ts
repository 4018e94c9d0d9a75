/** Calendars in the words of cron: when they mean, and what is none. */
import { describe, expect, test } from 'vitest';
import { Cron } from '../../src/message/cron.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const next = (cron: string, from: string): string =>
  new Date(new Cron(cron).after(at(from))!).toISOString().slice(0, 16);

describe('a calendar', () => {
  test.each([
    ['* * * * *', '2026-01-01T00:00', '2026-01-01T00:01'],
    ['0 * * * *', '2026-01-01T00:00', '2026-01-01T01:00'],
    ['30 9 * * *', '2026-01-01T09:29:59.999', '2026-01-01T09:30'],
    ['*/15 * * * *', '2026-01-01T00:46', '2026-01-01T01:00'],
    ['5/20 * * * *', '2026-01-01T00:06', '2026-01-01T00:25'],
    ['0 8-10,20 * * *', '2026-01-01T10:00', '2026-01-01T20:00'],
    ['0 0 31 * *', '2026-02-01T00:00', '2026-03-31T00:00'],
    ['0 0 29 2 *', '2026-01-01T00:00', '2028-02-29T00:00'],
    ['0 0 * * 1', '2026-01-01T00:00', '2026-01-05T00:00'],
    ['0 0 * * 7', '2026-01-01T00:00', '2026-01-04T00:00'],
    ['0 0 * * 0', '2026-01-01T00:00', '2026-01-04T00:00'],
    // Either day will do where both are given.
    ['0 0 13 * 5', '2026-01-03T00:00', '2026-01-09T00:00'],
    ['0 0 13 * 5', '2026-01-10T00:00', '2026-01-13T00:00'],
    ['0 0 29 2 */7', '2026-01-01T00:00', '2032-02-29T00:00'],
    ['0 0 31 1,12 *', '2026-01-31T00:00', '2026-12-31T00:00'],
    ['0 0 1 3 *', '2026-03-01T00:00', '2027-03-01T00:00'],
    ['59 23 31 12 *', '2026-12-31T23:59', '2027-12-31T23:59'],
  ])('%s after %s means %s', (cron, from, expected) => {
    expect(next(cron, from)).toBe(expected);
  });

  test.each([
    ['', 'it must be 5 fields'],
    ['* * * *', 'it must be 5 fields'],
    ['* * * * * *', 'it must be 5 fields'],
    ['60 * * * *', "'60' is no minute from 0 to 59"],
    ['* 24 * * *', "'24' is no hour from 0 to 23"],
    ['* * 0 * *', "'0' is no day of the month"],
    ['* * * 13 *', "'13' is no month"],
    ['* * * * 8', "'8' is no day of the week"],
    ['*/0 * * * *', "'*/0' is no minute"],
    ['5-1 * * * *', "'5-1' is no minute"],
    ['a * * * *', "'a' is no minute"],
    ['1,,2 * * * *', "'' is no minute"],
    ['0 0 31 2 *', 'there is no such day'],
    [`${'1,'.repeat(200)}1 * * * *`, 'it must be 5 fields'],
  ])('%s is none', (cron, why) => {
    expect(() => new Cron(cron)).toThrow(why);
  });
});
