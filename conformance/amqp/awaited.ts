/**
 * Scenarios that RabbitMQ passes and this broker does not yet, as `topic: name`. They are left out of a run and named in
 * its count; CONFORMANCE_AWAITED=1 runs them all the same. A line goes when its scenario passes.
 */
export const AWAITED: ReadonlySet<string> = new Set();
