/** The deduplication windows of exchanges: what their arguments and policies ask for. */
import type { ExchangeOptions } from '../../api/topology.ts';
import {
  contradiction,
  DEDUPLICATION_TYPE,
  type DeduplicationWords,
  deduplicationWords,
  exchangeWindow,
  wordIn,
} from '../../deduplication/settings.ts';
import { DeduplicationWindow, type WindowMemory } from '../../deduplication/window.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';

/** Texts are the plugin's, where it has them. @throws BrokerError precondition-failed: arguments that cannot be */
export function checkExchangeWindow(type: string, { durable, arguments: args }: ExchangeOptions): void {
  const words = deduplicationWords(wordIn(args), (word, must) => {
    const missing = word === 'x-cache-size' ? 'Missing or invalid' : 'Invalid';
    throw new BrokerError('precondition-failed', `${missing} argument, '${word}' must be ${must}`);
  });
  if (type === DEDUPLICATION_TYPE && words?.size === undefined) {
    const text = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
    throw new BrokerError('precondition-failed', text);
  }
  const on = words !== null && type === DEDUPLICATION_TYPE ? { ...words, on: true } : words;
  const contradicted = contradiction(on, durable);
  if (contradicted === undefined) return;
  throw new BrokerError('precondition-failed', `Invalid argument, '${contradicted.word}': ${contradicted.why}`);
}

/**
 * Gives the exchange the window that is asked for, and takes away one that is not any more.
 * @param policy what the policy in force for it says
 */
export function applyWindow(exchange: Exchange<Queue>, policy: DeduplicationWords | null, memory: WindowMemory): void {
  const { type, arguments: args, durable } = exchange;
  const settings = exchangeWindow(type, deduplicationWords(wordIn(args)), policy);
  const { window } = exchange;
  if (settings === null) {
    window?.close();
    exchange.window = null;
  } else if (window === null || (durable && settings.persistent) !== window.durable) {
    window?.close();
    exchange.window = new DeduplicationWindow(settings, memory, durable);
  } else window.apply(settings);
}
