/** A redrive is planned, counted, and begun. */
import { useRef, useState } from 'preact/hooks';
import { ApiError, askJson, path } from '../api/request.ts';
import { count, duration } from '../format.ts';
import type { Looked } from '../messages/shapes.ts';
import { Button, Trouble } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';

interface Counted extends Looked {
  readonly matching: number;
  readonly origins: readonly { readonly queue: string; readonly messages: number; readonly exists: boolean }[];
  readonly others: number;
  readonly noOrigin: number;
}

interface Sum {
  readonly matching: number;
  readonly scanned: number;
  readonly of: number;
  readonly others: number;
  readonly noOrigin: number;
  readonly origins: ReadonlyMap<string, { messages: number; exists: boolean }>;
  readonly whole: boolean;
}

interface Plan {
  readonly to: 'origin' | 'queue' | 'exchange';
  readonly name: string;
  readonly key: string;
  readonly selector: string;
  readonly text: string;
  readonly rate: string;
  readonly limit: string;
  readonly attempts: 'keep' | 'reset';
}

interface RedriveProps {
  readonly vhost: string;
  readonly queue: string;
  readonly selector: string;
  readonly done: () => void;
  readonly onClose: () => void;
}

export function RedriveDialog({ vhost, queue, selector, done, onClose }: RedriveProps) {
  const [plan, setPlan] = useState<Plan>({
    to: 'origin',
    name: '',
    key: '',
    selector,
    text: '',
    rate: '',
    limit: '',
    attempts: 'keep',
  });
  const change = (part: Partial<Plan>): void => setPlan({ ...plan, ...part });
  const target = path`/v1/vhosts/${vhost}/queues/${queue}/redrives`;
  return (
    <ActDialog
      title={`Redrive messages of ${queue}`}
      word="Begin"
      disabled={plan.to === 'queue' && plan.name === ''}
      act={async () => {
        await askJson(target, { method: 'POST', body: bodyOf(plan) });
        done();
        return 'It has begun; it goes on by itself, here it can be watched and stopped.';
      }}
      onClose={onClose}
    >
      <div class="form">
        <SelectField
          label="To"
          value={plan.to}
          onInput={(to) => change({ to })}
          of={[
            ['origin', 'where each died first'],
            ['queue', 'a queue'],
            ['exchange', 'an exchange'],
          ]}
        />
        {plan.to !== 'origin' && (
          <TextField
            label={plan.to === 'queue' ? 'Queue' : 'Exchange'}
            value={plan.name}
            onInput={(name) => change({ name })}
          />
        )}
        {plan.to === 'exchange' && (
          <TextField
            label="Routing key"
            value={plan.key}
            onInput={(key) => change({ key })}
            hint="Empty: each message’s own"
          />
        )}
        <SelectField
          label="Attempts"
          value={plan.attempts}
          onInput={(attempts) => change({ attempts })}
          of={[
            ['keep', 'the record of its deaths goes on'],
            ['reset', 'as if it had never died'],
          ]}
        />
        <TextField
          label="Messages a second"
          type="number"
          min={0}
          value={plan.rate}
          onInput={(rate) => change({ rate })}
          hint="Empty: as fast as clients do not notice"
        />
        <TextField
          label="At most"
          type="number"
          min={1}
          value={plan.limit}
          onInput={(limit) => change({ limit })}
          hint="Messages; empty: all"
        />
      </div>
      <TextField
        label="Only those that a selector selects"
        value={plan.selector}
        onInput={(one) => change({ selector: one })}
        placeholder="error = 'timeout'"
      />
      <TextField label="Only those that hold a text" value={plan.text} onInput={(text) => change({ text })} />
      <Count target={`${target}/count`} plan={plan} key={JSON.stringify(plan)} />
    </ActDialog>
  );
}

function bodyOf({ to, name, key, selector, text, rate, limit, attempts }: Plan): object {
  return {
    to:
      to === 'origin'
        ? to
        : to === 'queue'
          ? { queue: name }
          : { exchange: name, ...(key !== '' && { routingKey: key }) },
    attempts,
    ...(selector !== '' && { selector }),
    ...(text !== '' && { text }),
    ...(rate !== '' && { rate: Number(rate) }),
    ...(limit !== '' && { limit: Number(limit) }),
  };
}

/** The dry run: request by request, until it has looked at all or is stopped. */
function Count({ target, plan }: { target: string; plan: Plan }) {
  const [sum, setSum] = useState<Sum | undefined>(undefined);
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const stopped = useRef(false);
  const run = async (): Promise<void> => {
    stopped.current = false;
    setWorking(true);
    setError(undefined);
    let from: string | null = 'oldest';
    let so: Sum = { matching: 0, scanned: 0, of: 0, others: 0, noOrigin: 0, origins: new Map(), whole: false };
    try {
      while (from !== null && !stopped.current) {
        const one: Counted = await askJson<Counted>(target, { method: 'POST', body: { ...bodyOf(plan), from } });
        const origins = new Map(so.origins);
        for (const { queue, messages, exists } of one.origins) {
          origins.set(queue, { messages: (origins.get(queue)?.messages ?? 0) + messages, exists });
        }
        from = one.next;
        so = {
          matching: so.matching + one.matching,
          scanned: so.scanned + one.scanned,
          of: Math.max(so.of, one.of),
          others: so.others + one.others,
          noOrigin: so.noOrigin + one.noOrigin,
          origins,
          whole: from === null,
        };
        setSum(so);
      }
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
    setWorking(false);
  };
  const rate = Number(plan.rate);
  return (
    <div class="stack">
      <div class="actions">
        <Button onClick={() => (working ? (stopped.current = true) : void run())}>
          {working ? 'Stop counting' : 'Count first, move nothing'}
        </Button>
      </div>
      <Trouble error={error} />
      {sum !== undefined && (
        <div role="status" class="notice">
          <p>
            {`${count(sum.matching)} would be moved`}
            {sum.whole ? '' : `, of ${count(sum.scanned)} that were looked at (${count(sum.of)} in all)`}
            {rate > 0 && `: in about ${duration((sum.matching / rate) * 1000)}`}.
          </p>
          {plan.to === 'origin' && (
            <ul>
              {[...sum.origins].map(([queue, { messages, exists }]) => (
                <li
                  key={queue}
                >{`${count(messages)} to ${queue}${exists ? '' : ', which is not there: they stay'}`}</li>
              ))}
              {sum.others > 0 && <li>{`${count(sum.others)} to other queues`}</li>}
              {sum.noOrigin > 0 && <li>{`${count(sum.noOrigin)} have never died: they stay`}</li>}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}
