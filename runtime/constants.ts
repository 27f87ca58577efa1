// WebGPU's flag values. Written out here because the runtime must not read them from globals: in Node there are none
// unless somebody patches globalThis, and a library must not.

export const BUFFER_USAGE = {
  MAP_READ: 0x0001,
  MAP_WRITE: 0x0002,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  QUERY_RESOLVE: 0x0200,
} as const;

export const MAP_MODE = { READ: 0x0001, WRITE: 0x0002 } as const;

export const SHADER_STAGE_COMPUTE = 0x4;
