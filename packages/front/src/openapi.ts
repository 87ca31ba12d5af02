/** The interface of the front as an OpenAPI 3.1 document, made from the same schemas that its requests are checked with. */
import { STATUS_CODES } from 'node:http';
import type { TSchema } from 'typebox';
import type { PublicRoute } from './public-route.ts';

type Json = Record<string, unknown>;

export const createOpenApi = (routes: Record<string, PublicRoute>): Json => {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes)) {
    route.paths.forEach((path, at) => {
      const template = path.replaceAll(/:(\w+)/g, '{$1}');
      const operation = operationOf(route, at === 0 ? name : `${name}${at + 1}`);
      paths[template] = { ...paths[template], [route.method.toLowerCase()]: operation };
    });
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Till',
      version: '1',
      description:
        'Orders and stock. Every error has one shape; its `reason` is for programs and promised. `HEAD` is answered wherever `GET` is; a wrong method is 405, an unknown path 404, our own mistake 500.',
    },
    paths,
  };
};

const operationOf = (route: PublicRoute, operationId: string): Json => ({
  operationId,
  summary: route.summary,
  ...parametersOf(route),
  ...(route.body && { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
  responses: Object.fromEntries(
    Object.entries(route.responses).map(([status, content]) => [
      status,
      { description: STATUS_CODES[status] ?? status, content: contentOf(content) },
    ]),
  ),
});

const contentOf = (content: TSchema | string): Json =>
  typeof content === 'string'
    ? { [content]: { schema: { type: 'string' } } }
    : { 'application/json': { schema: content } };

const parametersOf = (route: PublicRoute): { parameters?: Json[] } => {
  const parameters = [
    ...parametersIn('path', route.params),
    ...parametersIn('query', route.query),
    ...parametersIn('header', route.headers),
  ];
  return parameters.length === 0 ? {} : { parameters };
};

/** One parameter for each property. What is optional in the schema of all of them is a property of the parameter here. */
const parametersIn = (where: 'path' | 'query' | 'header', schema: TSchema | undefined): Json[] => {
  if (schema === undefined) return [];
  const { properties, required = [] } = schema as { properties?: Record<string, TSchema>; required?: string[] };
  return Object.entries(properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: property,
  }));
};
