/** Counts that the runtime keeps of itself: read by tests (steady state makes nothing new) and by run reports. */
export interface EngineCounters {
  /** Bytes of GPU buffers alive now, pooled ones included, and the most there ever were. */
  liveBytes: number;
  peakBytes: number;
  liveBuffers: number;
  buffersCreated: number;
  pipelinesCompiled: number;
  bindGroupsCreated: number;
  submits: number;
  dispatches: number;
  bytesUploaded: number;
  bytesReadBack: number;
}

/** Fresh counters, all zero. */
export function createCounters(): EngineCounters {
  return {
    liveBytes: 0,
    peakBytes: 0,
    liveBuffers: 0,
    buffersCreated: 0,
    pipelinesCompiled: 0,
    bindGroupsCreated: 0,
    submits: 0,
    dispatches: 0,
    bytesUploaded: 0,
    bytesReadBack: 0,
  };
}
