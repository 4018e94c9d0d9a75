/** Which vhost, of those where the user has something to do. */
import { useAnswer } from '../api/answer.ts';
import { setQuery, usePlace } from '../router.ts';
import { SelectField } from './fields.tsx';

const KEY = 'entrepot.vhost';

export function VhostField({ value, onInput }: { value: string; onInput: (vhost: string) => void }) {
  const { data } = useAnswer<readonly { readonly name: string }[]>('/api/vhosts', { query: { columns: 'name' } });
  const names = data?.map(({ name }) => name) ?? [value];
  return (
    <SelectField label="Vhost" value={value} onInput={onInput} of={names.includes(value) ? names : [value, ...names]} />
  );
}

/** The one that a page shows, where the broker lists one at a time: the address has it, and the browser remembers the last. */
export function useVhost(): readonly [vhost: string, choose: (vhost: string) => void] {
  const { query } = usePlace();
  const choose = (vhost: string): void => {
    localStorage.setItem(KEY, vhost);
    setQuery({ vhost, page: undefined });
  };
  return [query['vhost'] ?? localStorage.getItem(KEY) ?? '/', choose];
}

export function VhostChoice({ of: [vhost, choose] }: { of: ReturnType<typeof useVhost> }) {
  return <VhostField value={vhost} onInput={choose} />;
}
