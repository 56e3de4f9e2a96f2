/** The HTTP API as a page, from its OpenAPI document. */
import { html, type Html } from '../html.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import { commandLine, jsonBlock, page } from './page.ts';

type Paths = NonNullable<OpenApiDocument['paths']>;
type PathItem = Paths[string];
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Operation = NonNullable<PathItem[(typeof METHODS)[number]]>;
type Schema = Readonly<Record<string, unknown>>;

interface Route {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

const routesOf = (document: OpenApiDocument): Route[] =>
  Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ path, method, operation }] : [];
    }),
  );

const nameOf = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

/** One phrase for a schema: its name as a link, or its type with the bounds that matter. */
const typeOf = (schema: Schema | undefined): Html => {
  if (!schema) return html``;
  const { $ref, type, enum: values, items } = schema;
  if (typeof $ref === 'string') return html`<a href="#schema-${nameOf($ref)}">${nameOf($ref)}</a>`;
  if (Array.isArray(values)) return html`${values.join(' | ')}`;
  if (type === 'array') return html`array of ${typeOf(items as Schema)}`;
  const bounds = ['minimum', 'maximum', 'maxLength', 'default'].flatMap((key) =>
    schema[key] === undefined ? [] : [`${key} ${JSON.stringify(schema[key])}`],
  );
  return html`${[type].flat().join(' | ') || 'any'}${bounds.length > 0 && ` (${bounds.join(', ')})`}`;
};

const parameterRow = (parameter: NonNullable<Operation['parameters']>[number]): Html | string =>
  '$ref' in parameter
    ? ''
    : html`<tr>
        <td>
          <code>${parameter.name}</code>
          <span class="soft">${parameter.in}${parameter.required === true && ', required'}</span>
        </td>
        <td>${typeOf(parameter.schema as Schema | undefined)}</td>
        <td>${parameter.description ?? ''}</td>
      </tr>`;

const responseRow = ([status, response]: [string, { description?: string; content?: object }]): Html =>
  html`<tr>
    <td><code>${status}</code></td>
    <td>
      ${Object.entries(response.content ?? {}).map(
        ([mediaType, media]: [string, { schema?: Schema }]) => html`${mediaType}: ${typeOf(media.schema)}<br />`,
      )}
    </td>
    <td>${response.description ?? ''}</td>
  </tr>`;

const exampleOf = (schema: Schema | undefined, schemas: Readonly<Record<string, Schema>>): unknown => {
  const named = typeof schema?.['$ref'] === 'string' ? schemas[nameOf(schema['$ref'])] : schema;
  return Array.isArray(named?.['examples']) ? (named['examples'] as unknown[])[0] : undefined;
};

/** A curl line that runs as it is when the device of the examples exists. */
const curl = (route: Route, body: unknown, origin: string): string => {
  const url = `'${origin}${route.path.replace('{deviceId}', 'pump-07').replace('{commandId}', 'k-1')}'`;
  const verb = route.method === 'get' ? '' : ` -X ${route.method.toUpperCase()}`;
  const data = body === undefined ? '' : ` -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
  return `curl -fsS${verb} ${url}${data}`;
};

const routeSection = (route: Route, schemas: Readonly<Record<string, Schema>>, origin: string): Html => {
  const { operation } = route;
  const body = operation.requestBody && 'content' in operation.requestBody ? operation.requestBody.content : {};
  const bodySchema = (Object.values(body)[0] as { schema?: Schema } | undefined)?.schema;
  return html`<details id="${operation.operationId ?? ''}">
    <summary>
      <span class="method">${route.method}</span> <code>${route.path}</code>
      <span class="soft">${operation.summary ?? ''}</span>
    </summary>
    <p>${operation.description ?? ''}</p>
    ${commandLine(curl(route, exampleOf(bodySchema, schemas), origin))}
    ${
      (operation.parameters ?? []).length > 0 &&
      html`<h3>Parameters</h3>
        <table>
          ${operation.parameters?.map(parameterRow)}
        </table>`
    }
    ${
      bodySchema &&
      html`<h3>Body</h3>
        <p>${typeOf(bodySchema)}</p>`
    }
    <h3>Answers</h3>
    <table>
      ${Object.entries(operation.responses ?? {}).map((entry) => responseRow(entry as Parameters<typeof responseRow>[0]))}
    </table>
  </details>`;
};

/** `origin` as the reader reached the server, for the curl lines. */
export const apiPage = (document: OpenApiDocument, origin: string): string => {
  const routes = routesOf(document);
  const schemas = (document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>;
  const sections = (document.tags ?? []).map(
    (tag) =>
      html`<section aria-labelledby="tag-${tag.name}">
        <h2 id="tag-${tag.name}">${tag.name}</h2>
        <p class="soft">${tag.description ?? ''}</p>
        ${routes.filter(({ operation }) => operation.tags?.includes(tag.name)).map((it) => routeSection(it, schemas, origin))}
      </section>`,
  );
  const types = Object.entries(schemas).map(
    ([name, schema]) =>
      html`<details id="schema-${name}">
        <summary><code>${name}</code></summary>
        ${jsonBlock(schema)}
      </details>`,
  );
  return page('HTTP API', [
    html`<p>${document.info.description ?? ''}</p>`,
    ...sections,
    html`<section aria-labelledby="schemas">
      <h2 id="schemas">Schemas</h2>
      ${types}
    </section>`,
  ]);
};
