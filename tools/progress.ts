import { Presets, SingleBar } from 'cli-progress';
import type { MrtEvent } from '../model/pipeline/mrt-pipeline.ts';

/** Tells a person how a run goes, on stderr: a bar in a terminal, plain lines elsewhere, nothing when quiet. */
export interface Progress {
  note(text: string): void;
  event(event: MrtEvent): void;
  /** Ends the bar, after success and failure alike. */
  done(): void;
}

const PHASES = {
  load: 'loading weights',
  text: 'reading the prompt',
  encode: 'encoding what is given',
  denoise: 'denoising',
  decode: 'decoding layers',
  refine: 'refining layers',
} as const;

export function createProgress(options: { isQuiet: boolean }): Progress {
  if (options.isQuiet) return { note: () => {}, event: () => {}, done: () => {} };
  const stream = process.stderr;
  let bar: SingleBar | undefined;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    note: (text) => stream.write(`${text}\n`),
    event: (event) => {
      switch (event.type) {
        case 'phase':
          stop();
          if (!stream.isTTY || event.phase !== 'denoise') stream.write(`${PHASES[event.phase]}\n`);
          break;
        case 'step': {
          const eta = `${Math.ceil(event.etaMs / 1000)} s left`;
          if (!stream.isTTY) {
            stream.write(`step ${event.step + 1}/${event.numSteps}, ${eta}\n`);
            break;
          }
          if (!bar) {
            bar = new SingleBar(
              { format: 'denoising {bar} {value}/{total} steps, {left}', stream },
              Presets.shades_classic,
            );
            bar.start(event.numSteps, 0, { left: eta });
          }
          bar.update(event.step + 1, { left: eta });
          break;
        }
        case 'layer':
          stop();
          if (!stream.isTTY) stream.write(`layer ${event.index + 1}/${event.total} ${event.id}\n`);
          break;
        case 'warning':
          stop();
          stream.write(`warning: ${event.message}\n`);
          break;
      }
    },
    done: stop,
  };
}
