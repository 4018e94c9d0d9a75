/** Small parts that every page is made of. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '../api/request.ts';
import { exact, relative } from '../format.ts';

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info';

export function Badge({
  tone = 'neutral',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: () => void;
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet';
  readonly disabled?: boolean;
  /** Why it is disabled, or what it does. */
  readonly title?: string;
  readonly submit?: boolean;
  /** What a screen reader says, where the button shows a sign alone. */
  readonly label?: string;
  readonly pressed?: boolean;
}

export function Button({
  children,
  onClick,
  kind = 'plain',
  disabled = false,
  title,
  submit,
  label,
  pressed,
}: ButtonProps) {
  return (
    <button
      type={submit === true ? 'submit' : 'button'}
      class={kind}
      onClick={onClick}
      disabled={disabled}
      title={title}
      aria-label={label}
      aria-pressed={pressed}
    >
      {children}
    </button>
  );
}

/** A moment: how long ago, and when exactly. It grows older by itself. */
export function Time({ atMs }: { atMs: number }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 10_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={new Date(atMs).toISOString()} title={exact(atMs)}>
      {relative(atMs)}
    </time>
  );
}

/** What went wrong, where the part of the page would be that it spoils. */
export function Trouble({ error, what }: { error: ApiError | undefined; what?: string }) {
  if (error === undefined) return null;
  return (
    <p class="trouble" role="alert">
      {what !== undefined && `${what}: `}
      {error.message}
    </p>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A part of a page with a heading. */
export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="card">
      <header class="card-head">
        <h2>{title}</h2>
        {aside !== undefined && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** The head of a page: what it is, what there is to do. It names the document too. */
export function PageHead({
  title,
  sub,
  children,
}: {
  title: string;
  sub?: ComponentChildren;
  children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · Entrepot`;
  }, [title]);
  return (
    <header class="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {sub !== undefined && <p class="sub">{sub}</p>}
      </div>
      <div class="actions">{children}</div>
    </header>
  );
}

/** Names and what they are, one under the other. */
export function Facts({ of }: { of: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** One figure with what it counts. */
export function Figure({ label, value, title, tone }: { label: string; value: string; title?: string; tone?: Tone }) {
  return (
    <div class={`figure ${tone ?? ''}`} title={title}>
      <span class="figure-value">{value}</span>
      <span class="figure-label">{label}</span>
    </div>
  );
}

/** Room that is held while its content comes, so that nothing jumps. */
export function Waiting({ lines = 3 }: { lines?: number }) {
  return (
    <div class="waiting" aria-busy="true" role="status">
      <span class="hidden">Loading …</span>
      {Array.from({ length: lines }, (_, i) => (
        <span class="bar" key={i} />
      ))}
    </div>
  );
}
