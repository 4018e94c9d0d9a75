/** Who has changed what. */
import { count, inline } from '../../format.ts';
import { href, setQuery, usePlace } from '../../router.ts';
import { Badge, PageHead, Time } from '../../ui/basics.tsx';
import { SearchField, SelectField } from '../../ui/fields.tsx';
import { List } from '../../ui/list.tsx';
import type { Column } from '../../ui/table.tsx';
import '../../style/audit.css';

type Outcome = 'done' | 'refused' | 'failed';

interface Entry {
  readonly number: number;
  readonly at: string;
  readonly times: number;
  readonly user: string | null;
  readonly from?: string;
  readonly agent?: string;
  readonly action: string;
  readonly what: string;
  readonly on: Readonly<Record<string, string>>;
  readonly detail?: string;
  readonly outcome: Outcome;
  readonly why?: string;
}

const TONES = { done: 'good', refused: 'warn', failed: 'bad' } as const;

const COLUMNS: readonly Column<Entry>[] = [
  { key: 'at', title: 'When', cell: ({ at }) => <Time atMs={Date.parse(at)} /> },
  {
    key: 'user',
    title: 'Who',
    cell: ({ user }) => user ?? <span title="Whoever may read the broker’s data directory">the operator</span>,
  },
  {
    key: 'what',
    title: 'What',
    cell: ({ what, times, action }) => (
      <span title={action}>
        {what}
        {times > 1 && ` ${count(times)} times`}
      </span>
    ),
  },
  { key: 'on', title: 'On', cell: (entry) => <Thing of={entry} /> },
  {
    key: 'outcome',
    title: 'Outcome',
    cell: ({ outcome, why }) => (
      <>
        <Badge tone={TONES[outcome]}>{outcome}</Badge> {why}
      </>
    ),
  },
  { key: 'detail', title: 'With', cell: ({ detail }) => detail !== undefined && <Detail text={detail} /> },
  { key: 'from', title: 'From', cell: ({ from = 'by itself' }) => from },
  { key: 'agent', title: 'By means of', optional: true, cell: ({ agent }) => agent },
];

/** Those that are there still have pages. */
function Thing({ of: { on, action } }: { of: Entry }) {
  const { vhost, ...names } = on;
  const text = Object.values(names).join(' ');
  const place = vhost !== undefined && text !== '' && <small class="hint"> in {vhost}</small>;
  const { queue, exchange, user } = names;
  const gone = /^DELETE .*\}$/.test(action);
  const to =
    gone || vhost === undefined
      ? user !== undefined && !gone
        ? href('users', user)
        : undefined
      : queue !== undefined
        ? href('queues', vhost, queue)
        : exchange !== undefined
          ? href('exchanges', vhost, exchange)
          : undefined;
  return (
    <>
      {to === undefined ? text || vhost || '' : <a href={to}>{text}</a>}
      {place}
    </>
  );
}

function Detail({ text }: { text: string }) {
  return (
    <ul class="audit-detail">
      {membersOf(text).map(([name, value]) => (
        <li key={name}>
          {name !== '' && <span class="hint">{name}: </span>}
          {inline(value)}
        </li>
      ))}
    </ul>
  );
}

/** A long one is cut by the broker, and is no JSON any more. */
function membersOf(text: string): readonly (readonly [string, unknown])[] {
  try {
    return Object.entries(JSON.parse(text) as object);
  } catch {
    return [['', text]];
  }
}

export default function AuditPage() {
  const { query } = usePlace();
  const { user = '', outcome = '' } = query;
  return (
    <>
      <PageHead
        title="Audit log"
        sub="Every change over HTTP since the broker was started, the latest first. The broker’s log has them for longer."
      />
      <List<Entry>
        name="audit"
        target="/v1/audit"
        rows="entries"
        query={{ user: user || undefined, outcome: outcome || undefined }}
        columns={COLUMNS}
        id={({ number }) => String(number)}
        searchLabel="Search names and what was done"
        empty="Nothing has been changed, or nothing of that kind."
        tools={
          <>
            <SearchField
              label="Only this user’s"
              value={user}
              onSearch={(one) => setQuery({ user: one, page: undefined })}
            />
            <SelectField
              label="Outcome"
              value={outcome as Outcome | ''}
              onInput={(one) => setQuery({ outcome: one, page: undefined })}
              of={[['', 'any'], 'done', 'refused', 'failed']}
            />
          </>
        }
      />
    </>
  );
}
