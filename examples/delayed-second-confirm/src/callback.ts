/**
 * The callback service: notes confirms, and compares checks with them. A check for an order that nobody has confirmed means that something
 * was lost on the way: upstream is asked to send it again, which brings another check after it.
 */
import { CHECKS, CONFIRMS, RESENDS, startService, step } from './service.ts';

const { journal, publish, consume } = await startService('callback');

await consume(CONFIRMS, async (id) => {
  step('confirm-came');
  if (!journal.has('confirmed', id)) journal.write('confirmed', id);
  step('noted');
});

await consume(CHECKS, async (id) => {
  step('check-came');
  if (journal.has('confirmed', id)) return;
  await publish('', RESENDS, id);
  step('asked-again');
});
