/** A question that stands before everything else, and what has been said for a moment (`toast`). */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/request.ts';
import { createStore, useStore } from '../store.ts';
import { Button, Trouble } from './basics.tsx';

/** The browser's own modal dialog: focus stays within, Escape closes it, and goes back to where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current!.showModal();
  }, []);
  return (
    <dialog ref={element} aria-label={title} onClose={onClose}>
      <header class="card-head">
        <h2>{title}</h2>
        <Button kind="quiet" label="Close" onClick={() => element.current!.close()}>
          ✕
        </Button>
      </header>
      {children}
    </dialog>
  );
}

interface ActProps {
  readonly title: string;
  /** What will happen, in a sentence. */
  readonly children?: ComponentChildren;
  /** The word on the button. */
  readonly word: string;
  readonly danger?: boolean;
  /** What must be typed first, of what cannot be undone. */
  readonly typed?: string;
  readonly disabled?: boolean;
  /** @returns what is said of it afterwards */
  readonly act: () => Promise<string | undefined>;
  readonly onClose: () => void;
}

/** Asks, does it, says what came of it. What goes wrong is said in the dialog, which stays. */
export function ActDialog({ title, children, word, danger = false, typed, disabled = false, act, onClose }: ActProps) {
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [text, setText] = useState('');
  const submit = async (): Promise<void> => {
    setWorking(true);
    setError(undefined);
    try {
      const done = await act();
      if (done !== undefined) toast(done);
      onClose();
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
      setWorking(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {children}
        {typed !== undefined && (
          <label class="field wide">
            <span>
              Type <code>{typed}</code> to go on
            </span>
            <input value={text} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
        )}
        <Trouble error={error} />
        <footer class="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button
            submit
            kind={danger ? 'danger' : 'primary'}
            disabled={working || disabled || (typed !== undefined && text !== typed)}
          >
            {working ? '…' : word}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

interface Said {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 6_000;
const toasts = createStore<readonly Said[]>([]);
let last = 0;

/** Says it at the edge of the page for a few seconds, and to a screen reader. */
export function toast(text: string): void {
  const id = ++last;
  toasts.set([...toasts.get().slice(-3), { id, text }]);
  setTimeout(() => toasts.set(toasts.get().filter((one) => one.id !== id)), SHOWN_MS);
}

export function Toasts() {
  const shown = useStore(toasts);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text }) => (
        <div class="toast" key={id}>
          {text}
        </div>
      ))}
    </div>
  );
}
