/** How tools read JSON: what is not asked for is passed over, and what is of another type than they know is an error. */
import { z } from 'zod';

/** Go's `encoding/json`: what is missing or null is the type's zero. */
export const go = {
  text: z
    .string()
    .nullish()
    .transform((value) => value ?? ''),
  whole: z
    .number()
    .int()
    .nullish()
    .transform((value) => value ?? 0),
  number: z
    .number()
    .nullish()
    .transform((value) => value ?? 0),
  truth: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  map: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((value) => value ?? {}),
  list: <T extends z.ZodType>(item: T) =>
    z
      .array(item)
      .nullish()
      .transform((value) => value ?? []),
};

/** Rust's `serde`: what has no default must be there, and be no null. */
export const rust = {
  unsigned: (bits: 16 | 32 | 64) =>
    z
      .number()
      .int()
      .min(0)
      .max(2 ** bits - 1),
  /** With a default where it is missing. */
  or: <T extends z.ZodType>(type: T, missing: z.input<T>) => type.optional().default(missing as never),
  map: z.record(z.string(), z.unknown()),
};

/** @throws Error that says where the tool would stumble */
export function decoded<T extends z.ZodType>(type: T, text: string): z.output<T> {
  const result = type.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  const [first] = result.error.issues;
  throw new Undecodable(`${first!.path.filter((part) => typeof part === 'string').join('.')}: ${first!.message}`);
}

export class Undecodable extends Error {}
