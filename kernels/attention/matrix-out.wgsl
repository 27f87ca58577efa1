// Output and Params, numbered by the planner.
@group(0) @binding(BINDING_OUT) var<storage, read_write> out: array<T>;
@group(0) @binding(BINDING_PARAMS) var<uniform> p: Params;
