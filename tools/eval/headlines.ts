import type { DesignTaskType } from '../../model/layout/design-schema.ts';
import type { MetricKey } from './metric-table.ts';

/** The few figures that say most about a task: what is drawn, and what groups are compared by. */
export const HEADLINES: Readonly<Record<DesignTaskType, readonly MetricKey[]>> = {
  i2l: ['alphaIou', 'hiddenPsnr', 'visiblePsnr', 'mergedPsnr', 'outsideIou', 'captionColour'],
  restyle: ['alphaIou', 'paletteRatio', 'wantedColour', 'visiblePsnr'],
  add: ['captionColour', 'captionColourShape', 'alphaIou', 'keptEqual'],
  t2l: ['captionColour', 'captionColourShape', 'composedPsnr', 'boxInside'],
};

/** Tasks in words. */
export const TASK_TITLES: Readonly<Record<DesignTaskType, string>> = {
  i2l: 'image to layers',
  restyle: 'restyle',
  add: 'add a layer',
  t2l: 'text to layers',
};
