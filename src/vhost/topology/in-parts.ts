/** A loop in parts, over each of many: others have their turn in between. */
import type { Share } from '../../clock/work.ts';

/** @param share whose budget of work it costs @param done called once, perhaps before this returns */
export function inParts<T>(share: Share, each: Iterator<T>, act: (one: T) => void, done: () => void = () => {}): void {
  const { work } = share;
  share.run(() => {
    for (;;) {
      const next = each.next();
      if (next.done === true) return true;
      act(next.value);
      work.spend(1);
      if (work.over) return false;
    }
  }, done);
}
