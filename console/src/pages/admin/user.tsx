/** One user: permissions by vhost, topic permissions, tags, password, limits, and what it may do. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../../api/answer.ts';
import { ask, path } from '../../api/request.ts';
import { go, href } from '../../router.ts';
import { Badge, Button, PageHead, Section, Trouble, Waiting } from '../../ui/basics.tsx';
import { ActDialog } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/fields.tsx';
import { Table } from '../../ui/table.tsx';
import { VhostField } from '../../ui/vhost.tsx';
import { AccessForm } from './access.tsx';
import { LimitsForm } from './limits.tsx';
import { TagFields, type UserRow } from './users.tsx';

interface Permission {
  readonly vhost: string;
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

interface TopicPermission {
  readonly vhost: string;
  readonly exchange: string;
  readonly write: string;
  readonly read: string;
}

type Open =
  | 'password'
  | 'tags'
  | 'delete'
  /** A new one, or one that is changed. */
  | { readonly of: 'names'; readonly given?: Permission }
  | { readonly of: 'topics'; readonly given?: TopicPermission };

export function UserPage({ name }: { name: string }) {
  const user = useAnswer<UserRow>(path`/api/users/${name}`);
  const permissions = useAnswer<readonly Permission[]>(path`/api/users/${name}/permissions`);
  const topics = useAnswer<readonly TopicPermission[]>(path`/api/users/${name}/topic-permissions`);
  const [open, setOpen] = useState<Open | undefined>();
  const close = (): void => {
    setOpen(undefined);
    for (const one of [user, permissions, topics]) one.refresh();
  };
  const drop = async (target: string): Promise<void> => {
    await ask(target, { method: 'DELETE' }).catch(() => {});
    close();
  };
  const { data, error } = user;
  return (
    <>
      <PageHead title={name} sub={data?.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}>
        <Button onClick={() => setOpen('tags')} disabled={data === undefined}>
          Tags
        </Button>
        <Button onClick={() => setOpen('password')}>Password</Button>
        <Button kind="danger" onClick={() => setOpen('delete')}>
          Delete
        </Button>
      </PageHead>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={8} />
      ) : (
        <>
          <Section title="Permissions" aside={<Button onClick={() => setOpen({ of: 'names' })}>Add</Button>}>
            <Table
              caption="Permissions by vhost"
              rows={permissions.data ?? []}
              id={({ vhost }) => vhost}
              empty="None: it may not enter any vhost."
              columns={[
                { key: 'vhost', title: 'Vhost', cell: ({ vhost }) => vhost },
                { key: 'configure', title: 'Configure', cell: ({ configure }) => <Pattern of={configure} /> },
                { key: 'write', title: 'Write', cell: ({ write }) => <Pattern of={write} /> },
                { key: 'read', title: 'Read', cell: ({ read }) => <Pattern of={read} /> },
                {
                  key: 'do',
                  deeds: true,
                  title: '',
                  cell: (permission) => (
                    <RowButtons
                      name={permission.vhost}
                      onEdit={() => setOpen({ of: 'names', given: permission })}
                      onDrop={() => void drop(path`/api/permissions/${permission.vhost}/${name}`)}
                    />
                  ),
                },
              ]}
            />
          </Section>
          <Section title="Topic permissions" aside={<Button onClick={() => setOpen({ of: 'topics' })}>Add</Button>}>
            <Table
              caption="Topic permissions"
              rows={topics.data ?? []}
              id={({ vhost, exchange }) => `${vhost} ${exchange}`}
              empty="None: every key and topic is free, as far as its permissions go."
              columns={[
                { key: 'vhost', title: 'Vhost', cell: ({ vhost }) => vhost },
                { key: 'exchange', title: 'Exchange', cell: ({ exchange }) => exchange || 'all' },
                { key: 'write', title: 'Write', cell: ({ write }) => <Pattern of={write} /> },
                { key: 'read', title: 'Read', cell: ({ read }) => <Pattern of={read} /> },
                {
                  key: 'do',
                  deeds: true,
                  title: '',
                  cell: (topic) => (
                    <RowButtons
                      name={`${topic.vhost} ${topic.exchange}`}
                      onEdit={() => setOpen({ of: 'topics', given: topic })}
                      onDrop={() => void drop(path`/api/topic-permissions/${topic.vhost}/${name}/${topic.exchange}`)}
                    />
                  ),
                },
              ]}
            />
          </Section>
          <div class="columns">
            <Section title="Limits">
              <LimitsForm target={path`/v1/users/${name}/limits`} names={['connections', 'channels']} />
            </Section>
            <Section title="May it, and why not">
              <AccessForm user={name} />
            </Section>
          </div>
        </>
      )}
      {open !== undefined && data !== undefined && (
        <UserDialogs
          user={data}
          open={open}
          // Of one that has been deleted nothing more is asked.
          onClose={open === 'delete' ? () => setOpen(undefined) : close}
        />
      )}
    </>
  );
}

