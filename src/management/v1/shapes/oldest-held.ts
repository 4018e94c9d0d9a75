/** The oldest delivery that a consumer holds. */
import { z } from 'zod';
import type { OldestHeld } from '../../../operator/rates/held-since.ts';

export const OLDEST = {
  oldest: z
    .object({
      position: z.number().int().describe('Of the message, as when one looks at messages.'),
      heldMs: z
        .number()
        .int()
        .optional()
        .describe('At least so long, known to some seconds, or an eighth; left out: it has come in the last seconds.'),
    })
    .optional()
    .describe('The delivery that it has held for the longest time; left out: it holds none.'),
};

export function oldestShape(oldest: OldestHeld | undefined): z.output<z.ZodObject<typeof OLDEST>> {
  if (oldest === undefined) return {};
  const { position, heldMs } = oldest;
  return { oldest: { position, ...(heldMs !== undefined && { heldMs: Math.round(heldMs) }) } };
}
