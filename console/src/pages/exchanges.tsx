/** All exchanges of all vhosts that the user may see, or one of them. */
import { useState } from 'preact/hooks';
import { ask, path } from '../api/request.ts';
import { rate } from '../format.ts';
import { useAllowed } from '../messages/access.ts';
import type { PageProps } from '../pages.ts';
import { href } from '../router.ts';
import { Badge, Button, PageHead } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { List } from '../ui/list.tsx';
import type { Column } from '../ui/table.tsx';
import { ExchangePage } from './exchange.tsx';
import { type Exchange, inPath, MakeExchange, predeclared, shownName } from './exchange-parts.tsx';

const COLUMNS: readonly Column<Exchange>[] = [
  {
    key: 'name',
    title: 'Name',
    sort: 'name',
    cell: ({ vhost, name }) => <a href={href('exchanges', vhost, inPath(name))}>{shownName(name)}</a>,
  },
  { key: 'vhost', title: 'Vhost', sort: 'vhost', cell: ({ vhost }) => vhost },
  { key: 'type', title: 'Type', sort: 'type', cell: ({ type }) => type },
  { key: 'features', title: 'Features', cell: (exchange) => <Features of={exchange} /> },
  {
    key: 'in',
    title: 'In',
    figures: true,
    cell: ({ message_stats: stats }) => rate(stats?.publish_in_details?.rate ?? 0),
  },
  {
    key: 'out',
    title: 'Out',
    figures: true,
    cell: ({ message_stats: stats }) => rate(stats?.publish_out_details?.rate ?? 0),
  },
];

function Features({ of }: { of: Exchange }) {
  return (
    <>
      {of.durable && <Badge title="Outlives a restart">durable</Badge>}{' '}
      {of.auto_delete && <Badge title="Goes with its last binding">auto-delete</Badge>}{' '}
      {of.internal && <Badge title="Takes messages from other exchanges alone">internal</Badge>}{' '}
      {of.policy != null && of.policy !== '' && (
        <Badge tone="info" title="Policy in force">
          {of.policy}
        </Badge>
      )}
    </>
  );
}

export default function ExchangesPage({ rest: [vhost, name] }: PageProps) {
  if (vhost !== undefined && name !== undefined) return <ExchangePage vhost={vhost} name={name} />;
  return <Exchanges />;
}

function Exchanges() {
  const [making, setMaking] = useState(false);
  const [asked, setAsked] = useState<{ rows: readonly Exchange[]; done: () => void } | undefined>();
  return (
    <>
      <PageHead title="Exchanges">
        <Button onClick={() => setMaking(true)}>Declare an exchange</Button>
      </PageHead>
      <List<Exchange>
        name="exchanges"
        target="/api/exchanges"
        columns={COLUMNS}
        id={({ vhost, name }) => `${vhost}/${name}`}
        searchLabel="Search exchanges"
        several={(rows, done) => <DeleteButton rows={rows} onClick={() => setAsked({ rows, done })} />}
      />
      {making && <MakeExchange onClose={() => setMaking(false)} />}
      {asked !== undefined && <DeleteSeveral {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function DeleteButton({ rows, onClick }: { rows: readonly Exchange[]; onClick: () => void }) {
  const allowed = useAllowed(
    rows.map(({ vhost, name }) => ({ action: 'configure', resource: `exchange:${name}`, vhost })),
  );
  const why = rows.some(({ name }) => predeclared(name))
    ? 'Some of these are there in every vhost, and cannot be deleted'
    : undefined;
  if (allowed === undefined) return null;
  if (!allowed.includes(true)) return <span class="hint">You may not change them.</span>;
  return (
    <Button kind="danger" onClick={onClick} {...(why !== undefined && { disabled: true, title: why })}>
      Delete
    </Button>
  );
}

function DeleteSeveral({ rows, done, onClose }: { rows: readonly Exchange[]; done: () => void; onClose: () => void }) {
  const number = rows.length === 1 ? 'one exchange' : `${rows.length} exchanges`;
  return (
    <ActDialog
      title={`Delete ${number}`}
      word="Delete"
      danger
      act={async () => {
        for (const { vhost, name } of rows) {
          await ask(path`/api/exchanges/${vhost}/${inPath(name)}`, { method: 'DELETE' });
        }
        done();
        return `${number} deleted`;
      }}
      onClose={onClose}
    >
      <p>They are deleted with all their bindings. What is published to them afterwards is refused.</p>
      <ul>
        {rows.slice(0, 10).map(({ vhost, name }) => (
          <li key={`${vhost}/${name}`}>{shownName(name)}</li>
        ))}
        {rows.length > 10 && <li>and {rows.length - 10} more</li>}
      </ul>
    </ActDialog>
  );
}
