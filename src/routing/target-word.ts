/**
 * A target's word: what the bindings that lead to a queue ask for, together.
 *
 * ```
 * bits 0-1    assurance
 * bit  2      keep the publisher's retain flag
 * bit  3      while a route is put together only: not what the queue's owner publishes itself
 * bits 5-18   data
 * ```
 */
import { DATA_SEVERAL } from '../api.ts';
import type { Assurance } from '../message/message.ts';
import type { Binding, RouteTarget } from './binding.ts';

export const KEEP_RETAIN = 0b100;
export const NOT_OWN = 0b1000;
export const DATA_SHIFT = 5;

/** The word that a binding contributes. */
export function bindingWord<Q extends RouteTarget>(binding: Binding<Q>): number {
  const { assurance, keepRetain, notOwn, data } = binding;
  return (
    assurance | (keepRetain ? KEEP_RETAIN : 0) | (notOwn ? NOT_OWN : 0) | (Math.min(data, DATA_SEVERAL) << DATA_SHIFT)
  );
}

/** Two bindings to one queue: the higher assurance, what either wants, and the data of both if it is the same or one has none. */
export function widen(a: number, b: number): number {
  const assurance = Math.max(a & 3, b & 3) as Assurance;
  const dataA = a >>> DATA_SHIFT;
  const dataB = b >>> DATA_SHIFT;
  const data = dataA === 0 || dataA === dataB ? dataB : dataB === 0 ? dataA : DATA_SEVERAL;
  return assurance | ((a | b) & KEEP_RETAIN) | (a & b & NOT_OWN) | (data << DATA_SHIFT);
}
