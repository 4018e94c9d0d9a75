/** What handlers of commands have in common: what one is given, a change that has no answer, a list that is one. */
import type { AccessEditor, AccessReader, PasswordSecret } from '../../../src/api/index.ts';
import { flag, integer, type Json } from './fields.ts';

/** The administration, as one command has it: the operator's log is told by the command's name. */
export interface OneCommand {
  readonly access: AccessReader;
  hash(password: string): Promise<PasswordSecret>;
  change<T>(work: (access: AccessEditor) => T): Promise<T>;
}

/** Carries a command out. Returns the data of the answer, if it has any. @throws CommandRefused, BrokerError */
export type Handler = (administration: OneCommand, command: Json) => Promise<Json | undefined> | Json | undefined;

/** Entries of one answer; `totalCount` says that there are more. */
const LISTED_MAX = 10_000;

/** A change without data in its answer. */
export async function changed(administration: OneCommand, work: (access: AccessEditor) => void): Promise<undefined> {
  await administration.change(work);
}

/** What a list command answers: names, or all of each, from `offset` on, `count` of them. */
export function listed(command: Json, as: string, names: readonly string[], whole: (name: string) => Json): Json {
  const count = integer(command, 'count', -1);
  const offset = Math.max(0, integer(command, 'offset', 0));
  const wanted = count < 0 ? LISTED_MAX : Math.min(LISTED_MAX, Math.max(1, count));
  const some = names.slice(offset, offset + wanted);
  return { totalCount: names.length, [as]: flag(command, 'verbose') ? some.map(whole) : some };
}
