/**
 * Downstream: carries orders out, each once, and says so to the callback service.
 *
 *     order ──▶ done, in its own database ──▶ confirm sent ──▶ acknowledged
 *
 * An order may come again, whoever has died: one that is done is not done again, and confirmed again.
 */
import { CONFIRMS, ORDERS, startService, step } from './service.ts';

const { journal, publish, consume } = await startService('downstream');

await consume(ORDERS, async (id) => {
  step('order-came');
  if (!journal.has('done', id)) {
    // The work and this line are one transaction of its database.
    journal.write('done', id);
    step('done');
  }
  await publish('', CONFIRMS, id);
  step('confirm-sent');
});
