/** The rule of segments: their names say where they begin, and that is where the one before ends. */
import type { Findings } from './audit-findings.ts';
import type { Listener } from './audit-lines.ts';

export const listenToSegments = (findings: Findings): Listener => ({
  onSegment: () => findings.checked('files.segments'),
  onBreak({ name }, { first, due }) {
    const how = first > due ? `lines ${due} to ${first - 1} are in no file` : 'lines are there twice';
    findings.problem('files.segments', `${name} begins with line ${first}, not with line ${due}: ${how}`);
  },
  onRest: ({ name }, bytes) => findings.note(`${name}: ${bytes} bytes of an unfinished last line`),
});
