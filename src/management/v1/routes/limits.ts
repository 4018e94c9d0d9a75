/** Limits of vhosts and users, set while everything runs. */
import { z } from 'zod';
import { USER_LIMITS, VHOST_LIMITS } from '../../../broker/kept-limits.ts';
import type { Asked } from '../http/asked.ts';
import { type Operation, operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { json } from '../http/replies.ts';

/** As RabbitMQ's API takes it, negative numbers of any kind too. */
const LIMIT = z.number().int();
const SET = z.number().int().min(-1).max(0xffff_ffff).nullable().optional();
const HOW =
  'What is left out stays; null takes a limit back; -1 is none. What the configuration sets is changed only there.';

const OF_VHOST = z.object({ connections: LIMIT.optional(), queues: LIMIT.optional() });
const OF_USER = z.object({ connections: LIMIT.optional(), channels: LIMIT.optional() });

function demandUser(asked: Asked<unknown, unknown>): string {
  const user = asked.param('user');
  if (asked.operator.users.get(user) === undefined) throw new Problem(404, 'not-found', `no user '${user}'`);
  return user;
}

export const LIMITS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/limits',
    id: 'getVhostLimits',
    group: 'Limits',
    summary: 'Shows the limits of a vhost that operators have set.',
    access: 'management',
    answer: OF_VHOST,
    handle: (asked) => json(asked.operator.limits.vhosts.of(asked.vhost)),
  }),
  operation({
    method: 'PUT',
    path: '/vhosts/{vhost}/limits',
    id: 'putVhostLimits',
    group: 'Limits',
    summary: 'Sets limits of a vhost.',
    description: HOW,
    access: 'administrator',
    body: z.strictObject({ connections: SET, queues: SET }),
    answer: OF_VHOST,
    handle: async (asked) => {
      const { body, operator, vhost } = asked;
      for (const name of VHOST_LIMITS) {
        const value = body[name];
        if (value !== undefined) await operator.limits.setOfVhost(vhost, name, value ?? undefined);
      }
      return json(operator.limits.vhosts.of(vhost));
    },
  }),
  operation({
    method: 'GET',
    path: '/users/{user}/limits',
    id: 'getUserLimits',
    group: 'Limits',
    summary: 'Shows the limits of a user that operators have set.',
    access: 'administrator',
    answer: OF_USER,
    handle: (asked) => json(asked.operator.limits.users.of(demandUser(asked))),
  }),
  operation({
    method: 'PUT',
    path: '/users/{user}/limits',
    id: 'putUserLimits',
    group: 'Limits',
    summary: 'Sets limits of a user.',
    description: HOW,
    access: 'administrator',
    body: z.strictObject({ connections: SET, channels: SET }),
    answer: OF_USER,
    handle: async (asked) => {
      const { body, operator } = asked;
      const user = demandUser(asked);
      for (const name of USER_LIMITS) {
        const value = body[name];
        if (value !== undefined) await operator.limits.setOfUser(user, name, value ?? undefined);
      }
      return json(operator.limits.users.of(user));
    },
  }),
];
