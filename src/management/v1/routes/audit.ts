/** Who has changed what. */
import { z } from 'zod';
import type { AuditEntry } from '../../../operator/audit.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

const OUTCOME = z.enum(['done', 'refused', 'failed']);

const ENTRY = z.object({
  number: z.number().int().describe('Upwards from 1 since the broker was started.'),
  at: z.iso.datetime().describe('The last time, where it counts several.'),
  firstAt: z.iso.datetime(),
  times: z
    .number()
    .int()
    .describe('What programs do by the thousand, and the same refusal again, is counted for a minute.'),
  user: z.string().nullable().describe('Null: the operator on the broker’s own machine.'),
  from: z.string().optional().describe('Address and port; left out of what has come about by itself.'),
  agent: z.string().optional().describe('What it was asked with: `console`, or what the client calls itself.'),
  action: z.string().describe('Method and path, as `DELETE /api/queues/{vhost}/{queue}`.'),
  what: z.string().describe('The same in words.'),
  on: z.record(z.string(), z.string()).describe('The parts of the path by their names.'),
  detail: z
    .string()
    .optional()
    .describe(
      'What was asked for, as JSON, of members that are known to hold no secret; cut after a thousand characters.',
    ),
  outcome: OUTCOME,
  why: z.string().optional().describe('Of what was not done.'),
});

function entryShape({ atMs, firstAtMs, from, agent, detail, why, ...entry }: AuditEntry): z.output<typeof ENTRY> {
  return {
    ...{ number: entry.number, at: new Date(atMs).toISOString(), firstAt: new Date(firstAtMs).toISOString() },
    ...{ times: entry.times, user: entry.user, action: entry.action, what: entry.what, on: { ...entry.on } },
    outcome: entry.outcome,
    ...(from !== undefined && { from }),
    ...(agent !== undefined && { agent }),
    ...(detail !== undefined && { detail }),
    ...(why !== undefined && { why }),
  };
}

export const AUDIT: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/audit',
    id: 'listAudit',
    group: 'Audit',
    summary: 'Tells who has changed what, the latest first: every change made over HTTP, and the ends of redrives.',
    description:
      'The last 5,000 that were done and the last 1,000 that were not, since the broker was started; each is a line of the area `audit` in the broker’s log as well, which is what lasts. It names users and what they may do, and so is for who administers them.',
    access: 'administrator',
    query: z.strictObject({
      ...PAGE,
      name: z
        .string()
        .max(255)
        .optional()
        .describe('Only what has this in the name of what it was done to, or in what was done.'),
      user: z.string().max(255).optional().describe('Only what this user did.'),
      vhost: z.string().max(255).optional(),
      outcome: OUTCOME.optional(),
    }),
    answer: z.object({ entries: z.array(ENTRY), ...LISTED }),
    handle: ({ operator, query: { skip, limit, name, user, vhost, outcome } }) => {
      const { entries, total, matching } = operator.audit.page({ skip, take: limit, text: name, user, vhost, outcome });
      return json({ entries: entries.map(entryShape), total, matching });
    },
  }),
];
