/** What `entrepot doctor` finds. */
export type Verdict = 'ok' | 'warning' | 'wrong';

export interface Finding {
  /** What was looked at. */
  readonly about: string;
  readonly verdict: Verdict;
  /** What is so, and what to do where that is not well. */
  readonly text: string;
}

export function ok(about: string, text: string): Finding {
  return { about, verdict: 'ok', text };
}

export function warning(about: string, text: string): Finding {
  return { about, verdict: 'warning', text };
}

export function wrong(about: string, text: string): Finding {
  return { about, verdict: 'wrong', text };
}
