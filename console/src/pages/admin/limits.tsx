/** Limits of a vhost or a user: how many of each there may be. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../../api/answer.ts';
import { ApiError, ask } from '../../api/request.ts';
import { Button, Trouble } from '../../ui/basics.tsx';
import { toast } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/fields.tsx';

type Limits = Readonly<Record<string, number>>;

export function LimitsForm({ target, names }: { target: string; names: readonly string[] }) {
  const { data, error, refresh } = useAnswer<Limits>(target);
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const [failed, setFailed] = useState<ApiError | undefined>();
  const shown = (name: string): string => typed[name] ?? String(data?.[name] ?? '');
  const save = async (): Promise<void> => {
    setFailed(undefined);
    // What is empty is taken back.
    const body = Object.fromEntries(names.map((name) => [name, shown(name) === '' ? null : Number(shown(name))]));
    try {
      await ask(target, { method: 'PUT', body });
      setTyped({});
      refresh();
      toast('The limits are in force.');
    } catch (thrown) {
      setFailed(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {names.map((name) => (
        <TextField
          key={name}
          label={`Most ${name}`}
          type="number"
          min={-1}
          value={shown(name)}
          onInput={(value) => setTyped({ ...typed, [name]: value })}
          hint="Empty or -1: no limit of this kind."
        />
      ))}
      <div class="wide">
        <Trouble error={failed ?? error} />
        <Button submit disabled={Object.keys(typed).length === 0}>
          Set
        </Button>
      </div>
    </form>
  );
}
