/**
 * A target's word: what the bindings that lead to a queue ask for, together.
 *
 * ```
 * bits 0-1    assurance
 * bit  2      keep the publisher's retain flag
 * bits 5-18   data
 * ```
 *
 * What a queue's owner publishes itself goes by another word where some of the bindings leave that out: only the others grant
 * it, and it is theirs (`OwnWords`).
 */
import { DATA_SEVERAL, DATA_SEVERAL_OWN } from '../api/topology.ts';
import type { Assurance } from '../message/message.ts';
import type { Binding, RouteTarget } from './binding.ts';

export const KEEP_RETAIN = 0b100;
export const DATA_SHIFT = 5;
/** No binding wants it. */
export const NO_WORD = -1;

/** Of queues some of whose bindings leave out what their owner publishes: the word for just that, or NO_WORD. */
export type OwnWords<Q> = Map<Q, number>;

/** The word that a binding contributes. */
export function bindingWord<Q extends RouteTarget>(binding: Binding<Q>): number {
  const { assurance, keepRetain, data } = binding;
  return assurance | (keepRetain ? KEEP_RETAIN : 0) | (dataOf(data) << DATA_SHIFT);
}

/** A number that is too large to be shown stands among several. */
export function dataOf(data: number): number {
  return data >= DATA_SEVERAL_OWN ? DATA_SEVERAL : data;
}

/** The word for what an owner publishes, to be shown: one that looks for the numbers itself leaves out its own. */
export function shownOwn(word: number): number {
  return word >>> DATA_SHIFT === DATA_SEVERAL
    ? (word & ((1 << DATA_SHIFT) - 1)) | (DATA_SEVERAL_OWN << DATA_SHIFT)
    : word;
}

/** Two bindings to one queue: the higher assurance, what either wants, and the data of both if it is the same or one has none. */
export function widen(a: number, b: number): number {
  const assurance = Math.max(a & 3, b & 3) as Assurance;
  const dataA = a >>> DATA_SHIFT;
  const dataB = b >>> DATA_SHIFT;
  const data = dataA === 0 || dataA === dataB ? dataB : dataB === 0 ? dataA : DATA_SEVERAL;
  return assurance | ((a | b) & KEEP_RETAIN) | (data << DATA_SHIFT);
}
