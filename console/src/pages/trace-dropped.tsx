/** The last messages that ended without being delivered, and why. */
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { bytes } from '../format.ts';
import { go, hrefWith, setQuery, usePlace } from '../router.ts';
import { Badge, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { SearchField, SelectField } from '../ui/fields.tsx';
import { Table } from '../ui/table.tsx';
import { VhostField } from '../ui/vhost.tsx';

interface DroppedMessage {
  readonly at: string;
  readonly reason: string;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId?: string;
  readonly position: number;
  readonly bodyBytes: number;
  readonly by?: { readonly protocol: string; readonly user: string; readonly client: string };
}

export const REASONS: Readonly<Record<string, string>> = {
  rejected: 'a consumer rejected it',
  expired: 'it waited longer than it may',
  maxlen: 'the queue was full, and it was the oldest',
  delivery_limit: 'it was tried as often as it may be',
  'dead-letter-unroutable': 'no queue takes these dead letters',
  'dead-letter-cycle': 'its dead letters go round in a circle',
  'dead-letter-room': 'there was no room for dead letters',
  'queue-full': 'the queue was full and refused it',
  unroutable: 'nothing is bound to its address',
  'slow-subscriber': 'its subscriber was too slow',
  'access-refused': 'somebody was not permitted',
  'exchange-gone': 'its exchange was gone',
  duplicate: 'it had been taken before',
};

const ROWS_MAX = 200;

export function Dropped({ vhost }: { vhost: string }) {
  const { query } = usePlace();
  const { reason = '', queue = '' } = query;
  const { data, error } = useAnswer<{ dropped: readonly DroppedMessage[] }>(path`/v1/vhosts/${vhost}/dropped`, {
    everyMs: 5_000,
    query: { reason: reason || undefined, queue: queue || undefined },
  });
  return (
    <Section title="The latest that were dropped, a hundred of each reason">
      <div class="list-tools">
        <VhostField value={vhost} onInput={(one) => go(hrefWith(['trace', one], { ...query }))} />
        <SelectField
          label="Why"
          value={reason}
          onInput={(one) => setQuery({ reason: one })}
          of={[['', 'whyever'], ...Object.entries(REASONS).map(([key, text]) => [key, text] as const)]}
        />
        <SearchField label="The queue’s name" value={queue} onSearch={(one) => setQuery({ queue: one })} />
      </div>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={6} />
      ) : (
        <Table<DroppedMessage>
          caption="Dropped messages"
          rows={data.dropped.slice(0, ROWS_MAX)}
          id={(one) => JSON.stringify(one)}
          empty="Nothing was dropped since the broker was started, or nothing that you may see."
          columns={[
            { key: 'at', title: 'When', cell: ({ at }) => <Time atMs={Date.parse(at)} /> },
            {
              key: 'reason',
              title: 'Why',
              cell: (one) => (
                <>
                  <Badge tone="warn">{one.reason}</Badge> {REASONS[one.reason]}
                </>
              ),
            },
            { key: 'queue', title: 'Queue', cell: (one) => one.queue || '–' },
            { key: 'exchange', title: 'Exchange', cell: (one) => one.exchange || '(default)' },
            { key: 'key', title: 'Routing key', cell: (one) => one.routingKey },
            {
              key: 'message',
              title: 'Message',
              cell: (one) =>
                one.position > 0 ? (
                  <a href={hrefWith(['trace', vhost], { tab: 'passport', position: String(one.position) })}>
                    {one.messageId ?? one.position}
                  </a>
                ) : (
                  (one.messageId ?? '–')
                ),
            },
            { key: 'size', title: 'Size', figures: true, cell: (one) => bytes(one.bodyBytes) },
            {
              key: 'by',
              title: 'Published by',
              cell: ({ by }) =>
                by === undefined ? '–' : `${by.user} from ${by.client} over ${by.protocol.toUpperCase()}`,
            },
          ]}
        />
      )}
    </Section>
  );
}
