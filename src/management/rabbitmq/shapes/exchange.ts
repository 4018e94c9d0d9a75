/** Exchanges and bindings as RabbitMQ shows them. */
import type { BindingView } from '../../../operator/bindings.ts';
import type { ExchangeView } from '../../../operator/exchanges.ts';
import { argumentsJson } from './arguments.ts';
import { asksHistory, type HistoryQuery } from './details.ts';
import { exchangeStats } from './message-stats.ts';
import { propertiesKey } from './properties-key.ts';

export function exchange(view: ExchangeView, history: HistoryQuery, single: boolean): object {
  return {
    arguments: argumentsJson(view.arguments),
    auto_delete: view.autoDelete,
    durable: view.durable,
    ...(single && { incoming: [], outgoing: [] }),
    internal: view.internal,
    message_stats: exchangeStats(view, asksHistory(history) ? 'history' : 'rates', history.messages),
    name: view.name,
    policy: view.policy,
    type: view.type,
    user_who_performed_action: view.predeclared ? 'rmq-internal' : undefined,
    vhost: view.vhost,
  };
}

export function binding(view: BindingView): object {
  return {
    source: view.source,
    vhost: view.vhost,
    destination: view.destination,
    destination_type: view.destinationType,
    routing_key: view.key,
    arguments: argumentsJson(view.arguments),
    properties_key: propertiesKey(view.key, view.arguments),
  };
}

/** The default exchange has a name in paths. */
export function exchangeName(part: string): string {
  return part === 'amq.default' ? '' : part;
}
