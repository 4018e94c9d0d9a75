/** Bugs that are planted for a test, and how soon a history finds one. */
import { afterEach } from 'vitest';

const planted: (() => void)[] = [];
afterEach(() => {
  for (const mend of planted.splice(0).reverse()) mend();
});

/** Puts a faulty method in the place of the right one, for this test. */
export function plant<T extends object, K extends keyof T>(prototype: T, name: K, faulty: (whole: T[K]) => T[K]): void {
  const whole = prototype[name];
  planted.push(() => {
    prototype[name] = whole;
  });
  prototype[name] = faulty(whole);
}

/** What the first of so many histories says that finds something wrong; undefined: none does. */
export async function firstWrong(
  run: (seed: number) => Promise<{ readonly failures: readonly string[] }>,
  histories = 60,
): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await run(seed);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}
