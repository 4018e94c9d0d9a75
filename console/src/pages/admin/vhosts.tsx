/** Vhosts: worlds of their own, each with its queues, exchanges and permissions. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../../api/answer.ts';
import { ask, path } from '../../api/request.ts';
import { hasTag, session } from '../../api/session.ts';
import { count, rate, shortCount } from '../../format.ts';
import type { PageProps } from '../../pages.ts';
import { go, href } from '../../router.ts';
import { Button, Empty, Facts, PageHead, Section, Trouble, Waiting } from '../../ui/basics.tsx';
import { ActDialog } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/fields.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { LimitsForm } from './limits.tsx';

interface VhostRow {
  readonly name: string;
  readonly description: string;
  readonly messages?: number;
  readonly messages_ready?: number;
  readonly messages_unacknowledged?: number;
  readonly message_stats?: {
    readonly publish_details?: { readonly rate: number };
    readonly deliver_get_details?: { readonly rate: number };
  };
}

const COLUMNS: readonly Column<VhostRow>[] = [
  { key: 'name', title: 'Name', cell: ({ name }) => <a href={href('vhosts', name)}>{name}</a> },
  { key: 'description', title: 'Description', cell: ({ description }) => description },
  { key: 'ready', title: 'Ready', figures: true, cell: (vhost) => shortCount(vhost.messages_ready ?? 0) },
  {
    key: 'unacknowledged',
    title: 'Unacknowledged',
    figures: true,
    cell: (vhost) => shortCount(vhost.messages_unacknowledged ?? 0),
  },
  { key: 'in', title: 'In', figures: true, cell: (vhost) => rate(vhost.message_stats?.publish_details?.rate ?? 0) },
  {
    key: 'out',
    title: 'Out',
    figures: true,
    cell: (vhost) => rate(vhost.message_stats?.deliver_get_details?.rate ?? 0),
  },
];

export default function VhostsPage({ rest }: PageProps) {
  return rest.length === 0 ? <Vhosts /> : <Vhost name={rest[0]!} />;
}

function Vhosts() {
  const { data, error, refresh } = useAnswer<readonly VhostRow[]>('/api/vhosts', { everyMs: 5_000 });
  const [making, setMaking] = useState(false);
  return (
    <>
      <PageHead title="Vhosts">
        {hasTag(session.get()) && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            New vhost
          </Button>
        )}
      </PageHead>
      <Section title="What one may enter">
        <Trouble error={error} />
        {data === undefined ? (
          error === undefined && <Waiting lines={4} />
        ) : (
          <Table caption="Vhosts" columns={COLUMNS} rows={data} id={({ name }) => name} />
        )}
      </Section>
      {making && (
        <VhostDialog
          onClose={() => {
            setMaking(false);
            refresh();
          }}
        />
      )}
    </>
  );
}

function VhostDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const act = async (): Promise<string> => {
    await ask(path`/api/vhosts/${name}`, { method: 'PUT', body: { description } });
    return `Vhost ${name} was made. Give users permissions to enter it.`;
  };
  return (
    <ActDialog title="New vhost" word="Make it" disabled={name === ''} act={act} onClose={onClose}>
      <TextField label="Name" value={name} onInput={setName} required autofocus />
      <TextField label="Description" value={description} onInput={setDescription} />
    </ActDialog>
  );
}

function Vhost({ name }: { name: string }) {
  // The list is for everybody who may enter some; one alone is for administrators.
  const { data: all, error } = useAnswer<readonly VhostRow[]>('/api/vhosts', { everyMs: 5_000 });
  const data = all?.find((vhost) => vhost.name === name);
  const administers = hasTag(session.get());
  const users = useAnswer<readonly { user: string; configure: string; write: string; read: string }[]>(
    path`/api/vhosts/${name}/permissions`,
    { off: !administers },
  );
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <PageHead title={name} sub={data?.description}>
        {administers && (
          <Button kind="danger" onClick={() => setDeleting(true)}>
            Delete
          </Button>
        )}
      </PageHead>
      <Trouble error={error} />
      {all !== undefined && data === undefined && <Empty>There is no such vhost, or you may not enter it.</Empty>}
      <Section title="Messages">
        <Facts
          of={[
            ['Ready', count(data?.messages_ready ?? 0)],
            ['Not acknowledged', count(data?.messages_unacknowledged ?? 0)],
            ['In', rate(data?.message_stats?.publish_details?.rate ?? 0)],
            ['Out', rate(data?.message_stats?.deliver_get_details?.rate ?? 0)],
          ]}
        />
      </Section>
      {administers && (
        <div class="columns">
          <Section title="Limits">
            <LimitsForm target={path`/v1/vhosts/${name}/limits`} names={['connections', 'queues']} />
          </Section>
          <Section title="Who may enter">
            <Trouble error={users.error} />
            <Table
              caption="Users with permissions"
              rows={users.data ?? []}
              id={({ user }) => user}
              empty="Nobody."
              columns={[
                { key: 'user', title: 'User', cell: ({ user }) => <a href={href('users', user)}>{user}</a> },
                { key: 'configure', title: 'Configure', cell: ({ configure }) => <code>{configure}</code> },
                { key: 'write', title: 'Write', cell: ({ write }) => <code>{write}</code> },
                { key: 'read', title: 'Read', cell: ({ read }) => <code>{read}</code> },
              ]}
            />
          </Section>
        </div>
      )}
      {deleting && (
        <ActDialog
          title="Delete vhost"
          word="Delete"
          danger
          typed={name}
          onClose={() => setDeleting(false)}
          act={async () => {
            await ask(path`/api/vhosts/${name}`, { method: 'DELETE' });
            go(href('vhosts'));
            return `Vhost ${name} was deleted.`;
          }}
        >
          <p>All its queues, exchanges, messages and permissions are gone; its clients are disconnected.</p>
        </ActDialog>
      )}
    </>
  );
}
