/** Bindings, a page of however many: RabbitMQ's API has them only as a whole. */
import { z } from 'zod';
import { SLASH } from '../../../message/message.ts';
import { onceEach, valueToJson } from '../../../message/values.ts';
import type { BindingView } from '../../../operator/bindings.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { LISTED, PAGE } from '../shapes/paging.ts';

const BINDING = z.object({
  source: z.string().describe('An exchange; empty: the default one.'),
  destination: z.string(),
  destinationType: z.enum(['queue', 'exchange']),
  key: z.string(),
  spelling: z.enum(['dots', 'slashes']).describe('How `key` parts its levels.'),
  arguments: z.record(z.string(), z.unknown()),
});

function bindingShape({
  source,
  destination,
  destinationType,
  key,
  made,
  arguments: given,
}: BindingView): z.output<typeof BINDING> {
  const slashed = made?.options.spelling === SLASH;
  return {
    ...{ source, destination, destinationType },
    key: slashed ? made.key : key,
    spelling: slashed ? 'slashes' : 'dots',
    arguments: Object.fromEntries(onceEach(given).map(({ name, value }) => [name, valueToJson(value)])),
  };
}

export const BINDINGS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/vhosts/{vhost}/bindings',
    id: 'listBindings',
    group: 'Routes',
    summary: 'Lists bindings of a vhost: all, or those with an end.',
    access: 'management',
    query: z.strictObject({
      ...PAGE,
      source: z
        .string()
        .max(255)
        .optional()
        .describe('From this exchange; empty: the default one, which leads to each queue.'),
      queue: z.string().max(255).optional().describe('To this queue.'),
      exchange: z.string().max(255).optional().describe('To this exchange.'),
      name: z.string().max(255).optional().describe('Only those whose key or destination holds this.'),
    }),
    answer: z.object({ bindings: z.array(BINDING), ...LISTED }),
    handle: async (asked) => {
      const { skip, limit, name, source, queue, exchange } = asked.query;
      const ends = {
        ...(source !== undefined && { source }),
        ...(queue !== undefined && { queue }),
        ...(exchange !== undefined && { exchange }),
      };
      const wants = ({ key, destination }: BindingView): boolean => key.includes(name!) || destination.includes(name!);
      const page = await asked.operator.bindings.of(ends).page([asked.vhost], {
        ...{ skip, take: limit },
        ...(name !== undefined && { filter: wants }),
      });
      return json({ bindings: page.items.map(bindingShape), total: page.total, matching: page.filtered });
    },
  }),
];
