/** Who is connected: all that the user may see, or one of them. */
import { useState } from 'preact/hooks';
import { ask, path } from '../api/request.ts';
import { hasTag, session } from '../api/session.ts';
import { bytes } from '../format.ts';
import type { PageProps } from '../pages.ts';
import { href } from '../router.ts';
import { useStore } from '../store.ts';
import { Badge, Button, PageHead, Time } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { TextField } from '../ui/fields.tsx';
import { List } from '../ui/list.tsx';
import type { Column } from '../ui/table.tsx';
import { type Connection, ConnectionPage, calledOf } from './connection.tsx';

const COLUMNS: readonly Column<Connection>[] = [
  {
    key: 'name',
    title: 'Client',
    sort: 'name',
    cell: (one) => (
      <>
        <a href={href('connections', one.name)}>{`${one.peer_host}:${one.peer_port}`}</a> {calledOf(one)}
      </>
    ),
  },
  { key: 'user', title: 'User', sort: 'user', cell: ({ user }) => user },
  { key: 'vhost', title: 'Vhost', sort: 'vhost', cell: ({ vhost }) => vhost },
  {
    key: 'protocol',
    title: 'Protocol',
    sort: 'protocol',
    cell: ({ protocol }) => <span class="whole">{protocol}</span>,
  },
  {
    key: 'state',
    title: 'State',
    sort: 'state',
    cell: ({ state }) => <Badge tone={state === 'running' ? 'good' : 'warn'}>{state}</Badge>,
  },
  { key: 'tls', title: 'TLS', sort: 'ssl', optional: true, cell: ({ ssl }) => (ssl ? 'yes' : 'no') },
  { key: 'channels', title: 'Channels', sort: 'channels', figures: true, cell: ({ channels }) => channels },
  {
    key: 'in',
    title: 'From it',
    sort: 'recv_oct_details.rate',
    figures: true,
    cell: (one) => `${bytes(one.recv_oct_details?.rate ?? 0)}/s`,
  },
  {
    key: 'out',
    title: 'To it',
    sort: 'send_oct_details.rate',
    figures: true,
    cell: (one) => `${bytes(one.send_oct_details?.rate ?? 0)}/s`,
  },
  {
    key: 'since',
    title: 'Since',
    sort: 'connected_at',
    optional: true,
    cell: (one) => <Time atMs={one.connected_at} />,
  },
];

export default function ConnectionsPage({ rest: [name] }: PageProps) {
  return name === undefined || name === '' ? <Connections /> : <ConnectionPage name={name} />;
}

function Connections() {
  const login = useStore(session);
  const [asked, setAsked] = useState<{ rows: readonly Connection[]; done: () => void } | undefined>();
  return (
    <>
      <PageHead
        title="Connections"
        sub={hasTag(login, 'monitoring') ? undefined : 'Your own: others are for users with the tag monitoring'}
      />
      <List<Connection>
        name="connections"
        target="/api/connections"
        columns={COLUMNS}
        id={({ name }) => name}
        searchLabel="Search addresses"
        empty="Nobody is connected."
        several={(rows, done) => (
          <Button
            kind="danger"
            onClick={() => setAsked({ rows, done })}
            {...(!rows.every(({ user }) => mayClose(user, login)) && {
              disabled: true,
              title: 'Others’ are an administrator’s to close',
            })}
          >
            Close
          </Button>
        )}
      />
      {asked !== undefined && <CloseDialog {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

export function mayClose(user: string, login: Parameters<typeof hasTag>[0]): boolean {
  return hasTag(login, 'administrator') || login?.name === user;
}

export function CloseDialog({
  rows,
  done,
  onClose,
}: {
  rows: readonly Connection[];
  done: () => void;
  onClose: () => void;
}) {
  const [reason, setReason] = useState('');
  const number = rows.length === 1 ? 'a connection' : `${rows.length} connections`;
  return (
    <ActDialog
      title={`Close ${number}`}
      // Not the word of the sign that gives it up
      word={rows.length === 1 ? 'Close it' : 'Close them'}
      danger
      onClose={onClose}
      act={async () => {
        // The header holds ASCII alone.
        const said = reason.replaceAll(/[^\x20-\x7e]/g, '?');
        for (const { name } of rows) {
          await ask(path`/api/connections/${name}`, {
            method: 'DELETE',
            headers: said === '' ? {} : { 'x-reason': said },
          });
        }
        done();
        return rows.length === 1 ? 'Closed.' : `${number} closed.`;
      }}
    >
      <p>What its clients hold goes back to its queues. Most clients connect again by themselves.</p>
      <TextField
        label="Reason"
        value={reason}
        onInput={setReason}
        hint="Told to the client where its protocol can, and logged"
      />
    </ActDialog>
  );
}
