/** Numbers for Prometheus, a registry for each service, so that several can live in one process. */
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';

type Own<Configuration> = Omit<Configuration, 'registers'>;

export type Metrics = {
  counter<Label extends string = never>(configuration: Own<CounterConfiguration<Label>>): Counter<Label>;
  gauge<Label extends string = never>(configuration: Own<GaugeConfiguration<Label>>): Gauge<Label>;
  histogram<Label extends string = never>(configuration: Own<HistogramConfiguration<Label>>): Histogram<Label>;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
  /** The content type of that text. */
  readonly contentType: string;
};

/** The service's metrics, beginning with those of its process, as far as the runtime tells them. */
export const createMetrics = (service: string): Metrics => {
  const own = new Registry();
  const ofProcess = new Registry();
  for (const registry of [own, ofProcess]) registry.setDefaultLabels({ service });
  let processTold = true;
  try {
    collectDefaultMetrics({ register: ofProcess });
  } catch {
    // A runtime without the hooks that this needs: the service's own metrics are there all the same.
    processTold = false;
  }

  const processText = async (): Promise<string> => {
    if (!processTold) return '';
    try {
      return await ofProcess.metrics();
    } catch {
      // As above, found out late.
      processTold = false;
      return '';
    }
  };

  return {
    counter: (configuration) => new Counter({ ...configuration, registers: [own] }),
    gauge: (configuration) => new Gauge({ ...configuration, registers: [own] }),
    histogram: (configuration) => new Histogram({ ...configuration, registers: [own] }),
    text: async () => `${await own.metrics()}\n${await processText()}`,
    contentType: own.contentType,
  };
};
