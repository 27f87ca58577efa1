/** Elements of an SVG drawing as text: enough for plots, nothing more. */

/** Attributes; numbers are rounded to hundredths so that the same plot is the same text everywhere. */
export type SvgAttributes = Readonly<Record<string, string | number>>;

/** One element around its children. */
export function element(name: string, attributes: SvgAttributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escapeText(value)}"`)
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`;
}

/** A line of text. */
export function text(x: number, y: number, content: string, attributes: SvgAttributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeText(content));
}

/** A whole drawing on white. */
export function drawing(width: number, height: number, title: string, ...children: readonly string[]): string {
  const root = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${round(width)} ${round(height)}`,
    width,
    height,
    'font-family': 'system-ui, sans-serif',
    'font-size': 12,
  };
  const paper = element('rect', { width, height, fill: '#ffffff' });
  return `${element('svg', root, element('title', {}, escapeText(title)), paper, ...children)}\n`;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escapeText(value: string): string {
  return value.replace(/[&<>"]/gu, (char) => `&#${char.charCodeAt(0)};`);
}
