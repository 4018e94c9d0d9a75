/** Pages of lists. */
import { z } from 'zod';

export const PAGE = {
  skip: z.coerce.number().int().min(0).max(10_000_000).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
};

export const LISTED = {
  total: z.number().int().describe('How many there are.'),
  matching: z.number().int().describe('How many of them were asked for.'),
};
