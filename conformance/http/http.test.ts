/**
 * RabbitMQ's HTTP API: the same requests to this broker always, and to RabbitMQ beside it when peers are asked for (`npm run
 * conformance`) and it is installed. Statuses are RabbitMQ's, and so are the answers' shapes but for what `differences.ts` explains;
 * a difference that is explained and not seen any more fails too.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../peers/installed.ts';
import { CHANGES } from './changes.ts';
import { HTTP_DIFFERENCES } from './differences.ts';
import { type Answer, type AskedBroker, startHere, startThere } from './fixture.ts';
import { type Asked, REQUESTS } from './requests.ts';
import { differencesOf, shapeOf } from './shape.ts';

const asked = process.env['CONFORMANCE_PEERS'] === 'all';
const beside = asked && installed('rabbitmq') !== undefined;

let here: AskedBroker;
let there: AskedBroker | undefined;
const explained = new Map<string, number>();

beforeAll(async () => {
  here = await startHere();
  if (beside) there = await startThere();
}, 120_000);

afterAll(async () => {
  await here?.stop();
  await there?.stop();
  if (beside)
    console.log(`HTTP: ${REQUESTS.length} requests, ${[...explained].map(([id, n]) => `${id} ${n}`).join(', ')}`);
  else console.log(`HTTP: ${REQUESTS.length} requests here; RabbitMQ ${asked ? 'is not installed' : 'not asked for'}`);
}, 60_000);

function title({ method = 'GET', path, user = 'guest' }: Asked): string {
  return `${method} ${path} as ${user}`;
}

/** Where ours has another shape, and nothing says why. */
function unexplained({ path }: Asked, theirs: Answer, ours: Answer): string[] {
  return differencesOf(shapeOf(theirs.body ?? null), shapeOf(ours.body ?? null)).filter((difference) => {
    const line = `${path} ${difference}`;
    const found = Object.entries(HTTP_DIFFERENCES).find(([, { where }]) => where.test(line));
    if (found !== undefined) explained.set(found[0], (explained.get(found[0]) ?? 0) + 1);
    return found === undefined;
  });
}

describe.each(REQUESTS.map((request) => [title(request), request] as const))('%s', (_title, request) => {
  it('has the status that RabbitMQ gives', async () => {
    const answer = await here.ask(request);
    expect([title(request), answer.status]).toEqual([title(request), request.status]);
  });

  it.skipIf(!beside)('and the shape of its answer', async () => {
    const [ours, theirs] = await Promise.all([here.ask(request), there!.ask(request)]);
    expect([title(request), theirs.status]).toEqual([title(request), request.status]);
    // Methods that write come beside those that read; order and names are RabbitMQ's.
    expect(theirs.allow?.split(', ').includes('GET')).toBe(ours.allow?.split(', ').includes('GET'));
    expect(ours.challenge).toBe(theirs.challenge);
    expect(unexplained(request, theirs, ours)).toEqual([]);
  });
});

describe.each(Object.entries(CHANGES))('%s', (_family, steps) => {
  it('are changed with the statuses that RabbitMQ gives, and the shapes of its answers', async () => {
    const seen: unknown[] = [];
    for (const step of steps) {
      const wanted = step.here?.status ?? step.status;
      const ours = await here.ask(step);
      const told = `${title(step)} ${JSON.stringify(step.body)?.slice(0, 80)}`;
      if (ours.status !== wanted) seen.push([told, 'here', ours.status, 'and not', wanted, ours.body]);
      if (!beside) continue;
      const theirs = await there!.ask(step);
      if (theirs.status !== step.status) seen.push([told, 'there', theirs.status, 'and not', step.status, theirs.body]);
      else if (step.here === undefined) seen.push(...unexplained(step, theirs, ours).map((line) => [told, line]));
    }
    expect(seen).toEqual([]);
  });
});

describe.skipIf(!beside)('every difference', () => {
  it.each(Object.keys(HTTP_DIFFERENCES))('%s is still there', (id) => {
    expect(explained.get(id) ?? 0).toBeGreaterThan(0);
  });
});
