/** Renders the table of routes as an OpenAPI 3.1 document. */
import { OPERATIONS, TAGS, type Operation, type OperationResponse } from '@shoal/protocol';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathItemObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';

export type OpenApiDocument = ReturnType<typeof createDocument>;

const responseOf = ({ description, headers, content }: OperationResponse): ZodOpenApiResponseObject => ({
  description,
  ...(headers && { headers }),
  content: Object.fromEntries(Object.entries(content).map(([mediaType, schema]) => [mediaType, { schema }])),
});

const operationOf = (operation: Operation): ZodOpenApiOperationObject => ({
  operationId: operation.id,
  tags: [operation.tag],
  summary: operation.summary,
  ...(operation.description !== undefined && { description: operation.description }),
  requestParams: {
    ...(operation.params && { path: operation.params }),
    ...(operation.query && { query: operation.query }),
    ...(operation.headers && { header: operation.headers }),
  },
  ...(operation.body && {
    requestBody: {
      required: true,
      content: { [operation.bodyType ?? 'application/json']: { schema: operation.body } },
    },
  }),
  responses: Object.fromEntries(
    Object.entries(operation.responses).map(([status, response]) => [status, responseOf(response)]),
  ),
});

/** About 60 kB as JSON; made once per process. */
export const openApiDocument = (version: string, operations: readonly Operation[] = OPERATIONS): OpenApiDocument => {
  const paths: Record<string, ZodOpenApiPathItemObject> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationOf(operation) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Shoal fleet server',
      version,
      description:
        'Nouns in the plural, cursor pages, RFC 9457 problems with a code of the catalogue at /docs/errors, ' +
        'ETag and If-Match on what is edited, Idempotency-Key on what creates, format=csv|ndjson on every list.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
  });
};
