/** Fields of forms: each with its label, and a line that says what may stand there. */

import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
}

interface TextProps extends FieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: 'text' | 'password' | 'number';
  readonly required?: boolean;
  readonly placeholder?: string;
  readonly autocomplete?: string;
  readonly list?: readonly string[];
  readonly min?: number;
  readonly autofocus?: boolean;
}

export function TextField({ label, hint, value, onInput, type = 'text', list, ...rest }: TextProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        // Each kind has attributes of its own, which these have in common.
        type={type as 'text'}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        spellcheck={false}
        {...(list !== undefined && { list: `${id}-list` })}
        {...rest}
      />
      {list !== undefined && (
        <datalist id={`${id}-list`}>
          {list.map((one) => (
            <option value={one} key={one} />
          ))}
        </datalist>
      )}
      {hint !== undefined && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  );
}

export function AreaField({
  label,
  hint,
  value,
  onInput,
  rows = 6,
}: FieldProps & { value: string; onInput: (value: string) => void; rows?: number }) {
  const id = useId();
  return (
    <div class="field wide">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        value={value}
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
      {hint !== undefined && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  );
}

export function SelectField<T extends string>({
  label,
  hint,
  value,
  onInput,
  of,
}: FieldProps & { value: T; onInput: (value: T) => void; of: readonly (T | readonly [T, string])[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onInput={(event) => onInput(event.currentTarget.value as T)}>
        {of.map((one) => {
          const [key, text] = typeof one === 'string' ? [one, one] : one;
          return (
            <option value={key} key={key}>
              {text}
            </option>
          );
        })}
      </select>
      {hint !== undefined && <small class="hint">{hint}</small>}
    </div>
  );
}

export function CheckField({
  label,
  hint,
  value,
  onInput,
}: FieldProps & { value: boolean; onInput: (value: boolean) => void }) {
  const id = useId();
  return (
    <div class="field check">
      <input id={id} type="checkbox" checked={value} onInput={(event) => onInput(event.currentTarget.checked)} />
      <label for={id}>{label}</label>
      {hint !== undefined && <small class="hint">{hint}</small>}
    </div>
  );
}

const TYPING_MS = 100;

/** A search that is carried out when its typist pauses. */
export function SearchField({
  value,
  onSearch,
  label,
}: {
  value: string;
  onSearch: (text: string) => void;
  label: string;
}) {
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  return (
    <input
      type="search"
      class="search"
      aria-label={label}
      placeholder={label}
      value={typed ?? value}
      spellcheck={false}
      onInput={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => {
          setTyped(undefined);
          onSearch(text);
        }, TYPING_MS);
      }}
    />
  );
}
