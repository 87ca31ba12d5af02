/** The serving side of a contract: what comes in is checked, what goes out has the agreed form. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf, Route } from './contract.ts';
import { Problem } from './errors.ts';
import { json, textReply } from './reply.ts';
import { decodeWithLines, encodeWithLines, LINES_TYPE } from './with-lines.ts';

/** A request as the router hands it on: with the parts of its path, still percent-encoded. */
export type RoutedRequest = Request & { params?: Record<string, string | undefined> };
export type Received<R extends Route> = { params: ParamsOf<R>; query: QueryOf<R>; body: BodyOf<R>; request: Request };

/**
 * A handler for one route of a contract, for `router.get(route.path, ...)`. A request that is not what the contract says
 * becomes a `Problem`. The answer is not checked here but by the caller, which cannot trust this side anyway.
 */
export const createHandler = <R extends Route>(
  route: R,
  run: (received: Received<R>) => ResponseOf<R> | Promise<ResponseOf<R>>,
): ((request: RoutedRequest) => Promise<Response>) => {
  const checks = {
    params: route.params && Compile(route.params),
    query: route.query && Compile(route.query),
    body: route.body && Compile(route.body),
  };
  const checked = (part: keyof typeof checks, value: unknown): unknown => {
    const check = checks[part];
    if (check !== undefined && !check.Check(value))
      throw new Problem(400, `invalid_${part}`, describe(part, check.Errors(value)));
    return value;
  };
  return async (request) => {
    const received = {
      params: route.params && checked('params', decoded(request.params ?? {})),
      query: route.query && checked('query', queryOf(request.url, route.query)),
      body: route.body && checked('body', await readBody(request, route.bodyLines)),
      request,
    };
    const answer = await run(received as Received<R>);
    const { responseLines } = route;
    if (responseLines === undefined || !(responseLines in (answer as object))) return json(200, answer);
    return textReply(encodeWithLines(answer as object, responseLines), LINES_OK);
  };
};

const LINES_OK = { status: 200, headers: { 'content-type': LINES_TYPE } };

/** The body as JSON. Malformed: a `Problem` with 400; over the server's bound: the error that becomes a 413. */
export const readJson = (request: Request): Promise<unknown> => readBody(request, undefined);

const readBody = async (request: Request, lines: string | undefined): Promise<unknown> => {
  const text = await request.text();
  try {
    return lines === undefined ? JSON.parse(text) : decodeWithLines(text, lines);
  } catch {
    throw new Problem(400, 'malformed_json', 'Cannot read the body as JSON');
  }
};

/** Percent-decodes the parts of a path. */
export const decoded = (params: Record<string, string | undefined>): Record<string, string> => {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    try {
      if (value !== undefined) result[name] = decodeURIComponent(value);
    } catch {
      throw new Problem(400, 'invalid_path', `Cannot percent-decode ${JSON.stringify(value)}`);
    }
  }
  return result;
};

/**
 * The query, with whole numbers as numbers where the schema wants one: a product may be called "1984". Of a name that is
 * there twice the last counts.
 */
const queryOf = (url: string, schema: TSchema): Record<string, string | number> => {
  const { properties = {} } = schema as { properties?: Record<string, { type?: unknown }> };
  const result: Record<string, string | number> = {};
  for (const [name, value] of new URL(url).searchParams)
    result[name] = properties[name]?.type === 'integer' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return result;
};

const describe = (part: string, errors: { instancePath: string; message: string }[]): string => {
  const first = errors[0];
  return first === undefined
    ? `Cannot accept the ${part}`
    : `Cannot accept the ${part}: ${first.instancePath || 'it'} ${first.message}`;
};
