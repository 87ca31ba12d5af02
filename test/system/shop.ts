/** The front as its users see it: one request, one answer, nothing retried. */
import { Pool } from 'undici';

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: ShopBody };
export type ShopBody = {
  data?: Record<string, unknown>;
  error?: { code: number; reason: string; message: string };
};

export type Shop = {
  get(path: string): Promise<Answer>;
  post(body: unknown, key?: string): Promise<Answer>;
  /** How many are left of a product. Throws if that is not the answer. */
  quantityOf(name: string): Promise<number>;
  /** A value of the front's `/metrics`. */
  metric(name: string): Promise<number>;
  close(): Promise<void>;
};

/** Longer than the front keeps a request waiting. */
const ANSWER_WITHIN_MS = 15_000;

export const createShop = (url: string, { connections = 32 }: { connections?: number } = {}): Shop => {
  const pool = new Pool(url, { connections, headersTimeout: ANSWER_WITHIN_MS, bodyTimeout: ANSWER_WITHIN_MS });
  const send = async (method: 'GET' | 'POST', path: string, headers: Record<string, string>, body: string | null) => {
    const answer = await pool.request({ method, path, headers, body });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  const get = async (path: string): Promise<Answer> => {
    const { text, ...answer } = await send('GET', path, {}, null);
    return { ...answer, body: JSON.parse(text) };
  };
  return {
    get,
    async post(order, key) {
      const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) };
      const { text, ...answer } = await send('POST', '/orders', headers, JSON.stringify(order));
      return { ...answer, body: JSON.parse(text) };
    },
    async quantityOf(name) {
      const { status, body } = await get(`/products/${encodeURIComponent(name)}`);
      const quantity = body.data?.quantity;
      if (status === 200 && typeof quantity === 'number') return quantity;
      throw new Error(`Cannot look up ${name}: ${status} ${JSON.stringify(body)}`);
    },
    async metric(name) {
      const { text } = await send('GET', '/metrics', {}, null);
      const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
      if (value === undefined) throw new Error(`There is no metric ${name}`);
      return Number(value);
    },
    close: () => pool.destroy(),
  };
};
