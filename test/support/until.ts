/** Waiting for what has no event of its own. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Turns the event loop until `condition` holds. Fails after `withinMs` with `what` as the text. */
export async function until(condition: () => boolean, what = 'a condition', withinMs = 10_000): Promise<void> {
  const startedMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedMs > withinMs) throw new Error(`${what} did not come true within ${withinMs} ms`);
    await nextTurn();
  }
}

/** The same for what has to be asked for. */
export async function untilAsked(
  condition: () => Promise<boolean>,
  what = 'a condition',
  withinMs = 10_000,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedMs > withinMs) throw new Error(`${what} did not come true within ${withinMs} ms`);
    await nextTurn();
  }
}
