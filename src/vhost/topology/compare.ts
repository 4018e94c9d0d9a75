/** Compares what is declared again with what is there, and checks names. Texts are RabbitMQ's: its clients look at them. */
import type { BindOptions, ExchangeOptions, QueueOptions } from '../../api/topology.ts';
import { BrokerError } from '../../message/errors.ts';
import { EXACTLY_ONCE } from '../../message/message.ts';
import type { Headers } from '../../message/properties.ts';
import { typeName } from '../../message/values.ts';
import { compareArgument, compareArguments, readArguments } from '../../queue/limits/arguments.ts';
import type { QueueSettings } from '../../queue/limits/settings.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import { checkType } from '../../routing/kinds/exchange-types.ts';
import { checkExchangeWindow } from './exchange-windows.ts';

/** @throws BrokerError precondition-failed */
export function checkName(what: string, name: string, bytesMax: number): void {
  if (Buffer.byteLength(name) > bytesMax) {
    throw new BrokerError('precondition-failed', `the ${what} name is longer than ${bytesMax} bytes`);
  }
}

const NAME_BYTES_MAX = 255;
/** A queue name may be longer than what one protocol can say: other protocols derive names from their own. */
const QUEUE_NAME_BYTES_MAX = 65_535;

/**
 * What a queue that is not there yet would do, as its words say it.
 * @param name '' where the broker will make one
 * @throws BrokerError access-refused, precondition-failed, invalid, not-implemented
 */
export function checkedQueue(name: string, options: QueueOptions, vhost: string): QueueSettings {
  const settings = readArguments(name, vhost, options);
  if (name.startsWith('amq.') && options.ownUse !== true) {
    throw new BrokerError('access-refused', `queue name '${name}' contains reserved prefix 'amq.*'`);
  }
  checkName('queue', name, QUEUE_NAME_BYTES_MAX);
  return settings;
}

/** The same of an exchange. @throws BrokerError as `checkedQueue` */
export function checkExchange(name: string, type: string, options: ExchangeOptions, vhost: string): void {
  notDefault(name);
  checkType(type);
  if (name.startsWith('amq.')) {
    throw new BrokerError('access-refused', `exchange name '${name}' contains reserved prefix 'amq.*'`);
  }
  checkName('exchange', name, NAME_BYTES_MAX);
  checkAlternate(name, options.arguments, vhost);
  checkExchangeWindow(type, options);
}

/** The name of an exchange that something may be done to. @throws BrokerError access-refused for the default exchange */
export function notDefault(name: string): string {
  if (name === '') throw new BrokerError('access-refused', 'operation not permitted on the default exchange');
  return name;
}

/** @throws BrokerError precondition-failed: the alternate exchange is no text */
export function checkAlternate(name: string, args: Headers, vhost: string): void {
  const alternate = args.find((header) => header.name === 'alternate-exchange');
  if (alternate === undefined || typeof alternate.value === 'string') return;
  throw new BrokerError(
    'precondition-failed',
    `invalid type '${typeName(alternate.value)}' for arg 'alternate-exchange' in exchange '${name}' in vhost '${vhost}'`,
  );
}

/** @throws BrokerError precondition-failed: it is another exchange than the one that is there */
export function compareExchange(known: Exchange<Queue>, type: string, options: ExchangeOptions, vhost: string): void {
  const what = `exchange '${known.name}' in vhost '${vhost}'`;
  compare('type', type, known.type, what);
  compare('durable', options.durable, known.durable, what);
  compare('auto_delete', options.autoDelete, known.autoDelete, what);
  compare('internal', options.internal, known.internal, what);
  compareArgument('alternate-exchange', options.arguments, known.arguments, what);
}

/** @throws BrokerError precondition-failed, resource-locked: it is another queue than the one that is there */
export function compareQueue(known: Queue, options: QueueOptions, vhost: string): void {
  const what = `queue '${known.name}' in vhost '${vhost}'`;
  // Not one setting among others: whose it is comes first, and is told in the words a stranger hears.
  if (options.exclusive !== known.options.exclusive) throw locked(known, vhost);
  compare('durable', options.durable, known.options.durable, what);
  compare('auto_delete', options.autoDelete, known.options.autoDelete, what);
  // Who reads it for several clients has it as others have declared it.
  if (options.ownUse !== 'shared') compareArguments(options.arguments, known.options.arguments, what);
}

function compare(name: string, received: string | boolean, current: string | boolean, what: string): void {
  if (received === current) return;
  throw new BrokerError(
    'precondition-failed',
    `inequivalent arg '${name}' for ${what}: received '${received}' but current is '${current}'`,
  );
}

/** The error for a client that asks for another's exclusive queue. */
export function locked(queue: Queue, vhost: string): BrokerError {
  return new BrokerError(
    'resource-locked',
    `cannot obtain exclusive access to locked queue '${queue.name}' in vhost '${vhost}'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}

/** Whether a binding asked for again has the subscription data that it has. */
export function sameData(binding: Binding<Queue>, options: BindOptions): boolean {
  const before = binding.options;
  return (
    before.assurance === (options.assurance ?? EXACTLY_ONCE) &&
    before.hideReserved === (options.hideReserved ?? false) &&
    before.keepRetain === (options.keepRetain ?? false) &&
    before.notOwn === (options.notOwn ?? false) &&
    before.data === (options.data ?? 0)
  );
}
