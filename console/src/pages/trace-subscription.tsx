/** What a subscription to an address would get: the queue that is read, what brings messages there, what is retained. */
import { count } from '../format.ts';
import { Facts, Section } from '../ui/basics.tsx';
import { type Binding, BindingsTable, type Decision, Decisions, QueuesTable, type Target } from './trace-parts.tsx';

export interface Subscribed {
  readonly as: 'subscribe';
  readonly user: string;
  readonly queueName?: string;
  readonly queue?: Target & { readonly exclusive: boolean };
  readonly declares: boolean;
  readonly shared: boolean;
  readonly waits: 'queue' | 'session' | 'connection' | 'never';
  readonly binding?: {
    readonly exchange: string;
    readonly type: string | null;
    readonly key: string;
    readonly isThere: boolean;
  };
  readonly bindings: readonly Binding[];
  readonly cut: boolean;
  readonly retained?: { readonly count: number; readonly withheld: number; readonly keys: readonly string[] };
  readonly notes: readonly string[];
  readonly permissions: readonly Decision[];
  readonly granted: boolean;
}

const WAITS = {
  queue: 'in the queue, until somebody takes them',
  session: 'as long as the session is kept',
  connection: 'as long as the connection lasts',
  never: 'not at all: who is away has missed them',
} as const;

export function Subscription({ told, vhost }: { told: Subscribed; vhost: string }) {
  const { binding, queue, queueName, retained } = told;
  return (
    <>
      <Section title="The subscription here">
        <Facts
          of={[
            ['Queue', queueName ?? 'one of its own, named when it is made'],
            ['Made first', told.declares ? 'yes' : 'no'],
            ['Subscribers', told.shared ? 'take messages from each other' : 'get all of it, each'],
            ['Messages wait', WAITS[told.waits]],
            ...(binding === undefined
              ? []
              : [
                  [
                    'Exchange',
                    binding.type === null ? `${binding.exchange}: there is none` : binding.exchange,
                  ] as const,
                  [
                    'Bound with',
                    `${binding.key === '' ? '(empty)' : binding.key}${binding.isThere ? ', as it is' : ''}`,
                  ] as const,
                ]),
            ...(retained === undefined ? [] : [['Retained, first', retainedWords(retained)] as const]),
          ]}
        />
        {told.notes.map((note) => (
          <p class="hint" key={note}>
            {note}
          </p>
        ))}
        {retained !== undefined && retained.keys.length > 0 && (
          <ul class="keys">
            {retained.keys.map((key) => (
              <li key={key}>
                <code>{key}</code>
              </li>
            ))}
          </ul>
        )}
      </Section>
      {queue !== undefined && (
        <Section title="The queue as it is">
          <QueuesTable title="The queue as it is" queues={[queue]} vhost={vhost} />
        </Section>
      )}
      <Section title="Bindings that bring messages there">
        <BindingsTable
          title="Bindings that bring messages there"
          bindings={told.bindings}
          vhost={vhost}
          empty={binding === undefined ? 'None: it gets what is published to it by name.' : 'None yet but its own.'}
        />
        {told.cut && <p class="hint">There are more than are listed.</p>}
      </Section>
      <Decisions user={told.user} permissions={told.permissions} />
    </>
  );
}

function retainedWords({ count: there, withheld, keys }: NonNullable<Subscribed['retained']>): string {
  const more = there > keys.length ? `, of which ${count(keys.length)} are listed` : '';
  return `${there === 1 ? 'one message' : `${count(there)} messages`}${more}${withheld === 0 ? '' : `; ${count(withheld)} others are not for this user`}`;
}

/** In a sentence. */
export function wayIn({ binding, granted, permissions, queueName, shared, user }: Subscribed): string {
  if (permissions.some(({ allowed }) => !allowed)) return `${user} may not subscribe to it: the broker refuses.`;
  if (binding?.type === null) return `There is no exchange ${binding.exchange}: the broker refuses.`;
  if (!granted) return `There is no queue ${queueName ?? ''}: the broker refuses.`;
  return shared ? 'Subscribers would take turns.' : 'It would get all of it.';
}
