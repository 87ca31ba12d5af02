/** Answers against the description of the interface, as who reads only that would check them. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

type Operation = { responses: Record<string, { content: Record<string, { schema: TSchema }> }> };
/** Whether a body is as described; HEAD has none. */
type Check = (body: string | undefined) => boolean;

export type Descriptions = {
  /** What is described of a request: for each status a check, or undefined; undefined if there is nothing about it. */
  of(method: string, path: string): ((status: number) => Check | undefined) | undefined;
};

export const createDescriptions = (document: Record<string, unknown>): Descriptions => {
  const paths = document.paths as Record<string, Record<string, Operation>>;
  const known = Object.entries(paths).map(([template, operations]) => ({
    is: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}/?$`),
    operations,
  }));
  const compiled = new Map<TSchema, (value: unknown) => boolean>();
  const checkOf = (schema: TSchema) => {
    const check =
      compiled.get(schema) ??
      (
        (validator) => (value: unknown) =>
          validator.Check(value)
      )(Compile(schema));
    compiled.set(schema, check);
    return check;
  };
  return {
    of: (method, path) => {
      const { pathname } = new URL(path, 'http://till');
      const found = known.find(({ is }) => is.test(pathname));
      const operation = found?.operations[method === 'HEAD' ? 'get' : method.toLowerCase()];
      if (operation === undefined) return undefined;
      return (status) => {
        const content = operation.responses[status]?.content;
        if (content === undefined) return undefined;
        const json = content['application/json'];
        return (body) => body === undefined || json === undefined || checkOf(json.schema)(JSON.parse(body));
      };
    },
  };
};
