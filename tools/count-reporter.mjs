// A vitest reporter that ends a run with what was skipped and why, and the plain line "N passed, N failed".

/** Reads the outcome of every test of a run. A file that fails outside of its tests counts as one failure. */
export function countResults(testModules, unhandledErrors = []) {
  const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  const reasons = new Map();
  const skip = (reason, tests) => {
    count.skipped += tests;
    reasons.set(reason, (reasons.get(reason) ?? 0) + tests);
  };
  for (const module of testModules) {
    const broken = module.errors().length;
    count.failed += broken;
    let tests = 0;
    for (const test of module.children.allTests()) {
      tests++;
      const { state, note } = test.result();
      if (state === 'passed') count.passed++;
      else if (state === 'failed') count.failed++;
      else skip(`${module.relativeModuleId}: ${note ?? skippedGroup(test)}`, 1);
    }
    if (tests === 0 && broken === 0) {
      const suites = [...module.children.allSuites()].map((suite) => suite.name);
      const why = process.env.LAYERLOOM_NO_DEVICE ? noDevice() : suites.join('; ') || 'has no tests';
      skip(`${module.relativeModuleId}: ${why}`, 0);
    }
  }
  return { ...count, reasons };
}

/** Why a test was skipped: no device, or else the name of the outermost skipped group or the test: both say why. */
function skippedGroup(test) {
  if (process.env.LAYERLOOM_NO_DEVICE && test.module.relativeModuleId.includes('.gpu.')) return noDevice();
  let name = test.name;
  for (let task = test.parent; task && task.type === 'suite'; task = task.parent)
    if (task.options?.mode === 'skip') name = task.name;
  return name;
}

function noDevice() {
  return `needs a device: ${process.env.LAYERLOOM_NO_DEVICE}`;
}

export default class CountReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const { passed, failed, skipped, reasons } = countResults(testModules, unhandledErrors);
    if (reasons.size > 0) {
      console.log(`\nskipped (${skipped} tests):`);
      for (const [reason, tests] of reasons) console.log(`  ${reason}${tests > 1 ? ` (${tests} tests)` : ''}`);
    }
    console.log(`\n${passed} passed, ${failed} failed`);
  }
}
