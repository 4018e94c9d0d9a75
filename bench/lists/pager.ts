/**
 * `node bench/lists/pager.ts URL AUTHORIZATION PAGES PACE`: asks for URL with 1, 2, … PAGES behind it, over and over, PACE times a second
 * (0: as fast as answers come, one after the other). On SIGTERM it prints how many it has had
 * and how many bytes, and ends. What it is sent it lets go of.
 */
import { setTimeout as after } from 'node:timers/promises';

const [url = '', authorization = '', pages = '1', pace = '0'] = process.argv.slice(2);
const headers = { authorization, 'accept-encoding': 'identity' };
let had = 0;
let bytes = 0;
process.once('SIGTERM', () => {
  process.stdout.write(`${had} ${bytes}\n`, () => process.exit(0));
});
const startedMs = performance.now();
for (let page = 1; ; page = (page % Number(pages)) + 1) {
  const { body, ok, status } = await fetch(url + page, { headers });
  // A backup is made one at a time, and the one before may not have noticed yet that nobody reads it.
  if (!ok && status !== 423) throw new Error(`${url}${page}: ${status}`);
  for await (const piece of body!) bytes += piece.length;
  had++;
  if (Number(pace) === 0) continue;
  const dueMs = startedMs + (had * 1_000) / Number(pace);
  const leftMs = dueMs - performance.now();
  if (leftMs > 0) await after(leftMs);
}
