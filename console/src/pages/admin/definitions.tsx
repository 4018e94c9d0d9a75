/** Definitions: all that has been declared, as one file, out and in. What it would do is shown before it does. */
import { useState } from 'preact/hooks';
import { ApiError, ask, askJson } from '../../api/request.ts';
import { count } from '../../format.ts';
import { Badge, Button, Facts, PageHead, Section, type Tone, Trouble } from '../../ui/basics.tsx';
import { ActDialog } from '../../ui/dialog.tsx';
import { download } from '../../ui/download.ts';
import { Table } from '../../ui/table.tsx';

interface Item {
  readonly kind: string;
  readonly name: string;
  readonly vhost?: string;
  readonly outcome: string;
  readonly reason?: string;
}

/** So many are shown; the figures count all. */
const SHOWN_MAX = 500;
const FILE_MAX_BYTES = 64 * 1024 * 1024;

const TONES: Readonly<Record<string, Tone>> = {
  'would-be-done': 'good',
  done: 'good',
  kept: 'neutral',
  'left-out': 'warn',
  failed: 'bad',
};

export default function DefinitionsPage() {
  const [file, setFile] = useState<{ readonly name: string; readonly content: unknown } | undefined>();
  const [items, setItems] = useState<readonly Item[] | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  const [importing, setImporting] = useState(false);

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setError(undefined);
    try {
      await work();
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
  };
  const take = (chosen: File | undefined): void => {
    setFile(undefined);
    setItems(undefined);
    if (chosen === undefined) return;
    void attempt(async () => {
      if (chosen.size > FILE_MAX_BYTES) throw new ApiError(0, 'The file is larger than definitions may be.');
      let content: unknown;
      try {
        content = JSON.parse(await chosen.text());
      } catch {
        throw new ApiError(0, `${chosen.name} is no JSON.`);
      }
      const tried = await askJson<{ items: readonly Item[] }>('/api/definitions', {
        method: 'POST',
        query: { dry_run: true },
        body: content,
      });
      setFile({ name: chosen.name, content });
      setItems(tried.items);
    });
  };
  const save = (): Promise<void> =>
    attempt(async () => download('definitions.json', await (await ask('/api/definitions')).blob()));

  const outcomes = Map.groupBy(items ?? [], ({ outcome }) => outcome);
  return (
    <>
      <PageHead
        title="Definitions"
        sub="Users, vhosts, permissions, policies, exchanges, queues and bindings; no messages."
      >
        <Button onClick={() => void save()}>Download all</Button>
      </PageHead>
      <Section title="Import">
        <label class="field">
          <span>A file of definitions, of this broker or RabbitMQ's</span>
          <input
            type="file"
            accept=".json,application/json"
            onChange={(event) => take(event.currentTarget.files?.[0])}
          />
        </label>
        <Trouble error={error} />
        {items !== undefined && file !== undefined && (
          <>
            <Facts
              of={[...outcomes].map(([outcome, of]) => [outcome.replaceAll('-', ' '), count(of.length)] as const)}
            />
            <Table
              caption="What would be done"
              rows={items.slice(0, SHOWN_MAX)}
              id={({ kind, vhost, name }) => `${kind} ${vhost ?? ''} ${name}`}
              empty="The file says nothing."
              columns={[
                {
                  key: 'outcome',
                  title: 'Outcome',
                  cell: ({ outcome }) => (
                    <Badge tone={TONES[outcome] ?? 'neutral'}>{outcome.replaceAll('-', ' ')}</Badge>
                  ),
                },
                { key: 'kind', title: 'What', cell: ({ kind }) => kind },
                { key: 'name', title: 'Name', cell: ({ name }) => name },
                { key: 'vhost', title: 'Vhost', cell: ({ vhost }) => vhost ?? '' },
                { key: 'reason', title: 'Why', cell: ({ reason }) => reason ?? '' },
              ]}
            />
            {items.length > SHOWN_MAX && (
              <p class="hint">
                The first {SHOWN_MAX} of {count(items.length)}.
              </p>
            )}
            <Button kind="primary" onClick={() => setImporting(true)}>
              Import {file.name}
            </Button>
          </>
        )}
      </Section>
      {importing && file !== undefined && (
        <ActDialog
          title={`Import ${file.name}`}
          word="Import"
          onClose={() => setImporting(false)}
          act={async () => {
            await ask('/api/definitions', { method: 'POST', body: file.content });
            setFile(undefined);
            setItems(undefined);
            return `${file.name} was imported.`;
          }}
        >
          <p>What is there already and named in the file is changed; nothing is deleted.</p>
        </ActDialog>
      )}
    </>
  );
}
