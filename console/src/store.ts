/** A value that many parts of the page look at, and hear of when it changes. */
import { useEffect, useState } from 'preact/hooks';

export interface Store<T> {
  get(): T;
  set(next: T): void;
  /** @returns ends it */
  subscribe(listener: (value: T) => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The store's value; the component is drawn anew when that changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(() => ({ of: store.get() }));
  useEffect(() => {
    setValue({ of: store.get() });
    return store.subscribe((of) => setValue({ of }));
  }, [store]);
  return value.of;
}
