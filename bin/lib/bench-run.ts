/** The rounds: each opens one subject after the other, measures all that it was asked for, and closes it again. */
import type { Sample, Series, Subject } from './bench-subject.ts';
import { fullName } from './bench-subject.ts';

/** The measurements whose full name has one of `words` in it, or all; subjects that have none are left out. */
export const chosenOf = (subjects: readonly Subject[], words: readonly string[]): Subject[] =>
  subjects
    .map((subject) => ({
      ...subject,
      measurements: subject.measurements.filter((measurement) => {
        const name = fullName(subject, measurement);
        return words.length === 0 || words.some((word) => name.includes(word));
      }),
    }))
    .filter(({ measurements }) => measurements.length > 0);

export const runRounds = async (
  subjects: readonly Subject[],
  { rounds, tell, onOpen }: { rounds: number; tell: (text: string) => void; onOpen: (subject: Subject | null) => void },
): Promise<Series[]> => {
  const series: Series[] = subjects.flatMap((subject) =>
    subject.measurements.map(({ name, title, clients }) => ({
      subject: subject.name,
      subjectTitle: subject.title,
      name,
      title,
      clients,
      samples: [],
    })),
  );
  for (let round = 1; round <= rounds; round += 1) {
    for (const subject of subjects) {
      onOpen(subject);
      try {
        tell(`round ${round} of ${rounds}, ${subject.title}: starting`);
        await subject.open();
        for (const measurement of subject.measurements) {
          const sample = await measurement.run();
          tell(`round ${round} of ${rounds}, ${fullName(subject, measurement)}: ${describe(sample)}`);
          series.find((one) => one.subject === subject.name && one.name === measurement.name)?.samples.push(sample);
        }
      } finally {
        await subject.close();
        onOpen(null);
      }
    }
  }
  return series;
};

const describe = ({ perSecond, p50Ms, p99Ms, failed }: Sample): string => {
  const latency = p50Ms === null ? '' : `, p50 ${p50Ms.toFixed(2)} ms, p99 ${(p99Ms ?? 0).toFixed(2)} ms`;
  return `${Math.round(perSecond)}/s${latency}${failed > 0 ? `, ${failed} FAILED` : ''}`;
};
