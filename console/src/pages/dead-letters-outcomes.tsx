/** What became of the messages of a redrive, one by one. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { askJson, path } from '../api/request.ts';
import { count } from '../format.ts';
import { hrefWith } from '../router.ts';
import { Badge, Button, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { Dialog, toast } from '../ui/dialog.tsx';
import { download } from '../ui/download.ts';
import { Pager, Table } from '../ui/table.tsx';

interface Outcome {
  readonly position: number;
  readonly at: string;
  readonly outcome: 'moved' | 'left';
  readonly why?: 'no-origin' | 'unroutable' | 'access-refused';
  readonly to?: string;
}

interface Outcomes {
  readonly outcomes: readonly Outcome[];
  readonly total: number;
}

const WHY = {
  'no-origin': 'it has never died',
  unroutable: 'what it leads to is not there, or takes nothing',
  'access-refused': 'who began it may not publish there',
} as const;
const ROWS = 20;
/** What the broker gives at a time. */
const PAGE_MAX = 500;

export function OutcomesDialog({ vhost, id, onClose }: { vhost: string; id: string; onClose: () => void }) {
  const target = path`/v1/vhosts/${vhost}/redrives/${id}/outcomes`;
  const [page, setPage] = useState(1);
  const { data, error } = useAnswer<Outcomes>(target, {
    everyMs: 2_000,
    query: { skip: (page - 1) * ROWS, limit: ROWS },
  });
  const save = async (): Promise<void> => {
    const lines: string[] = [];
    for (let skip = 0, total = 1; skip < total; skip += PAGE_MAX) {
      const some = await askJson<Outcomes>(target, { query: { skip, limit: PAGE_MAX } });
      ({ total } = some);
      lines.push(...some.outcomes.map((one) => JSON.stringify(one)));
    }
    download(`redrive-${id}.jsonl`, new Blob([lines.map((line) => `${line}\n`).join('')]));
  };
  return (
    <Dialog title="What became of its last messages" onClose={onClose}>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={6} />
      ) : (
        <>
          <Table<Outcome>
            caption="Outcomes, the latest first"
            rows={data.outcomes}
            id={({ position, at }) => `${position} ${at}`}
            empty="Of none since the broker was started."
            columns={[
              {
                key: 'position',
                title: 'Message',
                cell: ({ position }) => (
                  <a
                    href={hrefWith(['trace', vhost], { tab: 'passport', position: String(position) })}
                    onClick={onClose}
                  >
                    {position}
                  </a>
                ),
              },
              {
                key: 'outcome',
                title: 'Outcome',
                cell: ({ outcome, why }) => (
                  <>
                    <Badge tone={outcome === 'moved' ? 'good' : 'warn'}>{outcome}</Badge>{' '}
                    {why !== undefined && WHY[why]}
                  </>
                ),
              },
              { key: 'to', title: 'To', cell: ({ to = '–' }) => to },
              { key: 'at', title: 'When', cell: ({ at }) => <Time atMs={Date.parse(at)} /> },
            ]}
          />
          <Pager
            page={page}
            pages={Math.max(1, Math.ceil(data.total / ROWS))}
            total={data.total}
            found={data.total}
            onPage={setPage}
          />
          <footer class="dialog-foot">
            <Button
              disabled={data.total === 0}
              title="A line of JSON for each"
              onClick={() => void save().catch((thrown: Error) => toast(thrown.message))}
            >
              {`Download ${count(data.total)}`}
            </Button>
          </footer>
        </>
      )}
    </Dialog>
  );
}
