/** Arguments of basic.consume, checked as RabbitMQ checks them. https://www.rabbitmq.com/docs/consumer-priority */
import {
  type ConsumeOptions,
  compileSelector,
  DEFERRAL_TOKENS_MAX,
  type Headers,
  integerOf,
  LEASE_MAX_MS,
  LEASE_MIN_MS,
} from '../../../src/api/index.ts';
import { typeNameOf } from '../codec/values.ts';
import { AmqpError } from '../connection/errors.ts';
import { DEFERRAL_TOKENS_HEADER, deferralTokens } from './deferral-tokens.ts';

type FromArguments = {
  -readonly [Name in 'priority' | 'selector' | 'timeoutMs' | 'leaseMs' | 'deferralTokens']?: NonNullable<
    ConsumeOptions[Name]
  >;
};

export function consumeArguments(args: Headers, queue: string, vhost: string): FromArguments {
  const options: FromArguments = {};
  for (const { name, value } of args) {
    const refused = (why: string): AmqpError =>
      new AmqpError('PRECONDITION_FAILED', `invalid arg '${name}' for queue '${queue}' in vhost '${vhost}'${why}`);
    if (name === 'x-priority') {
      const priority = integerOf(value);
      if (priority === undefined) throw refused(`: "expected integer, got ${typeNameOf(value)}"`);
      options.priority = priority;
    } else if (name === 'x-cancel-on-ha-failover') {
      // There is no other node to fail over to; what is not a boolean is wrong all the same.
      if (typeof value !== 'boolean') throw refused(`: {unacceptable_type,${typeNameOf(value)}}`);
    } else if (name === 'x-selector') {
      // Ours: the selectors of JMS, for a consumer that wants some of a queue's messages only.
      if (typeof value !== 'string') throw refused(`: {unacceptable_type,${typeNameOf(value)}}`);
      try {
        compileSelector(value);
      } catch (error) {
        throw refused(`: ${(error as Error).message}`);
      }
      options.selector = value;
    } else if (name === 'x-consumer-timeout') {
      // RabbitMQ 4.3, where it counts before the queue's and the policy's.
      const ms = integerOf(value);
      if (ms === undefined) throw refused(`: "expected integer, got ${typeNameOf(value)}"`);
      if (ms < 0) throw refused(`: {value_negative,${ms}}`);
      options.timeoutMs = ms;
    } else if (name === 'x-lease') {
      // Ours: deliveries are held for so long, and then redelivered unless they were renewed.
      const ms = integerOf(value);
      if (ms === undefined || ms < LEASE_MIN_MS || ms > LEASE_MAX_MS) {
        throw refused(`: "expected ${LEASE_MIN_MS} to ${LEASE_MAX_MS} milliseconds"`);
      }
      options.leaseMs = ms;
    } else if (name === DEFERRAL_TOKENS_HEADER) {
      const tokens = deferralTokens(value);
      if (tokens === undefined) throw refused(`: "expected 1 to ${DEFERRAL_TOKENS_MAX} tokens"`);
      options.deferralTokens = tokens;
    } else if (name === 'x-stream-offset') {
      throw refused(' of queue type rabbit_classic_queue');
    }
  }
  return options;
}
