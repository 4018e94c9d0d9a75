/** Users: who there is, what each may do. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../../api/answer.ts';
import { ask, path } from '../../api/request.ts';
import { session } from '../../api/session.ts';
import type { PageProps } from '../../pages.ts';
import { go, href } from '../../router.ts';
import { Badge, Button, PageHead, Section, Trouble, Waiting } from '../../ui/basics.tsx';
import { ActDialog } from '../../ui/dialog.tsx';
import { CheckField, TextField } from '../../ui/fields.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { UserPage } from './user.tsx';

export interface UserRow {
  readonly name: string;
  readonly tags: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly password_hash: string;
}

/** RabbitMQ's, and what each is for. */
export const TAGS = [
  ['administrator', 'everything, users and definitions too'],
  ['monitoring', 'sees all vhosts, connections and nodes'],
  ['policymaker', 'sets policies of the vhosts it may enter'],
  ['management', 'sees and uses its own vhosts here'],
] as const;

const COLUMNS: readonly Column<UserRow>[] = [
  { key: 'name', title: 'Name', cell: ({ name }) => <a href={href('users', name)}>{name}</a> },
  {
    key: 'tags',
    title: 'Tags',
    cell: ({ tags }) => (tags.length === 0 ? 'none' : tags.map((tag) => <Badge key={tag}>{tag}</Badge>)),
  },
  {
    key: 'limits',
    title: 'Limits',
    cell: ({ limits }) =>
      Object.entries(limits)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ') || 'none',
  },
];

export default function UsersPage({ rest }: PageProps) {
  return rest.length === 0 ? <Users /> : <UserPage name={rest[0]!} />;
}

function Users() {
  const { data, error } = useAnswer<readonly UserRow[]>('/api/users', { everyMs: 10_000 });
  const [making, setMaking] = useState(false);
  return (
    <>
      <PageHead title="Users">
        <Button kind="primary" onClick={() => setMaking(true)}>
          New user
        </Button>
      </PageHead>
      <Section title="Who may come in">
        <Trouble error={error} />
        {data === undefined ? (
          error === undefined && <Waiting lines={4} />
        ) : (
          <Table caption="Users" columns={COLUMNS} rows={data} id={({ name }) => name} />
        )}
      </Section>
      {making && <UserDialog users={data ?? []} onClose={() => setMaking(false)} />}
    </>
  );
}

/** A user's name, password and tags. The first one made ends `guest`, who has made it. */
function UserDialog({ users, onClose }: { users: readonly UserRow[]; onClose: () => void }) {
  const guest = session.get()?.name === 'guest';
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [tags, setTags] = useState<readonly string[]>(guest ? ['administrator'] : []);
  const taken = users.some((user) => user.name === name);
  const act = async (): Promise<string> => {
    await ask(path`/api/users/${name}`, { method: 'PUT', body: { password, tags: tags.join(',') } });
    go(href('users', name));
    return `User ${name} was made. It has no permissions yet.`;
  };
  return (
    <ActDialog
      title="New user"
      word="Make it"
      disabled={taken || name === '' || password === ''}
      act={act}
      onClose={onClose}
    >
      {guest && (
        <p class="notice warn">
          Where no user is set in the configuration, guest/guest ends with the first user that is made: give it the tag
          administrator, and sign in as it.
        </p>
      )}
      <TextField
        label="Name"
        value={name}
        onInput={setName}
        required
        autofocus
        hint={taken ? 'There is such a user.' : undefined}
      />
      <TextField
        label="Password"
        type="password"
        value={password}
        onInput={setPassword}
        required
        autocomplete="new-password"
      />
      <TagFields tags={tags} onChange={setTags} />
    </ActDialog>
  );
}

export function TagFields({
  tags,
  onChange,
}: {
  tags: readonly string[];
  onChange: (tags: readonly string[]) => void;
}) {
  return (
    <>
      {TAGS.map(([tag, means]) => (
        <CheckField
          key={tag}
          label={tag}
          hint={means}
          value={tags.includes(tag)}
          onInput={(has) => onChange(has ? [...tags, tag] : tags.filter((one) => one !== tag))}
        />
      ))}
    </>
  );
}
