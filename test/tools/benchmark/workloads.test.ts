import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { flopsOf } from '../../../runtime/program/plan.ts';
import { blockReference } from '../../../tools/benchmark/workloads/block-reference.ts';
import { blockTensors } from '../../../tools/benchmark/workloads/block-tensors.ts';
import { CONTEST_IDS, workloadsOf } from '../../../tools/benchmark/workloads/index.ts';
import { sampleIndices } from '../../../tools/benchmark/workloads/workload.ts';

describe('workloads', () => {
  it('has those of the plan, and refuses others by name', () => {
    expect(CONTEST_IDS).toEqual(['C1', 'C2', 'C3', 'C4', 'C5', 'G1', 'G3']);
    expect(() => workloadsOf(['C9'])).toThrow('no workload "C9". Workloads: C1,');
  });

  const limits = { ...FLOOR_FACTS.limits, maxStorageBufferBindingSize: 2 ** 31 };
  it.each(workloadsOf([...CONTEST_IDS]).map((workload) => [`${workload.id} ${workload.name}`, workload] as const))(
    '%s counts the operations of what it records',
    (_, workload) => {
      const builder = new ProgramBuilder({ ...FLOOR_FACTS, limits }, 'test');
      workload.record(builder, { precision: 'stored' });
      const recorded = flopsOf(builder.finish());
      // Products dominate; norms, softmax and copies are counted in the recording only.
      expect(recorded / workload.flops).toBeGreaterThan(0.49);
      expect(recorded / workload.flops).toBeLessThan(1.2);
    },
  );

  it('samples within the result', () => {
    const indices = sampleIndices(1000, 64);
    expect(indices).toHaveLength(64);
    expect([...indices].every((index, i) => index < 1000 && index >= (indices[i - 1] ?? 0))).toBe(true);
  });

  it('has a block reference whose gates and streams matter', () => {
    const size = { heads: 2, d: 8, txt: 3, img: 5 };
    const tensors = blockTensors(size);
    const width = size.heads * size.d;
    // Gates of zero leave both streams as they came.
    const still = { ...tensors };
    for (const stream of ['img', 'txt']) {
      const data = Float32Array.from(tensors[`${stream}_mod`].data);
      for (const row of [2, 5]) data.fill(0, row * width, (row + 1) * width);
      still[`${stream}_mod`] = { dtype: 'f32', shape: [6, width], data };
    }
    const unchanged = [...tensors.txt.data, ...tensors.img.data];
    expect([...blockReference(size, still)]).toEqual(unchanged);
    expect([...blockReference(size, tensors)]).not.toEqual(unchanged);
  });
});
