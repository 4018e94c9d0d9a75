/** Which vhost: those where the user has something to do. */
import { useAnswer } from '../api/answer.ts';
import { SelectField } from '../ui/fields.tsx';

export function VhostField({ value, onInput }: { value: string; onInput: (vhost: string) => void }) {
  const { data } = useAnswer<readonly { readonly name: string }[]>('/api/vhosts');
  const names = data?.map(({ name }) => name) ?? [value];
  return (
    <SelectField label="Vhost" value={value} onInput={onInput} of={names.includes(value) ? names : [value, ...names]} />
  );
}
