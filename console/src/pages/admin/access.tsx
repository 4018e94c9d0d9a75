/** Who may do this, and why not: the broker is asked, and says which rule decides. */
import { useState } from 'preact/hooks';
import { ApiError, askJson } from '../../api/request.ts';
import { Badge, Button, Trouble } from '../../ui/basics.tsx';
import { SelectField, TextField } from '../../ui/fields.tsx';

interface Access {
  readonly allowed: boolean;
  readonly rules: readonly { readonly allowed: boolean; readonly sentence: string }[];
}

type What = 'queue' | 'exchange' | 'topic';

const ACTIONS: Readonly<Record<What, readonly string[]>> = {
  queue: ['read', 'write', 'configure'],
  exchange: ['write', 'read', 'configure'],
  topic: ['publish', 'subscribe', 'receive', 'unsubscribe'],
};

export function AccessForm({ user }: { user: string }) {
  const [what, setWhat] = useState<What>('queue');
  const [action, setAction] = useState('read');
  const [name, setName] = useState('');
  const [vhost, setVhost] = useState('/');
  const [answer, setAnswer] = useState<Access | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  const submit = async (): Promise<void> => {
    setAnswer(undefined);
    setError(undefined);
    try {
      setAnswer(await askJson<Access>('/v1/access', { query: { user, action, resource: `${what}:${name}`, vhost } }));
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <SelectField
        label="What"
        value={what}
        of={['queue', 'exchange', 'topic']}
        onInput={(next) => {
          setWhat(next);
          setAction(ACTIONS[next][0]!);
        }}
      />
      <SelectField label="Action" value={action} onInput={setAction} of={ACTIONS[what]} />
      <TextField label="Name" value={name} onInput={setName} required />
      <TextField label="Vhost" value={vhost} onInput={setVhost} required />
      <div class="wide">
        <Button submit>Ask</Button>
      </div>
      <div class="wide" aria-live="polite">
        <Trouble error={error} />
        {answer !== undefined && (
          <>
            <Badge tone={answer.allowed ? 'good' : 'bad'}>{answer.allowed ? 'allowed' : 'refused'}</Badge>
            <ul>
              {answer.rules.map(({ sentence }) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </>
        )}
      </div>
    </form>
  );
}
