// Compiles the probes of dawn-toggles.ts with Dawn's `dump_shaders`: Dawn writes their code to stdout. Run by that file.
import { loadMatrix, matrixEnables, resultType, storeMatrix } from '../../../kernels/matrix-spelling.ts';
import { matrixUnit, type MatrixUnit } from '../../../kernels/matrix-unit.ts';
import type { DawnOptions } from '../../../runtime/node/dawn.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';

/** Dawn prints when its device is next looked after. */
const PRINT_MS = 200;

const { backend: _, ...options } = JSON.parse(process.argv[2] ?? '{}') as DawnOptions;
await using engine = await openEngine({
  adapter: 'any',
  dawn: { ...options, enable: [...(options.enable ?? []), 'dump_shaders'] },
});

// An index and a divisor that nothing is known of, and workgroup memory that is read before all of it was written.
const plain = `
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
var<workgroup> w: array<u32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
  w[x[i]] = i;
  workgroupBarrier();
  x[i] = w[i] / x[i + 1u];
}`;

/** A matrix that is loaded from where nothing is known of, in one subgroup. */
const loading = ({ m, n, subgroupSize }: MatrixUnit): string => `
${matrixEnables({ f16: true, subgroupSizeControl: false })}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${subgroupSize})
fn main(@builtin(workgroup_id) id: vec3u) {
  let sum = ${loadMatrix(resultType('f32', m, n), 'row_major', '&x', `id.x * ${m * n}u`, `${n}u`)};
  ${storeMatrix('&y', '0u', 'sum', `${n}u`)}
}`;

const unit = matrixUnit(engine.facts, 'f16');
for (const code of [plain, ...(unit ? [loading(unit)] : [])])
  await engine.device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: engine.device.createShaderModule({ code }) },
  });
await new Promise((resolve) => setTimeout(resolve, PRINT_MS));
