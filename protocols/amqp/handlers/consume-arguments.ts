/** What basic.consume's arguments mean, checked as RabbitMQ checks them. https://www.rabbitmq.com/docs/consumer-priority */
import type { ConsumeOptions } from '../../../src/api.ts';
import type { Headers } from '../../../src/message/properties.ts';
import { integerOf, typeNameOf } from '../codec/values.ts';
import { AmqpError } from '../errors.ts';

export function consumeArguments(args: Headers, queue: string, vhost: string): Pick<ConsumeOptions, 'priority'> {
  let priority: number | undefined;
  for (const { name, value } of args) {
    const refused = (why: string): AmqpError =>
      new AmqpError('PRECONDITION_FAILED', `invalid arg '${name}' for queue '${queue}' in vhost '${vhost}'${why}`);
    if (name === 'x-priority') {
      priority = integerOf(value);
      if (priority === undefined) throw refused(`: "expected integer, got ${typeNameOf(value)}"`);
    } else if (name === 'x-cancel-on-ha-failover') {
      // There is no other node to fail over to; what is not a boolean is wrong all the same.
      if (typeof value !== 'boolean') throw refused(`: {unacceptable_type,${typeNameOf(value)}}`);
    } else if (name === 'x-stream-offset') {
      throw refused(' of queue type rabbit_classic_queue');
    }
  }
  return priority === undefined ? {} : { priority };
}
