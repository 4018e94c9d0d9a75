/** Policies: settings for all queues and exchanges whose names match, in force at once. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../../api/answer.ts';
import { ask, path } from '../../api/request.ts';
import { hasTag, session } from '../../api/session.ts';
import { count } from '../../format.ts';
import { href } from '../../router.ts';
import { shown } from '../../settings.ts';
import { Badge, Button, PageHead, Section, Trouble, Waiting } from '../../ui/basics.tsx';
import { ActDialog } from '../../ui/dialog.tsx';
import { AreaField, SelectField, TextField } from '../../ui/fields.tsx';
import type { Paged } from '../../ui/list.tsx';
import { Table } from '../../ui/table.tsx';
import { useVhost, VhostChoice } from '../../ui/vhost.tsx';

type ApplyTo = 'all' | 'queues' | 'exchanges' | 'classic_queues' | 'quorum_queues';

interface Policy {
  readonly vhost: string;
  readonly name: string;
  readonly kind: 'policy' | 'operator';
  readonly pattern: string;
  readonly applyTo: ApplyTo;
  readonly priority: number;
  readonly definition: Readonly<Record<string, string | number | boolean>>;
  readonly configured: boolean;
}

const settingsOf = ({ definition }: Policy): string =>
  Object.entries(definition)
    .map(([name, value]) => `${name}: ${shown(name, value)}`)
    .join(', ');

export default function PoliciesPage() {
  const choice = useVhost();
  const [vhost] = choice;
  const { data, error, refresh } = useAnswer<{ policies: readonly Policy[] }>(path`/v1/vhosts/${vhost}/policies`);
  const [open, setOpen] = useState<{ policy?: Policy; deleting?: boolean } | undefined>();
  const close = (): void => {
    setOpen(undefined);
    refresh();
  };
  const may = ({ kind, configured }: Policy): boolean =>
    !configured && hasTag(session.get(), ...(kind === 'operator' ? [] : ['policymaker']));
  return (
    <>
      <PageHead title="Policies">
        {hasTag(session.get(), 'policymaker') && (
          <Button kind="primary" onClick={() => setOpen({})}>
            New policy
          </Button>
        )}
      </PageHead>
      <Section title="In the order in which they count" aside={<VhostChoice of={choice} />}>
        <Trouble error={error} />
        {data === undefined ? (
          error === undefined && <Waiting lines={4} />
        ) : (
          <Table
            caption="Policies"
            rows={data.policies}
            id={({ kind, name }) => `${kind} ${name}`}
            empty="There is no policy in this vhost."
            columns={[
              {
                key: 'name',
                title: 'Name',
                cell: ({ name, kind, configured }) => (
                  <>
                    {name}{' '}
                    {kind === 'operator' && (
                      <Badge tone="warn" title="Nobody can raise it">
                        operator
                      </Badge>
                    )}{' '}
                    {configured && <Badge title="It is changed in the configuration">configuration</Badge>}
                  </>
                ),
              },
              { key: 'pattern', title: 'Pattern', cell: ({ pattern }) => <code>{pattern}</code> },
              { key: 'applyTo', title: 'Applies to', cell: ({ applyTo }) => applyTo.replace('_', ' ') },
              { key: 'priority', title: 'Priority', figures: true, cell: ({ priority }) => priority },
              { key: 'definition', title: 'Settings', cell: settingsOf },
              {
                key: 'do',
                deeds: true,
                title: '',
                cell: (policy) =>
                  may(policy) && (
                    <>
                      <Button kind="quiet" label={`Change ${policy.name}`} onClick={() => setOpen({ policy })}>
                        Change
                      </Button>
                      <Button
                        kind="quiet"
                        label={`Delete ${policy.name}`}
                        onClick={() => setOpen({ policy, deleting: true })}
                      >
                        Delete
                      </Button>
                    </>
                  ),
              },
            ]}
          />
        )}
      </Section>
      {open !== undefined &&
        (open.deleting === true ? (
          <DeleteDialog policy={open.policy!} onClose={close} />
        ) : (
          <PolicyDialog vhost={vhost} policy={open.policy} onClose={close} />
        ))}
    </>
  );
}

function DeleteDialog({ policy, onClose }: { policy: Policy; onClose: () => void }) {
  const act = async (): Promise<string> => {
    await ask(path`/v1/vhosts/${policy.vhost}/policies/${policy.name}`, {
      method: 'DELETE',
      query: { kind: policy.kind },
    });
    return `Policy ${policy.name} was deleted.`;
  };
  return (
    <ActDialog title={`Delete policy ${policy.name}`} word="Delete" danger act={act} onClose={onClose}>
      <p>Queues and exchanges under it take the next policy that matches, at once.</p>
      <Preview vhost={policy.vhost} pattern={policy.pattern} name={policy.name} />
    </ActDialog>
  );
}

function PolicyDialog({ vhost, policy, onClose }: { vhost: string; policy: Policy | undefined; onClose: () => void }) {
  const [name, setName] = useState(policy?.name ?? '');
  const [kind, setKind] = useState<Policy['kind']>(policy?.kind ?? 'policy');
  const [pattern, setPattern] = useState(policy?.pattern ?? '');
  const [applyTo, setApplyTo] = useState<ApplyTo>(policy?.applyTo ?? 'all');
  const [priority, setPriority] = useState(String(policy?.priority ?? 0));
  const [definition, setDefinition] = useState(
    JSON.stringify(policy?.definition ?? { 'max-length': 100_000 }, null, 2),
  );
  const act = async (): Promise<string> => {
    const body = { pattern, applyTo, priority: Number(priority), definition: JSON.parse(definition) as unknown };
    await ask(path`/v1/vhosts/${vhost}/policies/${name}`, { method: 'PUT', query: { kind }, body });
    return `Policy ${name} is in force.`;
  };
  return (
    <ActDialog
      title={policy === undefined ? `New policy in ${vhost}` : `Policy ${name}`}
      word="Set"
      disabled={name === ''}
      act={act}
      onClose={onClose}
    >
      <div class="form">
        <TextField label="Name" value={name} onInput={setName} required autofocus />
        <TextField
          label="Pattern"
          value={pattern}
          onInput={setPattern}
          hint="A regular expression, found anywhere in a name."
        />
        <SelectField
          label="Applies to"
          value={applyTo}
          onInput={setApplyTo}
          of={['all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues']}
        />
        <TextField
          label="Priority"
          type="number"
          value={priority}
          onInput={setPriority}
          hint="The highest that matches counts."
        />
        {hasTag(session.get()) && policy === undefined && (
          <SelectField
            label="Kind"
            value={kind}
            onInput={setKind}
            of={[
              ['policy', 'policy'],
              ['operator', 'operator: nobody can raise it'],
            ]}
          />
        )}
        <AreaField label="Settings, as JSON" value={definition} onInput={setDefinition} rows={5} />
      </div>
      <Preview vhost={vhost} pattern={pattern} name={name} />
    </ActDialog>
  );
}

interface Affected {
  readonly name: string;
  readonly policy: string | null;
}

/** What it would change: the queues whose names match, and which policy each has now. */
function Preview({ vhost, pattern, name }: { vhost: string; pattern: string; name: string }) {
  const { data, error } = useAnswer<Paged<Affected>>(path`/api/queues/${vhost}`, {
    query: { page: 1, page_size: 5, name: pattern, use_regex: true, columns: 'name,policy' },
  });
  if (error !== undefined) return <Trouble error={error} what="The pattern" />;
  if (data === undefined) return <Waiting lines={2} />;
  return (
    <div aria-live="polite">
      <p>
        <strong>{count(data.filtered_count)}</strong> of {count(data.total_count)} queues match now.
      </p>
      <ul>
        {data.items.map((queue) => (
          <li key={queue.name}>
            <a href={href('queues', vhost, queue.name)}>{queue.name}</a>{' '}
            <span class="hint">
              {queue.policy == null || queue.policy === ''
                ? 'no policy now'
                : queue.policy === name
                  ? 'this one now'
                  : `now ${queue.policy}`}
            </span>
          </li>
        ))}
        {data.filtered_count > data.items.length && (
          <li class="hint">and {count(data.filtered_count - data.items.length)} more</li>
        )}
      </ul>
    </div>
  );
}
