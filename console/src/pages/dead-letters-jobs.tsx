/** Redrives that are at work, and the last that have ended. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ask, path } from '../api/request.ts';
import { hasTag, session } from '../api/session.ts';
import { count, rate } from '../format.ts';
import { useStore } from '../store.ts';
import { Badge, Button, Section, Time, type Tone, Trouble, Waiting } from '../ui/basics.tsx';
import { ActDialog, toast } from '../ui/dialog.tsx';
import { Table } from '../ui/table.tsx';
import { OutcomesDialog } from './dead-letters-outcomes.tsx';

interface Redrive {
  readonly id: string;
  readonly queue: string;
  readonly user: string | null;
  readonly to: 'origin' | { readonly queue: string } | { readonly exchange: string; readonly routingKey?: string };
  readonly selector?: string;
  readonly text?: string;
  readonly rate: number;
  readonly attempts: 'keep' | 'reset';
  readonly state: 'running' | 'waiting' | 'stopped' | 'done';
  readonly why: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly moved: number;
  readonly scanned: number;
  readonly left: { readonly noOrigin: number; readonly unroutable: number; readonly accessRefused: number };
}

const TONES: Readonly<Record<Redrive['state'], Tone>> = {
  running: 'info',
  waiting: 'warn',
  stopped: 'warn',
  done: 'good',
};

function whereTo({ to }: Redrive): string {
  if (to === 'origin') return 'where each died first';
  return 'queue' in to
    ? to.queue
    : `the exchange ${to.exchange}${to.routingKey === undefined ? '' : `, key ${to.routingKey}`}`;
}

function leftOf({ left }: Redrive): string {
  const parts = [
    left.noOrigin > 0 && `${count(left.noOrigin)} have no origin`,
    left.unroutable > 0 && `${count(left.unroutable)} lead nowhere`,
    left.accessRefused > 0 && `${count(left.accessRefused)} may not be published there`,
  ].filter(Boolean);
  return parts.length === 0 ? '–' : parts.join(', ');
}

export function RedriveJobs({ vhost }: { vhost: string }) {
  const { data, error, refresh } = useAnswer<{ redrives: readonly Redrive[] }>(path`/v1/vhosts/${vhost}/redrives`, {
    everyMs: 1_000,
  });
  const login = useStore(session);
  const [looking, setLooking] = useState<string | undefined>(undefined);
  const [forgetting, setForgetting] = useState<Redrive | undefined>(undefined);
  const mine = ({ user }: Redrive): boolean => user === login?.name || hasTag(login);
  const change = (one: Redrive, verb: 'stop' | 'resume'): void => {
    ask(path`/v1/vhosts/${vhost}/redrives/${one.id}/` + verb, { method: 'POST' }).then(refresh, (thrown: Error) =>
      toast(thrown.message),
    );
  };
  return (
    <Section title="Redrives">
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting />
      ) : (
        <Table<Redrive>
          caption="Redrives"
          rows={data.redrives}
          id={({ id }) => id}
          empty="There has been no redrive yet."
          columns={[
            { key: 'began', title: 'Began', cell: (one) => <Time atMs={Date.parse(one.startedAt)} /> },
            { key: 'from', title: 'From', cell: (one) => one.queue },
            {
              key: 'to',
              title: 'To',
              cell: (one) => (
                <>
                  {whereTo(one)}
                  {one.attempts === 'reset' && ', as if they had never died'}
                  {(one.selector ?? one.text) !== undefined && (
                    <small class="hint preview">{[one.selector, one.text].filter(Boolean).join('; ')}</small>
                  )}
                </>
              ),
            },
            {
              key: 'state',
              title: 'State',
              cell: (one) => (
                <>
                  <Badge tone={TONES[one.state]}>{one.state}</Badge> {one.why}
                </>
              ),
            },
            { key: 'moved', title: 'Moved', figures: true, cell: (one) => count(one.moved) },
            { key: 'scanned', title: 'Looked at', figures: true, cell: (one) => count(one.scanned) },
            { key: 'left', title: 'Left where they are', cell: leftOf },
            { key: 'rate', title: 'Rate', figures: true, cell: (one) => (one.rate === 0 ? 'any' : rate(one.rate)) },
            {
              key: 'outcomes',
              title: 'One by one',
              cell: (one) => (
                <Button
                  kind="quiet"
                  label={`Outcomes of the redrive of ${one.queue}`}
                  onClick={() => setLooking(one.id)}
                >
                  Outcomes
                </Button>
              ),
            },
            { key: 'user', title: 'Begun by', cell: ({ user }) => user ?? 'the operator' },
            {
              key: 'act',
              title: '',
              cell: (one) =>
                mine(one) && (
                  <div class="actions">
                    {(one.state === 'running' || one.state === 'waiting') && (
                      <Button onClick={() => change(one, 'stop')}>Stop</Button>
                    )}
                    {one.state === 'stopped' && <Button onClick={() => change(one, 'resume')}>Resume</Button>}
                    <Button
                      kind="quiet"
                      label={`Forget the redrive of ${one.queue}`}
                      onClick={() => setForgetting(one)}
                    >
                      ✕
                    </Button>
                  </div>
                ),
            },
          ]}
        />
      )}
      {looking !== undefined && <OutcomesDialog vhost={vhost} id={looking} onClose={() => setLooking(undefined)} />}
      {forgetting !== undefined && (
        <ActDialog
          title="Forget this redrive"
          word="Forget"
          onClose={() => setForgetting(undefined)}
          act={async () => {
            await ask(path`/v1/vhosts/${vhost}/redrives/${forgetting.id}`, { method: 'DELETE' });
            refresh();
            return undefined;
          }}
        >
          <p>It is stopped, and gone from this list. What it has moved stays moved.</p>
        </ActDialog>
      )}
    </Section>
  );
}
