/** The page on which people read what the API has: made of the same table, whole, with no script and nothing from elsewhere. */
import { createHash } from 'node:crypto';
import { PRODUCT, VERSION } from '../../../version.ts';
import type { Operation } from '../http/operation.ts';
import { queryParameters } from './openapi.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, .verb { font-family: ui-monospace, monospace; }
.verb { display: inline-block; min-width: 4.5rem; font-weight: 700; }
article { border-top: 1px solid #8884; padding: .75rem 0; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { text-align: left; vertical-align: top; padding: .15rem .75rem .15rem 0; }
.asks { opacity: .7; }
`;

/** Nothing is fetched, run or framed; the one style is the page's own. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function page(operations: readonly Operation[]): string {
  const groups = Map.groupBy(operations, ({ group }) => group);
  const sections = [...groups].map(([group, members]) => `<h2>${escaped(group)}</h2>${members.map(article).join('')}`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${PRODUCT}: HTTP API</title>
<style>${STYLE}</style></head>
<body>
<h1>${PRODUCT} ${VERSION}: HTTP API</h1>
<p>For programs: <a href="/v1/openapi.json">openapi.json</a> (OpenAPI 3.1). Log in by Basic or Bearer, as under <code>/api/</code>. Names in paths are percent-encoded: the vhost <code>/</code> is <code>%2F</code>. Errors are <code>application/problem+json</code>.</p>
${sections.join('\n')}
</body>
</html>
`;
}

function article(operation: Operation): string {
  const { method, path, summary, description, access } = operation;
  const parameters = queryParameters(operation);
  const rows = parameters.map(({ name, description: said = '', schema }) => {
    const fallback = schema.default === undefined ? '' : ` Default: ${JSON.stringify(schema.default)}.`;
    return `<tr><td><code>${escaped(name)}</code></td><td>${escaped(said + fallback)}</td></tr>`;
  });
  return `<article id="${escaped(operation.id)}">
<h3><span class="verb">${method}</span> <code>/v1${escaped(path)}</code></h3>
<p>${escaped(summary)}</p>
${description === undefined ? '' : `<p>${escaped(description)}</p>`}
${rows.length === 0 ? '' : `<table>${rows.join('')}</table>`}
<p class="asks">${access === 'anyone' ? 'No login is asked.' : `Tag: <code>${access}</code>`}</p>
</article>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
