/** Waiting for what a back end says of a permission. */
import { AccessPending } from '../api/pending.ts';

/** Does what asks for permissions, again and again until all of them are known: it must have changed nothing before it asks. */
export async function whenKnown<T>(act: () => T): Promise<T> {
  for (;;) {
    try {
      return act();
    } catch (thrown) {
      if (!(thrown instanceof AccessPending)) throw thrown;
      await new Promise<void>((resolve) => thrown.whenKnown(resolve));
    }
  }
}
