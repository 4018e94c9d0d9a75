/** What all that look through a queue have in common: where they begin, what they want, and how far they came. */
import { z } from 'zod';
import { MessageFilter } from '../../../operator/messages/filter.ts';
import type { ScanFrom, Scanned } from '../../../operator/messages/scan.ts';

const TEXT_LENGTH_MAX = 128;
const SELECTOR_LENGTH_MAX = 8192;

export const FROM = z
  .string()
  .regex(/^(oldest|newest|(position|before):\d{1,15})$/, 'is oldest, newest, position:N or before:N')
  .describe('Where to begin: `oldest` or `newest`; `position:N` and on, `before:N` and back, as `next` says.');

export const SELECTOR = z
  .string()
  .max(SELECTOR_LENGTH_MAX)
  .describe("Only messages that match: JMS' selector language, over properties and headers.");

export const TEXT = z
  .string()
  .max(TEXT_LENGTH_MAX)
  .describe('Only messages whose body or routing key holds this text, letter for letter.');

export const LOOKED = {
  scanned: z.number().int().describe('Messages that were looked at.'),
  of: z.number().int().describe('Messages that there were when it began.'),
  missed: z.number().int().describe('Of those looked at: gone meanwhile, or not to be read.'),
  next: z.string().nullable().describe('Where to go on, as `from`; null: that was the end.'),
};

export function fromOf(from: string): ScanFrom {
  if (from === 'oldest' || from === 'newest') return from;
  const [word, number] = from.split(':');
  const backwards = word === 'before';
  return { position: Number(number) - (backwards ? 1 : 0), backwards };
}

/** @throws BrokerError invalid */
export function filterOf({
  selector,
  text,
}: {
  selector?: string | undefined;
  text?: string | undefined;
}): MessageFilter {
  return new MessageFilter(selector, text);
}

export function lookedShape({ scanned, of, missed, next }: Scanned): {
  [K in keyof typeof LOOKED]: z.output<(typeof LOOKED)[K]>;
} {
  const on = next === undefined ? null : next.backwards ? `before:${next.position + 1}` : `position:${next.position}`;
  return { scanned, of, missed, next: on };
}
