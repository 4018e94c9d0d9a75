/** A stream of the broker's events, until there is enough of it or somebody says so: Ctrl-C ends it in order. */
import { CommandError, EXIT } from '../exit.ts';
import type { ServerEvent } from '../reach/client.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * @param each false: that was enough
 * @param last done before the stream is left, whatever has ended it
 * @throws CommandError unreachable: the broker ended it
 */
export async function followed(
  events: AsyncGenerator<readonly ServerEvent[]>,
  each: (events: readonly ServerEvent[]) => Promise<boolean>,
  last: () => Promise<void> = async () => {},
): Promise<void> {
  let stop = (): void => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    for (;;) {
      const next = await Promise.race([events.next(), stopped]);
      if (next === undefined) return;
      if (next.done === true) throw new CommandError(EXIT.unreachable, 'the broker has ended it: it is stopping');
      if (!(await each(next.value))) return;
    }
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, stop);
    await last();
    void events.return(undefined);
  }
}
