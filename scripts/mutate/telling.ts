/** A reporter for vitest that tells the process which started it (trial.ts) how the run goes on, as it goes on. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Paths are absolute. Times are in ms. */
export type Told =
  | { readonly tell: 'begins'; readonly file: string }
  | { readonly tell: 'failed'; readonly file: string; readonly what: string }
  | { readonly tell: 'ended'; readonly file: string; readonly took: number; readonly longest: number }
  | { readonly tell: 'problem'; readonly what: string };

function tell(told: Told): void {
  process.send?.(told);
}

const firstLine = (text: string): string => text.split('\n')[0]!;

export default class Telling implements Reporter {
  readonly #longest = new Map<string, number>();

  onTestModuleQueued({ moduleId }: TestModule): void {
    tell({ tell: 'begins', file: moduleId });
  }

  onTestCaseResult(test: TestCase): void {
    const file = test.module.moduleId;
    const tookMs = test.diagnostic()?.duration ?? 0;
    this.#longest.set(file, Math.max(this.#longest.get(file) ?? 0, tookMs));
    if (test.result().state === 'failed') tell({ tell: 'failed', file, what: test.fullName });
  }

  onTestModuleEnd(module: TestModule): void {
    const file = module.moduleId;
    // What fails outside of a test: the import, a hook.
    if (module.state() === 'failed') {
      const [error] = [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())];
      if (error !== undefined) tell({ tell: 'failed', file, what: firstLine(error.message) });
    }
    const took = module.diagnostic().duration;
    tell({ tell: 'ended', file, took, longest: this.#longest.get(file) ?? 0 });
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly { readonly message: string }[]): void {
    const [error] = errors;
    if (error !== undefined) tell({ tell: 'problem', what: firstLine(error.message) });
  }
}
