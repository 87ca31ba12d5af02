/** The rows of a trace: in the order of time, and drawn. */

export type TraceRow = {
  /** Milliseconds since 1970. */
  time: number;
  service: string;
  step: string;
  details: Record<string, unknown>;
};

/** Of what happened within one millisecond the later one stands here later. */
const WAY = ['received', 'retried', 'proposed', 'journal', 'decided', 'log', 'stored', 'committed', 'answered'];

const rankOf = ({ step }: TraceRow): number => {
  const rank = WAY.indexOf(step.split(' ')[0] ?? '');
  return rank === -1 ? WAY.length : rank;
};

/**
 * Sorted by time. An entry of a log has no time of its own: it stands where its replica said that it was stored, or, if that
 * was not said, at the time of its movement.
 */
export const inOrder = (rows: TraceRow[]): TraceRow[] => {
  const placeOf = ({ service, details }: TraceRow): string => `${service} ${details.index} ${details.term}`;
  const stored = new Map(rows.filter(({ step }) => step === 'stored').map((row) => [placeOf(row), row.time]));
  return rows
    .map((row) => (row.step === 'log entry' ? { ...row, time: stored.get(placeOf(row)) ?? row.time } : row))
    .sort((one, other) => one.time - other.time || rankOf(one) - rankOf(other));
};

/** Columns of text: time, service, step, and the details as names and values. */
export const drawRows = (rows: TraceRow[]): string => {
  const width = (column: 'service' | 'step'): number => Math.max(0, ...rows.map((row) => row[column].length));
  const [serviceWidth, stepWidth] = [width('service'), width('step')];
  return rows
    .map(({ time, service, step, details }) =>
      [new Date(time).toISOString(), service.padEnd(serviceWidth), step.padEnd(stepWidth), drawDetails(details)]
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

const drawDetails = (details: TraceRow['details']): string =>
  Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${drawValue(value)}`)
    .join(' ');

/** A plain word stands as it is, anything else as JSON, so that nothing that a client chose can draw on the terminal. */
const drawValue = (value: unknown): string =>
  typeof value === 'string' && /^[\w.:/+-]+$/.test(value) ? value : JSON.stringify(value);
