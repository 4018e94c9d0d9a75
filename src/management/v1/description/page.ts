/** The page on which people read what the API has, made of the same table. */
import { PRODUCT, VERSION } from '../../../version.ts';
import { escaped, page } from '../../http/page.ts';
import type { Operation } from '../http/operation.ts';
import { queryParameters } from './openapi.ts';

export function operationsPage(operations: readonly Operation[]): string {
  const groups = Map.groupBy(operations, ({ group }) => group);
  const sections = [...groups].map(([group, members]) => `<h2>${escaped(group)}</h2>${members.map(article).join('')}`);
  return page(
    `${PRODUCT}: HTTP API`,
    `<h1>${PRODUCT} ${VERSION}: HTTP API</h1>
<p>For programs: <a href="/v1/openapi.json">openapi.json</a> (OpenAPI 3.1). Log in by Basic or Bearer, as under <a href="/api/index.html"><code>/api/</code></a>. Names in paths are percent-encoded: the vhost <code>/</code> is <code>%2F</code>. Errors are <code>application/problem+json</code>.</p>
${sections.join('\n')}`,
  );
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
