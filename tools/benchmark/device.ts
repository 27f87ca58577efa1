import type { Engine } from '../../runtime/engine.ts';
import type { BenchMachine } from './report.ts';

/** What a report says of a device, whatever the host: Node and browsers add themselves. */
export function describeDevice({ info, facts }: Engine): Omit<BenchMachine, 'webgpu' | 'host' | 'cpus'> {
  return {
    device: info.description || info.device || `${info.vendor} ${info.architecture}`,
    vendor: info.vendor,
    architecture: info.architecture,
    isSoftware: info.isSoftware,
    subgroups: facts.subgroups ? [facts.subgroupMinSize, facts.subgroupMaxSize] : null,
    f16: facts.f16,
    matrixConfigs: facts.matrixConfigs,
  };
}
