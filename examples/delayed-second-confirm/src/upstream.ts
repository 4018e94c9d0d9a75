/**
 * Upstream: takes orders (its arguments, or lines of its input), and has them carried out downstream.
 *
 *     placed ──▶ order sent ──▶ check sent, delayed ──▶ published
 *
 * An order is placed when its own database says so. Whatever happens after that, it is sent: by this run, by the next start, or because
 * the callback service asks for it again.
 */
import { createInterface } from 'node:readline';
import { CHECKS, DELAYED, ORDERS, RESENDS, startService, step } from './service.ts';

const CHECK_DELAY_MS = Number(process.env['CHECK_DELAY_MS'] ?? 30_000);

const { journal, publish, consume } = await startService('upstream');

async function send(id: string): Promise<void> {
  await publish('', ORDERS, id);
  step('order-sent');
  await publish(DELAYED, CHECKS, id, { 'x-delay': CHECK_DELAY_MS });
  step('check-sent');
}

async function place(id: string): Promise<void> {
  if (journal.has('placed', id)) return;
  journal.write('placed', id);
  step('placed');
  await send(id);
  journal.write('published', id);
  step('published');
}

// What a crash has left half done.
for (const id of journal.all('placed')) {
  if (journal.has('published', id)) continue;
  await send(id);
  journal.write('published', id);
}

await consume(RESENDS, async (id) => {
  // Nobody but upstream knows which orders there are.
  if (journal.has('placed', id)) await send(id);
  step('sent-again');
});

for (const id of process.argv.slice(2)) await place(id);
for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') await place(line.trim());