/** A pattern that allows nothing is told in words. */
function Pattern({ of }: { of: string }) {
  return of === '' || of === '^$' ? <span class="hint">nothing</span> : <code>{of}</code>;
}

function RowButtons({ name, onEdit, onDrop }: { name: string; onEdit: () => void; onDrop: () => void }) {
  return (
    <>
      <Button kind="quiet" label={`Change ${name}`} onClick={onEdit}>
        Change
      </Button>
      <Button kind="quiet" label={`Remove ${name}`} onClick={onDrop}>
        Remove
      </Button>
    </>
  );
}

function UserDialogs({ user, open, onClose }: { user: UserRow; open: Open; onClose: () => void }) {
  if (open === 'password') return <PasswordDialog user={user} onClose={onClose} />;
  if (open === 'tags') return <TagsDialog user={user} onClose={onClose} />;
  if (open === 'delete') {
    const act = async (): Promise<string> => {
      await ask(path`/api/users/${user.name}`, { method: 'DELETE' });
      go(href('users'));
      return `User ${user.name} was deleted.`;
    };
    return (
      <ActDialog title="Delete user" word="Delete" danger typed={user.name} act={act} onClose={onClose}>
        <p>Its connections end at once; its permissions are gone.</p>
      </ActDialog>
    );
  }
  return <PermissionDialog user={user.name} topical={open.of === 'topics'} {...open.given} onClose={onClose} />;
}

function PasswordDialog({ user, onClose }: { user: UserRow; onClose: () => void }) {
  const [password, setPassword] = useState('');
  const act = async (): Promise<string> => {
    await ask(path`/api/users/${user.name}`, { method: 'PUT', body: { password, tags: user.tags.join(',') } });
    return `${user.name} has a new password.`;
  };
  return (
    <ActDialog
      title={`New password of ${user.name}`}
      word="Set it"
      disabled={password === ''}
      act={act}
      onClose={onClose}
    >
      <TextField
        label="Password"
        type="password"
        value={password}
        onInput={setPassword}
        required
        autofocus
        autocomplete="new-password"
      />
    </ActDialog>
  );
}

function TagsDialog({ user, onClose }: { user: UserRow; onClose: () => void }) {
  const [tags, setTags] = useState<readonly string[]>(user.tags);
  const act = async (): Promise<string> => {
    const body = {
      password_hash: user.password_hash,
      hashing_algorithm: 'entrepot_password_hashing',
      tags: tags.join(','),
    };
    await ask(path`/api/users/${user.name}`, { method: 'PUT', body: { ...user, ...body } });
    return `${user.name} has the tags it should have.`;
  };
  return (
    <ActDialog title={`Tags of ${user.name}`} word="Set them" act={act} onClose={onClose}>
      <TagFields tags={tags} onChange={setTags} />
    </ActDialog>
  );
}

interface PermissionDialogProps extends Partial<Permission & TopicPermission> {
  readonly user: string;
  /** Of topics, not of names. */
  readonly topical: boolean;
  readonly onClose: () => void;
}

function PermissionDialog({ user, topical, onClose, ...given }: PermissionDialogProps) {
  const [vhost, setVhost] = useState(given.vhost ?? '/');
  const [exchange, setExchange] = useState(given.exchange ?? 'amq.topic');
  const [configure, setConfigure] = useState(given.configure ?? '.*');
  const [write, setWrite] = useState(given.write ?? '.*');
  const [read, setRead] = useState(given.read ?? '.*');
  const act = async (): Promise<string> => {
    if (topical)
      await ask(path`/api/topic-permissions/${vhost}/${user}`, { method: 'PUT', body: { exchange, write, read } });
    else await ask(path`/api/permissions/${vhost}/${user}`, { method: 'PUT', body: { configure, write, read } });
    return 'In force at once, for those connected too.';
  };
  return (
    <ActDialog title={topical ? `Topics of ${user}` : `Permissions of ${user}`} word="Set" act={act} onClose={onClose}>
      <VhostField value={vhost} onInput={setVhost} />
      {topical ? (
        <TextField
          label="Exchange"
          value={exchange}
          onInput={setExchange}
          hint="amq.topic is where MQTT's topics are."
        />
      ) : (
        <TextField
          label="Configure"
          value={configure}
          onInput={setConfigure}
          hint="Names it may declare and delete: a regular expression; empty: none."
        />
      )}
      <TextField
        label="Write"
        value={write}
        onInput={setWrite}
        hint={topical ? 'Keys it may publish with.' : 'Exchanges it may publish to, queues it may bind.'}
      />
      <TextField
        label="Read"
        value={read}
        onInput={setRead}
        hint={
          topical ? 'Keys and topics it may bind and receive.' : 'Queues it may consume from, exchanges it may bind to.'
        }
      />
    </ActDialog>
  );
}
