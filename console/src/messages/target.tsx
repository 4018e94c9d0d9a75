/** Where messages are to go: a queue, or an exchange with a key. */
import { SelectField, TextField } from '../ui/fields.tsx';

export interface Target {
  readonly kind: 'queue' | 'exchange';
  readonly name: string;
  /** Empty: each message's own. */
  readonly key: string;
}

export const NO_TARGET: Target = { kind: 'queue', name: '', key: '' };

/** As `/v1` wants it. */
export function targetBody({ kind, name, key }: Target): object {
  if (kind === 'queue') return { queue: name };
  return { exchange: name, ...(key !== '' && { routingKey: key }) };
}

/** Whether it says enough. */
export const isTarget = ({ kind, name }: Target): boolean => kind === 'exchange' || name !== '';

export function TargetFields({ value, onInput }: { value: Target; onInput: (value: Target) => void }) {
  return (
    <div class="form">
      <SelectField
        label="To"
        value={value.kind}
        onInput={(kind) => onInput({ ...value, kind })}
        of={[
          ['queue', 'a queue'],
          ['exchange', 'an exchange'],
        ]}
      />
      <TextField
        label={value.kind === 'queue' ? 'Queue' : 'Exchange'}
        value={value.name}
        onInput={(name) => onInput({ ...value, name })}
      />
      {value.kind === 'exchange' && (
        <TextField
          label="Routing key"
          value={value.key}
          onInput={(key) => onInput({ ...value, key })}
          hint="Empty: each message’s own"
        />
      )}
    </div>
  );
}
