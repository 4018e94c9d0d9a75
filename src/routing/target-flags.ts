/**
 * The flags of a route's target: what the bindings that lead to a queue ask for, together.
 *
 * ```
 * bits 0-1    assurance
 * bit  2      keep the publisher's retain flag
 * bits 5-18   data
 * ```
 *
 * What a queue's owner publishes itself goes by other flags where some of the bindings leave that out: only the others grant
 * them, and they are the owner's (`OwnFlags`).
 */
import { DATA_SEVERAL, DATA_SEVERAL_OWN } from '../api/topology.ts';
import type { Assurance } from '../message/message.ts';
import type { Binding, RouteTarget } from './binding.ts';

export const ASSURANCE_MASK = 0b11;
export const KEEP_RETAIN = 0b100;
export const DATA_SHIFT = 5;
/** The place of the data. */
export const DATA_BITS = 0x3fff << DATA_SHIFT;
/** In the place of flags: no binding wants it. */
export const NO_FLAGS = -1;

/** Of queues some of whose bindings leave out what their owner publishes: the flags for just that, or NO_FLAGS. */
export type OwnFlags<Q> = Map<Q, number>;

/** The flags that a binding contributes. */
export function bindingFlags<Q extends RouteTarget>(binding: Binding<Q>): number {
  const { assurance, keepRetain, data } = binding;
  return assurance | (keepRetain ? KEEP_RETAIN : 0) | (dataOf(data) << DATA_SHIFT);
}

/** The highest assurance that the target is given. */
export function targetAssurance(flags: number): Assurance {
  return (flags & ASSURANCE_MASK) as Assurance;
}

/** The effective assurance of a message that goes to this target. */
export function lowerAssurance(published: Assurance, flags: number): Assurance {
  return Math.min(published, flags & ASSURANCE_MASK) as Assurance;
}

export function targetData(flags: number): number {
  return flags >>> DATA_SHIFT;
}

/** A number that is too large to be shown stands among several. */
export function dataOf(data: number): number {
  return data >= DATA_SEVERAL_OWN ? DATA_SEVERAL : data;
}

/** The flags for what an owner publishes, to be shown: an owner that looks for the numbers itself leaves out its own. */
export function shownOwn(flags: number): number {
  return targetData(flags) === DATA_SEVERAL ? (flags & ~DATA_BITS) | (DATA_SEVERAL_OWN << DATA_SHIFT) : flags;
}

/** Two bindings to one queue: the higher assurance, what either wants, and the data of both if it is the same or one has none. */
export function widen(a: number, b: number): number {
  const assurance = Math.max(targetAssurance(a), targetAssurance(b)) as Assurance;
  const dataA = targetData(a);
  const dataB = targetData(b);
  const data = dataA === 0 || dataA === dataB ? dataB : dataB === 0 ? dataA : DATA_SEVERAL;
  return assurance | ((a | b) & KEEP_RETAIN) | (data << DATA_SHIFT);
}
